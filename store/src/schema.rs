//! The tables: made and changed by migrations, and never used by a program that they are not for.

use std::time::Duration;

use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::{Connection, MySqlConnection};

use crate::Store;
use crate::backend::Backend;
use crate::error::{StoreError, Unavailable};
use crate::link::within;
use crate::row::args;
use crate::statement::Statement;

static MYSQL: Migrator = sqlx::migrate!("../migrations/mysql");
static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");

/// A migration may rebuild a big table.
const MIGRATE_TIMEOUT: Duration = Duration::from_secs(3600);

/// Tables that this program may work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaFit {
    /// Its own.
    Own,
    /// Those of a newer program, which say that this one knows enough.
    Newer {
        /// What the database has.
        found: i64,
        /// What this program knows.
        known: i64,
    },
}

impl std::fmt::Display for SchemaFit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SchemaFit::Own => write!(f, "the database has the schema of this program"),
            SchemaFit::Newer { found, known } => write!(
                f,
                "the database has schema {found}, this program knows {known} and may go on with it; upgrade this program soon"
            ),
        }
    }
}

/// The tables are not for this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// No table of ours.
    #[error("the database is empty, this program needs schema {needed}; run `admin migrate`")]
    Empty {
        /// What this program needs.
        needed: i64,
    },
    /// Made by an older program.
    #[error("the database has schema {found}, this program needs {needed}; run `admin migrate`")]
    Older {
        /// What the database has.
        found: i64,
        /// What this program needs.
        needed: i64,
    },
    /// Made by a newer program.
    #[error("the database has schema {found}, this program knows {needed}; upgrade this program")]
    Newer {
        /// What the database has.
        found: i64,
        /// What this program needs.
        needed: i64,
    },
    /// Made by a newer program, for something that has to know all of it.
    #[error(
        "the database has schema {found}, this program knows {known} and would leave out what is new; use the newer `admin`"
    )]
    Partial {
        /// What the database has.
        found: i64,
        /// What this program knows.
        known: i64,
    },
    /// A migration is at work, or stopped in the middle.
    #[error(
        "migration {version} of the database is not finished; wait for the `admin migrate` that is at it; if none is, restore the backup, or repair the database and run `admin migrate`"
    )]
    Unfinished {
        /// Which.
        version: i64,
    },
    /// A migration is not the one this program knows under that number.
    #[error(
        "migration {version} of the database is not the one this program knows; this program and the database are of different builds"
    )]
    Foreign {
        /// Which.
        version: i64,
    },
    /// A migration could not be applied.
    #[error("the migration failed: {0}; the database is as it was before that step")]
    Failed(String),
}

