//! SQL written straight into a store that is made for a measurement.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use sqlx::ConnectOptions as _;

/// A connection that writes SQL as it is.
pub enum Pen {
    /// To MariaDB.
    MySql(Box<sqlx::MySqlConnection>),
    /// To a file.
    Sqlite(Box<sqlx::SqliteConnection>),
}

impl Pen {
    /// Opens a connection of its own, made for speed and not for safety.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn take(url: &str) -> Result<Self> {
        let mut pen = match url.strip_prefix("sqlite:") {
            Some(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                Pen::Sqlite(Box::new(
                    options.connect().await.context("opening the file")?,
                ))
            }
            None => {
                let options: sqlx::mysql::MySqlConnectOptions = url.parse()?;
                Pen::MySql(Box::new(options.connect().await.context("connecting")?))
            }
        };
        let settings = match pen {
            Pen::MySql(_) => "set unique_checks = 0, foreign_key_checks = 0",
            Pen::Sqlite(_) => "pragma synchronous = off; pragma cache_size = -1000000",
        };
        pen.write(settings).await?;
        Ok(pen)
    }

    /// Has the store do it.
    ///
    /// # Errors
    /// When it refuses.
    pub async fn write(&mut self, sql: &str) -> Result<()> {
        let text = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
        match self {
            Pen::MySql(connection) => text.execute(&mut **connection).await.map(|_| ()),
            Pen::Sqlite(connection) => text.execute(&mut **connection).await.map(|_| ()),
        }
        .with_context(|| sql.chars().take(200).collect::<String>())
    }
}

/// Rows on their way into one table.
pub struct Rows {
    into: &'static str,
    text: String,
    /// How many there are.
    pub count: usize,
}

impl Rows {
    /// None yet; `into` is the table with its columns.
    pub fn new(into: &'static str) -> Self {
        Rows {
            into,
            text: String::new(),
            count: 0,
        }
    }

    /// One more, in brackets.
    pub fn add(&mut self, row: std::fmt::Arguments<'_>) {
        self.text.push_str(if self.count == 0 { "" } else { "," });
        let _ = self.text.write_fmt(row);
        self.count += 1;
    }

    /// Writes them.
    ///
    /// # Errors
    /// When the store refuses them.
    pub async fn flush(&mut self, pen: &mut Pen) -> Result<()> {
        if self.count > 0 {
            pen.write(&format!("insert into {} values {}", self.into, self.text))
                .await?;
            self.text.clear();
            self.count = 0;
        }
        Ok(())
    }
}
