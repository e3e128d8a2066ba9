//! What can go wrong with the store, told apart by what the caller must do.

use std::time::Duration;

use jiff::Timestamp;

use crate::schema::SchemaError;

/// The store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No answer. Whether the change was made is not known: ask again with the same token or key.
    #[error("the store gave no answer: {why}")]
    Unavailable {
        /// Why.
        why: Unavailable,
    },
    /// The store understood and refuses; nothing was changed.
    #[error("{0}")]
    Rejected(String),
    /// Somebody else changed it in between; nothing was changed.
    #[error(
        "version {expected} is no longer current, the store has {current}; load it and edit again"
    )]
    Conflict {
        /// The version the caller knew.
        expected: i64,
        /// The version there is.
        current: i64,
    },
    /// Another one of that name exists.
    #[error("the name {0:?} is taken; choose another")]
    NameTaken(String),
    /// There is none.
    #[error("there is no {what} {id}")]
    NotFound {
        /// The noun, e.g. `job`.
        what: &'static str,
        /// As it was asked for.
        id: String,
    },
    /// A second agent calls itself by the name of a living one.
    #[error(
        "a node named {name:?} is alive since {since}; stop it, or set another node.name (a copied machine needs its own)"
    )]
    NodeAlreadyAlive {
        /// The name.
        name: String,
        /// When the living agent came up.
        since: Timestamp,
    },
    /// A newer agent of the same node has registered.
    #[error("a newer agent of this node has registered; this one must stop")]
    BootReplaced,
    /// A row the domain refuses.
    #[error(transparent)]
    Corrupt(#[from] CorruptRow),
    /// The tables are not those of this program.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// A row the domain refuses. The rest goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{table}.{column} of row {id} holds a value this program does not know: {found}; correct the row"
)]
pub struct CorruptRow {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's key as text.
    pub id: String,
    /// What is wrong with it.
    pub found: String,
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// No answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// No connection could be made.
    #[error("no connection to {place} ({cause}); {}", cure(cause))]
    NoConnection {
        /// The store's address without secrets.
        place: String,
        /// What the driver says.
        cause: sqlx::Error,
    },
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(sqlx::Error),
    /// The server takes no writes.
    #[error("the server is read-only; is it a replica?")]
    ReadOnly,
    /// Others wrote the same rows, again and again.
    #[error("the rows stayed contended: {0}")]
    Contended(sqlx::Error),
    /// The server could not do it now: disk full, shutdown, too many connections.
    #[error("the server failed: {0}")]
    Failed(sqlx::Error),
}

impl Unavailable {
    /// Whether the same question on another connection may do better at once.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self, Unavailable::Broken(_))
    }
}

impl StoreError {
    /// Whether the transaction was rolled back because others were writing the same rows.
    pub(crate) fn is_contended(&self) -> bool {
        matches!(
            self,
            StoreError::Unavailable {
                why: Unavailable::Contended(_)
            }
        )
    }

    /// Whether a pooled connection turned out to be dead.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self, StoreError::Unavailable { why } if why.is_broken())
    }

    /// Whether nobody can say if the change was made.
    pub fn is_unknown(&self) -> bool {
        matches!(self, StoreError::Unavailable { .. })
    }
}

/// MySQL: deadlock, lock wait. SQLite: busy, locked, and busy because of an old snapshot.
const CONTENDED: [&str; 6] = ["1213", "1205", "5", "6", "517", "262"];
/// MySQL: read-only, also while a failover is going on. SQLite: read-only.
const READ_ONLY: [&str; 4] = ["1290", "1836", "1792", "8"];

impl From<Unavailable> for StoreError {
    fn from(why: Unavailable) -> Self {
        StoreError::Unavailable { why }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return Unavailable::Broken(error).into();
        };
        let code = error_number(database);
        if database.is_unique_violation() || CONTENDED.contains(&code.as_str()) {
            return Unavailable::Contended(error).into();
        }
        if READ_ONLY.contains(&code.as_str()) {
            return Unavailable::ReadOnly.into();
        }
        Unavailable::Failed(error).into()
    }
}

/// What to do about a connection that was not made.
fn cure(cause: &sqlx::Error) -> &'static str {
    let number = cause.as_database_error().map(error_number);
    match number.as_deref() {
        Some("1045" | "1698") => {
            "mend the user or the password in database.url, or what this user may do from this machine"
        }
        Some("1044" | "1049") => "create the database, and grant it to this user",
        _ => "check that it is up and that this machine may reach it",
    }
}

/// The server's own number of the error; the text of the error is for people.
fn error_number(error: &dyn sqlx::error::DatabaseError) -> String {
    match error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        Some(mysql) => mysql.number().to_string(),
        None => error.code().unwrap_or_default().into_owned(),
    }
}

/// Whether the statement broke the unique constraint of that name; SQLite names its columns instead.
pub(crate) fn breaks_unique(error: &StoreError, mysql_name: &str, sqlite_columns: &str) -> bool {
    let StoreError::Unavailable {
        why: Unavailable::Contended(error),
    } = error
    else {
        return false;
    };
    error.as_database_error().is_some_and(|database| {
        database.is_unique_violation()
            && (database.message().contains(mysql_name)
                || database.message().contains(sqlite_columns))
    })
}
