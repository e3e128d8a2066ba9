//! Jobs with the same concurrency key are one for the overlap policy of each, whoever claims which of them.

use carillon_core::claim::ClaimAnswer::{Refused, Settled, Won};
use carillon_core::claim::Replacement;
use carillon_core::overlap::Overlap;
use carillon_core::run::{Outcome, Reason};
use carillon_store::JobChange;
use jiff::SignedDuration;

use crate::on_both;
use crate::world::{editor, ended};

const KEYS: usize = 3;
const JOBS: usize = 12;

on_both! {
    async fn of_all_jobs_of_a_key_one_is_won_among_three_nodes(mut world) {
        let mut jobs = Vec::new();
        for number in 0..JOBS {
            jobs.push(world.job_with_key(&format!("job {number}"), Overlap::Skip, &format!("key {}", number % KEYS)).await);
        }
        let fire_time = world.soon().await;
        let mut claims = Vec::new();
        for (node, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
            let claimant = world.node(name).await;
            // No two nodes claim the same job: nothing but the key is between them.
            for place in (node..JOBS).step_by(4) {
                let (store, request) = (world.another(), world.request(&jobs[place], fire_time));
                claims.push(tokio::spawn(async move { (place % KEYS, store.claim(claimant, &[request]).await.unwrap().answers[0]) }));
            }
        }

        let mut won = [0; KEYS];
        for claim in claims {
            let (key, answer) = claim.await.unwrap();
            assert!(matches!(answer, Won | Settled), "{answer:?}");
            won[key] += usize::from(answer == Won);
        }

        assert_eq!(won, [1; KEYS]);
    }

    async fn a_skipped_tick_names_the_run_in_its_way(mut world) {
        let first = world.job_with_key("dump", Overlap::Allow(3), "disk").await;
        let second = world.job_with_key("sync", Overlap::Skip, "disk").await;
        let (elsewhere, claimant) = (world.job_with_key("other", Overlap::Skip, "tape").await, world.node("a").await);
        let fire_time = world.soon().await;
        let holder = world.request(&first, fire_time);
        let requests = [world.request(&second, fire_time), world.request(&elsewhere, fire_time)];

        let won = world.store.claim(claimant, &[holder]).await.unwrap();
        let claimed = world.store.claim(claimant, &requests).await.unwrap();
        let run = world.store.run(requests[0].tick).await.unwrap().run;

        assert_eq!((won.answers, claimed.answers), (vec![Won], vec![Settled, Won]));
        assert_eq!((run.outcome, run.reason), (Some(Outcome::Skipped), Some(Reason::Overlap)));
        let detail = run.detail.unwrap();
        assert!(detail.contains(&holder.tick.to_string()) && detail.contains("job dump"), "{detail}");
    }

    async fn the_end_of_one_job_wakes_the_queue_of_another(mut world) {
        let first = world.job_with_key("first", Overlap::Skip, "disk").await;
        let second = world.job_with_key("second", Overlap::Queue(1), "disk").await;
        let claimant = world.node("a").await;
        let fire_time = world.soon().await;
        let holder = world.request(&first, fire_time);
        let waiting = world.request(&second, fire_time + SignedDuration::from_micros(1));
        world.store.claim(claimant, &[holder, waiting]).await.unwrap();
        let asked = [(world.store.offers(10).await.unwrap()[0], world.mint.mint())];
        assert_eq!(world.store.take_offers(claimant, &asked).await.unwrap(), [Refused]);
        let before = world.store.bulletin().await.unwrap();

        world.store.report(&[ended(&holder, Outcome::Succeeded)]).await.unwrap();
        let after = world.store.bulletin().await.unwrap();

        assert!(after.offers_revision > before.offers_revision);
        assert_eq!(world.store.take_offers(claimant, &asked).await.unwrap(), [Won]);
        let run = world.store.run(waiting.tick).await.unwrap().run;
        assert_eq!((run.reason, run.detail), (None, None));
    }

    async fn a_kill_of_what_waits_wakes_what_waits_behind_it(mut world) {
        let first = world.job_with_key("first", Overlap::Queue(5), "disk").await;
        let second = world.job_with_key("second", Overlap::Queue(5), "disk").await;
        let claimant = world.node("a").await;
        let fire_time = world.soon().await;
        let holder = world.request(&first, fire_time);
        let before = world.request(&first, fire_time + SignedDuration::from_micros(1));
        let behind = world.request(&second, fire_time + SignedDuration::from_micros(2));
        world.store.claim(claimant, &[holder, before, behind]).await.unwrap();
        let revision = world.store.bulletin().await.unwrap().offers_revision;

        world.store.kill_run(before.tick, &editor()).await.unwrap();

        assert!(world.store.bulletin().await.unwrap().offers_revision > revision);
    }

    async fn replace_ends_the_run_of_the_other_job(mut world) {
        let old = world.job_with_key("old", Overlap::Skip, "disk").await;
        let new = world.job_with_key("new", Overlap::Replace, "disk").await;
        let claimant = world.node("a").await;
        let fire_time = world.soon().await;
        let first = world.request(&old, fire_time);
        let second = world.request(&new, fire_time + SignedDuration::from_micros(1));

        let claimed = world.store.claim(claimant, &[first, second]).await.unwrap();

        assert_eq!(claimed.answers, [Won, Settled]);
        assert_eq!(claimed.replacements, [Replacement { job: old.id, old: first.tick }]);
    }

    async fn groups_do_not_share_keys(mut world) {
        let ours = world.job_with_key("ours", Overlap::Skip, "disk").await;
        let mut theirs = ours.draft.clone();
        theirs.group = world.store.create_group("theirs", "", &editor()).await.unwrap();
        let theirs = world.store.create_job(&theirs, &editor()).await.unwrap();
        let claimant = world.node("a").await;
        let fire_time = world.soon().await;
        let requests = [world.request(&ours, fire_time), world.request(&theirs, fire_time)];

        let claimed = world.store.claim(claimant, &requests).await.unwrap();

        assert_eq!(claimed.answers, [Won, Won]);
    }

    async fn an_edit_takes_a_job_out_of_its_key(mut world) {
        let first = world.job_with_key("first", Overlap::Skip, "disk").await;
        let second = world.job_with_key("second", Overlap::Skip, "disk").await;
        let claimant = world.node("a").await;
        let fire_time = world.soon().await;
        let holder = world.request(&first, fire_time);
        world.store.claim(claimant, &[holder]).await.unwrap();
        let mut draft = second.draft.clone();
        draft.spec.concurrency_key = None;
        let edited = world.store.change_job(second.id, second.version, &JobChange::Replace(Box::new(draft)), &editor()).await.unwrap();
        let fire_time = world.soon().await;
        let request = world.request(&edited, fire_time);

        let claimed = world.store.claim(claimant, &[request]).await.unwrap();

        assert_eq!(claimed.answers, [Won]);
    }
}
