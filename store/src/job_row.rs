//! A job as a row, and back.

use std::fmt::Display;

use carillon_core::identity::{GroupId, JobId};
use carillon_core::job::{Job, JobDraft, ScheduleText};

use crate::error::{CorruptRow, StoreError};
use crate::row::{Cells, Origin};

/// The select list that [`JobRow::read`] reads.
macro_rules! job_columns {
    () => {
        "j.id, j.version, j.group_id, j.name, j.description, j.enabled, j.schedule, j.zone, j.dst, \
         j.spec, j.valid_from, j.created_at, j.updated_at, j.deleted_at, j.revision"
    };
}
pub(crate) use job_columns;

/// A row of `jobs`, read but not yet believed.
pub(crate) struct JobRow {
    pub(crate) id: JobId,
    pub(crate) version: i64,
    pub(crate) is_deleted: bool,
    pub(crate) revision: i64,
    pub(crate) job: Result<Job, CorruptRow>,
}

impl JobRow {
    pub(crate) fn read(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        let id = cells.job()?;
        let version = cells.int()?;
        let draft = read_draft(cells, "jobs", &id)?;
        let (valid_from, created_at) = (cells.time()?, cells.time()?);
        let (updated_at, deleted_at) = (cells.time()?, cells.time_or_none()?);
        let revision = cells.int()?;
        Ok(JobRow {
            id,
            version,
            is_deleted: deleted_at.is_some(),
            revision,
            job: draft.map(|draft| Job {
                id,
                version,
                draft,
                valid_from,
                created_at,
                updated_at,
                deleted_at,
            }),
        })
    }
}

/// Reads group, name, description, switch, schedule, zone, rule and spec, in this order.
pub(crate) fn read_draft(
    cells: &mut Cells<'_>,
    table: &'static str,
    id: &dyn Display,
) -> Result<Result<JobDraft, CorruptRow>, StoreError> {
    let group = GroupId(cells.int()?);
    let (name, description) = (cells.text()?, cells.text()?);
    let enabled = cells.flag()?;
    let (expression, zone) = (cells.text()?, cells.text()?);
    let (dst, spec) = (cells.text()?, cells.text()?);
    let origin = Origin { table, id };
    let believe = || {
        Ok(JobDraft {
            name: origin.parse("name", &name)?,
            group,
            description,
            enabled,
            schedule: ScheduleText {
                expression,
                zone,
                dst: origin.parse("dst", &dst)?,
            },
            spec: serde_json::from_str(&spec).map_err(|error| origin.corrupt("spec", error))?,
        })
    };
    Ok(believe())
}

/// The spec as stored.
pub(crate) fn spec_text(draft: &JobDraft) -> Result<String, StoreError> {
    serde_json::to_string(&draft.spec).map_err(|error| {
        StoreError::Rejected(format!("the job cannot be written as JSON: {error}"))
    })
}

/// The job as the audit log shows it, without the secret part of its address to ping.
pub(crate) fn draft_text(draft: &JobDraft) -> String {
    let mut spec = serde_json::json!(draft.spec);
    if let Some(url) = &draft.spec.ping_url {
        spec["ping_url"] = url.veiled().into();
    }
    serde_json::json!({
        "name": draft.name,
        "group": draft.group,
        "description": draft.description,
        "enabled": draft.enabled,
        "schedule": draft.schedule,
        "spec": spec,
    })
    .to_string()
}
