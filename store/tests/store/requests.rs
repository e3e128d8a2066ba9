//! What people ask for: runs, kills, duties; and what they look at.

use carillon_core::claim::ClaimAnswer::{Refused, Won};
use carillon_core::identity::GroupId;
use carillon_core::launch::Stream;
use carillon_core::node::{Duty, Limits};
use carillon_core::overlap::Overlap;
use carillon_core::parameters::Parameters;
use carillon_core::run::{Outcome, Phase};
use carillon_store::{
    Beat, CommandVerb, Dropped, JobChange, Kept, KillAnswer, OutputChunk, RunFilter, RunRequest,
    StoreError,
};
use jiff::{SignedDuration, Timestamp};

use crate::on_both;
use crate::world::{editor, ended};

fn ask(job: carillon_core::identity::JobId, key: &str) -> RunRequest {
    RunRequest {
        job,
        node: None,
        parameters: Parameters::from_lines(["day=monday"]).unwrap(),
        key: Some(key.to_owned()),
        repeats: None,
        patience: SignedDuration::from_secs(60),
    }
}

fn beat() -> Beat {
    Beat {
        is_claiming: true,
        not_claiming_reason: String::new(),
        running: 3,
        running_max: 8,
        clock: None,
        load_milli: 1500,
        memory_total: 8,
        memory_available: 4,
        disk_total: 10,
        disk_available: 5,
        redis_problem: String::new(),
    }
}

