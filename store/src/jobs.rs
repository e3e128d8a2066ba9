//! Jobs and their edits. Every edit raises the job's version and the cluster's revision, keeps the version before,
//! and is written to the audit log, in one transaction.

use carillon_core::identity::JobId;
use carillon_core::job::{Job, JobDraft};
use jiff::Timestamp;

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::calendars::{KeptCalendar, keep_calendar};
use crate::error::{StoreError, breaks_unique};
use crate::job_row::{JobRow, draft_text, job_columns, spec_text};
use crate::lanes::number_key;
use crate::link::{Change, Link};
use crate::row::args;
use crate::statement::Statement;

/// What an edit does to a job.
#[derive(Debug, Clone, PartialEq)]
pub enum JobChange {
    /// Everything as drafted.
    Replace(Box<JobDraft>),
    /// Everything as the line of that key has it now.
    Reimport {
        /// What the job becomes.
        draft: Box<JobDraft>,
        /// The key of its line.
        key: String,
    },
    /// Its schedule fires.
    Enable,
    /// Its schedule does not fire.
    Disable,
    /// It is gone, but its history stays.
    Delete,
    /// It is back, disabled.
    Restore,
}

impl JobChange {
    fn verb(&self) -> AuditVerb {
        match self {
            JobChange::Replace(_) => AuditVerb::EditJob,
            JobChange::Reimport { .. } => AuditVerb::ImportJobAgain,
            JobChange::Enable => AuditVerb::EnableJob,
            JobChange::Disable => AuditVerb::DisableJob,
            JobChange::Delete => AuditVerb::DeleteJob,
            JobChange::Restore => AuditVerb::RestoreJob,
        }
    }

    fn apply(&self, old: &JobDraft) -> JobDraft {
        let switched = |enabled| JobDraft {
            enabled,
            ..old.clone()
        };
        match self {
            JobChange::Replace(draft) | JobChange::Reimport { draft, .. } => (**draft).clone(),
            JobChange::Enable => switched(true),
            JobChange::Disable | JobChange::Delete | JobChange::Restore => switched(false),
        }
    }
}

impl Store {
    /// Makes a job. Its fire times begin now.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], [`StoreError::NotFound`] for its group, or [`StoreError::Unavailable`] without an answer.
    pub async fn create_job(&self, draft: &JobDraft, editor: &Editor) -> Result<Job, StoreError> {
        static INSERT: Statement = Statement::new(
            "insert into jobs
                (group_id, name, live_name, description, enabled, schedule, zone, dst, spec, overlap, key_id,
                calendar_id, calendar_version, pings, version, revision, valid_from, created_at, updated_at)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0, {now}, {now}, {now})",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            check_group(&mut change, draft).await?;
            let mut draft = draft.clone();
            let calendar = keep_calendar(&mut change, &mut draft).await?;
            let draft = &draft;
            let key = number_key(&mut change, draft).await?;
            let values = args![
                draft.group,
                draft.name.as_str(),
                draft.name.as_str(),
                &draft.description,
                draft.enabled,
                &draft.schedule.expression,
                &draft.schedule.zone,
                draft.schedule.dst.to_string(),
                spec_text(draft)?,
                draft.spec.overlap.to_string(),
                key,
                calendar.id,
                calendar.version,
                pings(draft),
            ];
            let inserted = change.insert(&INSERT, values).await;
            let id = JobId(name_taken(inserted, draft)?);
            let job = finish_edit(&mut change, id, editor).await?;
            let deed = Deed {
                editor,
                verb: AuditVerb::CreateJob,
                object: format!("job {id}"),
                group: Some(draft.group),
                before: None,
                after: Some(draft_text(draft)),
            };
            write_deed(&mut change, deed).await?;
            change.commit().await?;
            Ok(job)
        })
        .await
    }

    /// Changes a job whose version the editor has seen.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was edited since, [`StoreError::NotFound`] when it is gone (or, to restore it, when it
    /// is not), [`StoreError::NameTaken`], or [`StoreError::Unavailable`] without an answer.
    pub async fn change_job(
        &self,
        id: JobId,
        version: i64,
        edit: &JobChange,
        editor: &Editor,
    ) -> Result<Job, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            job_columns!(),
            " from jobs j where j.id = ? {for update}"
        ));
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let not_found = || StoreError::NotFound {
                what: "job",
                id: id.to_string(),
            };
            let row = change.row(&SELECT, args![id]).await?;
            let row = JobRow::read(&mut row.ok_or_else(not_found)?.cells())?;
            if row.version != version {
                return Err(StoreError::Conflict {
                    expected: version,
                    current: row.version,
                });
            }
            if row.is_deleted != (*edit == JobChange::Restore) {
                return Err(not_found());
            }
            let (before, mut draft) = match (row.job, edit) {
                (Ok(job), _) => (Some(draft_text(&job.draft)), edit.apply(&job.draft)),
                // A broken row is mended by replacing all of it.
                (Err(_), JobChange::Replace(draft)) => (None, (**draft).clone()),
                (Err(corrupt), _) => return Err(corrupt.into()),
            };
            check_group(&mut change, &draft).await?;
            let calendar = match edit {
                // What is deleted keeps to nothing, and must be deletable without its calendar.
                JobChange::Delete => KeptCalendar::default(),
                _ => keep_calendar(&mut change, &mut draft).await?,
            };
            let updated = update(&mut change, id, edit, (&draft, calendar)).await;
            name_taken(updated, &draft)?;
            let job = finish_edit(&mut change, id, editor).await?;
            let deed = Deed {
                editor,
                verb: edit.verb(),
                object: format!("job {id}"),
                group: Some(draft.group),
                before,
                after: (*edit != JobChange::Delete).then(|| draft_text(&draft)),
            };
            write_deed(&mut change, deed).await?;
            change.commit().await?;
            Ok(job)
        })
        .await
    }

    /// The job, also when it is deleted.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Corrupt`], or [`StoreError::Unavailable`] without an answer.
    pub async fn job(&self, id: JobId) -> Result<Job, StoreError> {
        self.read(Store::TIMEOUT, |mut link| async move {
            select_job(&mut link, id).await
        })
        .await
    }
}

