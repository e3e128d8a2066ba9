//! Calendars: named sets of blackouts, and the copies of them that jobs hold.
//!
//! A job is saved with the rules of its calendar in its spec, under a lock on the calendar's row, so that no job is saved
//! with rules that an edit has replaced. What an edit leaves behind is found by the rules' version beside each job
//! (`calendar_hand_on`).

use carillon_core::calendar::{CalendarName, CalendarText, CalendarUse};
use carillon_core::identity::CalendarId;
use carillon_core::job::JobDraft;
use jiff::Timestamp;

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::calendar_uses::count_uses;
use crate::error::{CorruptRow, StoreError, breaks_unique};
use crate::link::{Change, Link};
use crate::row::{Cells, Origin, Row, args};
use crate::statement::Statement;

/// A calendar as somebody describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarDraft {
    /// What people call it. Unique.
    pub name: CalendarName,
    /// The IANA name of the zone whose clock it means.
    pub zone: String,
    /// Its blackouts.
    pub text: CalendarText,
}

/// A calendar as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// Its number.
    pub id: CalendarId,
    /// What somebody described.
    pub draft: CalendarDraft,
    /// Counts the edits; makes a concurrent edit visible.
    pub version: i64,
    /// The version that last changed what jobs hold of it.
    pub rules_version: i64,
    /// Who edited it last.
    pub edited_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
}

/// The select list that [`read_calendar`] reads.
macro_rules! calendar_columns {
    () => {
        "c.id, c.name, c.zone, c.content, c.version, c.rules_version, c.edited_by, c.created_at, c.updated_at"
    };
}

