//! `admin export`: all jobs as the API says them, or everything that `admin apply` reads.

use std::process::ExitCode;

use carillon_store::Store;
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::say;
use crate::declaration::{Standing, write};

#[derive(Debug, Args)]
pub(super) struct Export {
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// All jobs as the API says them, one array.
    Json,
    /// Groups, calendars and jobs without what is the default, as `apply` reads them.
    Yaml,
}

impl Export {
    pub(super) async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        let mut standing = Standing::read(store, None).await?;
        // Whoever reads the database has them anyway.
        standing.reveal(|_| true);
        for unread in &standing.unread {
            eprintln!("left out: {unread}");
        }
        match self.format {
            Format::Json => {
                let jobs: Vec<Value> = standing.job_documents();
                say(&serde_json::to_string_pretty(&jobs)?)?;
            }
            Format::Yaml => say(write(&standing).trim_end())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
