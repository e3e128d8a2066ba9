//! Values on their way into a statement and rows on their way out, the same for both dialects.

use std::fmt::Display;
use std::str::FromStr;

use carillon_core::identity::{CalendarId, GroupId, JobId, NodeId, UserId};
use carillon_core::token::Token;
use jiff::{SignedDuration, Timestamp};
use sqlx::Row as _;
use sqlx::mysql::MySqlRow;
use sqlx::sqlite::SqliteRow;

use crate::error::{CorruptRow, StoreError};
use crate::lanes::KeyId;

/// One argument of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

macro_rules! value_from {
    ($($from:ty, $value:ident => $to:expr;)*) => {
        $(impl From<$from> for Value { fn from($value: $from) -> Self { $to } })*
    };
}

value_from! {
    i64, v => Value::Int(Some(v));
    Option<i64>, v => Value::Int(v);
    i32, v => Value::Int(Some(v.into()));
    u32, v => Value::Int(Some(v.into()));
    bool, v => Value::Int(Some(v.into()));
    &str, v => Value::Text(Some(v.to_owned()));
    &String, v => Value::Text(Some(v.clone()));
    String, v => Value::Text(Some(v));
    Option<String>, v => Value::Text(v);
    Option<&str>, v => Value::Text(v.map(str::to_owned));
    &[u8], v => Value::Bytes(Some(v.to_vec()));
    Vec<u8>, v => Value::Bytes(Some(v));
    Token, v => Value::Bytes(Some(v.as_bytes().to_vec()));
    Option<Token>, v => Value::Bytes(v.map(|token| token.as_bytes().to_vec()));
    Timestamp, v => Value::Int(Some(v.as_microsecond()));
    SignedDuration, v => Value::Int(Some(i64::try_from(v.as_micros()).unwrap_or(i64::MAX)));
    Option<Timestamp>, v => Value::Int(v.map(Timestamp::as_microsecond));
    JobId, v => Value::Int(Some(v.0));
    GroupId, v => Value::Int(Some(v.0));
    NodeId, v => Value::Int(Some(v.0));
    UserId, v => Value::Int(Some(v.0));
    CalendarId, v => Value::Int(Some(v.0));
    Option<NodeId>, v => Value::Int(v.map(|node| node.0));
    Option<KeyId>, v => Value::Int(v.map(|key| key.0));
    serde_json::Value, v => Value::Text(Some(v.to_string()));
}

/// The arguments of a statement, in the order of its question marks.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::row::Value::from($value)),*] };
}
pub(crate) use args;

/// One row of an answer.
pub(crate) enum Row {
    MySql(MySqlRow),
    Sqlite(SqliteRow),
}

impl Row {
    /// Reads the row's cells from the first on.
    pub(crate) fn cells(&self) -> Cells<'_> {
        self.cells_from(0)
    }

    /// The same from a later cell on.
    pub(crate) fn cells_from(&self, next: usize) -> Cells<'_> {
        Cells { row: self, next }
    }
}

/// Reads a row cell by cell, in the order of its select list.
pub(crate) struct Cells<'r> {
    row: &'r Row,
    next: usize,
}

macro_rules! cell {
    ($(#[$doc:meta])* $name:ident, $type:ty) => {
        $(#[$doc])*
        pub(crate) fn $name(&mut self) -> Result<$type, StoreError> {
            let place = self.next;
            self.next += 1;
            // Unchecked, since MySQL's names for one and the same wire type differ from server to server.
            Ok(match self.row {
                Row::MySql(row) => row.try_get_unchecked(place)?,
                Row::Sqlite(row) => row.try_get_unchecked(place)?,
            })
        }
    };
}

impl Cells<'_> {
    cell!(int, i64);
    cell!(int_or_none, Option<i64>);
    cell!(text, String);
    cell!(text_or_none, Option<String>);
    cell!(bytes, Vec<u8>);
    cell!(bytes_or_none, Option<Vec<u8>>);

    pub(crate) fn flag(&mut self) -> Result<bool, StoreError> {
        Ok(self.int()? != 0)
    }

    /// Whole microseconds since 1970.
    pub(crate) fn time(&mut self) -> Result<Timestamp, StoreError> {
        Ok(timestamp(self.int()?))
    }

    pub(crate) fn time_or_none(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.int_or_none()?.map(timestamp))
    }

    pub(crate) fn small(&mut self) -> Result<u32, StoreError> {
        Ok(u32::try_from(self.int()?).unwrap_or(0))
    }

    pub(crate) fn small_or_none(&mut self) -> Result<Option<i32>, StoreError> {
        Ok(self
            .int_or_none()?
            .map(|number| i32::try_from(number).unwrap_or(i32::MAX)))
    }

    pub(crate) fn job(&mut self) -> Result<JobId, StoreError> {
        Ok(JobId(self.int()?))
    }

    pub(crate) fn node_or_none(&mut self) -> Result<Option<NodeId>, StoreError> {
        Ok(self.int_or_none()?.map(NodeId))
    }

    pub(crate) fn token_or_none(&mut self) -> Result<Option<Token>, StoreError> {
        let bytes = self.bytes_or_none()?;
        Ok(bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Token::from_bytes))
    }
}

/// A stored instant. Beyond the calendar's ends it is its end: such a row is never due.
pub(crate) fn timestamp(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or(if us < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// The cell a value came from, to be named when the domain refuses it.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) table: &'static str,
    pub(crate) id: &'a dyn Display,
}

impl Origin<'_> {
    pub(crate) fn corrupt(&self, column: &'static str, found: impl Display) -> CorruptRow {
        CorruptRow {
            table: self.table,
            column,
            id: self.id.to_string(),
            found: found.to_string(),
        }
    }

    /// Reads a word of the domain.
    pub(crate) fn parse<T>(&self, column: &'static str, text: &str) -> Result<T, CorruptRow>
    where
        T: FromStr,
        T::Err: Display,
    {
        text.parse().map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn parse_or_none<T>(
        &self,
        column: &'static str,
        text: Option<String>,
    ) -> Result<Option<T>, CorruptRow>
    where
        T: FromStr,
        T::Err: Display,
    {
        text.map(|text| self.parse(column, &text)).transpose()
    }
}
