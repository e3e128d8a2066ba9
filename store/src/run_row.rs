//! Runs as rows: read whole, changed in memory under their locks, and written back in batches.

use std::collections::HashMap;

use carillon_core::claim::BootId;
use carillon_core::identity::{JobId, NodeId};
use carillon_core::run::{Outcome, Phase, Preference};
use carillon_core::tick::{Tick, TickKind};
use carillon_core::token::Token;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::error::StoreError;
use crate::link::{Change, Link};
use crate::row::{Cells, Origin, Row, args};
use crate::run::Run;
use crate::statement::Statement;

/// The select list that [`read_run`] reads.
macro_rules! run_columns {
    () => {
        "r.fire_time, r.job_id, r.kind, r.slot, r.state, r.outcome, r.reason, r.detail, r.run_trigger, \
         r.job_version, r.attempt, r.token, r.node_id, r.boot_id, r.not_before, r.start_until, r.preference, \
         r.preferred_node, r.claimed_at, r.started_at, r.ended_at, r.exit_code, r.exit_signal, \
         r.until_time, r.tick_count, r.requested_by, r.request_key, r.parameters"
    };
}
pub(crate) use run_columns;

/// How many cells [`read_run`] reads.
pub(crate) const RUN_COLUMNS_COUNT: usize = 28;

macro_rules! changing_batch {
    () => {
        "{batch(fire_time, job_id, kind, slot, state text, outcome text, reason text, detail text, attempt, \
         token text, node_id, boot_id text, not_before, start_until, preference text, preferred_node, \
         claimed_at, started_at, ended_at, exit_code, exit_signal, open_job, trouble_time, job_version)}"
    };
}

macro_rules! changing_set {
    ($r:literal) => {
        concat!(
            $r,
            "state = batch.state, ",
            $r,
            "outcome = batch.outcome, ",
            $r,
            "reason = batch.reason, ",
            $r,
            "detail = batch.detail, ",
            $r,
            "attempt = batch.attempt, ",
            $r,
            "token = unhex(batch.token), ",
            $r,
            "node_id = batch.node_id, ",
            $r,
            "boot_id = unhex(batch.boot_id), ",
            $r,
            "not_before = batch.not_before, ",
            $r,
            "start_until = batch.start_until, ",
            $r,
            "preference = batch.preference, ",
            $r,
            "preferred_node = batch.preferred_node, ",
            $r,
            "claimed_at = batch.claimed_at, ",
            $r,
            "started_at = batch.started_at, ",
            $r,
            "ended_at = batch.ended_at, ",
            $r,
            "exit_code = batch.exit_code, ",
            $r,
            "exit_signal = batch.exit_signal, ",
            $r,
            "open_job = batch.open_job, ",
            $r,
            "trouble_time = batch.trouble_time, ",
            $r,
            "job_version = batch.job_version"
        )
    };
}

/// The columns that are written once, when the run is made.
macro_rules! making_batch {
    () => {
        "{batch(fire_time, job_id, kind, slot, state text, outcome text, reason text, detail text, attempt, \
         token text, node_id, boot_id text, not_before, start_until, preference text, preferred_node, \
         claimed_at, started_at, ended_at, exit_code, exit_signal, open_job, trouble_time, job_version, \
         run_trigger text, until_time, tick_count, requested_by text, request_key text, parameters text)}"
    };
}

macro_rules! making_insert {
    () => {
        concat!(
            "insert into runs
                (fire_time, job_id, kind, slot, state, outcome, reason, detail, attempt, token, node_id, boot_id,
                not_before, start_until, preference, preferred_node, claimed_at, started_at, ended_at,
                exit_code, exit_signal, open_job, trouble_time, job_version, run_trigger, until_time,
                tick_count, requested_by, request_key, parameters)
            select fire_time, job_id, kind, slot, state, outcome, reason, detail, attempt, unhex(token), node_id,
                unhex(boot_id), not_before, start_until, preference, preferred_node, claimed_at, started_at,
                ended_at, exit_code, exit_signal, open_job, trouble_time, job_version, run_trigger,
                until_time, tick_count, requested_by, request_key, parameters
            from ",
            making_batch!(),
            " where true "
        )
    };
}

/// The number that a kind of tick has in a key.
pub(crate) fn kind_number(kind: TickKind) -> i64 {
    match kind {
        TickKind::Scheduled => 0,
        TickKind::Manual => 1,
    }
}

