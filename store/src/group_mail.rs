//! Where mail about the jobs of a group goes, and when it is held back.

use carillon_core::identity::GroupId;
use carillon_core::quiet::{QUIET_TEXT_LENGTH_MAX, QuietHours};

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::error::StoreError;
use crate::link::Link;
use crate::row::{Cells, args};
use crate::statement::Statement;

/// The longest list of addresses, in characters.
const MAIL_TO_LENGTH_MAX: usize = 1000;

/// What a group says of mail about its jobs. None is as for all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupMail {
    /// Where it goes; the empty text is nobody.
    pub mail_to: Option<String>,
    /// When it is held back, in the zone of `monitor.quiet_zone`; the empty text is never.
    pub quiet_hours: Option<String>,
}

impl Store {
    /// What the group says of mail about its jobs.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`] without an answer.
    pub async fn group_mail(&self, group: GroupId) -> Result<GroupMail, StoreError> {
        static SELECT: Statement =
            Statement::new("select mail_to, quiet_hours from job_groups where id = ?");
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let row = link.row(&SELECT, args![group]).await?;
            read_mail(&mut row.ok_or_else(|| not_found(group))?.cells())
        })
        .await
    }

    /// Says what becomes of mail about the group's jobs.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Rejected`] for quiet hours that are not understood,
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn set_group_mail(
        &self,
        group: GroupId,
        mail: &GroupMail,
        editor: &Editor,
    ) -> Result<(), StoreError> {
        static SELECT: Statement =
            Statement::new("select mail_to, quiet_hours from job_groups where id = ? {for update}");
        static UPDATE: Statement =
            Statement::new("update job_groups set mail_to = ?, quiet_hours = ? where id = ?");
        judge(mail)?;
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let row = change.row(&SELECT, args![group]).await?;
            let before = read_mail(&mut row.ok_or_else(|| not_found(group))?.cells())?;
            let values = args![mail.mail_to.as_deref(), mail.quiet_hours.as_deref(), group];
            change.execute(&UPDATE, values).await?;
            let deed = Deed {
                editor,
                verb: AuditVerb::SetGroupMail,
                object: format!("group {group}"),
                group: Some(group),
                before: Some(mail_text(&before)),
                after: Some(mail_text(mail)),
            };
            write_deed(&mut change, deed).await?;
            change.commit().await
        })
        .await
    }
}

fn judge(mail: &GroupMail) -> Result<(), StoreError> {
    let too_long = |what: &str, text: &Option<String>, max: usize| {
        let length = text.as_ref().map_or(0, |text| text.chars().count());
        match length > max {
            true => Err(StoreError::Rejected(format!(
                "{what} has {length} characters, the limit is {max}; shorten it"
            ))),
            false => Ok(()),
        }
    };
    too_long("mail_to", &mail.mail_to, MAIL_TO_LENGTH_MAX)?;
    too_long("quiet_hours", &mail.quiet_hours, QUIET_TEXT_LENGTH_MAX)?;
    let text = mail.quiet_hours.as_deref().unwrap_or_default();
    match QuietHours::parse(text, "UTC") {
        Ok(_) => Ok(()),
        Err(error) => Err(StoreError::Rejected(format!("quiet_hours: {error}"))),
    }
}

pub(crate) fn read_mail(cells: &mut Cells<'_>) -> Result<GroupMail, StoreError> {
    Ok(GroupMail {
        mail_to: cells.text_or_none()?,
        quiet_hours: cells.text_or_none()?,
    })
}

fn not_found(group: GroupId) -> StoreError {
    StoreError::NotFound {
        what: "group",
        id: group.to_string(),
    }
}

fn mail_text(mail: &GroupMail) -> String {
    serde_json::json!({ "mail_to": mail.mail_to, "quiet_hours": mail.quiet_hours }).to_string()
}
