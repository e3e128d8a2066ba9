//! The runs that groups do not keep, dropped job by job.

use std::collections::VecDeque;

use carillon_core::identity::JobId;
use carillon_core::tick::Tick;
use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::error::StoreError;
use crate::group_limits::{GroupLimits, read_limits};
use crate::jobs::store_now;
use crate::link::Link;
use crate::retention::Dropped;
use crate::row::args;
use crate::run_row::{key_batch, read_tick};
use crate::statement::Statement;

/// Jobs read at once.
const JOBS_MAX: u32 = 500;

/// A job of a group that keeps less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitedJob {
    /// The job.
    pub id: JobId,
    /// What its group keeps.
    pub limits: GroupLimits,
}

/// A way past all jobs of groups that keep less than the cluster, round after round. Who has little time goes on where
/// he stopped, so that every job has its turn.
#[derive(Debug, Default)]
pub struct SurplusRound {
    after: Option<JobId>,
    jobs: VecDeque<LimitedJob>,
}

impl SurplusRound {
    /// The next job; none at the end of a round, and then the first one again.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer; the round goes on from the same job.
    pub async fn next_job(&mut self, store: &Store) -> Result<Option<LimitedJob>, StoreError> {
        if self.jobs.is_empty() {
            self.jobs = store.limited_jobs(self.after, JOBS_MAX).await?.into();
        }
        let job = self.jobs.pop_front();
        self.after = job.map(|job| job.id);
        Ok(job)
    }
}

impl Store {
    /// The jobs of groups that keep less than the cluster, deleted ones too, at most `limit` of those after `after`.
    async fn limited_jobs(
        &self,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<LimitedJob>, StoreError> {
        static ANY: Statement = Statement::new(
            "select 1 from job_groups where keep_runs is not null or keep_days is not null limit 1",
        );
        static SELECT: Statement = Statement::new(
            "select j.id, g.keep_runs, g.keep_days
            from jobs j
            {then} job_groups g on g.id = j.group_id
            where j.id > ? and (g.keep_runs is not null or g.keep_days is not null)
            order by j.id
            limit ?",
        );
        let after = after.map_or(0, |job| job.0);
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            // Most clusters have none, and then nobody walks through the jobs.
            if link.row(&ANY, Vec::new()).await?.is_none() {
                return Ok(Vec::new());
            }
            let rows = link.rows(&SELECT, args![after, limit]).await?;
            rows.iter()
                .map(|row| {
                    let mut cells = row.cells();
                    Ok(LimitedJob {
                        id: cells.job()?,
                        limits: read_limits(&mut cells)?,
                    })
                })
                .collect()
        })
        .await
    }

    /// Drops about `limit` of the oldest runs that the job's group does not keep, with their attempts and output. Runs that
    /// have not ended stay, and so does every run above the watermark.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn drop_surplus(&self, job: LimitedJob, limit: u32) -> Result<Dropped, StoreError> {
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let surplus = surplus(&mut change, job, limit).await?;
            if surplus.is_empty() {
                change.roll_back().await?;
                return Ok(Dropped::default());
            }
            let keys = key_batch(surplus.iter().copied());
            for delete in &DELETES {
                change.execute(delete, args![keys.as_str()]).await?;
            }
            change.commit().await?;
            Ok(Dropped {
                rows: surplus.len() as u64,
                is_more: surplus.len() as u64 >= u64::from(limit),
            })
        })
        .await
    }

    /// How many runs [`Store::drop_surplus`] would drop of the job, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn count_surplus(&self, job: LimitedJob, limit: u32) -> Result<u64, StoreError> {
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            Ok(surplus(&mut link, job, limit).await?.len() as u64)
        })
        .await
    }
}
/// Deletes the rows of a table that belong to the runs of a batch.
macro_rules! delete_batch {
    ($table:literal) => {
        Statement::of(
            concat!(
                "delete t from {batch(fire_time, job_id, kind, slot)} straight_join ",
                $table,
                " t on t.fire_time = batch.fire_time and t.job_id = batch.job_id
                and t.kind = batch.kind and t.slot = batch.slot"
            ),
            concat!(
                "delete from ",
                $table,
                " where (fire_time, job_id, kind, slot) in (
                select fire_time, job_id, kind, slot from {batch(fire_time, job_id, kind, slot)}
            )"
            ),
        )
    };
}

static DELETES: [Statement; 3] = [
    delete_batch!("runs"),
    delete_batch!("attempts"),
    delete_batch!("run_outputs"),
];

/// Reads runs by the index of their job, whatever the planner thinks: by the primary key it would walk through the
/// history of all jobs.
macro_rules! by_job_index {
    ($select:literal, $rest:literal) => {
        Statement::of(
            concat!($select, "force index (runs_by_job)", $rest),
            concat!($select, "indexed by runs_by_job", $rest),
        )
    };
}

/// The oldest runs that the group does not keep, by the index of the job's runs: what is kept is skipped in the index
/// alone, and what is dropped is read once.
async fn surplus(link: &mut Link, job: LimitedJob, limit: u32) -> Result<Vec<Tick>, StoreError> {
    static OLDEST_KEPT: Statement = by_job_index!(
        "select r.fire_time from runs r ",
        " where r.job_id = ? order by r.fire_time desc limit 1 offset ?"
    );
    static SELECT: Statement = by_job_index!(
        "select r.fire_time, r.job_id, r.kind, r.slot from runs r ",
        " where r.job_id = ?
            and r.fire_time < ?
            and r.fire_time < (select c.audited_until from cluster c where c.id = 1)
            and r.state = 'done'
        order by r.fire_time
        limit ?"
    );
    let mut before = Timestamp::MIN;
    if let Some(days) = job.limits.keep_days {
        let age = SignedDuration::from_hours(24 * i64::from(days));
        before = store_now(link).await?.saturating_sub(age).unwrap_or(before);
    }
    if let Some(runs) = job.limits.keep_runs {
        let values = args![job.id, runs.saturating_sub(1)];
        if let Some(row) = link.row(&OLDEST_KEPT, values).await? {
            before = before.max(row.cells().time()?);
        }
    }
    let rows = link.rows(&SELECT, args![job.id, before, limit]).await?;
    rows.iter().map(|row| read_tick(&mut row.cells())).collect()
}
