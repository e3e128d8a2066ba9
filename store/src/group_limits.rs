//! Groups that keep less of their jobs' runs than the cluster does: a number of runs a job, or fewer days.

use carillon_core::identity::{GroupId, JobId};
use carillon_core::tick::Tick;
use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::error::StoreError;
use crate::jobs::store_now;
use crate::link::Link;
use crate::retention::Dropped;
use crate::row::{Cells, args};
use crate::run_row::{key_batch, read_tick};
use crate::statement::Statement;

/// The most runs of a job that a group may name as its limit: to find the last of them, so many entries of an index are
/// read.
pub const KEEP_RUNS_MAX: u32 = 100_000;

/// The most days a group may name.
pub const KEEP_DAYS_MAX: u32 = 36_500;

/// What a group keeps of each of its jobs. None is as much as the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupLimits {
    /// So many of the newest runs, 1 to [`KEEP_RUNS_MAX`]. The seats of one tick go together.
    pub keep_runs: Option<u32>,
    /// The runs of so many days, 1 to [`KEEP_DAYS_MAX`].
    pub keep_days: Option<u32>,
}

/// A job of a group that keeps less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitedJob {
    /// The job.
    pub id: JobId,
    /// What its group keeps.
    pub limits: GroupLimits,
}

impl Store {
    /// What the group keeps.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`] without an answer.
    pub async fn group_limits(&self, group: GroupId) -> Result<GroupLimits, StoreError> {
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            select_limits(&mut link, group).await
        })
        .await
    }

    /// Says what the group keeps.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Rejected`] for a limit out of its range, [`StoreError::Unavailable`] without an answer.
    pub async fn set_group_limits(
        &self,
        group: GroupId,
        limits: GroupLimits,
        editor: &Editor,
    ) -> Result<(), StoreError> {
        static UPDATE: Statement =
            Statement::new("update job_groups set keep_runs = ?, keep_days = ? where id = ?");
        judge("keep_runs", limits.keep_runs, KEEP_RUNS_MAX)?;
        judge("keep_days", limits.keep_days, KEEP_DAYS_MAX)?;
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let before = select_limits(&mut change, group).await?;
            let values = args![
                limits.keep_runs.map(i64::from),
                limits.keep_days.map(i64::from),
                group
            ];
            change.execute(&UPDATE, values).await?;
            let deed = Deed {
                editor,
                verb: "set what group keeps",
                object: format!("group {group}"),
                group: Some(group),
                before: Some(limits_text(before)),
                after: Some(limits_text(limits)),
            };
            write_deed(&mut change, deed).await?;
            change.commit().await
        })
        .await
    }

    /// The jobs of groups that keep less than the cluster, deleted ones too, at most `limit` of those after `after`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn limited_jobs(
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

async fn select_limits(link: &mut Link, group: GroupId) -> Result<GroupLimits, StoreError> {
    static SELECT: Statement =
        Statement::new("select keep_runs, keep_days from job_groups where id = ?");
    let row = link.row(&SELECT, args![group]).await?;
    let row = row.ok_or_else(|| StoreError::NotFound {
        what: "group",
        id: group.to_string(),
    })?;
    read_limits(&mut row.cells())
}

pub(crate) fn read_limits(cells: &mut Cells<'_>) -> Result<GroupLimits, StoreError> {
    let limit = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
    Ok(GroupLimits {
        keep_runs: limit(cells.int_or_none()?),
        keep_days: limit(cells.int_or_none()?),
    })
}

fn judge(name: &str, limit: Option<u32>, max: u32) -> Result<(), StoreError> {
    match limit {
        Some(number) if number == 0 || number > max => Err(StoreError::Rejected(format!(
            "{name} is {number}, the limits are 1 and {max}; leave it out to keep as much as the cluster"
        ))),
        _ => Ok(()),
    }
}

fn limits_text(limits: GroupLimits) -> String {
    serde_json::json!({ "keep_runs": limits.keep_runs, "keep_days": limits.keep_days }).to_string()
}
