//! Jobs as people look at them: by name, page by page.

use carillon_core::identity::{GroupId, JobId};
use carillon_core::job::Job;
use jiff::Timestamp;

use crate::Store;
use crate::error::{CorruptRow, StoreError};
use crate::job_row::{JobRow, job_columns};
use crate::row::{Row, args};
use crate::statement::Statement;

/// Which jobs to show. What is none admits all; deleted jobs are never shown.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// Only in these groups; an empty list admits no job at all.
    pub groups: Option<Vec<GroupId>>,
    /// Only whose name, description or command holds this text, in any case of letters.
    pub text: Option<String>,
    /// Only those whose schedule fires, or does not.
    pub enabled: Option<bool>,
    /// Only jobs after this name and number in the list.
    pub after: Option<(String, JobId)>,
}

/// A job in a list, or what is wrong with its row.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedJob {
    /// Its number.
    pub id: JobId,
    /// What it is.
    pub job: Result<Job, CorruptRow>,
}

impl Store {
    /// Deleted jobs, the latest deletion first: in these groups or in all, after that place in the list, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn deleted_jobs(
        &self,
        groups: Option<&[GroupId]>,
        after: Option<(Timestamp, JobId)>,
        limit: u32,
    ) -> Result<Vec<ListedJob>, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            job_columns!(),
            " from jobs j
            where j.deleted_at <= ?
                and (j.deleted_at < ? or j.id < ?)
                and (? is null or instr(?, concat(',', j.group_id, ',')) > 0)
            order by j.deleted_at desc, j.id desc
            limit ?"
        ));
        let (at, id) = after.map_or((i64::MAX, i64::MAX), |(at, id)| (at.as_microsecond(), id.0));
        self.read(Store::TIMEOUT, |mut link| async move {
            let groups = groups.map(list_of);
            let values = args![at, at, id, groups.clone(), groups, limit];
            read_listed(&link.rows(&SELECT, values).await?)
        })
        .await
    }

    /// The jobs that `filter` admits, by name, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn jobs(&self, filter: &JobFilter, limit: u32) -> Result<Vec<ListedJob>, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            job_columns!(),
            " from jobs j
            where j.live_name >= ?
                and (j.live_name > ? or j.id > ?)
                and (? is null or instr(?, concat(',', j.group_id, ',')) > 0)
                and (? is null or instr(lower(concat(j.name, ' ', j.description, ' ', j.spec)), ?) > 0)
                and (? is null or j.enabled = ?)
            order by j.live_name, j.id
            limit ?"
        ));
        self.read(Store::TIMEOUT, |mut link| async move {
            let groups = filter.groups.as_deref().map(list_of);
            let text = filter.text.as_ref().map(|text| text.to_lowercase());
            let enabled = filter.enabled.map(i64::from);
            let (name, id) = match &filter.after {
                Some((name, id)) => (name.as_str(), id.0),
                None => ("", 0),
            };
            let values = args![
                name,
                name,
                id,
                groups.clone(),
                groups,
                text.clone(),
                text,
                enabled,
                enabled,
                limit
            ];
            read_listed(&link.rows(&SELECT, values).await?)
        })
        .await
    }

    /// These jobs, those that are deleted left out, in any order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn jobs_of(&self, ids: &[JobId]) -> Result<Vec<ListedJob>, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            job_columns!(),
            " from {batch(job_id)}
            {then} jobs j on j.id = batch.job_id
            where j.deleted_at is null"
        ));
        let batch: Vec<_> = ids.iter().map(|id| [id.0]).collect();
        let batch: &str = &serde_json::json!(batch).to_string();
        self.read(Store::TIMEOUT, |mut link| async move {
            let rows = link.rows(&SELECT, args![batch]).await?;
            read_listed(&rows)
        })
        .await
    }
}

/// Groups as a text in which a statement finds each of them.
pub(crate) fn list_of(groups: &[GroupId]) -> String {
    let groups: Vec<_> = groups.iter().map(ToString::to_string).collect();
    format!(",{},", groups.join(","))
}

fn read_listed(rows: &[Row]) -> Result<Vec<ListedJob>, StoreError> {
    let read = |row: &Row| {
        let row = JobRow::read(&mut row.cells())?;
        Ok(ListedJob {
            id: row.id,
            job: row.job,
        })
    };
    rows.iter().map(read).collect()
}
