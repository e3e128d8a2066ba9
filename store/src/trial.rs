//! A database beside the configured one, made to be measured and thrown away: same server or same folder, other name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::Store;
use crate::address::{Place, StoreUrl};
use crate::error::{StoreError, Unavailable};
use crate::link::within;

/// What a trial's database is called, before a number of its own.
pub const TRIAL_PREFIX: &str = "carillon_trial_";

/// Making and dropping one takes no longer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A database of its own, with its tables. Whoever made it ends it with [`Trial::end`].
pub struct Trial {
    /// Its store.
    pub store: Store,
    place: Place,
}

impl Trial {
    /// Makes one where `beside` is, and its tables.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] when the account may not make databases, with what it needs;
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn make(beside: &StoreUrl) -> Result<Trial, StoreError> {
        let name = format!("{TRIAL_PREFIX}{}", std::process::id());
        let place = match &beside.0 {
            Place::MySql(options) => {
                let sql = format!("create database {name} character set utf8mb4");
                execute(options, sql).await.map_err(|error| {
                    StoreError::Rejected(format!(
                        "a database for the trial cannot be made: {error}; as an administrator of the server: \
                         grant all privileges on `carillon\\_trial\\_%`.* to '{}'@'%'",
                        options.get_username()
                    ))
                })?;
                Place::MySql(Box::new((**options).clone().database(&name)))
            }
            Place::Sqlite(path) => {
                let folder = path.parent().unwrap_or(Path::new("."));
                Place::Sqlite(folder.join(format!("{name}.db")))
            }
        };
        let trial = Trial {
            store: Store::new(StoreUrl(place.clone())),
            place,
        };
        match trial.store.migrate().await {
            Ok(()) => Ok(trial),
            Err(error) => {
                // What went wrong first is what is told.
                let _ = trial.end().await;
                Err(error)
            }
        }
    }

    /// Bytes on the disk: tables and indexes as the server counts them, or the pages of the file.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn bytes(&self) -> Result<u64, StoreError> {
        match &self.place {
            Place::MySql(options) => {
                let count = async {
                    let mut connection = options.connect().await?;
                    // The server's counts are old unless it is told to look.
                    sqlx::raw_sql("analyze table runs, attempts, run_outputs, run_totals")
                        .execute(&mut connection)
                        .await?;
                    let sql = "select cast(coalesce(sum(data_length + index_length), 0) as unsigned) \
                               from information_schema.tables where table_schema = database()";
                    let bytes: u64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
                    connection.close().await?;
                    Ok::<_, sqlx::Error>(bytes)
                };
                within(TIMEOUT, async { Ok(count.await?) }).await
            }
            Place::Sqlite(path) => {
                let count = async {
                    let options = SqliteConnectOptions::new().filename(path);
                    let mut connection = options.connect().await?;
                    let sql = "select page_count * page_size from pragma_page_count(), pragma_page_size()";
                    let bytes: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
                    connection.close().await?;
                    Ok::<_, sqlx::Error>(bytes.unsigned_abs())
                };
                within(TIMEOUT, async { Ok(count.await?) }).await
            }
        }
    }

    /// Drops it with all that is in it.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] with what is left and how to remove it.
    pub async fn end(self) -> Result<(), StoreError> {
        let what = self.store.url().to_string();
        self.store.close().await;
        match &self.place {
            Place::MySql(options) => {
                let name = options.get_database().unwrap_or_default().to_owned();
                let dropped = execute(options, format!("drop database {name}")).await;
                dropped.map_err(|error| {
                    StoreError::Rejected(format!(
                        "{what} is left: {error}; remove it by: drop database {name}"
                    ))
                })
            }
            Place::Sqlite(path) => {
                for file in files(path) {
                    // The two beside the database go by themselves when it is closed.
                    let _ = std::fs::remove_file(file);
                }
                match path.exists() {
                    true => Err(StoreError::Rejected(format!("{what} is left; remove it"))),
                    false => Ok(()),
                }
            }
        }
    }
}

fn files(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        name.into()
    })
}

/// The name in the statement is a prefix and a number.
async fn execute(options: &MySqlConnectOptions, sql: String) -> Result<(), StoreError> {
    let run = async {
        let mut connection =
            options
                .connect()
                .await
                .map_err(|cause| Unavailable::NoConnection {
                    place: format!("{}:{}", options.get_host(), options.get_port()),
                    cause,
                })?;
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        Ok(())
    };
    within(TIMEOUT, run).await
}
