//! What the runs of a job did, as far back as the store holds them.

use carillon_core::back_test::PastRun;
use carillon_core::identity::JobId;
use jiff::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::link::Link;
use crate::row::{Origin, args};
use crate::run_row::{kind_number, read_tick};
use crate::statement::Statement;

/// Runs are read in pages of so many.
const PAGE: usize = 2000;

impl Store {
    /// The runs of the job that were due since `since` and have ended, in the order they ended; of more than about
    /// `max`, the newest.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or [`StoreError::Unavailable`] without an answer.
    pub async fn past_runs(
        &self,
        job: JobId,
        since: Timestamp,
        max: usize,
    ) -> Result<Vec<PastRun>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select fire_time, job_id, kind, slot, not_before, started_at, ended_at, outcome
            from runs
            where job_id = ? and fire_time >= ? and fire_time <= ?
                and (fire_time < ? or kind < ? or (kind = ? and slot < ?))
                and outcome is not null and ended_at is not null
            order by fire_time desc, kind desc, slot desc
            limit ?",
        );
        let mut runs = Vec::new();
        // Fire time, kind and slot of the oldest that was read.
        let mut before = (i64::MAX, i64::MAX, i64::MAX);
        loop {
            let page = self
                .read(Store::TIMEOUT, |mut link: Link| async move {
                    let (at, kind, slot) = before;
                    let page = i64::try_from(PAGE).unwrap_or(i64::MAX);
                    let values = args![job, since, at, at, kind, kind, slot, page];
                    let rows = link.rows(&SELECT, values).await?;
                    let mut found = Vec::with_capacity(rows.len());
                    for row in &rows {
                        let mut cells = row.cells();
                        let tick = read_tick(&mut cells)?;
                        let origin = Origin {
                            table: "runs",
                            id: &tick,
                        };
                        let run = PastRun {
                            run: tick.to_string(),
                            not_before: cells.time()?,
                            started_at: cells.time_or_none()?,
                            ended_at: cells.time()?,
                            outcome: origin.parse("outcome", &cells.text()?)?,
                        };
                        found.push((tick, run));
                    }
                    Ok(found)
                })
                .await?;
            let is_last = page.len() < PAGE;
            for (tick, run) in page {
                let at = tick.fire_time.as_microsecond();
                before = (at, kind_number(tick.kind), tick.slot);
                runs.push(run);
            }
            if is_last || runs.len() >= max {
                break;
            }
        }
        runs.sort_by_key(|run| run.ended_at);
        Ok(runs)
    }
}