impl Store {
    /// Every calendar, by name. Rows that the domain refuses are left out and logged.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn calendars(&self) -> Result<Vec<Calendar>, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            calendar_columns!(),
            " from calendars c order by c.name"
        ));
        self.read(Store::TIMEOUT, |mut link| async move {
            let mut calendars = Vec::new();
            for row in &link.rows(&SELECT, Vec::new()).await? {
                match read_calendar(row)? {
                    Ok(calendar) => calendars.push(calendar),
                    Err(error) => tracing::warn!("{error}"),
                }
            }
            Ok(calendars)
        })
        .await
    }

    /// The calendar of that number.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Corrupt`], or [`StoreError::Unavailable`] without an answer.
    pub async fn calendar(&self, id: CalendarId) -> Result<Calendar, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            calendar_columns!(),
            " from calendars c where c.id = ?"
        ));
        self.read(Store::TIMEOUT, |mut link| async move {
            let row = link.row(&SELECT, args![id]).await?;
            Ok(read_calendar(&row.ok_or_else(|| not_found(id))?)??)
        })
        .await
    }

    /// The calendar of that name, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or [`StoreError::Unavailable`] without an answer.
    pub async fn calendar_named(&self, name: &str) -> Result<Option<Calendar>, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            calendar_columns!(),
            " from calendars c where c.name = ?"
        ));
        self.read(Store::TIMEOUT, |mut link| async move {
            let row = link.row(&SELECT, args![name]).await?;
            match row {
                Some(row) => Ok(Some(read_calendar(&row)??)),
                None => Ok(None),
            }
        })
        .await
    }

    /// Makes a calendar.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], or [`StoreError::Unavailable`] without an answer.
    pub async fn create_calendar(
        &self,
        draft: &CalendarDraft,
        editor: &Editor,
    ) -> Result<Calendar, StoreError> {
        static INSERT: Statement = Statement::new(
            "insert into calendars
                (name, zone, content, version, rules_version, edited_by, created_at, updated_at)
            values (?, ?, ?, 1, 1, ?, {now}, {now})",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let values = args![
                draft.name.as_str(),
                &draft.zone,
                draft.text.to_string(),
                &editor.name,
            ];
            let inserted = change.insert(&INSERT, values).await;
            let id = CalendarId(name_taken(inserted, draft)?);
            let told = ((AuditVerb::CreateCalendar, id), (None, Some(draft)));
            finish_edit(change, editor, told).await
        })
        .await
    }

    /// Changes a calendar whose version the editor has seen. The jobs that keep to it follow by
    /// [`Store::hand_on_calendar`].
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was edited since, [`StoreError::NotFound`], [`StoreError::NameTaken`], or
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn change_calendar(
        &self,
        id: CalendarId,
        version: i64,
        draft: &CalendarDraft,
        editor: &Editor,
    ) -> Result<Calendar, StoreError> {
        static UPDATE: Statement = Statement::new(
            "update calendars
            set name = ?, zone = ?, content = ?, version = version + 1, rules_version = ?, edited_by = ?,
                updated_at = {now}
            where id = ?",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let old = lock_calendar(&mut change, id).await?;
            if old.version != version {
                return Err(StoreError::Conflict {
                    expected: version,
                    current: old.version,
                });
            }
            let rules_version = match held_of(&old.draft) == held_of(draft) {
                true => old.rules_version,
                false => version + 1,
            };
            let values = args![
                draft.name.as_str(),
                &draft.zone,
                draft.text.to_string(),
                rules_version,
                &editor.name,
                id,
            ];
            name_taken(change.execute(&UPDATE, values).await, draft)?;
            let both = (Some(&old.draft), Some(draft));
            finish_edit(change, editor, ((AuditVerb::EditCalendar, id), both)).await
        })
        .await
    }

    /// Deletes a calendar that no job keeps to.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was edited since, [`StoreError::Rejected`] while jobs keep to it,
    /// [`StoreError::NotFound`], or [`StoreError::Unavailable`] without an answer.
    pub async fn delete_calendar(
        &self,
        id: CalendarId,
        version: i64,
        editor: &Editor,
    ) -> Result<(), StoreError> {
        static DELETE: Statement = Statement::new("delete from calendars where id = ?");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let old = lock_calendar(&mut change, id).await?;
            if old.version != version {
                return Err(StoreError::Conflict {
                    expected: version,
                    current: old.version,
                });
            }
            let uses = count_uses(&mut change, id).await?;
            if uses.jobs > 0 {
                let kept_by = match uses.jobs {
                    1 => "1 job keeps".to_owned(),
                    jobs => format!("{jobs} jobs keep"),
                };
                return Err(StoreError::Rejected(format!(
                    "{kept_by} to the calendar {}; choose another one or none there first",
                    old.draft.name
                )));
            }
            change.execute(&DELETE, args![id]).await?;
            let both = (Some(&old.draft), None);
            log(&mut change, editor, (AuditVerb::DeleteCalendar, id), both).await?;
            change.commit().await
        })
        .await
    }
}

/// What jobs hold of a calendar.
fn held_of(draft: &CalendarDraft) -> (&CalendarName, &str, String) {
    (&draft.name, &draft.zone, draft.text.rules())
}

/// A job's calendar as columns beside its spec: the calendar's number, and the version of the rules in the spec.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KeptCalendar {
    pub(crate) id: Option<i64>,
    pub(crate) version: Option<i64>,
}

/// Puts the rules that the draft's calendar has now into the draft. The calendar's row stays locked until the commit:
/// after the jobs and before their keys, as everywhere.
pub(crate) async fn keep_calendar(
    change: &mut Change,
    draft: &mut JobDraft,
) -> Result<KeptCalendar, StoreError> {
    static SELECT: Statement = Statement::new(concat!(
        "select ",
        calendar_columns!(),
        " from calendars c where c.name = ? {for update}"
    ));
    let Some(kept) = &mut draft.spec.calendar else {
        return Ok(KeptCalendar::default());
    };
    let row = change.row(&SELECT, args![kept.name.as_str()]).await?;
    let row = row.ok_or_else(|| StoreError::NotFound {
        what: "calendar",
        id: kept.name.to_string(),
    })?;
    let calendar = read_calendar(&row)??;
    fill(kept, &calendar.draft);
    Ok(KeptCalendar {
        id: Some(calendar.id.0),
        version: Some(calendar.rules_version),
    })
}

