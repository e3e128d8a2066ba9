//! The way back of a backup: into an empty database, of either kind, all of it or nothing.

use std::io::BufRead;

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::Store;
use crate::archive::{
    Closing, FORMAT, Kind, LEFT_OUT, Opening, TABLES, Table, TableOpening, columns, statement,
};
use crate::audit_chain::begin_chain;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::backup::{BackupProgress, ROWS_PER_WORD};
use crate::error::StoreError;
use crate::link::Change;
use crate::nodes::ALIVE_WITHIN;
use crate::row::{Value, args};
use crate::schema::schema_version;
use crate::statement::{Dialect, Statement};

/// Rows of one insert: what saves ways to a server. SQLite has no way, and takes longer for each parameter the more there are.
fn rows_per_insert(dialect: Dialect) -> usize {
    match dialect {
        Dialect::MySql => 100,
        Dialect::Sqlite => 10,
    }
}

/// An insert is sent before it grows beyond this; servers refuse packets above 16 MB.
const BYTES_PER_INSERT: usize = 1 << 20;

/// A backup was not restored, and the database is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A line is not what a backup has there.
    #[error("line {line} of the backup: {why}; nothing was restored")]
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// The database refuses what the line says.
    #[error("table {table}, before line {line} of the backup: {source}; nothing was restored")]
    Refused {
        /// Which table.
        table: &'static str,
        /// The line after the refused rows.
        line: u64,
        /// The database's words.
        source: StoreError,
    },
    /// There is something already.
    #[error(
        "the database has {0} already; restore into an empty one, or let the backup replace everything with --replace"
    )]
    NotEmpty(String),
    /// Somebody works with the database.
    #[error("the node {0} is alive; stop every agent, admin and monitor before a restore")]
    Alive(String),
}

/// What a restore may do.
#[derive(Debug, Clone, Copy)]
pub struct RestoreOptions {
    /// What the database holds goes.
    pub replaces: bool,
    /// Fire times between the backup and now are left alone; otherwise the audit records each as missed, or has it run late.
    pub forgets_gap: bool,
}

/// What was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was made.
    pub made_at: Timestamp,
    /// Rows of all tables.
    pub rows: u64,
}

impl Store {
    /// Reads a backup into this database in one transaction.
    ///
    /// # Errors
    /// [`RestoreError`]; the database is as it was.
    pub async fn restore_backup(
        &self,
        input: &mut dyn BufRead,
        options: RestoreOptions,
        editor: &Editor,
        progress: &mut dyn FnMut(BackupProgress),
    ) -> Result<Restored, RestoreError> {
        self.demand_own_schema().await?;
        let mut lines = Lines { input, number: 0 };
        let opening = read_opening(&mut lines)?;
        let mut change = self.begin().await?;
        if options.replaces {
            refuse_living(&mut change).await?;
        } else {
            refuse_full(&mut change).await?;
        }
        clear(&mut change).await?;
        let mut rows = 0;
        loop {
            let line = lines.next()?;
            if let Ok(opening) = serde_json::from_str::<TableOpening>(&line) {
                let mut filling = Filling::begin(&mut change, opening, lines.number).await?;
                filling.fill(&mut change, &mut lines, progress).await?;
                rows += filling.done;
                continue;
            }
            match serde_json::from_str::<Closing>(&line) {
                Ok(closing) if closing.rows_of_all_tables == rows => break,
                Ok(closing) => {
                    let told = closing.rows_of_all_tables;
                    return Err(
                        lines.wrong(format!("there should be {told} rows and there are {rows}"))
                    );
                }
                Err(_) => return Err(lines.wrong("neither a table nor the end".to_owned())),
            }
        }
        mark_watermark(&mut change, &opening, options).await?;
        begin_chain(&mut change).await?;
        let deed = Deed {
            editor,
            verb: AuditVerb::RestoreBackup,
            object: format!("backup of {}", opening.made_at),
            group: None,
            before: None,
            after: None,
        };
        write_deed(&mut change, deed).await?;
        change.commit().await?;
        Ok(Restored {
            made_at: opening.made_at,
            rows,
        })
    }
}

/// The lines of a backup, counted.
struct Lines<'a> {
    input: &'a mut dyn BufRead,
    number: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<String, RestoreError> {
        let mut line = String::new();
        self.number += 1;
        match self.input.read_line(&mut line) {
            Ok(_) if line.ends_with('\n') => Ok(line),
            Ok(_) => {
                let why = "the backup ends before its last line; it was not written to the end";
                Err(self.wrong(why.to_owned()))
            }
            Err(error) => Err(self.wrong(error.to_string())),
        }
    }

    fn wrong(&self, why: String) -> RestoreError {
        RestoreError::Line {
            line: self.number,
            why,
        }
    }
}

fn read_opening(lines: &mut Lines<'_>) -> Result<Opening, RestoreError> {
    let line = lines.next()?;
    let opening: Opening = serde_json::from_str(&line)
        .map_err(|_| lines.wrong("this is no backup made by `admin backup`".to_owned()))?;
    let (found, known) = (opening.schema, schema_version());
    if opening.carillon_backup != FORMAT || found > known {
        return Err(lines.wrong(format!(
            "it was made by carillon {} with schema {found}, this program knows {known}; upgrade this program",
            opening.program
        )));
    }
    Ok(opening)
}

