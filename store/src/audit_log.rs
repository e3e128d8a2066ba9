//! Who changed what. Written in the transaction of the change itself, so that neither is without the other.

use carillon_core::identity::GroupId;
use jiff::Timestamp;

use crate::Store;
use crate::audit_verb::AuditVerb;
use crate::error::StoreError;
use crate::link::Link;
use crate::row::{Value, args};
use crate::statement::Statement;

/// Who makes a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editor {
    /// The user's name, or the program's.
    pub name: String,
    /// The address the request came from.
    pub address: Option<String>,
}

impl Editor {
    /// A program of ours, such as `import` or `agent on web-1`.
    pub fn program(name: impl Into<String>) -> Self {
        Editor {
            name: name.into(),
            address: None,
        }
    }
}

/// One entry about to be written.
pub(crate) struct Deed<'a> {
    pub(crate) editor: &'a Editor,
    pub(crate) verb: AuditVerb,
    /// To what, e.g. `job 17`.
    pub(crate) object: String,
    pub(crate) group: Option<GroupId>,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

/// Writes the entry.
pub(crate) async fn write_deed(link: &mut Link, deed: Deed<'_>) -> Result<(), StoreError> {
    static INSERT: Statement = Statement::new(
        "insert into audit_log
            (made_at, actor, address, verb, object, group_id, before_text, after_text)
        values ({now}, ?, ?, ?, ?, ?, ?, ?)",
    );
    let values = args![
        &deed.editor.name,
        deed.editor.address.clone(),
        deed.verb.word(),
        deed.object,
        deed.group.map(|group| group.0),
        deed.before,
        deed.after,
    ];
    link.execute(&INSERT, values).await?;
    Ok(())
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number; later entries have greater ones.
    pub id: i64,
    /// When.
    pub made_at: Timestamp,
    /// By whom.
    pub actor: String,
    /// From where.
    pub address: Option<String>,
    /// What was done: an [`AuditVerb`], or a word of another version of this program.
    pub verb: String,
    /// To what.
    pub object: String,
    /// The group it belongs to, if to one.
    pub group: Option<GroupId>,
    /// How it was, as JSON.
    pub before: Option<String>,
    /// How it is since, as JSON.
    pub after: Option<String>,
}

/// Which entries to show.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only about this object, e.g. `job 17`.
    pub object: Option<String>,
    /// Only by this actor.
    pub actor: Option<String>,
    /// Only older than this entry.
    pub before: Option<i64>,
}

// Each has an index in the order of numbers, so that a page is read and nothing else.
macro_rules! entries {
    ($access:literal) => {
        concat!(
            "select id, made_at, actor, address, verb, object, group_id, before_text, after_text
            from audit_log
            where ",
            $access,
            " and id < ?
                and (? is null or actor = ?)
            order by id desc
            limit ?"
        )
    };
}

impl Store {
    /// The entries that `filter` admits, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn audit_entries(
        &self,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        static ALL: Statement = Statement::new(entries!("1 = 1"));
        static BY_OBJECT: Statement = Statement::new(entries!("object = ?"));
        static BY_ACTOR: Statement = Statement::new(entries!("actor = ?"));
        let (statement, key) = match (&filter.object, &filter.actor) {
            (Some(object), _) => (&BY_OBJECT, Some(object)),
            (None, Some(actor)) => (&BY_ACTOR, Some(actor)),
            (None, None) => (&ALL, None),
        };
        self.read(Store::TIMEOUT, |mut link| async move {
            let mut values: Vec<Value> = key.cloned().map(Value::from).into_iter().collect();
            values.extend(args![
                filter.before.unwrap_or(i64::MAX),
                filter.actor.clone(),
                filter.actor.clone(),
                limit,
            ]);
            let rows = link.rows(statement, values).await?;
            rows.iter()
                .map(|row| {
                    let mut cells = row.cells();
                    Ok(AuditEntry {
                        id: cells.int()?,
                        made_at: cells.time()?,
                        actor: cells.text()?,
                        address: cells.text_or_none()?,
                        verb: cells.text()?,
                        object: cells.text()?,
                        group: cells.int_or_none()?.map(GroupId),
                        before: cells.text_or_none()?,
                        after: cells.text_or_none()?,
                    })
                })
                .collect()
        })
        .await
    }

    /// Writes an entry about a change that was not made in the store, such as a sign-in.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn log_deed(
        &self,
        editor: &Editor,
        verb: AuditVerb,
        object: &str,
    ) -> Result<(), StoreError> {
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let deed = Deed {
                editor,
                verb,
                object: object.to_owned(),
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
