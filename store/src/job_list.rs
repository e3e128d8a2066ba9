//! Jobs as people look at them: by name, page by page.

use carillon_core::identity::{GroupId, JobId};
use carillon_core::job::Job;

use crate::Store;
use crate::error::{CorruptRow, StoreError};
use crate::job_row::{JobRow, job_columns};
use crate::row::args;
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
            let groups = filter.groups.as_ref().map(|groups| {
                let groups: Vec<_> = groups.iter().map(ToString::to_string).collect();
                format!(",{},", groups.join(","))
            });
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
            let rows = link.rows(&SELECT, values).await?;
            rows.iter()
                .map(|row| {
                    let row = JobRow::read(&mut row.cells())?;
                    Ok(ListedJob {
                        id: row.id,
                        job: row.job,
                    })
                })
                .collect()
        })
        .await
    }
}
