//! Totals by minute, node and outcome, kept up with every end of a run so that no page counts runs.

use std::collections::BTreeMap;

use carillon_core::run::Outcome;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::Store;
use crate::error::StoreError;
use crate::link::Change;
use crate::row::{Origin, args};
use crate::run::Run;
use crate::statement::Statement;

const MINUTE_US: i64 = 60_000_000;

/// What happened in one minute on all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunTotal {
    /// The minute's beginning.
    pub minute: Timestamp,
    /// The outcome.
    pub outcome: Outcome,
    /// How many runs.
    pub runs: i64,
    /// The sum of their start latenesses in microseconds.
    pub lateness_us: i64,
    /// The greatest of them.
    pub lateness_max_us: i64,
}

/// Changes to totals, gathered over a transaction.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<(i64, i64, &'static str), (i64, i64, i64)>);

impl Tally {
    /// Counts the end of a run.
    pub(crate) fn count(&mut self, run: &Run) {
        self.add(run, 1);
    }

    /// Takes it back, since the run ended otherwise after all.
    pub(crate) fn uncount(&mut self, run: &Run) {
        self.add(run, -1);
    }

    fn add(&mut self, run: &Run, sign: i64) {
        let (Some(outcome), Some(ended_at)) = (run.outcome, run.ended_at) else {
            return;
        };
        let minute = ended_at.as_microsecond().div_euclid(MINUTE_US) * MINUTE_US;
        let node = run.node.map_or(0, |node| node.0);
        let planned = run.tick.fire_time.max(run.not_before).as_microsecond();
        let lateness = run
            .started_at
            .map_or(0, |at| (at.as_microsecond() - planned).max(0));
        let total = self.0.entry((minute, node, outcome.word())).or_default();
        total.0 += sign * run.tick_count;
        total.1 += sign * lateness;
        total.2 = total.2.max(lateness);
    }

    /// Writes the changes.
    pub(crate) async fn write(self, change: &mut Change) -> Result<(), StoreError> {
        static ADD: Statement = Statement::of(
            "insert into run_totals (minute_time, node_id, outcome, runs, lateness_us, lateness_max_us)
            select minute_time, node_id, outcome, runs, lateness_us, lateness_max_us
            from {batch(minute_time, node_id, outcome text, runs, lateness_us, lateness_max_us)}
            on duplicate key update
                runs = run_totals.runs + values(runs),
                lateness_us = run_totals.lateness_us + values(lateness_us),
                lateness_max_us = greatest(run_totals.lateness_max_us, values(lateness_max_us))",
            "insert into run_totals (minute_time, node_id, outcome, runs, lateness_us, lateness_max_us)
            select minute_time, node_id, outcome, runs, lateness_us, lateness_max_us
            from {batch(minute_time, node_id, outcome text, runs, lateness_us, lateness_max_us)}
            where true
            on conflict (minute_time, node_id, outcome) do update set
                runs = runs + excluded.runs,
                lateness_us = lateness_us + excluded.lateness_us,
                lateness_max_us = max(lateness_max_us, excluded.lateness_max_us)",
        );
        if self.0.is_empty() {
            return Ok(());
        }
        let row = |((minute, node, outcome), (runs, sum, max))| {
            json!([minute, node, outcome, runs, sum, max])
        };
        let rows: Vec<Json> = self.0.into_iter().map(row).collect();
        change.execute(&ADD, args![Json::Array(rows)]).await?;
        Ok(())
    }
}

impl Store {
    /// The totals of the minutes from `from` until before `to`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or [`StoreError::Unavailable`] without an answer.
    pub async fn run_totals(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<RunTotal>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select minute_time, outcome, cast(sum(runs) as signed), cast(sum(lateness_us) as signed),
                max(lateness_max_us)
            from run_totals
            where minute_time >= ? and minute_time < ?
            group by minute_time, outcome
            order by minute_time, outcome",
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            let rows = link.rows(&SELECT, args![from, to]).await?;
            rows.iter()
                .map(|row| {
                    let mut cells = row.cells();
                    let minute = cells.time()?;
                    let origin = Origin {
                        table: "run_totals",
                        id: &minute,
                    };
                    Ok(RunTotal {
                        minute,
                        outcome: origin.parse("outcome", &cells.text()?)?,
                        runs: cells.int()?,
                        lateness_us: cells.int()?,
                        lateness_max_us: cells.int()?,
                    })
                })
                .collect()
        })
        .await
    }

    /// How many ticks have ended in this way since `from`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn ended_since(&self, outcome: Outcome, from: Timestamp) -> Result<i64, StoreError> {
        static SELECT: Statement = Statement::new(
            "select cast(coalesce(sum(runs), 0) as signed)
            from run_totals
            where outcome = ? and minute_time >= ?",
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            let row = link.only_row(&SELECT, args![outcome.word(), from]).await?;
            row.cells().int()
        })
        .await
    }
}
