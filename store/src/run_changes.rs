//! The three changes of runs that come by the thousand, each with no more columns than it needs: a claim, a start, an end.

use carillon_core::claim::Claimant;
use carillon_core::run::Phase;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::error::StoreError;
use crate::link::Change;
use crate::row::args;
use crate::run::Run;
use crate::run_row::{key_json, trouble_time};
use crate::statement::Statement;

/// Makes the runs of one claim. A key that is taken fails the transaction, so what is committed is the claimant's, and
/// no count of rows has to be believed.
pub(crate) async fn insert_claims(
    change: &mut Change,
    claimant: Claimant,
    now: Timestamp,
    runs: &[Run],
) -> Result<(), StoreError> {
    static INSERT: Statement = Statement::new(
        "insert into runs
            (fire_time, job_id, kind, slot, state, outcome, reason, token, run_trigger, job_version,
            not_before, start_until, node_id, boot_id, claimed_at, ended_at, open_job, trouble_time)
        select fire_time, job_id, kind, slot, state, outcome, reason, unhex(token), run_trigger, job_version,
            fire_time, start_until,
            case when state = 'claimed' then ? end,
            case when state = 'claimed' then ? end,
            case when state = 'claimed' then ? end,
            case when state = 'done' then ? end,
            case when state <> 'done' then job_id end,
            case when state = 'done' then fire_time end
        from {batch(fire_time, job_id, kind, slot, state text, outcome text, reason text, token text, run_trigger text, job_version, start_until)}",
    );
    let row = |run: &Run| {
        let own = [
            json!(run.state),
            json!(run.outcome),
            json!(run.reason),
            json!(run.token),
            json!(run.trigger),
            json!(run.version),
            json!(run.start_until.as_microsecond()),
        ];
        Json::Array(key_json(run.tick).into_iter().chain(own).collect())
    };
    let rows: Vec<Json> = runs.iter().map(row).collect();
    let values = args![claimant.node, claimant.boot.0, now, now, Json::Array(rows)];
    change.execute(&INSERT, values).await?;
    Ok(())
}

macro_rules! by_key {
    ($batch:literal, $mysql:literal, $sqlite:literal) => {
        Statement::of(
            concat!(
                "update ",
                $batch,
                " straight_join runs r
                    on r.fire_time = batch.fire_time and r.job_id = batch.job_id
                    and r.kind = batch.kind and r.slot = batch.slot
                set ",
                $mysql
            ),
            concat!(
                "update runs as r set ",
                $sqlite,
                " from ",
                $batch,
                " where r.fire_time = batch.fire_time and r.job_id = batch.job_id
                    and r.kind = batch.kind and r.slot = batch.slot"
            ),
        )
    };
}

/// Writes back locked runs whose commands live.
pub(crate) async fn write_starts(change: &mut Change, runs: &[&Run]) -> Result<(), StoreError> {
    static UPDATE: Statement = by_key!(
        "{batch(fire_time, job_id, kind, slot, started_at)}",
        "r.state = 'running', r.started_at = batch.started_at, r.open_job = r.job_id, r.outcome = null, \
         r.reason = null, r.detail = null, r.ended_at = null, r.exit_code = null, r.exit_signal = null, \
         r.trouble_time = null",
        "state = 'running', started_at = batch.started_at, open_job = r.job_id, outcome = null, \
         reason = null, detail = null, ended_at = null, exit_code = null, exit_signal = null, \
         trouble_time = null"
    );
    let row = |run: &&Run| {
        let own = [json!(run.started_at.map(Timestamp::as_microsecond))];
        Json::Array(key_json(run.tick).into_iter().chain(own).collect())
    };
    write(change, &UPDATE, runs.iter().map(row).collect()).await
}

/// Writes back locked runs that their owners have ended.
pub(crate) async fn write_ends(change: &mut Change, runs: &[&Run]) -> Result<(), StoreError> {
    static UPDATE: Statement = by_key!(
        "{batch(fire_time, job_id, kind, slot, outcome text, reason text, detail text, started_at, ended_at, \
         exit_code, exit_signal, trouble_time)}",
        "r.state = 'done', r.open_job = null, r.outcome = batch.outcome, r.reason = batch.reason, \
         r.detail = batch.detail, r.started_at = batch.started_at, r.ended_at = batch.ended_at, \
         r.exit_code = batch.exit_code, r.exit_signal = batch.exit_signal, r.trouble_time = batch.trouble_time",
        "state = 'done', open_job = null, outcome = batch.outcome, reason = batch.reason, \
         detail = batch.detail, started_at = batch.started_at, ended_at = batch.ended_at, \
         exit_code = batch.exit_code, exit_signal = batch.exit_signal, trouble_time = batch.trouble_time"
    );
    let row = |run: &&Run| {
        let own = [
            json!(run.outcome),
            json!(run.reason),
            json!(run.detail),
            json!(run.started_at.map(Timestamp::as_microsecond)),
            json!(run.ended_at.map(Timestamp::as_microsecond)),
            json!(run.exit_code),
            json!(run.signal),
            json!(trouble_time(run)),
        ];
        Json::Array(key_json(run.tick).into_iter().chain(own).collect())
    };
    write(change, &UPDATE, runs.iter().map(row).collect()).await
}

/// Writes back locked runs as their owners have reported them: the many by the short ways.
pub(crate) async fn write_reported(change: &mut Change, runs: &[&Run]) -> Result<(), StoreError> {
    let of = |state: Phase| -> Vec<&Run> {
        let is_so = |run: &&&Run| run.state == state;
        runs.iter().filter(is_so).copied().collect()
    };
    write_starts(change, &of(Phase::Running)).await?;
    write_ends(change, &of(Phase::Done)).await?;
    crate::run_row::write_back(change, &of(Phase::Offered)).await
}

async fn write(
    change: &mut Change,
    statement: &'static Statement,
    rows: Vec<Json>,
) -> Result<(), StoreError> {
    if !rows.is_empty() {
        change.execute(statement, args![Json::Array(rows)]).await?;
    }
    Ok(())
}
