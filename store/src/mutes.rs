//! Silence that people ask for, with a reason and an end.

use carillon_core::announcement::Mute;
use carillon_core::rule::{Rule, SubjectKind};
use jiff::Timestamp;

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::error::StoreError;
use crate::link::Link;
use crate::row::{Cells, Origin, args};
use crate::statement::Statement;

/// A mute as somebody asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MuteDraft {
    /// For one rule; none is every rule.
    pub rule: Option<Rule>,
    /// For one kind of subject; none is everything.
    pub subject_kind: Option<SubjectKind>,
    /// For one subject of that kind; none is every.
    pub subject_id: Option<i64>,
    /// Why.
    pub reason: String,
    /// It ends by itself.
    pub until_time: Timestamp,
}

impl Store {
    /// The mutes that have not ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn mutes(&self) -> Result<Vec<Mute>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select id, rule, subject_kind, subject_id, reason, made_by, from_at, until_time
            from mutes
            where until_time > {now}
            order by until_time, id
            limit 1000",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, Vec::new()).await?;
            rows.iter().map(|row| read(&mut row.cells())).collect()
        })
        .await
    }

    /// Mutes from now on.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn mute(&self, draft: &MuteDraft, editor: &Editor) -> Result<i64, StoreError> {
        static INSERT: Statement = Statement::new(
            "insert into mutes (rule, subject_kind, subject_id, reason, made_by, from_at, until_time)
            values (?, ?, ?, ?, ?, {now}, ?)",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let values = args![
                draft.rule.map(|rule| rule.word()),
                draft.subject_kind.map(|kind| kind.word()),
                draft.subject_id,
                &draft.reason,
                &editor.name,
                draft.until_time,
            ];
            let id = change.insert(&INSERT, values).await?;
            let deed = Deed {
                editor,
                verb: AuditVerb::Mute,
                object: format!("mute {id}"),
                group: None,
                before: None,
                after: Some(draft.reason.clone()),
            };
            write_deed(&mut change, deed).await?;
            change.commit().await?;
            Ok(id)
        })
        .await
    }

    /// Ends a mute now.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, [`StoreError::Unavailable`] without an answer.
    pub async fn unmute(&self, id: i64, editor: &Editor) -> Result<(), StoreError> {
        static END: Statement = Statement::new(
            "update mutes set until_time = {now} where id = ? and until_time > {now}",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            if change.execute(&END, args![id]).await? == 0 {
                change.roll_back().await?;
                return Err(StoreError::NotFound {
                    what: "mute",
                    id: id.to_string(),
                });
            }
            let deed = Deed {
                editor,
                verb: AuditVerb::EndMute,
                object: format!("mute {id}"),
                group: None,
                before: None,
                after: None,
            };
            write_deed(&mut change, deed).await?;
            change.commit().await
        })
        .await
    }
}

fn read(cells: &mut Cells<'_>) -> Result<Mute, StoreError> {
    let id = cells.int()?;
    let origin = Origin {
        table: "mutes",
        id: &id,
    };
    Ok(Mute {
        id,
        rule: origin.parse_or_none("rule", cells.text_or_none()?)?,
        subject_kind: origin.parse_or_none("subject_kind", cells.text_or_none()?)?,
        subject_id: cells.int_or_none()?,
        reason: cells.text()?,
        made_by: cells.text()?,
        from_at: cells.time()?,
        until_time: cells.time()?,
    })
}
