//! The newest runs of many jobs, as far as lists of jobs draw them.

use carillon_core::identity::JobId;
use carillon_core::run::{Outcome, Phase};
use carillon_core::tick::Tick;
use jiff::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::row::{Origin, Row, args};
use crate::run_row::read_tick;
use crate::statement::Statement;

/// A run, as far as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentRun {
    /// Which.
    pub tick: Tick,
    /// How far it is.
    pub state: Phase,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
    /// When its last attempt was started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Until when it stands for other ticks, too.
    pub until: Option<Timestamp>,
}

/// Jobs that one question asks of.
const JOBS_ASKED: usize = 10;

// The index is told: by its statistics the optimizer likes to sort all runs of a job.
macro_rules! newest {
    ($before:literal, $index:literal, $after:literal) => {
        concat!(
            $before,
            "select r.fire_time, r.job_id, r.kind, r.slot, r.state, r.outcome, r.started_at, r.ended_at, r.until_time
                from runs r ",
            $index,
            " where r.job_id = ? and r.fire_time >= ?
                order by r.fire_time desc, r.kind desc, r.slot desc
                limit ?",
            $after
        )
    };
}

macro_rules! of_ten_jobs {
    ($one:expr) => {
        of_ten_jobs!($one; "" "" "" "" "" "" "" "" "")
    };
    ($one:expr; $($other:literal)*) => {
        concat!($one $(, $other, " union all ", $one)*)
    };
}

impl Store {
    /// The newest `each` runs since `from` of each of these jobs, newest first within a job. Rows the domain refuses are
    /// left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn recent_runs(
        &self,
        jobs: &[JobId],
        from: Timestamp,
        each: u32,
    ) -> Result<Vec<RecentRun>, StoreError> {
        // SQLite wants a table around what has an order of its own; MySQL fills one, which costs half as much again.
        static SELECT: Statement = Statement::of(
            of_ten_jobs!(newest!("(", "force index (runs_by_job)", ")")),
            of_ten_jobs!(newest!(
                "select * from (",
                "indexed by runs_by_job",
                ") as newest"
            )),
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            let mut runs = Vec::with_capacity(jobs.len() * each as usize);
            for some in jobs.chunks(JOBS_ASKED) {
                // Seats that are left go to a job that is not.
                let seats = some.iter().copied().chain(std::iter::repeat(JobId(0)));
                let values = seats
                    .take(JOBS_ASKED)
                    .flat_map(|job| args![job, from, each]);
                for row in &link.rows(&SELECT, values.collect()).await? {
                    match read(row) {
                        Ok(run) => runs.push(run),
                        Err(StoreError::Corrupt(corrupt)) => tracing::warn!("{corrupt}"),
                        Err(error) => return Err(error),
                    }
                }
            }
            runs.sort_unstable_by_key(|run| (run.tick.job, std::cmp::Reverse(run.tick)));
            Ok(runs)
        })
        .await
    }
}

fn read(row: &Row) -> Result<RecentRun, StoreError> {
    let mut cells = row.cells();
    let tick = read_tick(&mut cells)?;
    let origin = Origin {
        table: "runs",
        id: &tick,
    };
    Ok(RecentRun {
        tick,
        state: origin.parse("state", &cells.text()?)?,
        outcome: origin.parse_or_none("outcome", cells.text_or_none()?)?,
        started_at: cells.time_or_none()?,
        ended_at: cells.time_or_none()?,
        until: cells.time_or_none()?,
    })
}
