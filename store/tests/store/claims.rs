//! A tick is decided once, by whoever may.

use carillon_core::claim::{ClaimAnswer, Replacement};
use carillon_core::overlap::Overlap;
use carillon_core::run::Outcome;
use carillon_store::JobChange;
use jiff::SignedDuration;

use crate::on_both;
use crate::world::{editor, ended, registration};

use ClaimAnswer::{Lost, Refused, Settled, Won};

on_both! {
    async fn a_tick_is_won_once_among_three_nodes(mut world) {
        let mut jobs = Vec::new();
        for number in 0..40 {
            jobs.push(world.job(&format!("job {number}"), Overlap::Skip).await);
        }
        let fire_time = world.soon().await;
        let mut claims = Vec::new();
        for name in ["a", "b", "c"] {
            let claimant = world.node(name).await;
            let store = world.another();
            let requests: Vec<_> = jobs.iter().map(|job| world.request(job, fire_time)).collect();
            claims.push(tokio::spawn(async move { store.claim(claimant, &requests).await.unwrap().answers }));
        }

        let mut answers = Vec::new();
        for claim in claims {
            answers.push(claim.await.unwrap());
        }

        for place in 0..jobs.len() {
            let won = answers.iter().filter(|answers| answers[place] == Won).count();
            let lost = answers.iter().filter(|answers| answers[place] == Lost).count();
            assert_eq!((won, lost), (1, 2));
        }
    }

    async fn the_same_token_gets_the_same_answer(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Queue(1)).await, world.node("a").await);
        let fire_time = world.soon().await;
        let requests = [
            world.request(&job, fire_time),
            world.request(&job, fire_time + SignedDuration::from_micros(1)),
            world.request(&job, fire_time + SignedDuration::from_micros(2)),
        ];

        let first = world.store.claim(claimant, &requests).await.unwrap();
        let again = world.another().claim(claimant, &requests).await.unwrap();

        assert_eq!(first.answers, [Won, Settled, Settled]);
        assert_eq!(again.answers, first.answers);
    }

    async fn an_old_version_is_refused(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let edit = JobChange::Replace(Box::new(job.draft.clone()));
        let edited = world.store.change_job(job.id, job.version, &edit, &editor()).await.unwrap();
        let fire_time = world.soon().await;

        let old = world.request(&job, fire_time);
        let new = world.request(&edited, fire_time);

        assert_eq!(world.store.claim(claimant, &[old]).await.unwrap().answers, [Refused]);
        assert_eq!(world.store.claim(claimant, &[new]).await.unwrap().answers, [Won]);
    }

    async fn a_disabled_or_deleted_job_is_refused(mut world) {
        let claimant = world.node("a").await;
        for edit in [JobChange::Disable, JobChange::Delete] {
            let job = world.job(&format!("{edit:?}"), Overlap::Skip).await;
            let edited = world.store.change_job(job.id, job.version, &edit, &editor()).await.unwrap();
            let request = world.request(&edited, world.soon().await);

            assert_eq!(world.store.claim(claimant, &[request]).await.unwrap().answers, [Refused]);
        }
    }

    async fn an_early_tick_is_refused(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let now = world.store.now().await.unwrap();
        let early = world.request(&job, now + SignedDuration::from_hours(1));

        assert_eq!(world.store.claim(claimant, &[early]).await.unwrap().answers, [Refused]);
    }

    async fn a_tick_before_the_job_or_after_its_deadline_is_refused(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let before = world.request(&job, job.valid_from);
        let mut late = world.request(&job, world.soon().await);
        late.start_until = job.valid_from;

        let claimed = world.store.claim(claimant, &[before, late]).await.unwrap();

        assert_eq!(claimed.answers, [Refused, Refused]);
    }

    async fn a_replaced_boot_claims_nothing(mut world) {
        let job = world.job("a", Overlap::Skip).await;
        let old = world.node("a").await;
        world.store.leave(old).await.unwrap();
        let new = world.node("a").await;
        let request = world.request(&job, world.soon().await);

        assert_eq!(world.store.claim(old, &[request]).await.unwrap().answers, [Refused]);
        assert_eq!(world.store.claim(new, &[request]).await.unwrap().answers, [Won]);
    }

    async fn overlap_skip_settles_what_comes_while_a_run_lives(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let fire_time = world.soon().await;
        let first = world.request(&job, fire_time);
        let second = world.request(&job, fire_time + SignedDuration::from_micros(1));
        let third = world.request(&job, fire_time + SignedDuration::from_micros(2));

        assert_eq!(world.store.claim(claimant, &[first]).await.unwrap().answers, [Won]);
        assert_eq!(world.store.claim(claimant, &[second]).await.unwrap().answers, [Settled]);
        world.store.report(&[ended(&first, Outcome::Succeeded)]).await.unwrap();
        assert_eq!(world.store.claim(claimant, &[third]).await.unwrap().answers, [Won]);
    }

    async fn overlap_allow_counts_runs_but_not_seats_of_one_tick(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Allow(2)).await, world.node("a").await);
        let fire_time = world.soon().await;
        let mut requests = Vec::new();
        for (micros, slot) in [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0)] {
            let mut request = world.request(&job, fire_time + SignedDuration::from_micros(micros));
            request.tick.slot = slot;
            requests.push(request);
        }

        let claimed = world.store.claim(claimant, &requests).await.unwrap();

        // The three seats of the first tick are three runs to the second.
        assert_eq!(claimed.answers, [Won, Won, Won, Settled, Settled]);
    }

    async fn overlap_judges_nodes_that_claim_at_once(mut world) {
        let job = world.job("a", Overlap::Allow(3)).await;
        let fire_time = world.soon().await;
        let mut claims = Vec::new();
        for (name, micros) in [("a", 0), ("b", 1), ("c", 2), ("d", 3), ("e", 4), ("f", 5)] {
            let claimant = world.node(name).await;
            let store = world.another();
            let request = world.request(&job, fire_time + SignedDuration::from_micros(micros));
            claims.push(tokio::spawn(async move { store.claim(claimant, &[request]).await.unwrap().answers[0] }));
        }

        let mut won = 0;
        for claim in claims {
            won += usize::from(claim.await.unwrap() == Won);
        }

        assert_eq!(won, 3);
    }

    async fn overlap_replace_asks_the_old_run_to_end_and_keeps_the_newest_tick(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Replace).await, world.node("a").await);
        let fire_time = world.soon().await;
        let old = world.request(&job, fire_time);
        let next = world.request(&job, fire_time + SignedDuration::from_micros(1));
        let newest = world.request(&job, fire_time + SignedDuration::from_micros(2));
        world.store.claim(claimant, &[old]).await.unwrap();

        let claimed = world.store.claim(claimant, &[next]).await.unwrap();

        assert_eq!(claimed.answers, [Settled]);
        assert_eq!(claimed.replacements, [Replacement { job: job.id, old: old.tick }]);
        world.store.claim(claimant, &[newest]).await.unwrap();
        let waiting: Vec<_> = world.store.offers(10).await.unwrap().iter().map(|offer| offer.tick).collect();
        assert_eq!(waiting, [newest.tick]);
    }

    async fn a_living_node_keeps_its_name(mut world) {
        let living = world.node("a").await;
        let second = registration("a", world.mint.mint());

        let error = world.store.register_node(&second).await.unwrap_err();

        assert!(error.to_string().contains("\"a\" is alive since"), "{error}");
        let mut again = registration("a", living.boot.0);
        again.boot = living.boot;
        let registered = world.store.register_node(&again).await.unwrap();
        assert_eq!(registered.node, living.node);
        assert!(registered.is_host_boot_new);
    }

    async fn a_node_that_has_had_a_seat_claims_no_other(mut world) {
        let job = world.job("a", Overlap::Allow(9)).await;
        let (a, b) = (world.node("a").await, world.node("b").await);
        let first = world.request(&job, world.soon().await);
        let mut second = world.request(&job, first.tick.fire_time);
        second.tick.slot = 1;
        world.store.claim(a, &[first]).await.unwrap();
        world.store.report(&[ended(&first, Outcome::Succeeded)]).await.unwrap();

        let by_a = world.store.claim(a, &[second]).await.unwrap();
        let by_b = world.store.claim(b, &[second]).await.unwrap();

        assert_eq!((by_a.answers[0], by_b.answers[0]), (Lost, Won));
    }
}
