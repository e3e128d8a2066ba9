//! What a backup holds and how it is written: lines of JSON that know nothing of the database they came from.
//!
//! The first line opens the backup, the last one closes it. Between them each table is one line that names its columns
//! and counts its rows, followed by the rows, an array each, in the order of their keys.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::error::StoreError;
use crate::link::Link;
use crate::row::{Cells, Value, args};
use crate::statement::Statement;

/// The form of the lines; a program refuses one that it does not know.
pub(crate) const FORMAT: u32 = 1;

/// A table that backups hold.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The columns its rows are ordered by.
    pub(crate) key: &'static str,
    pub(crate) part: Part,
}

/// Which backups hold it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All.
    Setup,
    /// Those with history.
    History,
}

const fn table(part: Part, name: &'static str, key: &'static str) -> Table {
    Table { name, key, part }
}

/// Every table that backups hold; one that others refer to comes before them.
pub(crate) static TABLES: [Table; 26] = [
    table(Part::Setup, "cluster", "id"),
    table(Part::Setup, "job_groups", "id"),
    table(Part::Setup, "concurrency_keys", "id"),
    table(Part::Setup, "calendars", "id"),
    table(Part::Setup, "jobs", "id"),
    table(Part::Setup, "job_versions", "job_id, version"),
    table(Part::Setup, "users", "id"),
    table(Part::Setup, "grants", "user_id, group_id"),
    table(Part::Setup, "recovery_codes", "user_id, code_hash"),
    table(Part::Setup, "api_tokens", "id"),
    table(Part::Setup, "saved_views", "id"),
    table(Part::Setup, "mutes", "id"),
    table(Part::Setup, "command_channels", "id"),
    table(Part::History, "nodes", "id"),
    table(Part::History, "runs", "fire_time, job_id, kind, slot"),
    table(
        Part::History,
        "attempts",
        "fire_time, job_id, kind, slot, attempt",
    ),
    table(
        Part::History,
        "run_outputs",
        "fire_time, job_id, kind, slot, attempt, chunk",
    ),
    table(Part::History, "run_totals", "minute_time, node_id, outcome"),
    table(Part::History, "node_commands", "id"),
    table(Part::History, "notices", "id"),
    table(Part::History, "audit_log", "id"),
    table(Part::History, "audit_chain", "id"),
    table(Part::History, "incidents", "id"),
    table(Part::History, "announcements", "id"),
    table(
        Part::History,
        "announced_incidents",
        "incident_id, announcement_id",
    ),
    table(Part::History, "deliveries", "id"),
];

/// What no backup holds: who is signed in, who watches now, and the pings of the last hour: a copy must not send them, too.
pub(crate) static LEFT_OUT: [&str; 5] = [
    "sessions",
    "sign_in_failures",
    "monitors",
    "pings",
    "job_pings",
];

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub(crate) carillon_backup: u32,
    /// The number of the newest migration that its tables have seen.
    pub(crate) schema: i64,
    /// The version of the program that wrote it.
    pub(crate) program: String,
    /// The store's clock; what happened later is not in it.
    pub(crate) made_at: jiff::Timestamp,
    pub(crate) has_history: bool,
}

/// The line before a table's rows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TableOpening {
    pub(crate) table: String,
    pub(crate) rows: u64,
    pub(crate) columns: Vec<(String, Kind)>,
}

/// The last line, without which a backup is torn.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Closing {
    pub(crate) rows_of_all_tables: u64,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Int,
    Text,
    /// In hexadecimal digits.
    Bytes,
}

impl Kind {
    /// By the name that a database has for the type.
    fn of(sql_type: &str) -> Kind {
        let sql_type = sql_type.to_ascii_lowercase();
        if sql_type.contains("int") {
            Kind::Int
        } else if sql_type.contains("blob") || sql_type.contains("binary") {
            Kind::Bytes
        } else {
            Kind::Text
        }
    }

    /// Takes the next cell of a row.
    pub(crate) fn read(self, cells: &mut Cells<'_>) -> Result<Json, StoreError> {
        Ok(match self {
            Kind::Int => cells.int_or_none()?.into(),
            Kind::Text => cells.text_or_none()?.into(),
            Kind::Bytes => cells.bytes_or_none()?.map(|bytes| hex(&bytes)).into(),
        })
    }

    /// The argument that a cell of a line becomes; none when it is of another kind.
    pub(crate) fn value(self, cell: Json) -> Option<Value> {
        match (self, cell) {
            (Kind::Int, Json::Null) => Some(Value::Int(None)),
            (Kind::Text, Json::Null) => Some(Value::Text(None)),
            (Kind::Bytes, Json::Null) => Some(Value::Bytes(None)),
            (Kind::Int, Json::Number(number)) => Some(Value::Int(Some(number.as_i64()?))),
            (Kind::Text, Json::String(text)) => Some(Value::Text(Some(text))),
            (Kind::Bytes, Json::String(digits)) => Some(Value::Bytes(Some(unhex(&digits)?))),
            _ => None,
        }
    }
}

/// The columns of a table as the database has them, by name; none where there is no such table.
pub(crate) async fn columns(
    link: &mut Link,
    table: &'static str,
) -> Result<Vec<(String, Kind)>, StoreError> {
    static SELECT: Statement = Statement::of(
        "select column_name, data_type
        from information_schema.columns
        where table_schema = database() and table_name = ?",
        "select name, type from pragma_table_info(?)",
    );
    let mut columns = Vec::new();
    for row in link.rows(&SELECT, args![table]).await? {
        let mut cells = row.cells();
        let name = cells.text()?;
        columns.push((name, Kind::of(&cells.text()?)));
    }
    columns.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(columns)
}

/// A statement made at run time. Each is kept for good, so make few: some for each table of a backup.
pub(crate) fn statement(text: String) -> &'static Statement {
    Box::leak(Box::new(Statement::new(text.leak())))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let digit = |place: usize| char::from(*pair.get(place)?).to_digit(16);
        u8::try_from(digit(0)? * 16 + digit(1)?).ok()
    };
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_its_digits() {
        let all: Vec<u8> = (0..=255).collect();

        assert_eq!(unhex(&hex(&all)), Some(all));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("0g"), None);
    }
}