on_both! {
    async fn the_same_key_asks_for_the_same_run(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let disabled = world.store.change_job(job.id, 1, &JobChange::Disable, &editor()).await.unwrap();

        let first = world.store.request_run(&ask(job.id, "k"), &editor()).await.unwrap();
        let again = world.store.request_run(&ask(job.id, "k"), &editor()).await.unwrap();
        let other = world.store.request_run(&ask(job.id, "l"), &editor()).await.unwrap();

        assert_eq!(first, again);
        assert_ne!(first, other);
        let offers = world.store.offers(10).await.unwrap();
        let offer = offers.iter().find(|offer| offer.tick == first).unwrap();
        assert_eq!(offer.version, disabled.version);
        let taken = world.store.take_offers(claimant, &[(*offer, world.mint.mint())]).await.unwrap();
        assert_eq!(taken, [Won]);
    }

    async fn a_manual_run_waits_for_the_run_that_lives(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let living = world.request(&job, world.soon().await);
        world.store.claim(claimant, &[living]).await.unwrap();
        world.store.request_run(&ask(job.id, "k"), &editor()).await.unwrap();
        let offer = world.store.offers(10).await.unwrap()[0];
        let asked = [(offer, world.mint.mint())];

        assert_eq!(world.store.take_offers(claimant, &asked).await.unwrap(), [Refused]);
        world.store.report(&[ended(&living, Outcome::Succeeded)]).await.unwrap();
        assert_eq!(world.store.take_offers(claimant, &asked).await.unwrap(), [Won]);
    }

    async fn an_edit_moves_a_manual_run_to_the_new_version(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        world.store.request_run(&ask(job.id, "k"), &editor()).await.unwrap();
        let old = world.store.offers(10).await.unwrap()[0];
        world.store.change_job(job.id, 1, &JobChange::Disable, &editor()).await.unwrap();

        assert_eq!(world.store.take_offers(claimant, &[(old, world.mint.mint())]).await.unwrap(), [Refused]);
        let new = world.store.offers(10).await.unwrap()[0];
        assert_eq!(new.version, 2);
        assert_eq!(world.store.take_offers(claimant, &[(new, world.mint.mint())]).await.unwrap(), [Won]);
    }

    async fn a_waiting_run_is_killed_at_once_and_a_living_one_by_its_node(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let living = world.request(&job, world.soon().await);
        world.store.claim(claimant, &[living]).await.unwrap();
        let waiting = world.store.request_run(&ask(job.id, "k"), &editor()).await.unwrap();

        assert_eq!(world.store.kill_run(waiting, &editor()).await.unwrap(), KillAnswer::Killed);
        assert_eq!(world.store.kill_run(waiting, &editor()).await.unwrap(), KillAnswer::AlreadyDone);
        assert_eq!(world.store.kill_run(living.tick, &editor()).await.unwrap(), KillAnswer::Asked);

        let commands = world.store.pending_commands(claimant.node).await.unwrap();
        assert_eq!((commands.len(), commands[0].verb, commands[0].run), (1, CommandVerb::Kill, Some(living.tick)));
        world.store.command_done(commands[0].id, "ended").await.unwrap();
        assert!(world.store.pending_commands(claimant.node).await.unwrap().is_empty());
    }

    async fn beats_are_counted_until_another_agent_takes_the_node(mut world) {
        let old = world.node("a").await;
        assert_eq!(world.store.beat(old, &beat()).await.unwrap().beat_count, 1);
        assert_eq!(world.store.beat(old, &beat()).await.unwrap().beat_count, 2);
        world.store.leave(old).await.unwrap();
        let new = world.node("a").await;

        let replaced = world.store.beat(old, &beat()).await.unwrap_err();

        assert!(matches!(replaced, StoreError::BootReplaced));
        assert_eq!(new.node, old.node);
        world.store.set_duty(new.node, Duty::Drained, "disk", &editor()).await.unwrap();
        let nodes = world.store.nodes(Limits::default()).await.unwrap();
        assert_eq!((nodes.len(), nodes[0].peer.duty, nodes[0].duty_reason.as_str()), (1, Duty::Drained, "disk"));
    }

    async fn runs_are_listed_newest_first_page_by_page(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Allow(100)).await, world.node("a").await);
        let fire_time = world.soon().await;
        let requests: Vec<_> = (0..5).map(|micros| world.request(&job, fire_time + SignedDuration::from_micros(micros))).collect();
        world.store.claim(claimant, &requests).await.unwrap();
        world.store.report(&[ended(&requests[0], Outcome::Failed), ended(&requests[1], Outcome::Succeeded)]).await.unwrap();
        let list = async |filter: RunFilter, limit| {
            let runs = world.store.runs(&filter, limit).await.unwrap();
            runs.iter().map(|run| requests.iter().position(|request| request.tick == run.run.tick).unwrap()).collect::<Vec<_>>()
        };

        assert_eq!(list(RunFilter::default(), 2).await, [4, 3]);
        assert_eq!(list(RunFilter { after: Some(requests[3].tick), ..RunFilter::default() }, 9).await, [2, 1, 0]);
        assert_eq!(list(RunFilter { job: Some(job.id), after: Some(requests[3].tick), ..RunFilter::default() }, 2).await, [2, 1]);
        assert_eq!(list(RunFilter { outcomes: vec![Outcome::Failed], ..RunFilter::default() }, 9).await, [0]);
        assert_eq!(list(RunFilter { states: vec![Phase::Claimed], ..RunFilter::default() }, 9).await, [4, 3, 2]);
        assert_eq!(list(RunFilter { states: vec![Phase::Done], ..RunFilter::default() }, 9).await, [1, 0]);
        assert_eq!(list(RunFilter { groups: Some(Vec::new()), ..RunFilter::default() }, 9).await, Vec::<usize>::new());
        assert_eq!(list(RunFilter { groups: Some(vec![job.draft.group]), node: Some(claimant.node), ..RunFilter::default() }, 9).await.len(), 5);
        assert_eq!(list(RunFilter { before: Some(requests[2].tick.fire_time), ..RunFilter::default() }, 9).await, [1, 0]);
        let one = world.store.run(requests[0].tick).await.unwrap();
        assert_eq!((one.job_name.as_deref(), one.node_name.as_deref()), (Some("a"), Some("a")));
    }

    async fn the_newest_runs_of_many_jobs_are_read_at_once(mut world) {
        let claimant = world.node("a").await;
        let mut jobs = Vec::new();
        for number in 0..23 {
            jobs.push(world.job(&format!("job {number}"), Overlap::Allow(100)).await);
        }
        let fire_time = world.soon().await;
        let (mut requests, mut newest) = (Vec::new(), Vec::new());
        for (job, number) in jobs.iter().zip(0_i64..) {
            // The first has none, the second one, and most have more than are asked for.
            let own: Vec<_> = (0..number.min(4)).map(|micros| world.request(job, fire_time + SignedDuration::from_micros(micros))).collect();
            newest.extend(own.iter().rev().take(3).map(|request| request.tick));
            requests.extend(own);
        }
        world.store.claim(claimant, &requests).await.unwrap();
        world.store.report(&[ended(&requests[0], Outcome::Failed)]).await.unwrap();

        let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
        let runs = world.store.recent_runs(&ids, Timestamp::MIN, 3).await.unwrap();

        assert!(runs.iter().map(|run| run.tick).eq(newest), "{} runs", runs.len());
        assert_eq!((runs[0].outcome, runs[0].ended_at.is_some()), (Some(Outcome::Failed), true));
        assert_eq!((runs[1].state, runs[1].outcome), (Phase::Claimed, None));
        let from = fire_time + SignedDuration::from_micros(3);
        let since = world.store.recent_runs(&ids, from, 3).await.unwrap();
        assert!(since.iter().map(|run| run.tick).eq(runs.iter().map(|run| run.tick).filter(|tick| tick.fire_time >= from)));
        // Of those that ran as late as each other, the newer job.
        let last: Vec<_> = ids.iter().rev().take(3).copied().collect();
        for (groups, expected) in [(None, last.as_slice()), (Some([GroupId(1)]), last.as_slice()), (Some([GroupId(2)]), &ids[..0])] {
            let groups = groups.as_ref().map(<[_; 1]>::as_slice);
            assert_eq!(world.store.jobs_ran_since(fire_time, groups, 3).await.unwrap(), expected);
        }
        assert_eq!(world.store.recent_runs(&[], Timestamp::MIN, 3).await.unwrap(), []);
    }

    async fn output_comes_back_byte_by_byte(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let request = world.request(&job, world.soon().await);
        world.store.claim(claimant, &[request]).await.unwrap();
        let chunk = |number, stream, offset, content: Vec<u8>| OutputChunk {
            tick: request.tick, attempt: 1, number, stream, offset, written_at: request.tick.fire_time, content,
        };
        let chunks = [
            chunk(0, Stream::Stdout, 0, (0..=255).collect()),
            chunk(1, Stream::Stderr, 0, b"\xff\xfe\0'\"\\".to_vec()),
            chunk(2, Stream::Stdout, 256, vec![b'x'; 700_000]),
            chunk(3, Stream::Stdout, 700_256, Vec::new()),
        ];

        world.store.append_output(&chunks).await.unwrap();
        world.store.append_output(&chunks[1..]).await.unwrap();

        assert_eq!(world.store.output(request.tick, 1, None, -1, 10).await.unwrap(), chunks);
        assert_eq!(world.store.output(request.tick, 1, Some(Stream::Stdout), 0, 1).await.unwrap(), chunks[2..3]);
        world.store.trim_output(request.tick, 1, Stream::Stdout, (0, 3)).await.unwrap();
        let numbers: Vec<_> = world.store.output(request.tick, 1, None, -1, 10).await.unwrap().iter().map(|chunk| chunk.number).collect();
        assert_eq!(numbers, [0, 1, 3], "the other stream stays");
    }

    async fn only_ended_runs_below_the_watermark_are_forgotten(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Allow(9)).await, world.node("a").await);
        let fire_time = world.soon().await;
        let requests: Vec<_> = (0..3).map(|micros| world.request(&job, fire_time + SignedDuration::from_micros(micros))).collect();
        world.store.claim(claimant, &requests).await.unwrap();
        world.store.report(&[ended(&requests[0], Outcome::Succeeded), ended(&requests[2], Outcome::Succeeded)]).await.unwrap();
        let later = fire_time + SignedDuration::from_secs(9);

        world.store.drop_old(Kept::Runs, later, 100).await.unwrap();
        assert_eq!(world.store.runs(&RunFilter::default(), 9).await.unwrap().len(), 3);
        let from = world.store.bulletin().await.unwrap().audited_until;
        world.store.close_until(later).await.unwrap();
        world.store.advance_watermark(from, requests[2].tick.fire_time).await.unwrap();
        assert_eq!(world.store.count_old(Kept::Runs, later, 100).await.unwrap(), 1);
        let dropped = world.store.drop_old(Kept::Runs, later, 100).await.unwrap();
        assert_eq!(dropped, Dropped { rows: 1, is_more: false });

        let left: Vec<_> = world.store.runs(&RunFilter::default(), 9).await.unwrap().iter().map(|run| run.run.tick).collect();
        assert_eq!(left, [requests[2].tick, requests[1].tick]);
    }

    async fn preflight_finds_nothing_wrong_with_a_good_database(world) {
        assert_eq!(world.store.preflight().await.unwrap(), []);
    }
}
