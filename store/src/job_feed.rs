//! What agents read of jobs: everything that has changed since they last looked, and what jobs were in the past.

use carillon_core::identity::JobId;
use carillon_core::job::{Job, JobDraft};
use jiff::Timestamp;

use crate::Store;
use crate::error::{CorruptRow, StoreError};
use crate::job_row::{JobRow, job_columns, read_draft};
use crate::link::Link;
use crate::row::{Row, Value, args};
use crate::statement::Statement;

/// How far a reader of changes has come. The default is the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct JobCursor {
    revision: i64,
    job: i64,
}

/// A job as it stands after a change.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedItem {
    /// It is this now.
    Current(Box<Job>),
    /// It was deleted.
    Gone(JobId),
    /// Its row is not understood: treat it as gone, and tell people.
    Corrupt {
        /// The job.
        job: JobId,
        /// Its version.
        version: i64,
        /// What is wrong.
        error: CorruptRow,
    },
}

/// One page of changes.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedPage {
    /// The changed jobs, each once, as they are now.
    pub items: Vec<FeedItem>,
    /// Where to go on.
    pub next: JobCursor,
    /// Whether there was no more.
    pub is_last: bool,
}

/// What a job was for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct JobVersion {
    /// The job.
    pub job: JobId,
    /// Counts its edits.
    pub version: i64,
    /// Its description by the editor.
    pub draft: JobDraft,
    /// Fire times after this belong to it.
    pub valid_from: Timestamp,
    /// Fire times up to here belong to it; none while it is the newest.
    pub valid_until: Option<Timestamp>,
    /// Who made it.
    pub edited_by: String,
}

impl Store {
    /// The jobs that changed after `since`, at most `limit`. From the beginning on it leaves out deleted ones.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn jobs_changed_since(
        &self,
        since: JobCursor,
        limit: u32,
    ) -> Result<FeedPage, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            job_columns!(),
            " from jobs j
            where j.revision >= ?
                and (j.revision > ? or j.id > ?)
            order by j.revision, j.id
            limit ?"
        ));
        self.read(Store::TIMEOUT, |mut link| async move {
            let values = args![since.revision, since.revision, since.job, limit];
            let rows = link.rows(&SELECT, values).await?;
            let mut page = FeedPage {
                items: Vec::with_capacity(rows.len()),
                next: since,
                is_last: rows.len() < limit as usize,
            };
            for row in &rows {
                let row = JobRow::read(&mut row.cells())?;
                page.next = JobCursor {
                    revision: row.revision,
                    job: row.id.0,
                };
                page.items.push(match row.job {
                    _ if row.is_deleted => FeedItem::Gone(row.id),
                    Ok(job) => FeedItem::Current(Box::new(job)),
                    Err(error) => FeedItem::Corrupt {
                        job: row.id,
                        version: row.version,
                        error,
                    },
                });
            }
            Ok(page)
        })
        .await
    }

    /// Every version of a job, newest first. Versions the domain refuses are left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn job_versions(&self, job: JobId) -> Result<Vec<JobVersion>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select v.job_id, v.version, v.group_id, v.name, v.description, v.enabled, v.schedule, v.zone,
                v.dst, v.spec, v.valid_from, v.valid_until, v.edited_by
            from job_versions v
            where v.job_id = ?
            order by v.version desc",
        );
        self.versions(&SELECT, args![job]).await
    }

    /// One version of a job.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none that the domain understands, [`StoreError::Unavailable`] without an answer.
    pub async fn job_version(&self, job: JobId, version: i64) -> Result<JobVersion, StoreError> {
        static SELECT: Statement = Statement::new(
            "select v.job_id, v.version, v.group_id, v.name, v.description, v.enabled, v.schedule, v.zone,
                v.dst, v.spec, v.valid_from, v.valid_until, v.edited_by
            from job_versions v
            where v.job_id = ? and v.version = ?",
        );
        let found = self.versions(&SELECT, args![job, version]).await?;
        found
            .into_iter()
            .next()
            .ok_or_else(|| StoreError::NotFound {
                what: "version of job",
                id: format!("{job} {version}"),
            })
    }

    /// The enabled versions that ended in the span after `from` up to `to` or later, but began before `to`: those that
    /// own fire times in it and are no longer in force.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn job_versions_ended_since(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<JobVersion>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select v.job_id, v.version, v.group_id, v.name, v.description, v.enabled, v.schedule, v.zone,
                v.dst, v.spec, v.valid_from, v.valid_until, v.edited_by
            from job_versions v
            where v.enabled = 1
                and v.valid_until > ?
                and v.valid_from < ?
            order by v.job_id, v.version",
        );
        self.versions(&SELECT, args![from, to]).await
    }

    /// The enabled versions that own fire times in the span after `from` up to `to`, at most `limit` of those after
    /// `after` (job and version), in their order. Versions the domain refuses are left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn job_versions_between(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<(JobId, i64)>,
        limit: u32,
    ) -> Result<Vec<JobVersion>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select v.job_id, v.version, v.group_id, v.name, v.description, v.enabled, v.schedule, v.zone,
                v.dst, v.spec, v.valid_from, v.valid_until, v.edited_by
            from job_versions v
            where v.enabled = 1
                and v.valid_from < ?
                and (v.valid_until is null or v.valid_until >= ?)
                and v.job_id >= ?
                and (v.job_id > ? or v.version > ?)
            order by v.job_id, v.version
            limit ?",
        );
        let (job, version) = after.map_or((0, 0), |(job, version)| (job.0, version));
        self.versions(&SELECT, args![to, from, job, job, version, limit])
            .await
    }

    async fn versions(
        &self,
        statement: &'static Statement,
        values: Vec<Value>,
    ) -> Result<Vec<JobVersion>, StoreError> {
        let values = &values;
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(statement, values.clone()).await?;
            let versions: Result<Vec<_>, _> = rows.iter().map(read_version).collect();
            Ok(versions?.into_iter().flatten().collect())
        })
        .await
    }
}

fn read_version(row: &Row) -> Result<Option<JobVersion>, StoreError> {
    let mut cells = row.cells();
    let (job, version) = (cells.job()?, cells.int()?);
    let draft = read_draft(&mut cells, "job_versions", &job)?;
    let (valid_from, valid_until) = (cells.time()?, cells.time_or_none()?);
    let edited_by = cells.text()?;
    match draft {
        Ok(draft) => Ok(Some(JobVersion {
            job,
            version,
            draft,
            valid_from,
            valid_until,
            edited_by,
        })),
        Err(error) => {
            tracing::warn!(job.id = %job, job.version = version, "{error}");
            Ok(None)
        }
    }
}