/// Reads the four cells of a run's key.
pub(crate) fn read_tick(cells: &mut Cells<'_>) -> Result<Tick, StoreError> {
    Ok(Tick {
        fire_time: cells.time()?,
        job: JobId(cells.int()?),
        kind: match cells.int()? {
            0 => TickKind::Scheduled,
            _ => TickKind::Manual,
        },
        slot: cells.int()?,
    })
}

/// Reads a run selected by `run_columns!`.
pub(crate) fn read_run(row: &Row) -> Result<Run, StoreError> {
    let mut cells = row.cells();
    let tick = read_tick(&mut cells)?;
    let origin = Origin {
        table: "runs",
        id: &tick,
    };
    Ok(Run {
        tick,
        state: origin.parse("state", &cells.text()?)?,
        outcome: origin.parse_or_none("outcome", cells.text_or_none()?)?,
        reason: origin.parse_or_none("reason", cells.text_or_none()?)?,
        detail: cells.text_or_none()?,
        trigger: origin.parse("run_trigger", &cells.text()?)?,
        version: cells.int()?,
        attempt: cells.small()?,
        token: cells.token_or_none()?,
        node: cells.node_or_none()?,
        boot: cells.token_or_none()?.map(BootId),
        not_before: cells.time()?,
        start_until: cells.time()?,
        preference: read_preference(&cells.text()?, cells.node_or_none()?),
        claimed_at: cells.time_or_none()?,
        started_at: cells.time_or_none()?,
        ended_at: cells.time_or_none()?,
        exit_code: cells.small_or_none()?,
        signal: cells.small_or_none()?,
        until: cells.time_or_none()?,
        tick_count: cells.int()?,
        requested_by: cells.text_or_none()?,
        request_key: cells.text_or_none()?,
        parameters: cells.text_or_none()?,
    })
}

fn read_preference(word: &str, node: Option<NodeId>) -> Preference {
    match (word, node) {
        ("only", Some(node)) => Preference::Only(node),
        ("rather_not", Some(node)) => Preference::RatherNot(node),
        ("not", Some(node)) => Preference::Not(node),
        _ => Preference::Any,
    }
}

fn write_preference(preference: Preference) -> (&'static str, Option<i64>) {
    match preference {
        Preference::Any => ("any", None),
        Preference::Only(node) => ("only", Some(node.0)),
        Preference::RatherNot(node) => ("rather_not", Some(node.0)),
        Preference::Not(node) => ("not", Some(node.0)),
    }
}

/// The keys of a batch, in the order in which rows are locked.
pub(crate) fn key_batch(ticks: impl Iterator<Item = Tick>) -> String {
    let mut ticks: Vec<_> = ticks.collect();
    ticks.sort_unstable();
    ticks.dedup();
    let keys: Vec<_> = ticks
        .into_iter()
        .map(|tick| Json::Array(key_json(tick).into()))
        .collect();
    Json::from(keys).to_string()
}

pub(crate) fn key_json(tick: Tick) -> [Json; 4] {
    [
        json!(tick.fire_time.as_microsecond()),
        json!(tick.job.0),
        json!(kind_number(tick.kind)),
        json!(tick.slot),
    ]
}

/// Reads and locks the runs of these ticks.
pub(crate) async fn lock_runs(
    change: &mut Change,
    ticks: impl Iterator<Item = Tick>,
) -> Result<HashMap<Tick, Run>, StoreError> {
    static SELECT: Statement = Statement::new(concat!(
        "select ",
        run_columns!(),
        " from {batch(fire_time, job_id, kind, slot)}
        {then} runs r
            on r.fire_time = batch.fire_time and r.job_id = batch.job_id
            and r.kind = batch.kind and r.slot = batch.slot
        {for update of r}"
    ));
    let rows = change.rows(&SELECT, args![key_batch(ticks)]).await?;
    read_all(&rows)
}

/// The open runs of these jobs, by job. Not locked: the jobs are.
pub(crate) async fn open_runs_of(
    link: &mut Link,
    jobs: &[JobId],
) -> Result<HashMap<JobId, Vec<Run>>, StoreError> {
    static SELECT: Statement = Statement::new(concat!(
        "select ",
        run_columns!(),
        " from {batch(job_id)}
        {then} runs r on r.open_job = batch.job_id"
    ));
    let rows = link.rows(&SELECT, args![job_batch(jobs)]).await?;
    let mut open: HashMap<JobId, Vec<Run>> = HashMap::new();
    for row in &rows {
        let run = read_run(row)?;
        open.entry(run.tick.job).or_default().push(run);
    }
    Ok(open)
}

