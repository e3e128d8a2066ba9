//! Groups of jobs: the unit that permissions are given on.

use carillon_core::identity::GroupId;
use jiff::Timestamp;

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::error::{StoreError, breaks_unique};
use crate::group_limits::{GroupLimits, read_limits};
use crate::group_mail::{GroupMail, read_mail};
use crate::link::Link;
use crate::row::args;
use crate::statement::Statement;

/// A group of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobGroup {
    /// Its number.
    pub id: GroupId,
    /// What people call it. Unique.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it keeps of its jobs' runs.
    pub limits: GroupLimits,
    /// What becomes of mail about its jobs.
    pub mail: GroupMail,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Store {
    /// Makes a group.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], or [`StoreError::Unavailable`] without an answer.
    pub async fn create_group(
        &self,
        name: &str,
        description: &str,
        editor: &Editor,
    ) -> Result<GroupId, StoreError> {
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let group = insert_group(&mut change, name, description, editor).await?;
            change.commit().await?;
            Ok(group)
        })
        .await
    }

    /// The group of that name, made if there is none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn ensure_group(&self, name: &str, editor: &Editor) -> Result<GroupId, StoreError> {
        static BY_NAME: Statement = Statement::new("select id from job_groups where name = ?");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let group = match change.row(&BY_NAME, args![name]).await? {
                Some(row) => GroupId(row.cells().int()?),
                None => insert_group(&mut change, name, "", editor).await?,
            };
            change.commit().await?;
            Ok(group)
        })
        .await
    }

    /// Every group, by name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn groups(&self) -> Result<Vec<JobGroup>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select id, name, description, keep_runs, keep_days, mail_to, quiet_hours, created_at
            from job_groups
            order by name",
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            let rows = link.rows(&SELECT, Vec::new()).await?;
            rows.iter()
                .map(|row| {
                    let mut cells = row.cells();
                    Ok(JobGroup {
                        id: GroupId(cells.int()?),
                        name: cells.text()?,
                        description: cells.text()?,
                        limits: read_limits(&mut cells)?,
                        mail: read_mail(&mut cells)?,
                        created_at: cells.time()?,
                    })
                })
                .collect()
        })
        .await
    }

    /// Gives a group another name and description.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::NameTaken`], or [`StoreError::Unavailable`] without an answer.
    pub async fn rename_group(
        &self,
        group: GroupId,
        name: &str,
        description: &str,
        editor: &Editor,
    ) -> Result<(), StoreError> {
        static SELECT: Statement =
            Statement::new("select name, description from job_groups where id = ? {for update}");
        static UPDATE: Statement =
            Statement::new("update job_groups set name = ?, description = ? where id = ?");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let row = change.row(&SELECT, args![group]).await?;
            let row = row.ok_or_else(|| StoreError::NotFound {
                what: "group",
                id: group.to_string(),
            })?;
            let mut cells = row.cells();
            let before = group_text(&cells.text()?, &cells.text()?);
            let done = change
                .execute(&UPDATE, args![name, description, group])
                .await;
            name_taken(done, name)?;
            let deed = Deed {
                editor,
                verb: AuditVerb::EditGroup,
                object: format!("group {group}"),
                group: Some(group),
                before: Some(before),
                after: Some(group_text(name, description)),
            };
            write_deed(&mut change, deed).await?;
            change.commit().await
        })
        .await
    }
}

async fn insert_group(
    link: &mut Link,
    name: &str,
    description: &str,
    editor: &Editor,
) -> Result<GroupId, StoreError> {
    static INSERT: Statement = Statement::new(
        "insert into job_groups (name, description, created_at) values (?, ?, {now})",
    );
    let inserted = link.insert(&INSERT, args![name, description]).await;
    let group = GroupId(name_taken(inserted, name)?);
    let deed = Deed {
        editor,
        verb: AuditVerb::CreateGroup,
        object: format!("group {group}"),
        group: Some(group),
        before: None,
        after: Some(group_text(name, description)),
    };
    write_deed(link, deed).await?;
    Ok(group)
}

fn name_taken<T>(done: Result<T, StoreError>, name: &str) -> Result<T, StoreError> {
    done.map_err(
        |error| match breaks_unique(&error, "job_groups_name_unique", "job_groups.name") {
            true => StoreError::NameTaken(name.to_owned()),
            false => error,
        },
    )
}

fn group_text(name: &str, description: &str) -> String {
    serde_json::json!({ "name": name, "description": description }).to_string()
}
