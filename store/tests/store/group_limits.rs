//! A group keeps as many runs of each of its jobs as it says, and nothing that is needed goes.

use carillon_core::identity::GroupId;
use carillon_core::launch::Stream;
use carillon_core::overlap::Overlap;
use carillon_core::run::Outcome;
use carillon_core::tick::Tick;
use carillon_store::{
    Dropped, GroupLimits, LimitedJob, OutputChunk, RunFilter, StoreError, SurplusRound,
};
use jiff::SignedDuration;

use crate::on_both;
use crate::world::{World, draft, editor, ended};

const RUNS: i64 = 6;

/// Runs of a job, an hour apart, the newest last; only the second oldest has not ended. All are below the watermark.
async fn past_runs(world: &mut World, group: GroupId) -> (LimitedJob, Vec<Tick>) {
    let mut draft = draft("a", Overlap::Allow(99));
    draft.group = group;
    let mut job = world.store.create_job(&draft, &editor()).await.unwrap();
    world.sql("update jobs set valid_from = 0").await;
    world
        .sql("update cluster set closed_until = 0, audited_until = 0")
        .await;
    job.valid_from = jiff::Timestamp::UNIX_EPOCH;
    let (claimant, now) = (world.node("a").await, world.soon().await);
    let mut requests: Vec<_> = (0..RUNS)
        .map(|hours| world.request(&job, now - SignedDuration::from_hours(RUNS - hours)))
        .collect();
    for request in &mut requests {
        request.start_until = now + SignedDuration::from_hours(1);
    }
    world.store.claim(claimant, &requests).await.unwrap();
    let chunks = requests.iter().map(|request| OutputChunk {
        tick: request.tick,
        attempt: 1,
        number: 0,
        stream: Stream::Stdout,
        offset: 0,
        written_at: now,
        content: b"x".to_vec(),
    });
    world
        .store
        .append_output(&chunks.collect::<Vec<_>>())
        .await
        .unwrap();
    let over = requests.iter().enumerate().filter(|(place, _)| *place != 1);
    let over: Vec<_> = over
        .map(|(_, request)| ended(request, Outcome::Succeeded))
        .collect();
    world.store.report(&over).await.unwrap();
    world
        .sql(&format!(
            "update cluster set closed_until = {0}, audited_until = {0}",
            now.as_microsecond()
        ))
        .await;
    let limits = world.store.group_limits(group).await.unwrap();
    (
        LimitedJob { id: job.id, limits },
        requests.iter().map(|request| request.tick).collect(),
    )
}

async fn left(world: &World) -> Vec<Tick> {
    let runs = world.store.runs(&RunFilter::default(), 99).await.unwrap();
    let mut ticks: Vec<_> = runs.iter().map(|listed| listed.run.tick).collect();
    ticks.sort_unstable();
    ticks
}

fn keep(keep_runs: Option<u32>, keep_days: Option<u32>) -> GroupLimits {
    GroupLimits {
        keep_runs,
        keep_days,
    }
}

on_both! {
    async fn newest_runs_stay_and_so_does_what_has_not_ended(mut world) {
        world.store.set_group_limits(GroupId(1), keep(Some(3), None), &editor()).await.unwrap();
        let (job, ticks) = past_runs(&mut world, GroupId(1)).await;

        let mut round = SurplusRound::default();
        assert_eq!(round.next_job(&world.store).await.unwrap(), Some(job));
        assert_eq!(round.next_job(&world.store).await.unwrap(), None);
        assert_eq!(world.store.count_surplus(job, 9).await.unwrap(), 2);
        let first = world.store.drop_surplus(job, 1).await.unwrap();
        let oldest = left(&world).await[0];
        let second = world.store.drop_surplus(job, 9).await.unwrap();

        assert_eq!((first, oldest), (Dropped { rows: 1, is_more: true }, ticks[1]));
        assert_eq!(second, Dropped { rows: 1, is_more: false });
        assert_eq!(left(&world).await, [ticks[1], ticks[3], ticks[4], ticks[5]]);
        assert!(world.store.output(ticks[0], 1, None, -1, 9).await.unwrap().is_empty());
        assert_eq!(world.store.output(ticks[1], 1, None, -1, 9).await.unwrap().len(), 1);
    }

    async fn days_of_a_group_are_its_own(mut world) {
        let group = world.store.create_group("brief", "", &editor()).await.unwrap();
        let (_, ticks) = past_runs(&mut world, group).await;
        let mut round = SurplusRound::default();
        assert_eq!(round.next_job(&world.store).await.unwrap(), None);
        world.store.set_group_limits(group, keep(None, Some(1)), &editor()).await.unwrap();
        let job = round.next_job(&world.store).await.unwrap().unwrap();

        assert_eq!(world.store.drop_surplus(job, 9).await.unwrap(), Dropped::default());
        let day = 24 * 3_600_000_000_i64;
        world.sql(&format!("update runs set fire_time = fire_time - {day} where fire_time < {}", ticks[3].fire_time.as_microsecond())).await;
        let dropped = world.store.drop_surplus(job, 9).await.unwrap();

        assert_eq!(dropped.rows, 2);
        assert_eq!(left(&world).await.len(), 4);
    }

    async fn a_round_goes_on_where_it_stopped_and_begins_again(world) {
        world.store.set_group_limits(GroupId(1), keep(Some(3), None), &editor()).await.unwrap();
        let first = world.store.create_job(&draft("a", Overlap::Skip), &editor()).await.unwrap().id;
        let second = world.store.create_job(&draft("b", Overlap::Skip), &editor()).await.unwrap().id;

        let mut round = SurplusRound::default();
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(round.next_job(&world.store).await.unwrap().map(|job| job.id));
        }

        assert_eq!(seen, [Some(first), Some(second), None, Some(first)]);
    }

    async fn nothing_above_the_watermark_goes(mut world) {
        world.store.set_group_limits(GroupId(1), keep(Some(1), None), &editor()).await.unwrap();
        let (job, ticks) = past_runs(&mut world, GroupId(1)).await;
        world.sql(&format!("update cluster set audited_until = {}", ticks[2].fire_time.as_microsecond())).await;

        let dropped = world.store.drop_surplus(job, 9).await.unwrap();

        assert_eq!(dropped.rows, 1);
        assert_eq!(left(&world).await, ticks[1..]);
    }

    async fn a_limit_out_of_its_range_is_refused(world) {
        for limits in [keep(Some(0), None), keep(Some(100_001), None), keep(None, Some(36_501))] {
            let refused = world.store.set_group_limits(GroupId(1), limits, &editor()).await.unwrap_err();
            assert!(matches!(refused, StoreError::Rejected(_)), "{refused}");
        }
        let missing = world.store.set_group_limits(GroupId(9), keep(Some(1), None), &editor()).await.unwrap_err();
        assert!(matches!(missing, StoreError::NotFound { .. }), "{missing}");
    }
}
