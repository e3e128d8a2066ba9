//! `admin run`, `kill`, `runs` and `output`: what the pages do with runs, by command.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use carillon_core::launch::Stream;
use carillon_core::node::Limits;
use carillon_core::parameters::Parameters;
use carillon_core::run::{Outcome, Phase};
use carillon_core::tick::Tick;
use carillon_store::{KillAnswer, RunFilter, RunRequest, Store};
use clap::{Args, ValueEnum};

use super::{editor, say};
use crate::api::run_document;
use crate::runs::actions::PATIENCE;

/// How often a followed run is asked for more.
const POLL_INTERVAL: Duration = Duration::from_millis(300);
/// Chunks of output read at once.
const CHUNKS: u32 = 200;

#[derive(Debug, Args)]
pub(super) struct Run {
    /// The job's name or number.
    job: String,
    /// The node that must run it.
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// The command finds it as CARILLON_PARAM_NAME; may be given several times.
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// The same key asks for the same run.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Waits for the end and prints what the command writes; the exit code is the command's.
    #[arg(long)]
    follow: bool,
}

#[derive(Debug, Args)]
pub(super) struct Kill {
    /// The run's id.
    run: Tick,
}

#[derive(Debug, Args)]
pub(super) struct Runs {
    /// Only of this job, by name or number.
    #[arg(long)]
    job: Option<String>,
    /// Only with these outcomes.
    #[arg(long, value_delimiter = ',')]
    outcome: Vec<Outcome>,
    /// How many.
    #[arg(short, long, default_value_t = 20)]
    limit: u32,
    /// Prints JSON, one document a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StreamName {
    Stdout,
    Stderr,
}

#[derive(Debug, Args)]
pub(super) struct Output {
    /// The run's id.
    run: Tick,
    /// Goes on until the run has ended.
    #[arg(long)]
    follow: bool,
    /// Only one stream.
    #[arg(long, value_enum)]
    stream: Option<StreamName>,
}

impl Run {
    pub(super) async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        let node = match &self.node {
            None => None,
            Some(name) => {
                let nodes = store.nodes(Limits::default()).await?;
                let node = nodes.iter().find(|node| node.peer.name == *name);
                Some(
                    node.with_context(|| format!("there is no node {name:?}"))?
                        .peer
                        .id,
                )
            }
        };
        let request = RunRequest {
            job: store.job_called(&self.job).await?,
            node,
            parameters: Parameters::from_lines(self.parameters.iter().map(String::as_str))?,
            key: self.key,
            repeats: None,
            patience: PATIENCE,
        };
        let tick = store.request_run(&request, &editor()).await?;
        if !self.follow {
            say(&tick.to_string())?;
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!("{tick}");
        follow(store, tick, None).await?;
        let run = store.run(tick).await?.run;
        let code = match run.outcome {
            Some(Outcome::Succeeded) => 0,
            _ => run
                .exit_code
                .and_then(|code| u8::try_from(code).ok())
                .filter(|code| *code != 0)
                .unwrap_or(1),
        };
        Ok(ExitCode::from(code))
    }
}

impl Kill {
    pub(super) async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        let told = match store.kill_run(self.run, &editor()).await? {
            KillAnswer::Asked => "its node was asked to end it",
            KillAnswer::Killed => "it had not started and is ended",
            KillAnswer::AlreadyDone => "it had already ended",
        };
        say(told)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Runs {
    pub(super) async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        let job = match &self.job {
            Some(job) => Some(store.job_called(job).await?),
            None => None,
        };
        let filter = RunFilter {
            job,
            outcomes: self.outcome,
            ..RunFilter::default()
        };
        for listed in store.runs(&filter, self.limit).await? {
            if self.json {
                say(&run_document(&listed).to_string())?;
                continue;
            }
            let run = &listed.run;
            let state = run.outcome.map_or(run.state.word(), Outcome::word);
            let name = listed.job_name.as_deref().unwrap_or("(deleted)");
            let node = listed.node_name.as_deref().unwrap_or("-");
            let reason = run.reason.map_or("", |reason| reason.word());
            say(&format!(
                "{}  {state:<15} {node:<12} {name}  {reason}",
                run.tick
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Output {
    pub(super) async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        let stream = self.stream.map(|name| match name {
            StreamName::Stdout => Stream::Stdout,
            StreamName::Stderr => Stream::Stderr,
        });
        if self.follow {
            follow(store, self.run, stream).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let attempt = store.run(self.run).await?.run.attempt;
        let mut after = -1;
        while let Some(last) = print_chunks(store, self.run, attempt, stream, after).await? {
            after = last;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Prints what is there after a chunk and returns the number of the last one, if there was any.
async fn print_chunks(
    store: &Store,
    tick: Tick,
    attempt: u32,
    stream: Option<Stream>,
    after: i64,
) -> anyhow::Result<Option<i64>> {
    let chunks = store.output(tick, attempt, stream, after, CHUNKS).await?;
    for chunk in &chunks {
        match chunk.stream {
            Stream::Stdout => std::io::stdout().write_all(&chunk.content)?,
            Stream::Stderr => std::io::stderr().write_all(&chunk.content)?,
        }
    }
    std::io::stdout().flush()?;
    Ok(chunks.last().map(|chunk| chunk.number))
}

async fn follow(store: &Store, tick: Tick, stream: Option<Stream>) -> anyhow::Result<()> {
    let (mut attempt, mut after) = (store.run(tick).await?.run.attempt, -1);
    loop {
        // The state is read first: what was written before the end is then surely seen after it.
        let run = store.run(tick).await?.run;
        while let Some(last) = print_chunks(store, tick, attempt, stream, after).await? {
            after = last;
        }
        if run.attempt > attempt {
            (attempt, after) = (run.attempt, -1);
        } else if run.state == Phase::Done {
            return Ok(());
        } else {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
