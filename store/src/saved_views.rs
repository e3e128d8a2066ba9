//! Filters of lists that people keep under a name. What others see is in the audit log, what is one's own is not.

use carillon_core::identity::{GroupId, UserId};
use carillon_core::saved_view::{Audience, FilteredList, VIEWS_MAX, ViewDraft};
use jiff::Timestamp;

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::error::{CorruptRow, StoreError};
use crate::link::{Change, Link};
use crate::row::{Cells, Origin, args};
use crate::statement::Statement;

/// A view that somebody keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedView {
    /// Its number.
    pub id: i64,
    /// Who keeps it.
    pub user: UserId,
    /// His name.
    pub user_name: String,
    /// Of which list.
    pub list: FilteredList,
    /// Its name.
    pub name: String,
    /// The filter as it stands in the address of the list.
    pub query: String,
    /// Whom it is for.
    pub audience: Audience,
    /// Since when.
    pub created_at: Timestamp,
}

macro_rules! views {
    ($rest:literal) => {
        concat!(
            "select v.id, v.user_id, u.name, v.list, v.name, v.query, v.audience, v.group_id, v.created_at
            from saved_views v
            join users u on u.id = v.user_id
            where ",
            $rest
        )
    };
}

impl Store {
    /// The views of this person and those that anybody shares, by name. Who may see which of these is the caller's to say.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or [`StoreError::Unavailable`] without an answer.
    pub async fn saved_views(&self, user: UserId) -> Result<Vec<SavedView>, StoreError> {
        static SELECT: Statement = Statement::new(views!(
            "(v.user_id = ? or v.audience <> 'own')
            order by v.name, v.id
            limit 1000"
        ));
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, args![user]).await?;
            rows.iter().map(|row| read(&mut row.cells())).collect()
        })
        .await
    }

    /// One view.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Corrupt`], or [`StoreError::Unavailable`] without an answer.
    pub async fn saved_view(&self, id: i64) -> Result<SavedView, StoreError> {
        static SELECT: Statement = Statement::new(views!("v.id = ?"));
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let row = link.row(&SELECT, args![id]).await?;
            read(&mut row.ok_or_else(|| not_found(id))?.cells())
        })
        .await
    }

    /// Keeps a view of this person; one of the same name that he has becomes this.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] when he keeps too many, [`StoreError::Unavailable`] without an answer.
    pub async fn save_view(
        &self,
        user: UserId,
        draft: &ViewDraft,
        editor: &Editor,
    ) -> Result<i64, StoreError> {
        static OWN: Statement = Statement::new(views!(
            "v.user_id = ? and v.list = ? order by v.id {for update}"
        ));
        static INSERT: Statement = Statement::new(
            "insert into saved_views (user_id, list, name, query, audience, group_id, created_at)
            values (?, ?, ?, ?, ?, ?, {now})",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let rows = change.rows(&OWN, args![user, draft.list().word()]).await?;
            let own: Result<Vec<_>, _> = rows.iter().map(|row| read(&mut row.cells())).collect();
            let own = own?;
            let old = own.iter().find(|view| view.name == draft.name());
            if old.is_none() && own.len() >= VIEWS_MAX {
                change.roll_back().await?;
                return Err(StoreError::Rejected(format!(
                    "{VIEWS_MAX} views of one list are kept already; remove one first"
                )));
            }
            if let Some(old) = old {
                delete(&mut change, old.id).await?;
            }
            let (audience, group) = columns(draft.audience());
            let values = args![
                user,
                draft.list().word(),
                draft.name(),
                draft.query(),
                audience,
                group,
            ];
            let id = change.insert(&INSERT, values).await?;
            let before = old.map(|old| (old.audience, text(&old.name, &old.query)));
            let after = Some((draft.audience(), text(draft.name(), draft.query())));
            log(
                &mut change,
                (editor, AuditVerb::ShareView, id),
                before,
                after,
            )
            .await?;
            change.commit().await?;
            Ok(id)
        })
        .await
    }

    /// Removes a view.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`] without an answer.
    pub async fn remove_view(&self, view: &SavedView, editor: &Editor) -> Result<(), StoreError> {
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            if delete(&mut change, view.id).await? == 0 {
                change.roll_back().await?;
                return Err(not_found(view.id));
            }
            let before = Some((view.audience, text(&view.name, &view.query)));
            log(
                &mut change,
                (editor, AuditVerb::RemoveView, view.id),
                before,
                None,
            )
            .await?;
            change.commit().await
        })
        .await
    }
}

async fn delete(change: &mut Change, id: i64) -> Result<u64, StoreError> {
    static DELETE: Statement = Statement::new("delete from saved_views where id = ?");
    change.execute(&DELETE, args![id]).await
}

type Told = Option<(Audience, String)>;

/// Writes down what others see, or saw; not what somebody keeps for himself.
async fn log(
    change: &mut Change,
    (editor, verb, id): (&Editor, AuditVerb, i64),
    before: Told,
    after: Told,
) -> Result<(), StoreError> {
    let shared = |told: Told| told.filter(|(audience, _)| *audience != Audience::Own);
    let (before, after) = (shared(before), shared(after));
    let Some((audience, _)) = after.as_ref().or(before.as_ref()) else {
        return Ok(());
    };
    let group = match audience {
        Audience::Group(group) => Some(*group),
        Audience::Own | Audience::Everybody => None,
    };
    let deed = Deed {
        editor,
        verb,
        object: format!("view {id}"),
        group,
        before: before.map(|(_, text)| text),
        after: after.map(|(_, text)| text),
    };
    write_deed(change, deed).await
}

fn text(name: &str, query: &str) -> String {
    serde_json::json!({ "name": name, "query": query }).to_string()
}

fn columns(audience: Audience) -> (&'static str, Option<i64>) {
    match audience {
        Audience::Own => ("own", None),
        Audience::Group(group) => ("group", Some(group.0)),
        Audience::Everybody => ("everybody", None),
    }
}

fn not_found(id: i64) -> StoreError {
    StoreError::NotFound {
        what: "view",
        id: id.to_string(),
    }
}

fn read(cells: &mut Cells<'_>) -> Result<SavedView, StoreError> {
    let id = cells.int()?;
    let origin = Origin {
        table: "saved_views",
        id: &id,
    };
    let (user, user_name) = (UserId(cells.int()?), cells.text()?);
    let list = origin.parse("list", &cells.text()?)?;
    let (name, query) = (cells.text()?, cells.text()?);
    let (audience, group) = (cells.text()?, cells.int_or_none()?);
    Ok(SavedView {
        id,
        user,
        user_name,
        list,
        name,
        query,
        audience: match (audience.as_str(), group) {
            ("own", None) => Audience::Own,
            ("group", Some(group)) => Audience::Group(GroupId(group)),
            ("everybody", None) => Audience::Everybody,
            _ => {
                return Err(StoreError::Corrupt(CorruptRow {
                    table: "saved_views",
                    column: "audience",
                    id: id.to_string(),
                    found: audience,
                }));
            }
        },
        created_at: cells.time()?,
    })
}
