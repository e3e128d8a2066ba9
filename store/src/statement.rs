//! SQL texts, and the few places where the two dialects differ.
//!
//! A statement is written once. What differs stands in braces and is put in at its first use:
//!
//! | in the text | MySQL, MariaDB | SQLite |
//! |---|---|---|
//! | `{now}` | the server's clock in microseconds | the host's clock, bound |
//! | `{batch(a, b text)}` | `json_table` over one parameter, as `batch` | `jsonb_each` over it, as `batch` |
//! | `{then}` | `straight_join` | `cross join`: the left table drives |
//! | `{for update}` | row locks | nothing: the transaction holds the only write lock |
//! | `{for update of t}` | row locks in one table of several | nothing |
//! | `{or keep t.c}` | `on duplicate key update` to itself | `on conflict do nothing` |
//! | `{greatest}` | `greatest` | `max` |
//!
//! Texts never change at run time, so that the servers prepare each of them once.

use std::sync::OnceLock;

/// Which SQL the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// MySQL from 8.0 and MariaDB from 10.6.
    MySql,
    /// SQLite.
    Sqlite,
}

/// One SQL statement in both dialects.
pub(crate) struct Statement {
    mysql: &'static str,
    sqlite: &'static str,
    mysql_text: OnceLock<Text>,
    sqlite_text: OnceLock<Text>,
}

/// A statement as the server gets it.
pub(crate) struct Text {
    pub(crate) sql: String,
    /// Whether the host's time is bound after the arguments.
    pub(crate) binds_now: bool,
}

impl Statement {
    /// A statement that both understand.
    pub(crate) const fn new(text: &'static str) -> Self {
        Statement::of(text, text)
    }

    /// A statement that has to be written twice.
    pub(crate) const fn of(mysql: &'static str, sqlite: &'static str) -> Self {
        Statement {
            mysql,
            sqlite,
            mysql_text: OnceLock::new(),
            sqlite_text: OnceLock::new(),
        }
    }

    /// The text for `dialect`.
    pub(crate) fn text(&'static self, dialect: Dialect) -> &'static Text {
        match dialect {
            Dialect::MySql => self.mysql_text.get_or_init(|| Text {
                sql: expand(self.mysql, Dialect::MySql),
                binds_now: false,
            }),
            Dialect::Sqlite => self
                .sqlite_text
                .get_or_init(|| number(&expand(self.sqlite, Dialect::Sqlite))),
        }
    }
}

/// Stands for the host's time until the parameters are numbered.
const HOST_NOW: char = '\u{1}';

fn expand(template: &str, dialect: Dialect) -> String {
    let mut text = String::with_capacity(template.len() + 200);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (word, after) = after
            .split_once('}')
            .expect("every brace in a statement is closed");
        text.push_str(before);
        text.push_str(&expand_word(word, dialect));
        rest = after;
    }
    text.push_str(rest);
    text
}

fn expand_word(word: &str, dialect: Dialect) -> String {
    use Dialect::{MySql, Sqlite};
    if let Some(columns) = word.strip_prefix("batch(") {
        return batch(columns.trim_end_matches(')'), dialect);
    }
    if let Some(table) = word.strip_prefix("for update of ") {
        return match dialect {
            // MySQL must be told which table, and reads what stands in the comment. MariaDB locks only what it can
            // and does not know the word; it skips the comment.
            MySql => format!("for update /*!80000 of {table} */"),
            Sqlite => String::new(),
        };
    }
    if let Some(column) = word.strip_prefix("or keep ") {
        return match dialect {
            MySql => format!("on duplicate key update {column} = {column}"),
            Sqlite => "on conflict do nothing".to_owned(),
        };
    }
    match (word, dialect) {
        ("now", MySql) => "cast(unix_timestamp(sysdate(6)) * 1000000 as signed)".to_owned(),
        ("now", Sqlite) => HOST_NOW.to_string(),
        ("then", MySql) => "straight_join".to_owned(),
        ("then", Sqlite) => "cross join".to_owned(),
        ("for update", MySql) => "for update".to_owned(),
        ("for update", Sqlite) => String::new(),
        ("greatest", MySql) => "greatest".to_owned(),
        ("greatest", Sqlite) => "max".to_owned(),
        _ => panic!("a statement uses {{{word}}}, which no dialect knows"),
    }
}

/// The table of a batch: its rows travel as arrays in one JSON parameter. Whole numbers unless marked `text`.
fn batch(columns: &str, dialect: Dialect) -> String {
    let columns = columns.split(',').map(str::trim).enumerate();
    let column = |(place, column): (usize, &str)| {
        let (name, sql_type) = match column.split_once(' ') {
            Some((name, _text)) => (name, "mediumtext"),
            None => (column, "bigint"),
        };
        match dialect {
            Dialect::MySql => format!("{name} {sql_type} path '$[{place}]'"),
            Dialect::Sqlite => format!("value ->> {place} as {name}"),
        }
    };
    let columns: Vec<_> = columns.map(column).collect();
    let columns = columns.join(", ");
    match dialect {
        Dialect::MySql => format!("json_table(?, '$[*]' columns ({columns})) as batch"),
        // Rows that are taken apart once: as text each would be read anew for every column.
        Dialect::Sqlite => format!("(select {columns} from jsonb_each(?)) as batch"),
    }
}

/// Gives every parameter its number, the host's time the last one.
fn number(text: &str) -> Text {
    let last = text.matches('?').count() + 1;
    let mut sql = String::with_capacity(text.len() + 40);
    let mut place = 0;
    for character in text.chars() {
        match character {
            '?' => {
                place += 1;
                sql.push_str(&format!("?{place}"));
            }
            HOST_NOW => sql.push_str(&format!("?{last}")),
            _ => sql.push(character),
        }
    }
    Text {
        sql,
        binds_now: text.contains(HOST_NOW),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_expanded_for_each_dialect() {
        static STATEMENT: Statement =
            Statement::new("select {now} from {batch(a, b text)} where c = ? {for update}");

        let mysql = STATEMENT.text(Dialect::MySql);
        assert_eq!(
            mysql.sql,
            "select cast(unix_timestamp(sysdate(6)) * 1000000 as signed) from \
             json_table(?, '$[*]' columns (a bigint path '$[0]', b mediumtext path '$[1]')) as batch where c = ? for update"
        );
        let sqlite = STATEMENT.text(Dialect::Sqlite);
        assert_eq!(
            sqlite.sql,
            "select ?3 from (select value ->> 0 as a, value ->> 1 as b from jsonb_each(?1)) as batch where c = ?2 "
        );
        assert!(sqlite.binds_now && !mysql.binds_now);
    }
}
