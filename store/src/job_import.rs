//! Many jobs at once, each known by the line it came from: importing twice changes nothing.

use std::collections::{HashMap, HashSet};

use carillon_core::identity::JobId;
use carillon_core::job::JobDraft;
use carillon_core::reimport::Earlier;
use serde_json::{Value as Json, json};

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::calendars::{KeptCalendar, keep_calendar};
use crate::error::{StoreError, breaks_unique};
use crate::job_row::{JobRow, job_columns, read_draft, spec_text};
use crate::jobs::{pings, raise_jobs_revision};
use crate::lanes::{KeyId, number_key};
use crate::link::Change;
use crate::row::args;
use crate::statement::Statement;

/// A job on its way in.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedJob {
    /// The line it came from, at most 190 characters: the same key is the same job.
    pub key: String,
    /// What it is.
    pub draft: JobDraft,
}

/// What became of each imported job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// It was made.
    Created(JobId),
    /// It had been imported before and was left alone.
    Known(JobId),
}

/// Jobs in one transaction.
pub const IMPORT_BATCH_MAX: usize = 1000;

impl Store {
    /// Makes those of the jobs that have not been imported before from `source` (a file), all or none, and answers each.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] for more than [`IMPORT_BATCH_MAX`] jobs, [`StoreError::NameTaken`], or [`StoreError::Unavailable`]
    /// without an answer: repeat it.
    pub async fn import_jobs(
        &self,
        source: &str,
        jobs: &[ImportedJob],
        editor: &Editor,
    ) -> Result<Vec<Imported>, StoreError> {
        if jobs.len() > IMPORT_BATCH_MAX {
            return Err(StoreError::Rejected(format!(
                "{} jobs in one import, the limit is {IMPORT_BATCH_MAX}; split it",
                jobs.len()
            )));
        }
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let known = ids_by_key(&mut change, jobs).await?;
            let mut keys: HashSet<&str> = known.keys().map(String::as_str).collect();
            let new: Vec<_> = jobs.iter().filter(|job| keys.insert(&job.key)).collect();
            let ids = match new.is_empty() {
                true => HashMap::new(),
                false => {
                    insert_jobs(&mut change, source, &new, editor).await?;
                    ids_by_key(&mut change, jobs).await?
                }
            };
            change.commit().await?;
            let answer = |job: &ImportedJob| match known.get(&job.key) {
                Some(id) => Imported::Known(*id),
                None => Imported::Created(ids.get(&job.key).copied().unwrap_or(JobId(0))),
            };
            Ok(jobs.iter().map(answer).collect())
        })
        .await
    }
}

impl Store {
    /// The jobs that imports of `source` have made, without those whose rows cannot be read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn imports_of(&self, source: &str) -> Result<Vec<Earlier>, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select j.import_key, v.group_id, v.name, v.description, v.enabled, v.schedule, v.zone, v.dst, v.spec, ",
            job_columns!(),
            " from jobs j
            join job_versions v on v.job_id = j.id and v.version = j.import_version
            where j.import_source = ?"
        ));
        self.read(Store::TIMEOUT, |mut link| async move {
            let rows = link.rows(&SELECT, args![source]).await?;
            let mut earlier = Vec::with_capacity(rows.len());
            for row in &rows {
                let mut cells = row.cells();
                let key = cells.text()?;
                let imported = read_draft(&mut cells, "job_versions", &key)?;
                let row = JobRow::read(&mut cells)?;
                if let (Ok(imported), Ok(job)) = (imported, row.job) {
                    earlier.push(Earlier {
                        job: row.id,
                        version: row.version,
                        key,
                        is_deleted: row.is_deleted,
                        current: job.draft,
                        imported,
                    });
                }
            }
            Ok(earlier)
        })
        .await
    }
}

async fn ids_by_key(
    change: &mut Change,
    jobs: &[ImportedJob],
) -> Result<HashMap<String, JobId>, StoreError> {
    static SELECT: Statement = Statement::new(
        "select j.import_key, j.id
        from {batch(import_key text)}
        {then} jobs j on j.import_key = batch.import_key",
    );
    let keys: Vec<Json> = jobs.iter().map(|job| json!([job.key])).collect();
    let rows = change.rows(&SELECT, args![Json::Array(keys)]).await?;
    rows.iter()
        .map(|row| {
            let mut cells = row.cells();
            Ok((cells.text()?, cells.job()?))
        })
        .collect()
}

