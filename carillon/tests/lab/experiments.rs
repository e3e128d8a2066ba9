//! Experiments that no weather and no schedule of faults comes across, under the names that docs/EXPERIMENTS.md gives them.

use std::time::Duration;

use carillon_core::identity::JobId;
use carillon_store::{Editor, JobChange, Store};
use carillon_testbed::{SightingKind, wait_until};

use crate::laws;
use crate::rig::Lab;

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
