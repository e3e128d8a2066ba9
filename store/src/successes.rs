//! The last successes of a job: what is usual for it.

use carillon_core::identity::JobId;
use carillon_core::tick::Tick;
use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::error::StoreError;
use crate::link::Link;
use crate::row::args;
use crate::run_row::read_tick;
use crate::statement::Statement;

/// Successes are looked for among so many of the job's last runs.
const LOOK_BACK: i64 = 100;

/// A run that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastSuccess {
    /// Which.
    pub tick: Tick,
    /// When its command started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
}

impl PastSuccess {
    /// How long it took.
    pub fn elapsed(&self) -> SignedDuration {
        self.ended_at.duration_since(self.started_at)
    }
}

impl Store {
    /// The successes among the job's last runs, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn successes(&self, job: JobId) -> Result<Vec<PastSuccess>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select fire_time, job_id, kind, slot, started_at, ended_at
            from (
                select fire_time, job_id, kind, slot, outcome, started_at, ended_at
                from runs
                where job_id = ?
                order by fire_time desc
                limit ?) as newest
            where outcome = 'succeeded' and started_at is not null and ended_at is not null
            order by fire_time desc",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, args![job, LOOK_BACK]).await?;
            let mut successes = Vec::with_capacity(rows.len());
            for row in &rows {
                let mut cells = row.cells();
                successes.push(PastSuccess {
                    tick: read_tick(&mut cells)?,
                    started_at: cells.time()?,
                    ended_at: cells.time()?,
                });
            }
            Ok(successes)
        })
        .await
    }
}
