//! How the last run of each of many jobs stands: what lists of jobs are filtered by.

use carillon_core::identity::JobId;
use carillon_core::run::{Outcome, Phase};
use carillon_core::tick::Tick;

use crate::Store;
use crate::error::StoreError;
use crate::row::{Origin, Row, args};
use crate::run_row::read_tick;
use crate::statement::Statement;

/// The last run of a job, as far as a filter asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRun {
    /// Which.
    pub tick: Tick,
    /// How far it is.
    pub state: Phase,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
}

// The index is told: by its statistics the optimizer likes to sort all runs of a job.
macro_rules! last {
    ($index:literal) => {
        concat!(
            "select r.fire_time, r.job_id, r.kind, r.slot, r.state, r.outcome
            from {batch(job_id)}
            {then} runs r
                on r.job_id = batch.job_id
                and r.fire_time = (
                    select l.fire_time
                    from runs l ",
            $index,
            " where l.job_id = batch.job_id
                    order by l.fire_time desc
                    limit 1)"
        )
    };
}

impl Store {
    /// The last run of each of these jobs, by one question for all; of the slots of one fire time the last.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or [`StoreError::Unavailable`] without an answer.
    pub async fn last_runs(&self, jobs: &[JobId]) -> Result<Vec<LastRun>, StoreError> {
        static SELECT: Statement = Statement::of(
            last!("force index (runs_by_job)"),
            last!("indexed by runs_by_job"),
        );
        let batch: Vec<_> = jobs.iter().map(|job| [job.0]).collect();
        let batch: &str = &serde_json::json!(batch).to_string();
        self.read(Store::TIMEOUT, |mut link| async move {
            let rows = link.rows(&SELECT, args![batch]).await?;
            let runs: Result<Vec<_>, _> = rows.iter().map(read).collect();
            let mut runs = runs?;
            runs.sort_unstable_by_key(|run| (run.tick.job, std::cmp::Reverse(run.tick)));
            runs.dedup_by_key(|run| run.tick.job);
            Ok(runs)
        })
        .await
    }
}

fn read(row: &Row) -> Result<LastRun, StoreError> {
    let mut cells = row.cells();
    let tick = read_tick(&mut cells)?;
    let origin = Origin {
        table: "runs",
        id: &tick,
    };
    Ok(LastRun {
        tick,
        state: origin.parse("state", &cells.text()?)?,
        outcome: origin.parse_or_none("outcome", cells.text_or_none()?)?,
    })
}
