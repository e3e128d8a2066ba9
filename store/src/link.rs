//! One connection at work: statements, transactions, and what happens to a connection that was left in the middle.

use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::mysql::MySqlArguments;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, MySql, Sqlite};

use crate::Store;
use crate::clock::host_now;
use crate::error::{StoreError, Unavailable};
use crate::row::{Row, Value};
use crate::statement::{Dialect, Statement};

/// How often a transaction that lost against others is tried again.
const ATTEMPTS_MAX: u32 = 8;

/// A connection taken from a pool. Unless it is given back clean it is closed, and with it whatever was going on:
/// nobody after us finds a transaction half done or an answer half read.
pub(crate) struct Link {
    connection: Option<Connection>,
    is_clean: bool,
}

enum Connection {
    MySql(PoolConnection<MySql>),
    Sqlite(PoolConnection<Sqlite>),
}

impl Link {
    pub(crate) fn mysql(connection: PoolConnection<MySql>) -> Self {
        Link {
            connection: Some(Connection::MySql(connection)),
            is_clean: true,
        }
    }

    pub(crate) fn sqlite(connection: PoolConnection<Sqlite>) -> Self {
        Link {
            connection: Some(Connection::Sqlite(connection)),
            is_clean: true,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self.connection {
            Some(Connection::MySql(_)) => Dialect::MySql,
            Some(Connection::Sqlite(_)) | None => Dialect::Sqlite,
        }
    }

    /// Changes rows and says how many. The count of a committed statement whose answer arrived; never proof of more.
    pub(crate) async fn execute(
        &mut self,
        statement: &'static Statement,
        values: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let text = statement.text(self.dialect());
        let was_clean = std::mem::replace(&mut self.is_clean, false);
        let done = match self.connection_mut() {
            Connection::MySql(connection) => {
                sqlx::query_with(text.sql.as_str(), mysql_arguments(values)?)
                    .execute(&mut **connection)
                    .await
                    .map(|done| done.rows_affected())
            }
            Connection::Sqlite(connection) => {
                sqlx::query_with(text.sql.as_str(), sqlite_arguments(values, text.binds_now)?)
                    .execute(&mut **connection)
                    .await
                    .map(|done| done.rows_affected())
            }
        };
        self.settle(was_clean, done)
    }

    /// As [`Link::execute`], and the number the store gave to the new row.
    pub(crate) async fn insert(
        &mut self,
        statement: &'static Statement,
        values: Vec<Value>,
    ) -> Result<i64, StoreError> {
        let text = statement.text(self.dialect());
        let was_clean = std::mem::replace(&mut self.is_clean, false);
        let done = match self.connection_mut() {
            Connection::MySql(connection) => {
                sqlx::query_with(text.sql.as_str(), mysql_arguments(values)?)
                    .execute(&mut **connection)
                    .await
                    .map(|done| done.last_insert_id().cast_signed())
            }
            Connection::Sqlite(connection) => {
                sqlx::query_with(text.sql.as_str(), sqlite_arguments(values, text.binds_now)?)
                    .execute(&mut **connection)
                    .await
                    .map(|done| done.last_insert_rowid())
            }
        };
        self.settle(was_clean, done)
    }

    /// The rows of an answer.
    pub(crate) async fn rows(
        &mut self,
        statement: &'static Statement,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let text = statement.text(self.dialect());
        let was_clean = std::mem::replace(&mut self.is_clean, false);
        let rows = match self.connection_mut() {
            Connection::MySql(connection) => {
                sqlx::query_with(text.sql.as_str(), mysql_arguments(values)?)
                    .fetch_all(&mut **connection)
                    .await
                    .map(|rows| rows.into_iter().map(Row::MySql).collect())
            }
            Connection::Sqlite(connection) => {
                sqlx::query_with(text.sql.as_str(), sqlite_arguments(values, text.binds_now)?)
                    .fetch_all(&mut **connection)
                    .await
                    .map(|rows| rows.into_iter().map(Row::Sqlite).collect())
            }
        };
        self.settle(was_clean, rows)
    }

    /// Shows an answer of any size row by row, until `look` has seen enough and says `false`.
    pub(crate) async fn each_row(
        &mut self,
        statement: &'static Statement,
        mut look: impl FnMut(Row) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let text = statement.text(self.dialect());
        self.is_clean = false;
        match self.connection_mut() {
            Connection::MySql(connection) => {
                let mut rows = sqlx::query(text.sql.as_str()).fetch(&mut **connection);
                while let Some(row) = rows.try_next().await? {
                    if !look(Row::MySql(row))? {
                        break;
                    }
                }
            }
            Connection::Sqlite(connection) => {
                let mut rows = sqlx::query(text.sql.as_str()).fetch(&mut **connection);
                while let Some(row) = rows.try_next().await? {
                    if !look(Row::Sqlite(row))? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives the connection back after [`Store::snapshot`].
    pub(crate) async fn end_snapshot(mut self) -> Result<(), StoreError> {
        self.say("rollback").await?;
        self.is_clean = true;
        Ok(())
    }

    /// The first row of an answer, if there is one.
    pub(crate) async fn row(
        &mut self,
        statement: &'static Statement,
        values: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(statement, values).await?.into_iter().next())
    }

    /// The only row of an answer that always has one.
    pub(crate) async fn only_row(
        &mut self,
        statement: &'static Statement,
        values: Vec<Value>,
    ) -> Result<Row, StoreError> {
        self.row(statement, values)
            .await?
            .ok_or_else(|| Unavailable::Broken(sqlx::Error::RowNotFound).into())
    }

    /// A text without parameters, as it stands.
    async fn say(&mut self, text: &'static str) -> Result<(), StoreError> {
        self.is_clean = false;
        let done = match self.connection_mut() {
            Connection::MySql(connection) => sqlx::raw_sql(text)
                .execute(&mut **connection)
                .await
                .map(|_| ()),
            Connection::Sqlite(connection) => sqlx::raw_sql(text)
                .execute(&mut **connection)
                .await
                .map(|_| ()),
        };
        done.map_err(StoreError::from)
    }

    fn connection_mut(&mut self) -> &mut Connection {
        self.connection
            .as_mut()
            .expect("a link has its connection until it is dropped")
    }

    /// An answer of the server, even a refusal, leaves the connection as it was; a broken or forgotten one does not.
    fn settle<T>(
        &mut self,
        was_clean: bool,
        done: Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let answered = match &done {
            Ok(_) => true,
            Err(error) => error.as_database_error().is_some(),
        };
        let done = done.map_err(StoreError::from);
        let is_read_only = matches!(
            done,
            Err(StoreError::Unavailable {
                why: Unavailable::ReadOnly
            })
        );
        // A read-only answer comes from yesterday's primary: the next connection may find today's.
        self.is_clean = was_clean && answered && !is_read_only;
        done
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.is_clean {
            return;
        }
        match self.connection.take() {
            Some(Connection::MySql(connection)) => drop(connection.detach()),
            Some(Connection::Sqlite(connection)) => drop(connection.detach()),
            None => {}
        }
    }
}

/// A transaction. Dropped without [`Change::commit`] it has not happened.
pub(crate) struct Change {
    link: Link,
}

impl Change {
    /// Makes it so. When this fails without the server's word, nobody knows whether it is so.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        self.link.say("commit").await?;
        self.link.is_clean = true;
        Ok(())
    }

    /// Takes it back and keeps the connection.
    pub(crate) async fn roll_back(mut self) -> Result<(), StoreError> {
        self.link.say("rollback").await?;
        self.link.is_clean = true;
        Ok(())
    }
}

impl std::ops::Deref for Change {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.link
    }
}

impl std::ops::DerefMut for Change {
    fn deref_mut(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl Store {
    /// Begins a transaction.
    pub(crate) async fn begin(&self) -> Result<Change, StoreError> {
        loop {
            let mut link = self.writer().await?;
            let begin = match link.dialect() {
                Dialect::MySql => "start transaction",
                // Asks for the write lock at once: one taken later fails at once, however long one would wait.
                Dialect::Sqlite => "begin immediate",
            };
            match link.say(begin).await {
                Ok(()) => return Ok(Change { link }),
                // A pooled connection that the server closed long ago. Nothing was asked yet, so ask on the next one;
                // this ends, since every broken one leaves the pool and a new one breaks only with the server.
                Err(error) if error.is_broken() => drop(link),
                Err(error) => return Err(error),
            }
        }
    }

    /// A connection whose answers are all from one moment, however long it asks. Others go on writing.
    pub(crate) async fn snapshot(&self) -> Result<Link, StoreError> {
        let mut link = self.reader().await?;
        match link.dialect() {
            Dialect::MySql => {
                link.say("set transaction isolation level repeatable read")
                    .await?;
                link.say("start transaction with consistent snapshot")
                    .await?;
            }
            // The first question fixes the moment.
            Dialect::Sqlite => link.say("begin; select count(*) from cluster").await?,
        }
        Ok(link)
    }

    /// Repeats `attempt` while it loses against other writers, all within `limit`. Every attempt is a transaction
    /// of its own, and the ones that lost were rolled back by the server.
    pub(crate) async fn write<T, F>(
        &self,
        limit: Duration,
        attempt: impl Fn() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let persist = async {
            for _ in 1..ATTEMPTS_MAX {
                match attempt().await {
                    Err(error) if error.is_contended() => {}
                    done => return done,
                }
            }
            attempt().await
        };
        within(limit, persist).await
    }

    /// Asks a question that changes nothing, again if it met a connection that had died in the pool.
    pub(crate) async fn read<T, F>(
        &self,
        limit: Duration,
        question: impl Fn(Link) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let ask = async {
            for _ in 1..ATTEMPTS_MAX {
                match question(self.reader().await?).await {
                    Err(error) if error.is_broken() => {}
                    done => return done,
                }
            }
            question(self.reader().await?).await
        };
        within(limit, ask).await
    }
}

/// Ends in time, whatever the server does.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(Unavailable::TimedOut(limit).into()),
    }
}

fn mysql_arguments(values: Vec<Value>) -> Result<MySqlArguments, StoreError> {
    let mut arguments = MySqlArguments::default();
    for value in values {
        match value {
            Value::Int(int) => arguments.add(int),
            Value::Text(text) => arguments.add(text),
            Value::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn sqlite_arguments(values: Vec<Value>, binds_now: bool) -> Result<SqliteArguments, StoreError> {
    let mut arguments = SqliteArguments::default();
    let now = binds_now.then(|| Value::from(host_now()));
    for value in values.into_iter().chain(now) {
        match value {
            Value::Int(int) => arguments.add(int),
            Value::Text(text) => arguments.add(text),
            Value::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}
