//! Experiments that no weather and no schedule of faults comes across, under the names that docs/EXPERIMENTS.md gives them.

use std::time::Duration;

use carillon_core::identity::JobId;
use carillon_core::job::ScheduleText;
use carillon_core::schedule::DstRule;
use carillon_store::{Editor, JobChange, Store};
use carillon_testbed::{Folder, Redis, Sighting, SightingKind, Witness, wait_until};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::embedded::{end_and_judge, start_up, write_crontab};
use crate::laws::{self, Window};
use crate::rig::{Lab, machine_now};
use crate::verbs::edit_job;
use crate::weather::{judge, little_broke};

const SOON: Duration = Duration::from_secs(60);

/// Changes a job by the store's own verb.
fn change_job(lab: &Lab, id: JobId, change: &JobChange) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::new(lab.database.url.parse().unwrap());
        let version = store.job(id).await.unwrap().version;
        let editor = Editor::program("lab");
        store
            .change_job(id, version, change, &editor)
            .await
            .unwrap();
        store.close().await;
    });
}

#[test]
fn e30_deleted_job_lets_its_run_end_and_starts_no_other() {
    let mut lab = Lab::with_job("--sleep 3");
    lab.start_agents(1);
    let alive = lab.witness.wait_for_starts(2, SOON).remove(1);

    change_job(&lab, lab.jobs_made[0], &JobChange::Delete);
    let deleted_at = "select deleted_at div 1000000 from jobs";
    let deleted_at: i64 = lab
        .database
        .query(deleted_at)
        .unwrap()
        .trim()
        .parse()
        .unwrap();

    let sql = format!(
        "select outcome from runs where fire_time = {} * 1000000",
        laws::fire_second(&alive)
    );
    wait_until("the run to be recorded", SOON, || {
        let outcome = lab.database.query(&sql).unwrap();
        (outcome.trim() == "succeeded").then_some(())
    });
    let seen = lab.witness.read().unwrap();
    let is_end = |kind| kind == SightingKind::End { exit_code: 0 };
    assert!(
        seen.iter()
            .any(|it| is_end(it.kind) && it.token == alive.token)
    );
    let late = lab.witness.starts().unwrap();
    let late = late
        .iter()
        .filter(|start| laws::fire_second(start) > deleted_at + 1);
    assert_eq!(late.count(), 0);
}

/// A replica that no longer follows its leader does not know the locks that were taken since, and is put in the leader's place.
#[test]
fn e16_promoted_replica_that_is_behind_doubles_no_tick() {
    const JOBS: usize = 20;
    let replica = Redis::start().unwrap();
    let mut lab = Lab::with_jobs(JOBS);
    lab.start_agents_at_arms_length(3);
    let window = lab.next_window();
    let port = lab.redis.port().to_string();
    replica.command(&["REPLICAOF", "127.0.0.1", &port]).unwrap();
    lab.witness.wait_for_starts(2 * JOBS, SOON);
    let followers = lab.redis.command(&["WAIT", "1", "30000"]).unwrap();
    assert_eq!(followers, ":1", "nobody follows");

    replica.command(&["REPLICAOF", "NO", "ONE"]).unwrap();
    let seen = lab.witness.starts().unwrap().len();
    lab.witness.wait_for_starts(seen + 2 * JOBS, SOON);
    for agent in &lab.agents {
        agent.redis_proxy.as_ref().unwrap().lead_to(replica.port());
    }
    lab.redis.kill();
    let seen = lab.witness.starts().unwrap().len();
    lab.witness.wait_for_starts(seen + 4 * JOBS, SOON);

    let window = Window {
        until: machine_now() + 2,
        ..window
    };
    let (records, _) = judge(&lab, window);
    little_broke(
        "everything succeeds",
        laws::unsuccessful(&records),
        records.len(),
    );
}

