//! `admin backup` and `admin restore`: all that the database holds, as a file that every kind of database takes back.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use carillon_store::{BackupScope, RestoreOptions, Store};
use clap::Args;

use super::progress::Bar;
use super::{editor, say};
use crate::words::fill;

/// Rows are written and read in pieces of this size.
const BUFFER_BYTES: usize = 1 << 20;

/// Readable by its owner alone: it holds hashes of passwords, and the jobs' commands and environments.
const PRIVATE: u32 = 0o600;

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file; it must not be there yet. `-` is standard output.
    file: PathBuf,
    /// Leaves out runs with their output, nodes, incidents and the audit log.
    #[arg(long)]
    without_history: bool,
}

impl Backup {
    pub(super) async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        if self.file.as_os_str() == "-" {
            self.write(store, &mut std::io::stdout().lock()).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let name = self.file.display();
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(PRIVATE)
            .open(&self.file);
        let file = file
            .with_context(|| format!("making {name}; a file that is there is not written over"))?;
        let done = self.write_file(store, &file).await;
        if done.is_err() {
            // A torn backup is worse than none.
            let _ = std::fs::remove_file(&self.file);
        }
        let rows = done.with_context(|| format!("writing {name}"))?;
        say(&fill(
            "{}: {} {row|rows} of {}",
            &[&name, &rows, store.url()],
        ))?;
        Ok(ExitCode::SUCCESS)
    }

    async fn write_file(&self, store: &Store, file: &File) -> anyhow::Result<u64> {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
        let rows = self.write(store, &mut out).await?;
        out.flush()?;
        file.sync_all()?;
        Ok(rows)
    }

    async fn write(&self, store: &Store, out: &mut dyn Write) -> anyhow::Result<u64> {
        let scope = if self.without_history {
            BackupScope::WithoutHistory
        } else {
            BackupScope::Everything
        };
        let mut bar = Bar::new();
        let rows = store
            .write_backup(scope, out, &mut |progress| bar.show(progress))
            .await;
        bar.end();
        Ok(rows?)
    }
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup. `-` is standard input.
    file: PathBuf,
    /// Replaces everything that the database holds. Stop every agent, admin and monitor before.
    #[arg(long)]
    replace: bool,
    /// Leaves alone what was due between the backup and now. Otherwise it is recorded as missed, or runs late where the job says so.
    #[arg(long)]
    forget_gap: bool,
}

impl Restore {
    pub(super) async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        store
            .migrate()
            .await
            .with_context(|| format!("migrating {}", store.url()))?;
        let name = self.file.display().to_string();
        let mut input: Box<dyn BufRead> = match name.as_str() {
            "-" => Box::new(std::io::stdin().lock()),
            _ => {
                let file = File::open(&self.file).with_context(|| format!("opening {name}"))?;
                Box::new(BufReader::with_capacity(BUFFER_BYTES, file))
            }
        };
        let options = RestoreOptions {
            replaces: self.replace,
            forgets_gap: self.forget_gap,
        };
        let mut bar = Bar::new();
        let mut show = |progress| bar.show(progress);
        let restored = store
            .restore_backup(&mut *input, options, &editor(), &mut show)
            .await;
        bar.end();
        let restored = restored.with_context(|| format!("restoring {name}"))?;
        let made_at = format!("{:.0}", restored.made_at);
        let told = "{}: {} {row|rows}, as they were at {}";
        say(&fill(told, &[store.url(), &restored.rows, &made_at]))?;
        Ok(ExitCode::SUCCESS)
    }
}
