//! The command line of the admin: one subcommand for each verb. Answers go to standard output, logs to standard error.

mod apply;
mod audit;
mod backup;
mod calendar;
mod channel;
mod diagnostics;
mod export;
mod import;
mod import_preview;
mod people;
mod progress;
mod retention;
mod runs;
mod start;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use carillon_lifecycle::config::Config;
use carillon_lifecycle::logging::{self, LogFormat};
use carillon_lifecycle::private_folder::make_private_folder;
use carillon_redis::WakeUp;
use carillon_store::{Editor, SchemaError, SchemaFit, Store, StoreError, StoreUrl};
use clap::{Parser, Subcommand};

pub use start::check_store;

/// The pages and the API of Carillon, and the same by command.
#[derive(Debug, Parser)]
#[command(name = "admin", version, about)]
pub struct CommandLine {
    /// The configuration file; otherwise $CARILLON_CONFIG, ./carillon.toml or /etc/carillon/carillon.toml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory of an embedded installation: its database is DIR/carillon.db.
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How log lines look.
    #[arg(long, global = true, value_enum)]
    log_format: Option<LogFormat>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serves the pages and the API, in the foreground, until it is told to stop.
    Start(start::Start),
    /// Brings the tables of the database up to this program.
    Migrate,
    /// Accounts of people.
    #[command(subcommand)]
    User(people::User),
    /// Tokens of programs.
    #[command(subcommand)]
    Token(people::Token),
    /// Makes jobs of the lines of a crontab.
    Import(import::Import),
    /// Makes groups, calendars and jobs what a file declares, after showing what would change.
    Apply(apply::Apply),
    /// Prints all jobs, or everything that `apply` reads.
    Export(export::Export),
    /// Calendars, as texts.
    #[command(subcommand)]
    Calendar(calendar::CalendarVerb),
    /// Jobs that incidents start.
    #[command(subcommand)]
    Channel(channel::ChannelVerb),
    /// Writes everything that the database holds into a file, while everybody goes on working.
    Backup(backup::Backup),
    /// Brings a backup back, into an empty database of any kind: all of it or nothing.
    Restore(backup::Restore),
    /// Examines configuration, database and its guarantees, and prints a verdict for each.
    Check,
    /// Writes what somebody who helps needs to know, without secrets, into a file.
    Diagnostics(diagnostics::Diagnostics),
    /// Starts a job once, now, and prints the run's id.
    Run(runs::Run),
    /// Ends a run.
    Kill(runs::Kill),
    /// Lists runs, newest first.
    Runs(runs::Runs),
    /// Drops what is older than the configuration says, at once; the agents do it a little at a time.
    Retention(retention::Drop),
    /// Prints what a run wrote.
    Output(runs::Output),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
}

/// Does what the command line says; the exit code is 0 when it was done and 1 when it was not.
pub fn run(command_line: CommandLine) -> ExitCode {
    logging::init(command_line.log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let done = runtime
        .context("starting the runtime")
        .and_then(|runtime| runtime.block_on(command_line.act()));
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl CommandLine {
    async fn act(self) -> anyhow::Result<ExitCode> {
        let config = Config::load(self.config.as_deref())?;
        if let Some(data) = &self.data {
            match self.verb {
                Verb::Start(_) | Verb::Migrate | Verb::Restore(_) => make_private_folder(data)
                    .with_context(|| format!("making the data directory {}", data.display()))?,
                _ if database_of(data).exists() => {}
                _ => bail!(
                    "there is no database in {0}; `admin --data {0} migrate` makes one",
                    data.display()
                ),
            }
        }
        let store = open_store(&config, self.data.as_deref())?;
        match &self.verb {
            Verb::Start(_)
            | Verb::Migrate
            | Verb::Restore(_)
            | Verb::Check
            | Verb::Diagnostics(_) => {}
            _ => store.check_schema().await.map(drop)?,
        }
        let may_change = matches!(
            self.verb,
            Verb::Import(_)
                | Verb::Apply(_)
                | Verb::Calendar(_)
                | Verb::Channel(_)
                | Verb::Restore(_)
                | Verb::Run(_)
                | Verb::Kill(_)
        );
        let done = match self.verb {
            Verb::Start(start) => start.act(&config, &store, self.data.is_some()).await,
            Verb::Migrate => migrate(&store).await,
            Verb::User(user) => user.act(&store).await,
            Verb::Token(token) => token.act(&store).await,
            Verb::Import(import) => import.act(&store).await,
            Verb::Apply(apply) => apply.act(&store).await,
            Verb::Export(export) => export.act(&store).await,
            Verb::Calendar(calendar) => calendar.act(&store).await,
            Verb::Channel(channel) => channel.act(&store).await,
            Verb::Backup(backup) => backup.act(&store).await,
            Verb::Restore(restore) => restore.act(&store).await,
            Verb::Diagnostics(diagnostics) => diagnostics.act(&config, &store).await,
            Verb::Check => start::check(&config, &store).await,
            Verb::Run(run) => run.act(&store).await,
            Verb::Kill(kill) => kill.act(&store).await,
            Verb::Runs(runs) => runs.act(&store).await,
            Verb::Retention(drop) => drop.act(&config, &store).await,
            Verb::Output(output) => output.act(&store).await,
            Verb::Audit(audit) => audit.act(&store).await,
        };
        if may_change && let Some(url) = &config.redis.url {
            WakeUp::new(url.reveal())?.say().await;
        }
        store.close().await;
        done
    }
}

fn database_of(data: &Path) -> PathBuf {
    data.join("carillon.db")
}

fn open_store(config: &Config, data: Option<&Path>) -> anyhow::Result<Store> {
    let url = match data {
        Some(data) => StoreUrl::file(database_of(data)),
        None => config.require_database_url()?.reveal().parse()?,
    };
    Ok(Store::new(url))
}

async fn migrate(store: &Store) -> anyhow::Result<ExitCode> {
    if let Err(StoreError::Schema(SchemaError::Older { found, needed })) =
        store.check_schema().await
    {
        let url = store.url();
        eprintln!(
            "{url}: schema {found} becomes {needed}; where there are many runs it takes minutes"
        );
    }
    store
        .migrate()
        .await
        .with_context(|| format!("migrating {}", store.url()))?;
    let fit = store.check_schema().await?;
    say(&match fit {
        SchemaFit::Own => format!("the database {} is up to date", store.url()),
        SchemaFit::Newer { .. } => format!("{}: {fit}", store.url()),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Who does what is done by command: the system's user.
fn editor() -> Editor {
    let user = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER"));
    Editor::program(format!(
        "admin command by {}",
        user.as_deref().unwrap_or("unknown")
    ))
}

/// Prints one line of an answer. A reader who has seen enough is no failure.
fn say(line: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("writing to standard output")
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