async fn insert_jobs(
    change: &mut Change,
    source: &str,
    jobs: &[&ImportedJob],
    editor: &Editor,
) -> Result<(), StoreError> {
    static INSERT: Statement = Statement::new(
        "insert into jobs
            (group_id, name, live_name, description, enabled, schedule, zone, dst, spec, overlap, key_id,
            calendar_id, calendar_version, pings, import_key, import_source, import_version, version, revision, valid_from, created_at, updated_at)
        select group_id, name, name, description, enabled, schedule, zone, dst, spec, overlap, key_id,
            calendar_id, calendar_version, pings, import_key, ?, 1, 1, (select jobs_revision from cluster where id = 1), {now}, {now}, {now}
        from {batch(group_id, name text, description text, enabled, schedule text, zone text, dst text, spec text, overlap text, key_id, calendar_id, calendar_version, pings, import_key text)}",
    );
    static KEEP: Statement = Statement::new(
        "insert into job_versions
            (job_id, version, name, group_id, description, enabled, schedule, zone, dst, spec, valid_from, edited_by)
        select j.id, j.version, j.name, j.group_id, j.description, j.enabled, j.schedule, j.zone, j.dst, j.spec,
            j.valid_from, ?
        from {batch(import_key text)}
        {then} jobs j on j.import_key = batch.import_key",
    );
    let mut kept = Vec::with_capacity(jobs.len());
    for job in jobs {
        let mut draft = job.draft.clone();
        let calendar = keep_calendar(change, &mut draft).await?;
        kept.push((job.key.as_str(), draft, calendar));
    }
    let mut rows = Vec::with_capacity(jobs.len());
    for (import_key, draft, calendar) in &kept {
        // Before the cluster's row, as everybody else who locks both.
        let key = number_key(change, draft).await?;
        rows.push(draft_json((import_key, draft), key, *calendar)?);
    }
    // The cluster's row is locked before the jobs get their revision, so that revisions become visible in order.
    raise_jobs_revision(change).await?;
    if let Err(error) = change
        .execute(&INSERT, args![source, Json::Array(rows)])
        .await
    {
        if !breaks_unique(&error, "jobs_name_unique", "jobs.live_name") {
            return Err(error);
        }
        let name = taken_name(change, jobs).await?;
        return Err(name.map_or(error, StoreError::NameTaken));
    }
    let keys: Vec<Json> = jobs.iter().map(|job| json!([job.key])).collect();
    change
        .execute(&KEEP, args![&editor.name, Json::Array(keys)])
        .await?;
    let names: Vec<_> = jobs.iter().map(|job| job.draft.name.as_str()).collect();
    let deed = Deed {
        editor,
        verb: AuditVerb::ImportJobs,
        object: "jobs".to_owned(),
        group: jobs.first().map(|job| job.draft.group),
        before: None,
        after: Some(json!({ "jobs": names }).to_string()),
    };
    write_deed(change, deed).await
}

fn draft_json(
    (import_key, draft): (&str, &JobDraft),
    key: Option<KeyId>,
    calendar: KeptCalendar,
) -> Result<Json, StoreError> {
    Ok(json!([
        draft.group.0,
        draft.name.as_str(),
        draft.description,
        i64::from(draft.enabled),
        draft.schedule.expression,
        draft.schedule.zone,
        draft.schedule.dst.to_string(),
        spec_text(draft)?,
        draft.spec.overlap.to_string(),
        key.map(|key| key.0),
        calendar.id,
        calendar.version,
        pings(draft),
        import_key,
    ]))
}

/// The first name that the batch has twice, or that another job has.
async fn taken_name(
    change: &mut Change,
    jobs: &[&ImportedJob],
) -> Result<Option<String>, StoreError> {
    static SELECT: Statement = Statement::new(
        "select j.name
        from {batch(group_id, name text)}
        {then} jobs j on j.group_id = batch.group_id and j.live_name = batch.name
        order by j.name
        limit 1",
    );
    let mut seen = HashSet::new();
    let name_of = |job: &&&ImportedJob| (job.draft.group, job.draft.name.clone());
    if let Some(job) = jobs.iter().find(|job| !seen.insert(name_of(job))) {
        return Ok(Some(job.draft.name.to_string()));
    }
    let names: Vec<Json> = jobs
        .iter()
        .map(|job| json!([job.draft.group.0, job.draft.name.as_str()]))
        .collect();
    let row = change.row(&SELECT, args![Json::Array(names)]).await?;
    row.map(|row| row.cells().text()).transpose()
}
