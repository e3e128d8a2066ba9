//! Attempts that were followed by another one. The last attempt stands in the run itself.

use carillon_core::identity::NodeId;
use carillon_core::run::{Conclusion, Outcome, Reason};
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::Store;
use crate::error::StoreError;
use crate::link::{Change, Link};
use crate::row::{Origin, args};
use crate::run::Run;
use crate::run_row::kind_number;
use crate::statement::Statement;

/// One process of a run, after its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The run.
    pub tick: Tick,
    /// Counted from 1.
    pub attempt: u32,
    /// The owner's proof.
    pub token: Option<Token>,
    /// The owner.
    pub node: Option<NodeId>,
    /// How it ended.
    pub ending: Conclusion,
    /// When it was claimed.
    pub claimed_at: Option<Timestamp>,
    /// When its command started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl Attempt {
    /// The attempt at which this run stands, which has just ended.
    pub(crate) fn of(run: &Run) -> Self {
        Attempt {
            tick: run.tick,
            attempt: run.attempt,
            token: run.token,
            node: run.node,
            ending: Conclusion {
                outcome: run.outcome.unwrap_or(Outcome::Interrupted),
                exit_code: run.exit_code,
                signal: run.signal,
                reason: run.reason,
                detail: run.detail.clone(),
            },
            claimed_at: run.claimed_at,
            started_at: run.started_at,
            ended_at: run.ended_at,
        }
    }
}

/// Keeps ended attempts.
pub(crate) async fn insert_attempts(
    change: &mut Change,
    attempts: &[Attempt],
) -> Result<(), StoreError> {
    static INSERT: Statement = Statement::new(
        "insert into attempts
            (fire_time, job_id, kind, slot, attempt, token, node_id, outcome, reason, detail,
            claimed_at, started_at, ended_at, exit_code, exit_signal)
        select fire_time, job_id, kind, slot, attempt, unhex(token), node_id, outcome, reason, detail,
            claimed_at, started_at, ended_at, exit_code, exit_signal
        from {batch(fire_time, job_id, kind, slot, attempt, token text, node_id, outcome text, reason text, detail text, claimed_at, started_at, ended_at, exit_code, exit_signal)}",
    );
    if attempts.is_empty() {
        return Ok(());
    }
    let micros = |time: Option<Timestamp>| time.map(Timestamp::as_microsecond);
    let row = |attempt: &Attempt| {
        json!([
            attempt.tick.fire_time.as_microsecond(),
            attempt.tick.job.0,
            kind_number(attempt.tick.kind),
            attempt.tick.slot,
            attempt.attempt,
            attempt.token.map(|token| token.to_string()),
            attempt.node.map(|node| node.0),
            attempt.ending.outcome,
            attempt.ending.reason,
            attempt.ending.detail,
            micros(attempt.claimed_at),
            micros(attempt.started_at),
            micros(attempt.ended_at),
            attempt.ending.exit_code,
            attempt.ending.signal,
        ])
    };
    let rows: Vec<Json> = attempts.iter().map(row).collect();
    change.execute(&INSERT, args![Json::Array(rows)]).await?;
    Ok(())
}

/// The ended attempts of a run, the first first.
pub(crate) async fn select_attempts(
    link: &mut Link,
    tick: Tick,
) -> Result<Vec<Attempt>, StoreError> {
    static SELECT: Statement = Statement::new(
        "select attempt, token, node_id, outcome, reason, detail, claimed_at, started_at, ended_at,
            exit_code, exit_signal
        from attempts
        where fire_time = ? and job_id = ? and kind = ? and slot = ?
        order by attempt",
    );
    let values = args![tick.fire_time, tick.job, kind_number(tick.kind), tick.slot];
    let rows = link.rows(&SELECT, values).await?;
    let read = |row: &crate::row::Row| {
        let mut cells = row.cells();
        let origin = Origin {
            table: "attempts",
            id: &tick,
        };
        let attempt = cells.small()?;
        let (token, node) = (cells.token_or_none()?, cells.node_or_none()?);
        let outcome: Outcome = origin.parse("outcome", &cells.text()?)?;
        let reason: Option<Reason> = origin.parse_or_none("reason", cells.text_or_none()?)?;
        let detail = cells.text_or_none()?;
        Ok(Attempt {
            tick,
            attempt,
            token,
            node,
            claimed_at: cells.time_or_none()?,
            started_at: cells.time_or_none()?,
            ended_at: cells.time_or_none()?,
            ending: Conclusion {
                outcome,
                reason,
                detail,
                exit_code: cells.small_or_none()?,
                signal: cells.small_or_none()?,
            },
        })
    };
    rows.iter().map(read).collect()
}

/// Forgets an attempt that has become the run's last one again.
pub(crate) async fn delete_attempt(
    change: &mut Change,
    attempt: &Attempt,
) -> Result<(), StoreError> {
    static DELETE: Statement = Statement::new(
        "delete from attempts
        where fire_time = ? and job_id = ? and kind = ? and slot = ? and attempt = ?",
    );
    let tick = attempt.tick;
    let kind = kind_number(tick.kind);
    let values = args![tick.fire_time, tick.job, kind, tick.slot, attempt.attempt];
    change.execute(&DELETE, values).await?;
    Ok(())
}

impl Store {
    /// The attempts of a run that were followed by another one, the first first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or [`StoreError::Unavailable`] without an answer.
    pub async fn attempts(&self, tick: Tick) -> Result<Vec<Attempt>, StoreError> {
        self.read(Store::TIMEOUT, |mut link| async move {
            select_attempts(&mut link, tick).await
        })
        .await
    }
}