async fn refuse_living(change: &mut Change) -> Result<(), RestoreError> {
    static ALIVE: Statement = Statement::new(
        "select name from nodes where left_at is null and last_beat_at > {now} - ? order by name limit 1",
    );
    let alive_within_us = i64::try_from(ALIVE_WITHIN.as_micros()).unwrap_or(i64::MAX);
    match change.row(&ALIVE, args![alive_within_us]).await? {
        Some(row) => Err(RestoreError::Alive(row.cells().text()?)),
        None => Ok(()),
    }
}

async fn refuse_full(change: &mut Change) -> Result<(), RestoreError> {
    for table in ["jobs", "users", "nodes", "runs"] {
        let some = statement(format!("select 1 from {table} limit 1"));
        if change.row(some, args![]).await?.is_some() {
            return Err(RestoreError::NotEmpty(table.to_owned()));
        }
    }
    Ok(())
}

/// Nothing stays: what refers to others goes first.
async fn clear(change: &mut Change) -> Result<(), RestoreError> {
    let held = TABLES.iter().rev().map(|table| table.name);
    for table in LEFT_OUT.into_iter().chain(held) {
        change
            .execute(statement(format!("delete from {table}")), args![])
            .await?;
    }
    Ok(())
}

/// Without history nothing of the time before the backup may fire again.
async fn mark_watermark(
    change: &mut Change,
    opening: &Opening,
    options: RestoreOptions,
) -> Result<(), RestoreError> {
    static NOW: Statement =
        Statement::new("update cluster set audited_until = {now}, closed_until = {now}");
    static BACKUP: Statement =
        Statement::new("update cluster set audited_until = ?, closed_until = ?");
    if options.forgets_gap {
        change.execute(&NOW, args![]).await?;
    } else if !opening.has_history {
        change
            .execute(&BACKUP, args![opening.made_at, opening.made_at])
            .await?;
    }
    Ok(())
}

/// One table while its rows come in.
struct Filling {
    table: &'static Table,
    kinds: Vec<Kind>,
    rows: u64,
    done: u64,
    rows_per_insert: usize,
    many: &'static Statement,
    one: &'static Statement,
    /// Rows read and not yet inserted.
    held: Vec<Vec<Value>>,
    held_bytes: usize,
}

impl Filling {
    async fn begin(
        change: &mut Change,
        opening: TableOpening,
        line: u64,
    ) -> Result<Self, RestoreError> {
        let wrong = |why| RestoreError::Line { line, why };
        let table = TABLES.iter().find(|table| table.name == opening.table);
        let table = table
            .ok_or_else(|| wrong(format!("this program knows no table {:?}", opening.table)))?;
        let rows_per_insert = rows_per_insert(change.dialect());
        let known = columns(change, table.name).await?;
        if let Some((name, _)) = opening
            .columns
            .iter()
            .find(|column| !known.contains(column))
        {
            return Err(wrong(format!(
                "{} has no such column {name:?} here",
                table.name
            )));
        }
        let names: Vec<&str> = opening
            .columns
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let marks = format!("({})", vec!["?"; names.len()].join(", "));
        let insert = |rows: usize| {
            let values = vec![marks.as_str(); rows].join(", ");
            statement(format!(
                "insert into {} ({}) values {values}",
                table.name,
                names.join(", ")
            ))
        };
        Ok(Filling {
            table,
            kinds: opening.columns.iter().map(|(_, kind)| *kind).collect(),
            rows: opening.rows,
            done: 0,
            rows_per_insert,
            many: insert(rows_per_insert),
            one: insert(1),
            held: Vec::with_capacity(rows_per_insert),
            held_bytes: 0,
        })
    }

    async fn fill(
        &mut self,
        change: &mut Change,
        lines: &mut Lines<'_>,
        progress: &mut dyn FnMut(BackupProgress),
    ) -> Result<(), RestoreError> {
        while self.done < self.rows {
            let line = lines.next()?;
            self.held_bytes += line.len();
            let row = self.read(&line);
            self.held.push(row.ok_or_else(|| {
                lines.wrong(format!(
                    "this is no row of {} as its columns are",
                    self.table.name
                ))
            })?);
            self.done += 1;
            let is_last = self.done == self.rows;
            if is_last
                || self.held.len() == self.rows_per_insert
                || self.held_bytes > BYTES_PER_INSERT
            {
                let (table, line) = (self.table.name, lines.number + 1);
                let stored = self.store(change).await;
                stored.map_err(|source| RestoreError::Refused {
                    table,
                    line,
                    source,
                })?;
            }
            if is_last || self.done.is_multiple_of(ROWS_PER_WORD) {
                let (table, done, rows) = (self.table.name, self.done, self.rows);
                progress(BackupProgress { table, done, rows });
            }
        }
        Ok(())
    }

    fn read(&self, line: &str) -> Option<Vec<Value>> {
        let cells: Vec<Json> = serde_json::from_str(line).ok()?;
        let is_whole = cells.len() == self.kinds.len();
        let values = self
            .kinds
            .iter()
            .zip(cells)
            .map(|(kind, cell)| kind.value(cell));
        values.collect::<Option<Vec<_>>>().filter(|_| is_whole)
    }

    async fn store(&mut self, change: &mut Change) -> Result<(), StoreError> {
        self.held_bytes = 0;
        if self.held.len() == self.rows_per_insert {
            let values = self.held.drain(..).flatten().collect();
            change.execute(self.many, values).await?;
            return Ok(());
        }
        for values in self.held.drain(..) {
            change.execute(self.one, values).await?;
        }
        Ok(())
    }
}
