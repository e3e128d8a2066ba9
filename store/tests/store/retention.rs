//! What is old is dropped, a step at a time, and nothing else.

use carillon_core::launch::Stream;
use carillon_core::overlap::Overlap;
use carillon_core::run::Outcome;
use carillon_store::{Dropped, Kept, OutputChunk, RunFilter};
use jiff::{SignedDuration, Timestamp};

use crate::on_both;
use crate::world::ended;

on_both! {
    async fn output_goes_before_its_run_and_never_under_a_run_that_lives(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Allow(9)).await, world.node("a").await);
        let over = world.request(&job, world.soon().await);
        let alive = world.request(&job, over.tick.fire_time + SignedDuration::from_micros(1));
        world.store.claim(claimant, &[over, alive]).await.unwrap();
        world.store.report(&[ended(&over, Outcome::Succeeded)]).await.unwrap();
        let chunk = |tick| OutputChunk {
            tick, attempt: 1, number: 0, stream: Stream::Stdout, offset: 0,
            written_at: over.tick.fire_time, content: b"x".to_vec(),
        };
        world.store.append_output(&[chunk(over.tick), chunk(alive.tick)]).await.unwrap();
        let later = over.tick.fire_time + SignedDuration::from_secs(9);

        assert_eq!(world.store.drop_old(Kept::Output, over.tick.fire_time, 9).await.unwrap(), Dropped::default());
        assert_eq!(world.store.count_old(Kept::Output, later, 9).await.unwrap(), 1);
        let dropped = world.store.drop_old(Kept::Output, later, 9).await.unwrap();

        assert_eq!(dropped, Dropped { rows: 1, is_more: false });
        assert_eq!(world.store.output(alive.tick, 1, None, -1, 9).await.unwrap().len(), 1);
        assert_eq!(world.store.runs(&RunFilter::default(), 9).await.unwrap().len(), 2);
    }

    async fn steps_take_the_oldest_first_and_say_whether_there_is_more(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Allow(9)).await, world.node("a").await);
        let fire_time = world.soon().await;
        let requests: Vec<_> = (0..3).map(|second| world.request(&job, fire_time - SignedDuration::from_mins(second))).collect();
        world.sql("update jobs set valid_from = 0").await;
        world.sql("update cluster set closed_until = 0, audited_until = 0").await;
        world.store.claim(claimant, &requests).await.unwrap();
        world.store.report(&requests.iter().map(|request| ended(request, Outcome::Succeeded)).collect::<Vec<_>>()).await.unwrap();

        let first = world.store.drop_old(Kept::Totals, fire_time, 1).await.unwrap();
        let second = world.store.drop_old(Kept::Totals, fire_time - SignedDuration::from_mins(1), 9).await.unwrap();

        assert_eq!(first, Dropped { rows: 1, is_more: true });
        assert!(!second.is_more);
    }

    async fn only_done_commands_are_dropped(mut world) {
        let node = world.node("a").await.node;
        for done in ["null", "2", "3", "9"] {
            world.sql(&format!(
                "insert into node_commands (node_id, verb, asked_by, asked_at, done_at) values ({node}, 'reload', 'me', 1, {done})"
            )).await;
        }

        let dropped = world.store.drop_old(Kept::Commands, Timestamp::from_microsecond(5).unwrap(), 9).await.unwrap();

        assert_eq!(dropped, Dropped { rows: 2, is_more: false });
        assert_eq!(world.store.pending_commands(node).await.unwrap().len(), 1);
    }

    async fn turn_goes_to_one_of_two(world) {
        let (one, other) = (world.another(), world.another());
        let hour = SignedDuration::from_hours(1);

        let turns = [one.take_retention_turn(hour).await.unwrap(), other.take_retention_turn(hour).await.unwrap()];

        assert_eq!(turns, [true, false]);
        world.sql("update cluster set retention_at = retention_at - 3600000000").await;
        assert!(other.take_retention_turn(hour).await.unwrap());
    }
}