impl Store {
    /// Brings the tables up to this program; newer ones that it may work with stay as they are. Two programs may do it at once.
    ///
    /// # Errors
    /// [`SchemaError`] when the tables belong to a newer program or a step fails, [`StoreError::Unavailable`] without an answer.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        if let Ok(SchemaFit::Newer { .. }) = self.check_schema().await {
            return Ok(());
        }
        let run = async {
            self.knock().await?;
            match self.backend() {
                Backend::MySql(pool) => {
                    let connection = pool.acquire().await;
                    let mut connection = connection.map_err(|cause| self.no_connection(cause))?;
                    lock_migrations(&mut connection).await?;
                    let done = MYSQL.run(&mut *connection).await.map_err(migrate_error);
                    // The lock ends with its connection.
                    connection.close().await?;
                    done
                }
                Backend::Sqlite { writer, .. } => {
                    let connection = writer.acquire().await;
                    let mut connection = connection.map_err(|cause| self.no_connection(cause))?;
                    // SQLite's migrator takes no lock of its own, so the write lock is taken around it.
                    let mut change = connection.begin_with("begin immediate").await?;
                    SQLITE.run(&mut *change).await.map_err(migrate_error)?;
                    Ok(change.commit().await?)
                }
            }
        };
        within(MIGRATE_TIMEOUT, run).await
    }

    /// Refuses tables that are older than this program, and newer ones that do not say that it may work with them.
    ///
    /// # Errors
    /// [`SchemaError`] with what to do, [`StoreError::Unavailable`] without an answer.
    pub async fn check_schema(&self) -> Result<SchemaFit, StoreError> {
        let check = async {
            self.knock().await?;
            match self.backend() {
                Backend::MySql(pool) => {
                    let connection = pool.acquire().await;
                    let mut connection = connection.map_err(|cause| self.no_connection(cause))?;
                    check(&mut *connection, &MYSQL).await
                }
                Backend::Sqlite { reader, .. } => {
                    let connection = reader.acquire().await;
                    let mut connection = connection.map_err(|cause| self.no_connection(cause))?;
                    check(&mut *connection, &SQLITE).await
                }
            }
        };
        let fit = within(Store::TIMEOUT, check).await?;
        if let SchemaFit::Newer { found, known } = fit
            && !self.is_enough(known, found).await?
        {
            let needed = known;
            return Err(SchemaError::Newer { found, needed }.into());
        }
        Ok(fit)
    }

    /// Refuses all tables but this program's own.
    pub(crate) async fn demand_own_schema(&self) -> Result<(), StoreError> {
        match self.check_schema().await? {
            SchemaFit::Own => Ok(()),
            SchemaFit::Newer { found, known } => Err(SchemaError::Partial { found, known }.into()),
        }
    }

    /// Whether the tables of the level `found` say that a program that knows `known` may work with them.
    async fn is_enough(&self, known: i64, found: i64) -> Result<bool, StoreError> {
        static LEAST: Statement =
            Statement::new("select least_known from schema_levels where level = ?");
        self.read(Store::TIMEOUT, |mut link| async move {
            Ok(match link.row(&LEAST, args![found]).await? {
                Some(row) => row.cells().int()? <= known,
                None => false,
            })
        })
        .await
    }
}

/// The number of the newest migration that this program knows.
pub(crate) fn schema_version() -> i64 {
    MYSQL.iter().map(|step| step.version).max().unwrap_or(0)
}

/// Waits until nobody else migrates. The migrator's own lock does not wait on MariaDB.
async fn lock_migrations(connection: &mut MySqlConnection) -> Result<(), StoreError> {
    let locked: Option<i64> =
        sqlx::query_scalar("select get_lock(concat('carillon migrates ', database()), 3600)")
            .fetch_one(connection)
            .await?;
    match locked {
        Some(1) => Ok(()),
        _ => Err(SchemaError::Failed("another program holds the lock".to_owned()).into()),
    }
}

async fn check(
    connection: &mut impl Migrate,
    migrator: &Migrator,
) -> Result<SchemaFit, StoreError> {
    let known = migrator.iter().map(|step| step.version).max().unwrap_or(0);
    let empty = SchemaError::Empty { needed: known };
    let table = &migrator.table_name;
    let Ok(applied) = connection.list_applied_migrations(table).await else {
        return Err(empty.into());
    };
    let Some(found) = applied.iter().map(|step| step.version).max() else {
        return Err(empty.into());
    };
    let unfinished = connection.dirty_version(table).await;
    if let Some(version) = unfinished.map_err(migrate_error)? {
        return Err(SchemaError::Unfinished { version }.into());
    }
    if found < known {
        let needed = known;
        return Err(SchemaError::Older { found, needed }.into());
    }
    let foreign = applied.iter().find(|applied| {
        migrator
            .iter()
            .any(|step| step.version == applied.version && step.checksum != applied.checksum)
    });
    if let Some(step) = foreign {
        let version = step.version;
        return Err(SchemaError::Foreign { version }.into());
    }
    Ok(if found > known {
        SchemaFit::Newer { found, known }
    } else {
        SchemaFit::Own
    })
}

fn migrate_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error @ (sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut)) => {
            Unavailable::Broken(error).into()
        }
        MigrateError::Dirty(version) => SchemaError::Unfinished { version }.into(),
        MigrateError::VersionMismatch(version) => SchemaError::Foreign { version }.into(),
        MigrateError::VersionMissing(found) => SchemaError::Newer {
            found,
            needed: schema_version(),
        }
        .into(),
        error => SchemaError::Failed(error.to_string()).into(),
    }
}
