//! The two databases: how they are opened, and where connections come from.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Executor};
use tracing::log::LevelFilter;

use crate::Store;
use crate::address::Place;
use crate::error::{StoreError, Unavailable};
use crate::link::Link;
use crate::statement::Dialect;

/// A pool per purpose.
#[derive(Clone)]
pub(crate) enum Backend {
    MySql(MySqlPool),
    /// One writer, since SQLite has one write lock and waiting for it in line is fairest in the pool.
    Sqlite {
        writer: SqlitePool,
        reader: SqlitePool,
    },
}

/// Connections of one program to a server.
const CONNECTIONS_MAX: u32 = 8;
const SQLITE_READERS_MAX: u32 = 4;
/// How long a call waits for a connection, new ones included.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);
/// Every text of ours fits, so that none is ever prepared twice: a statement that falls out of the cache costs 44 ms.
const STATEMENTS_MAX: usize = 1024;

/// Isolation per statement, so that a statement after a lock sees what the holder committed.
const ISOLATION: &str = "set session transaction isolation level read committed";
/// Wrong values are errors, not warnings, and nobody waits long for a row.
const SESSION: &str = "set session innodb_lock_wait_timeout = 3, session sql_mode = \
    'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'";

impl Backend {
    /// Opens without asking the server anything yet.
    pub(crate) fn open(place: &Place) -> Self {
        match place {
            Place::MySql(options) => Backend::MySql(mysql_pool((**options).clone())),
            Place::Sqlite(path) => Backend::Sqlite {
                writer: sqlite_pool(path, 1),
                reader: sqlite_pool(path, SQLITE_READERS_MAX),
            },
        }
    }
}

fn mysql_pool(options: MySqlConnectOptions) -> MySqlPool {
    let options = options
        .statement_cache_capacity(STATEMENTS_MAX)
        .charset("utf8mb4")
        .collation("utf8mb4_bin")
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(Some("+00:00".to_owned()))
        .log_statements(LevelFilter::Off)
        .log_slow_statements(LevelFilter::Off, Duration::from_secs(1));
    MySqlPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // Asking each time would cost as much as the question; a dead connection is noticed by the first statement.
        .test_before_acquire(false)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(ISOLATION).await?;
                connection.execute(SESSION).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options)
}

/// A file that others are making is opened again so many times,
const OPEN_TRIES: u32 = 100;

/// with this pause between.
const OPEN_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// SQLite's number for "somebody else is at it", the last byte of all that say why.
const BUSY: u32 = 5;

fn is_busy(error: &dyn DatabaseError) -> bool {
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == BUSY)
}

/// Opens the file. While another program opens it for the first time and sets its journal, SQLite refuses at once
/// instead of waiting, so it is asked again.
async fn open_file(pool: &SqlitePool) -> Result<SqliteConnection, sqlx::Error> {
    make_private_file(pool.connect_options().get_filename());
    for _ in 0..OPEN_TRIES {
        match pool.connect_options().connect().await {
            Err(sqlx::Error::Database(error)) if is_busy(error.as_ref()) => {
                tokio::time::sleep(OPEN_AGAIN_AFTER).await;
            }
            answered => return answered,
        }
    }
    pool.connect_options().connect().await
}

/// Makes the file, where there is none, for its owner alone: hashes of passwords and environments of jobs are in it. The
/// files that SQLite lays beside it take its mode.
fn make_private_file(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    // Whatever is wrong with the place, SQLite is about to say.
    let _ = options.write(true).create_new(true).mode(0o600).open(path);
}

fn sqlite_pool(path: &Path, connections_max: u32) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(4))
        .foreign_keys(true)
        .statement_cache_capacity(STATEMENTS_MAX)
        .log_statements(LevelFilter::Off)
        .log_slow_statements(LevelFilter::Off, Duration::from_secs(1));
    SqlitePoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(Duration::from_secs(4))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(options)
}

impl Store {
    /// The file, where it is one.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        match self.backend() {
            Backend::MySql(_) => None,
            Backend::Sqlite { writer, .. } => {
                Some(writer.connect_options().get_filename().to_owned())
            }
        }
    }

    /// A connection that may change things.
    pub(crate) async fn writer(&self) -> Result<Link, StoreError> {
        match self.backend() {
            Backend::MySql(pool) => pool.acquire().await.map(Link::mysql),
            Backend::Sqlite { writer, .. } => writer.acquire().await.map(Link::sqlite),
        }
        .map_err(|cause| self.no_connection(cause))
    }

    /// A connection for questions.
    pub(crate) async fn reader(&self) -> Result<Link, StoreError> {
        match self.backend() {
            Backend::MySql(pool) => pool.acquire().await.map(Link::mysql),
            Backend::Sqlite { reader, .. } => reader.acquire().await.map(Link::sqlite),
        }
        .map_err(|cause| self.no_connection(cause))
    }

    /// Connects once outside the pool, which keeps to itself why nobody answers: a wrong password, an unknown
    /// database and a closed port all look like waiting.
    pub(crate) async fn knock(&self) -> Result<(), StoreError> {
        let answer = match self.backend() {
            Backend::MySql(pool) => match pool.connect_options().connect().await {
                Ok(connection) => connection.close().await,
                Err(error) => Err(error),
            },
            Backend::Sqlite { writer, .. } => match open_file(writer).await {
                Ok(connection) => connection.close().await,
                Err(error) => Err(error),
            },
        };
        answer.map_err(|source| self.no_connection(source))
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self.backend() {
            Backend::MySql(_) => Dialect::MySql,
            Backend::Sqlite { .. } => Dialect::Sqlite,
        }
    }

    /// What a failed try to connect means.
    pub(crate) fn no_connection(&self, cause: sqlx::Error) -> StoreError {
        Unavailable::NoConnection {
            place: self.url().to_string(),
            cause,
        }
        .into()
    }
}
