//! Where mail about the jobs of a group goes.

use carillon_core::identity::GroupId;

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::error::StoreError;
use crate::link::Link;
use crate::row::args;
use crate::statement::Statement;

impl Store {
    /// Where mail about the group's jobs goes: none to the default, empty to nobody.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`] without an answer.
    pub async fn group_mail_to(&self, group: GroupId) -> Result<Option<String>, StoreError> {
        static SELECT: Statement = Statement::new("select mail_to from job_groups where id = ?");
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let row = link.row(&SELECT, args![group]).await?;
            row.ok_or_else(|| not_found(group))?.cells().text_or_none()
        })
        .await
    }

    /// Says where mail about the group's jobs goes: none to the default, empty to nobody.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`] without an answer.
    pub async fn set_group_mail_to(
        &self,
        group: GroupId,
        mail_to: Option<&str>,
        editor: &Editor,
    ) -> Result<(), StoreError> {
        static SELECT: Statement =
            Statement::new("select mail_to from job_groups where id = ? {for update}");
        static UPDATE: Statement = Statement::new("update job_groups set mail_to = ? where id = ?");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let row = change.row(&SELECT, args![group]).await?;
            let before = row
                .ok_or_else(|| not_found(group))?
                .cells()
                .text_or_none()?;
            change.execute(&UPDATE, args![mail_to, group]).await?;
            let deed = Deed {
                editor,
                verb: "set mail of group",
                object: format!("group {group}"),
                group: Some(group),
                before,
                after: mail_to.map(str::to_owned),
            };
            write_deed(&mut change, deed).await?;
            change.commit().await
        })
        .await
    }
}

fn not_found(group: GroupId) -> StoreError {
    StoreError::NotFound {
        what: "group",
        id: group.to_string(),
    }
}
