//! Writing all that the database holds into a file, as it was at one moment, while everybody goes on working.

use std::io::{self, Write};

use crate::Store;
use crate::archive::{
    Closing, FORMAT, Kind, Opening, Part, TABLES, Table, TableOpening, columns, statement,
};
use crate::error::StoreError;
use crate::link::Link;
use crate::row::args;
use crate::schema::schema_version;
use crate::statement::Statement;

/// A backup could not be written.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database did not give what was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file did not take it.
    #[error("the backup cannot be written: {0}; see whether there is room for it")]
    Write(#[from] io::Error),
}

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupScope {
    /// Everything but sessions and who watches.
    Everything,
    /// Jobs, groups, versions, people, tokens, mutes; no runs, nodes, incidents, audit log.
    WithoutHistory,
}

/// How far a backup or its return has come.
#[derive(Debug, Clone, Copy)]
pub struct BackupProgress {
    /// The table at hand.
    pub table: &'static str,
    /// Its rows done,
    pub done: u64,
    /// of so many.
    pub rows: u64,
}

/// Rows between two words of progress.
pub(crate) const ROWS_PER_WORD: u64 = 1000;

impl Store {
    /// Writes a backup to `out`, a row at a time, and returns how many rows it holds. All of it is from one moment.
    ///
    /// # Errors
    /// [`BackupError`]; what was written so far is of no use then, and is refused for want of its last line.
    pub async fn write_backup(
        &self,
        scope: BackupScope,
        out: &mut dyn Write,
        progress: &mut dyn FnMut(BackupProgress),
    ) -> Result<u64, BackupError> {
        self.demand_own_schema().await?;
        let mut link = self.snapshot().await?;
        // Asked afterwards: a tick that was decided before the moment of the backup is never after this time.
        let made_at = self.now().await?;
        let has_history = scope == BackupScope::Everything;
        let opening = Opening {
            carillon_backup: FORMAT,
            schema: schema_version(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            made_at,
            has_history,
        };
        write_line(out, &opening)?;
        let mut rows_of_all_tables = 0;
        for table in &TABLES {
            if has_history || table.part == Part::Setup {
                rows_of_all_tables += write_table(&mut link, table, out, progress).await?;
            }
        }
        write_line(out, &Closing { rows_of_all_tables })?;
        out.flush()?;
        link.end_snapshot().await?;
        Ok(rows_of_all_tables)
    }
}

async fn write_table(
    link: &mut Link,
    table: &'static Table,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(BackupProgress),
) -> Result<u64, BackupError> {
    let columns = columns(link, table.name).await?;
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let kinds: Vec<Kind> = columns.iter().map(|(_, kind)| *kind).collect();
    let select = format!(
        "select {} from {} order by {}",
        names.join(", "),
        table.name,
        table.key
    );
    let count: &Statement = statement(format!("select count(*) from {}", table.name));
    let rows = link
        .only_row(count, args![])
        .await?
        .cells()
        .int()?
        .unsigned_abs();
    let opening = TableOpening {
        table: table.name.to_owned(),
        rows,
        columns: columns.clone(),
    };
    write_line(out, &opening)?;
    let mut done = 0;
    let mut failed = Ok(());
    link.each_row(statement(select), |row| {
        let mut cells = row.cells();
        let line = kinds
            .iter()
            .map(|kind| kind.read(&mut cells))
            .collect::<Result<Vec<_>, _>>()?;
        failed = write_line(out, &line);
        done += 1;
        if done % ROWS_PER_WORD == 0 {
            progress(BackupProgress {
                table: table.name,
                done,
                rows,
            });
        }
        Ok(failed.is_ok())
    })
    .await?;
    failed?;
    progress(BackupProgress {
        table: table.name,
        done,
        rows,
    });
    Ok(done)
}

fn write_line(out: &mut dyn Write, line: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