async fn select_job(link: &mut Link, id: JobId) -> Result<Job, StoreError> {
    static SELECT: Statement = Statement::new(concat!(
        "select ",
        job_columns!(),
        " from jobs j where j.id = ?"
    ));
    let row = link.row(&SELECT, args![id]).await?;
    let row = row.ok_or_else(|| StoreError::NotFound {
        what: "job",
        id: id.to_string(),
    })?;
    Ok(JobRow::read(&mut row.cells())?.job?)
}

async fn update(
    change: &mut Change,
    id: JobId,
    edit: &JobChange,
    (draft, calendar): (&JobDraft, KeptCalendar),
) -> Result<(), StoreError> {
    static UPDATE: Statement = Statement::new(
        "update jobs
        set group_id = ?, name = ?, live_name = ?, description = ?, enabled = ?,
            schedule = ?, zone = ?, dst = ?, spec = ?, overlap = ?, key_id = ?,
            calendar_id = ?, calendar_version = ?, pings = ?, deleted_at = ?,
            version = version + 1, valid_from = {greatest}(valid_from + 1, {now}), updated_at = {now}
        where id = ?",
    );
    static REMEMBER: Statement =
        Statement::new("update jobs set import_key = ?, import_version = version where id = ?");
    let is_deleted = *edit == JobChange::Delete;
    let deleted_at: Option<Timestamp> = match is_deleted {
        true => Some(store_now(change).await?),
        false => None,
    };
    let values = args![
        draft.group,
        draft.name.as_str(),
        (!is_deleted).then_some(draft.name.as_str()),
        &draft.description,
        draft.enabled,
        &draft.schedule.expression,
        &draft.schedule.zone,
        draft.schedule.dst.to_string(),
        spec_text(draft)?,
        draft.spec.overlap.to_string(),
        number_key(change, draft).await?,
        calendar.id,
        calendar.version,
        pings(draft).filter(|_| !is_deleted),
        deleted_at,
        id,
    ];
    change.execute(&UPDATE, values).await?;
    if let JobChange::Reimport { key, .. } = edit {
        change.execute(&REMEMBER, args![key, id]).await?;
    }
    Ok(())
}

/// Whether ends of its runs are told to somebody outside.
pub(crate) fn pings(draft: &JobDraft) -> Option<i64> {
    draft.spec.ping_url.is_some().then_some(1)
}

/// The store's clock within a transaction.
pub(crate) async fn store_now(link: &mut Link) -> Result<Timestamp, StoreError> {
    static NOW: Statement = Statement::new("select {now}");
    link.only_row(&NOW, Vec::new()).await?.cells().time()
}

/// Gives the edited job the next revision of the cluster and keeps its version. The cluster's row stays locked until
/// the commit, so revisions become visible in their order and a reader of changes misses none.
async fn finish_edit(change: &mut Change, id: JobId, editor: &Editor) -> Result<Job, StoreError> {
    static CLOSE: Statement = Statement::new(
        "update job_versions
        set valid_until = (select j.valid_from from jobs j where j.id = ?)
        where job_id = ? and valid_until is null",
    );
    static KEEP: Statement = Statement::new(
        "insert into job_versions
            (job_id, version, name, group_id, description, enabled, schedule, zone, dst, spec,
            valid_from, edited_by)
        select id, version, name, group_id, description, enabled, schedule, zone, dst, spec,
            valid_from, ?
        from jobs
        where id = ?",
    );
    static STAMP: Statement = Statement::new(
        "update jobs set revision = (select jobs_revision from cluster where id = 1) where id = ?",
    );
    change.execute(&CLOSE, args![id, id]).await?;
    change.execute(&KEEP, args![&editor.name, id]).await?;
    raise_jobs_revision(change).await?;
    change.execute(&STAMP, args![id]).await?;
    select_job(change, id).await
}

/// Tells every agent that jobs have changed.
pub(crate) async fn raise_jobs_revision(link: &mut Link) -> Result<(), StoreError> {
    static RAISE: Statement =
        Statement::new("update cluster set jobs_revision = jobs_revision + 1 where id = 1");
    link.execute(&RAISE, Vec::new()).await?;
    Ok(())
}

async fn check_group(change: &mut Change, draft: &JobDraft) -> Result<(), StoreError> {
    static SELECT: Statement = Statement::new("select id from job_groups where id = ?");
    match change.row(&SELECT, args![draft.group]).await? {
        Some(_) => Ok(()),
        None => Err(StoreError::NotFound {
            what: "group",
            id: draft.group.to_string(),
        }),
    }
}

fn name_taken<T>(done: Result<T, StoreError>, draft: &JobDraft) -> Result<T, StoreError> {
    done.map_err(
        |error| match breaks_unique(&error, "jobs_name_unique", "jobs.live_name") {
            true => StoreError::NameTaken(draft.name.to_string()),
            false => error,
        },
    )
}