/// A job of every second of one hour, edited into a zone where it is another hour, and back.
#[test]
fn e29_edited_zone_counts_from_the_next_second_on() {
    let mut lab = Lab::with_job("");
    let hour = |second: i64| second.rem_euclid(86_400) / 3_600;
    let in_zone = |zone: &str, hours: String| ScheduleText {
        expression: format!("* * {hours} * * *"),
        zone: zone.to_owned(),
        dst: DstRule::default(),
    };
    // This hour and the next, so that the test may run at its end; twelve hours away it is neither.
    let hours = format!("{},{}", hour(machine_now()), (hour(machine_now()) + 1) % 24);
    let schedule = |zone| in_zone(zone, hours.clone());
    let edit = |lab: &Lab, zone| edit_job(lab, |draft| draft.schedule = schedule(zone));
    edit(&lab, "UTC");
    lab.start_agents(2);
    lab.witness.wait_for_starts(3, SOON);

    let left = edit(&lab, "Etc/GMT+12");
    lab.wait_for_machine(left + 4);
    let back = edit(&lab, "UTC");
    let again = |start: &Sighting| laws::fire_second(start) > back + 1;
    wait_until("starts in the old zone", SOON, || {
        let starts = lab.witness.starts().unwrap();
        (starts.iter().filter(|start| again(start)).count() >= 3).then_some(())
    });

    let starts = lab.witness.starts().unwrap();
    let away = |start: &&Sighting| (left + 1..back).contains(&(laws::fire_second(start) - 1));
    assert_eq!(
        starts.iter().filter(away).count(),
        0,
        "{left} {back} {starts:?}"
    );
    assert_eq!(laws::doubles(&starts), Vec::<String>::new());
}

/// Another program keeps the embedded database for itself, longer than a start may be late.
#[test]
fn e46_foreign_writer_holds_ticks_up_and_doubles_none() {
    const JOBS: usize = 5;
    const HELD: Duration = Duration::from_secs(8);
    let folder = Folder::create().unwrap();
    let witness = Witness::create().unwrap();
    let (data, crontab) = (folder.join("data"), folder.join("crontab"));
    write_crontab(&crontab, &witness, JOBS, "");
    let up = start_up(&data, &crontab);
    witness.wait_for_starts(2 * JOBS, SOON);
    let from = machine_now() + 1;

    let file = data.join("carillon.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .busy_timeout(SOON);
        let mut stranger = options.connect().await.unwrap();
        sqlx::query("begin immediate")
            .execute(&mut stranger)
            .await
            .unwrap();
        tokio::time::sleep(HELD).await;
        sqlx::query("rollback")
            .execute(&mut stranger)
            .await
            .unwrap();
    });
    let freed = machine_now();
    wait_until("starts of later ticks", SOON, || {
        let starts = witness.starts().unwrap();
        let after = |start| laws::fire_second(start) > freed + 1;
        (starts.iter().filter(|start| after(start)).count() >= 3 * JOBS).then_some(())
    });

    let window = Window {
        from,
        until: machine_now(),
    };
    let (records, starts) = end_and_judge(up, &data, &witness, (window, JOBS));
    let missed = records.iter().filter(|record| record.outcome == "missed");
    println!(
        "{} starts, {} records of missed ticks",
        starts.len(),
        missed.clone().count()
    );
    assert!(missed.count() > 0, "nobody was held up");
}

/// Seconds of a week.
const WEEK: i64 = 7 * 24 * 3_600;

/// Moves the watermarks and the jobs' beginning back: to the agents that come up then, it is a week since anybody was there.
fn forget_a_week(lab: &Lab) -> i64 {
    let sql = format!(
        "set @from = (floor(unix_timestamp(sysdate(6))) - {WEEK}) * 1000000; \
         update jobs set valid_from = @from; \
         update job_versions set valid_from = @from; \
         update cluster set audited_until = @from, closed_until = @from; \
         select @from div 1000000"
    );
    lab.database.query(&sql).unwrap().trim().parse().unwrap()
}

#[test]
fn e44_week_without_agents_is_few_records_with_exact_counts() {
    const JOBS: usize = 5;
    let mut lab = Lab::with_jobs(JOBS);
    let from = forget_a_week(&lab);

    lab.start_agents(1);
    let first = laws::fire_second(&lab.witness.wait_for_starts(1, 2 * SOON)[0]);
    let settled = format!("select count(*) from cluster where audited_until > {first} * 1000000");
    wait_until("the week to be settled", 3 * SOON, || {
        (lab.database.query(&settled).unwrap().trim() == "1").then_some(())
    });

    let sql = format!(
        "select job_id, sum(tick_count), count(*) from runs where kind = 0 and fire_time < {first} * 1000000 \
         group by job_id"
    );
    let rows = lab.database.query(&sql).unwrap();
    assert_eq!(rows.lines().count(), JOBS);
    for row in rows.lines() {
        let cells: Vec<i64> = row.split('\t').map(|cell| cell.parse().unwrap()).collect();
        let [job, ticks, records] = cells[..] else {
            panic!("{row:?}")
        };
        assert_eq!(
            ticks,
            first - from - 1,
            "job {job}: every second has its outcome"
        );
        assert!(records < 100, "job {job}: {records} records for a week");
    }
}