/// Makes a job's copy of a calendar what the calendar is.
pub(crate) fn fill(kept: &mut CalendarUse, calendar: &CalendarDraft) {
    kept.name.clone_from(&calendar.name);
    kept.zone.clone_from(&calendar.zone);
    kept.rules = calendar.text.rules();
}

pub(crate) async fn select_calendar(
    link: &mut Link,
    id: CalendarId,
) -> Result<Calendar, StoreError> {
    static SELECT: Statement = Statement::new(concat!(
        "select ",
        calendar_columns!(),
        " from calendars c where c.id = ?"
    ));
    let row = link.row(&SELECT, args![id]).await?;
    Ok(read_calendar(&row.ok_or_else(|| not_found(id))?)??)
}

async fn lock_calendar(change: &mut Change, id: CalendarId) -> Result<Calendar, StoreError> {
    static SELECT: Statement = Statement::new(concat!(
        "select ",
        calendar_columns!(),
        " from calendars c where c.id = ? {for update}"
    ));
    let row = change.row(&SELECT, args![id]).await?;
    Ok(read_calendar(&row.ok_or_else(|| not_found(id))?)??)
}

fn read_calendar(row: &Row) -> Result<Result<Calendar, CorruptRow>, StoreError> {
    let mut cells: Cells<'_> = row.cells();
    let id = CalendarId(cells.int()?);
    let (name, zone, content) = (cells.text()?, cells.text()?, cells.text()?);
    let (version, rules_version) = (cells.int()?, cells.int()?);
    let edited_by = cells.text()?;
    let (created_at, updated_at) = (cells.time()?, cells.time()?);
    let origin = Origin {
        table: "calendars",
        id: &id,
    };
    let believe = || {
        let text = CalendarText::parse(&content)
            .map_err(|errors| origin.corrupt("content", errors[0].to_string()))?;
        Ok(Calendar {
            id,
            draft: CalendarDraft {
                name: origin.parse("name", &name)?,
                zone,
                text,
            },
            version,
            rules_version,
            edited_by,
            created_at,
            updated_at,
        })
    };
    Ok(believe())
}

/// What an edit is called, of which calendar, and what that was and is.
type Told<'t> = (
    (AuditVerb, CalendarId),
    (Option<&'t CalendarDraft>, Option<&'t CalendarDraft>),
);

/// Writes the edit down and commits it; the calendar as it is then.
async fn finish_edit(
    mut change: Change,
    editor: &Editor,
    (of, both): Told<'_>,
) -> Result<Calendar, StoreError> {
    log(&mut change, editor, of, both).await?;
    let calendar = select_calendar(&mut change, of.1).await?;
    change.commit().await?;
    Ok(calendar)
}

async fn log(
    change: &mut Change,
    editor: &Editor,
    (verb, id): (AuditVerb, CalendarId),
    (before, after): (Option<&CalendarDraft>, Option<&CalendarDraft>),
) -> Result<(), StoreError> {
    let told = |draft: &CalendarDraft| {
        let text = draft.text.to_string();
        serde_json::json!({ "name": draft.name, "zone": draft.zone, "text": text }).to_string()
    };
    let deed = Deed {
        editor,
        verb,
        object: format!("calendar {id}"),
        group: None,
        before: before.map(told),
        after: after.map(told),
    };
    write_deed(change, deed).await
}

fn not_found(id: CalendarId) -> StoreError {
    StoreError::NotFound {
        what: "calendar",
        id: id.to_string(),
    }
}

fn name_taken<T>(done: Result<T, StoreError>, draft: &CalendarDraft) -> Result<T, StoreError> {
    done.map_err(
        |error| match breaks_unique(&error, "calendars_name_unique", "calendars.name") {
            true => StoreError::NameTaken(draft.name.to_string()),
            false => error,
        },
    )
}