/// Jobs as the rows of a batch, in the order in which they are locked.
pub(crate) fn job_batch(jobs: &[JobId]) -> String {
    let mut jobs: Vec<_> = jobs.iter().map(|job| job.0).collect();
    jobs.sort_unstable();
    jobs.dedup();
    Json::from(jobs.into_iter().map(|job| json!([job])).collect::<Vec<_>>()).to_string()
}

fn read_all(rows: &[Row]) -> Result<HashMap<Tick, Run>, StoreError> {
    rows.iter()
        .map(|row| read_run(row).map(|run| (run.tick, run)))
        .collect()
}

fn hex(token: Option<Token>) -> Option<String> {
    token.map(|token| token.to_string())
}

fn micros(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_microsecond)
}

/// The columns that change in the life of a run, in the order of both statements below.
fn changing_json(run: &Run) -> Vec<Json> {
    let (preference, preferred_node) = write_preference(run.preference);
    let mut cells = Vec::from(key_json(run.tick));
    cells.extend([
        json!(run.state),
        json!(run.outcome),
        json!(run.reason),
        json!(run.detail),
        json!(run.attempt),
        json!(hex(run.token)),
        json!(run.node.map(|node| node.0)),
        json!(hex(run.boot.map(|boot| boot.0))),
        json!(run.not_before.as_microsecond()),
        json!(run.start_until.as_microsecond()),
        json!(preference),
        json!(preferred_node),
        json!(micros(run.claimed_at)),
        json!(micros(run.started_at)),
        json!(micros(run.ended_at)),
        json!(run.exit_code),
        json!(run.signal),
        json!((run.state != Phase::Done).then_some(run.tick.job.0)),
        json!(trouble_time(run)),
        json!(run.version),
    ]);
    cells
}

pub(crate) fn trouble_time(run: &Run) -> Option<i64> {
    let in_trouble = run
        .outcome
        .is_some_and(|outcome| outcome != Outcome::Succeeded);
    in_trouble.then_some(run.tick.fire_time.as_microsecond())
}

/// Writes runs back that this transaction has locked and changed.
pub(crate) async fn write_back(change: &mut Change, runs: &[&Run]) -> Result<(), StoreError> {
    static UPDATE: Statement = Statement::of(
        concat!(
            "update ",
            changing_batch!(),
            " straight_join runs r
                on r.fire_time = batch.fire_time and r.job_id = batch.job_id
                and r.kind = batch.kind and r.slot = batch.slot
            set ",
            changing_set!("r.")
        ),
        concat!(
            "update runs as r set ",
            changing_set!(""),
            " from ",
            changing_batch!(),
            " where r.fire_time = batch.fire_time and r.job_id = batch.job_id
                and r.kind = batch.kind and r.slot = batch.slot"
        ),
    );
    if runs.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = runs
        .iter()
        .map(|run| Json::Array(changing_json(run)))
        .collect();
    change.execute(&UPDATE, args![Json::Array(rows)]).await?;
    Ok(())
}

fn making_json(run: &Run) -> Json {
    let mut cells = changing_json(run);
    cells.extend([
        json!(run.trigger),
        json!(micros(run.until)),
        json!(run.tick_count),
        json!(run.requested_by),
        json!(run.request_key),
        json!(run.parameters),
    ]);
    Json::Array(cells)
}

/// Makes runs that nobody else has made: a key that is taken fails the transaction. So what is committed is ours,
/// and no count of rows has to be believed.
pub(crate) async fn insert_runs(change: &mut Change, runs: &[&Run]) -> Result<(), StoreError> {
    static INSERT: Statement = Statement::new(making_insert!());
    if runs.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = runs.iter().map(|run| making_json(run)).collect();
    change.execute(&INSERT, args![Json::Array(rows)]).await?;
    Ok(())
}

/// Makes those of the runs whose ticks have none yet.
pub(crate) async fn insert_absent_runs(
    change: &mut Change,
    runs: &[&Run],
) -> Result<(), StoreError> {
    static INSERT: Statement = Statement::new(concat!(making_insert!(), "{or keep runs.job_id}"));
    if runs.is_empty() {
        return Ok(());
    }
    let mut runs: Vec<_> = runs.to_vec();
    runs.sort_unstable_by_key(|run| run.tick);
    let rows: Vec<_> = runs.iter().map(|run| making_json(run)).collect();
    change.execute(&INSERT, args![Json::Array(rows)]).await?;
    Ok(())
}
