//! What is old is dropped, a step at a time, and nothing else.

use carillon_core::claim::ClaimRequest;
use carillon_core::launch::Stream;
use carillon_core::overlap::Overlap;
use carillon_core::run::Outcome;
use carillon_store::{Dropped, Imported, ImportedJob, JobChange, Kept, OutputChunk, RunFilter};
use jiff::{SignedDuration, Timestamp};

use crate::on_both;
use crate::world::{draft, editor, ended};

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
        let later = fire_time + SignedDuration::from_mins(2);
        let requests = (0..3).map(|minute| world.request(&job, fire_time - SignedDuration::from_mins(minute)));
        // However long the database takes, nothing is too late.
        let requests: Vec<_> = requests.map(|request| ClaimRequest { start_until: later, ..request }).collect();
        world.sql("update jobs set valid_from = 0").await;
        world.sql("update cluster set closed_until = 0, audited_until = 0").await;
        world.store.claim(claimant, &requests).await.unwrap();
        world.store.report(&requests.iter().map(|request| ended(request, Outcome::Succeeded)).collect::<Vec<_>>()).await.unwrap();
        let minutes = async || {
            let totals = world.store.run_totals(fire_time - SignedDuration::from_hours(1), later).await.unwrap();
            totals.iter().map(|total| total.minute).collect::<Vec<_>>()
        };
        let before = minutes().await;

        let first = world.store.drop_old(Kept::Totals, later, 1).await.unwrap();
        let left = minutes().await;
        let second = world.store.drop_old(Kept::Totals, later, 9).await.unwrap();

        assert_eq!(before.len(), 3);
        assert_eq!(left, before[1..]);
        assert_eq!(first, Dropped { rows: 1, is_more: true });
        assert_eq!(second, Dropped { rows: 2, is_more: false });
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

    async fn incidents_and_what_was_told_of_them_go_when_they_are_over(world) {
        let at = |us| Timestamp::from_microsecond(us).unwrap();
        for (id, resolved, owed) in [(1, "4", "null"), (2, "null", "null"), (3, "4", "'opened'"), (4, "9", "null")] {
            let open_key = if resolved == "null" { "'k'" } else { "null" };
            let owed_at = if owed == "null" { "null" } else { "1" };
            world.sql(&format!(
                "insert into incidents (id, rule, subject_kind, subject_id, subject_name, open_key, since_at, opened_at, last_trouble_at,
                    trouble_count, openings, resolved_at, owed, owed_at, evidence)
                values ({id}, 'failed', 'job', 1, 'a', {open_key}, 1, 1, 1, 1, 1, {resolved}, {owed}, {owed_at}, '{{}}')"
            )).await;
            world.sql(&format!("insert into announced_incidents (incident_id, announcement_id) values ({id}, {})", id % 2 + 1)).await;
        }
        for (id, state, try_at) in [(1, "sent", "null"), (2, "waiting", "7")] {
            world.sql(&format!("insert into announcements (id, made_at, content) values ({id}, 2, '[]')")).await;
            world.sql(&format!("insert into deliveries (announcement_id, channel, address, state, try_at) values ({id}, 'mail', 'a', '{state}', {try_at})")).await;
        }

        let incidents = world.store.drop_old(Kept::Incidents, at(5), 9).await.unwrap();
        let announcements = world.store.drop_old(Kept::Announcements, at(5), 9).await.unwrap();

        assert_eq!((incidents.rows, announcements.rows), (1, 1));
        for (table, left) in [("incidents", 3), ("announcements", 1), ("deliveries", 1), ("announced_incidents", 1)] {
            assert_eq!(world.count(table).await, left, "{table}");
        }
    }

    async fn replaced_versions_go_unless_they_are_needed(mut world) {
        let imported = ImportedJob { key: "line".to_owned(), draft: draft("imported", Overlap::Skip) };
        let ids = world.store.import_jobs("file", &[imported], &editor()).await.unwrap();
        let Imported::Created(imported) = ids[0] else { panic!("{ids:?}") };
        let (job, claimant) = (world.job("a", Overlap::Allow(9)).await, world.node("a").await);
        let open = world.request(&job, world.soon().await);
        world.store.claim(claimant, &[open]).await.unwrap();
        for job in [job.id, imported] {
            for version in 1..4 {
                world.store.change_job(job, version, &JobChange::Disable, &editor()).await.unwrap();
            }
        }
        let later = world.store.now().await.unwrap() + SignedDuration::from_secs(1);
        let versions = async |job| -> Vec<i64> {
            world.store.job_versions(job).await.unwrap().iter().map(|version| version.version).collect()
        };

        // Nothing goes that the audit may ask for.
        assert_eq!(world.store.drop_old(Kept::Versions, later, 99).await.unwrap(), Dropped::default());
        world.sql(&format!("update cluster set audited_until = {}", later.as_microsecond())).await;
        let dropped = world.store.drop_old(Kept::Versions, later, 99).await.unwrap();

        assert_eq!(dropped, Dropped { rows: 4, is_more: false });
        assert_eq!((versions(job.id).await, versions(imported).await), (vec![4, 1], vec![4, 1]));
    }

    async fn ended_sessions_go(world) {
        world.sql("insert into users (id, name, sign_in_name, password_hash, created_at) values (1, 'a', 'a', '', 1)").await;
        for (number, ends_at) in [(1, 4), (2, 9)] {
            world.sql(&format!(
                "insert into sessions (secret_hash, user_id, is_verified, browser, created_at, seen_at, idle_us, ends_at)
                values (x'{number:064}', 1, 1, '', 1, 1, 1, {ends_at})"
            )).await;
        }

        let dropped = world.store.drop_old(Kept::Sessions, Timestamp::from_microsecond(5).unwrap(), 9).await.unwrap();

        assert_eq!((dropped.rows, world.count("sessions").await), (1, 1));
    }
}
