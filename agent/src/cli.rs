//! The command line of the agent: one subcommand for each verb, and the words for what went wrong.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use carillon_core::placement::Labels;
use carillon_lifecycle::config::{Config, parse_duration};
use carillon_lifecycle::logging::{self, LogFormat};
use carillon_lifecycle::shutdown::{Shutdown, watch_signals};
use carillon_runner::OutputSettings;
use carillon_runner::client::RunnerCommand;
use carillon_store::{Retention, Store, StoreUrl};
use clap::{Args, Parser, Subcommand};

use crate::agent::{AgentOptions, run_agent};
use crate::pump::Ended;
use crate::tracer::Collector;
use crate::{reexec, verbs};

/// LSB: the program is not running.
pub const NOT_RUNNING: u8 = 3;

/// The agent of a Carillon node: claims ticks, has the runner start commands, reports heartbeats.
#[derive(Debug, Parser)]
#[command(name = "agent", version, about)]
pub struct CommandLine {
    /// The configuration file; otherwise $CARILLON_CONFIG, ./carillon.toml or /etc/carillon/carillon.toml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How log lines look.
    #[arg(long, global = true, value_enum)]
    log_format: Option<LogFormat>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Runs the agent in the foreground, until it is told to stop.
    Start(Start),
    /// Ends the agent of this node: nothing new is taken, and it goes when its commands have ended.
    Stop(Stop),
    /// Lets the agent become the installed program again. Commands go on; the process id stays.
    Restart,
    /// Lets the agent read its configuration and all jobs again. Commands go on.
    Reload,
    /// Prints how the agent of this node is doing.
    Stats(Stats),
    /// Examines configuration, data directory, database, Redis, clock and collector of traces, and prints a verdict for each.
    Check,
    /// Becomes the runner of this data directory; the agent starts it by itself.
    #[command(hide = true)]
    Runner(RunnerArguments),
}

#[derive(Debug, Args)]
struct Start {
    /// Goes to the background once it is up, and prints its process id.
    #[arg(long)]
    daemon: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// Ends the running commands too: TERM, and KILL when their grace is over.
    #[arg(long)]
    pub(crate) now: bool,
    /// After this long the commands are ended too, such as 30s or 5m.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) timeout: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Prints again every second, until interrupted.
    #[arg(long)]
    pub(crate) watch: bool,
}

/// What makes a program a runner.
#[derive(Debug, Args)]
pub struct RunnerArguments {
    /// The data directory of the node.
    #[arg(long)]
    data_dir: PathBuf,
    /// A user that commands may run as; may be repeated.
    #[arg(long = "allow-user")]
    allow_users: Vec<String>,
    /// Where this node's secrets lie.
    #[arg(long)]
    secrets_dir: Option<PathBuf>,
    /// How much full output the node keeps: MiB of a part, of a stream and of all, and days.
    #[arg(long, num_args = 4)]
    output: Option<Vec<u32>>,
}

impl RunnerArguments {
    /// Runs the runner.
    ///
    /// # Errors
    /// When it cannot listen, or its journal cannot be read.
    pub fn run(self) -> anyhow::Result<()> {
        let mut options = carillon_runner::RunnerOptions::new(self.data_dir);
        options.allow_users = self.allow_users;
        options.secrets_dir = self.secrets_dir;
        if let Some([part_mib, file_mib, node_mib, days]) = self.output.as_deref() {
            options.output = OutputSettings {
                part_mib: Some(*part_mib),
                file_mib: Some(*file_mib),
                node_mib: Some(*node_mib),
                days: Some(*days),
            };
        }
        carillon_runner::run(&options).context("the runner")
    }

    /// The arguments that make `program` a runner, with the subcommand that leads there.
    pub fn command(program: PathBuf, config: &Config) -> RunnerCommand {
        let mut args = vec![
            "runner".to_owned(),
            "--data-dir".to_owned(),
            config.node.data_dir.display().to_string(),
            "--secrets-dir".to_owned(),
            config.runner.secrets_dir.display().to_string(),
        ];
        let output = config.output;
        args.push("--output".to_owned());
        args.extend(
            [
                output.part_mib,
                output.file_mib,
                output.node_mib,
                output.days,
            ]
            .map(|number| number.to_string()),
        );
        for user in &config.runner.allow_users {
            args.extend(["--allow-user".to_owned(), user.clone()]);
        }
        RunnerCommand { program, args }
    }
}

/// Does what the command line says and yields the exit code.
pub fn run(command_line: CommandLine) -> ExitCode {
    match execute(command_line) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command_line: CommandLine) -> anyhow::Result<ExitCode> {
    if let Verb::Runner(runner) = command_line.verb {
        return runner.run().map(|()| ExitCode::SUCCESS);
    }
    logging::init(command_line.log_format);
    let config = Config::load(command_line.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(async {
        match command_line.verb {
            Verb::Start(start) if start.daemon => verbs::start_in_background(&config).await,
            Verb::Start(_) => start(config).await,
            Verb::Stop(stop) => verbs::stop(&config, &stop).await,
            Verb::Restart => verbs::restart(&config).await,
            Verb::Reload => verbs::reload(&config).await,
            Verb::Stats(stats) => verbs::show_stats(&config, &stats).await,
            Verb::Check => crate::check::check(&config).await,
            Verb::Runner(_) => bail!("the runner is started before this"),
        }
    })
}

async fn start(config: Config) -> anyhow::Result<ExitCode> {
    let program = reexec::own_program()?;
    let (handle, shutdown) = Shutdown::new();
    let signals = tokio::spawn(watch_signals(handle));
    let ended = run_agent(options(&config, program.clone())?, shutdown).await?;
    signals.abort();
    match ended {
        Ended::Drained => Ok(ExitCode::SUCCESS),
        Ended::Replaced => bail!("another agent has registered under this node's name"),
        Ended::Restarting => Err(reexec::become_again(&program)),
    }
}

/// What the configuration says of this node's agent.
///
/// # Errors
/// When the database's address, a label or the collector's address is not understood.
pub fn options(config: &Config, program: PathBuf) -> anyhow::Result<AgentOptions> {
    let url: StoreUrl = config.require_database_url()?.reveal().parse()?;
    Ok(AgentOptions {
        store: Store::new(url),
        redis_url: config.redis.url.as_ref().map(|url| url.reveal().to_owned()),
        node_name: config.node.name.clone(),
        labels: labels(&config.node.labels)?,
        running_max: config.node.max_running,
        retention: retention(config),
        data_dir: config.node.data_dir.clone(),
        runner: RunnerArguments::command(program, config),
        collector: collector(config)?,
    })
}

/// Who is told of traces, as the configuration says.
///
/// # Errors
/// When `node.traces_url` is no address of a collector.
pub fn collector(config: &Config) -> anyhow::Result<Option<Collector>> {
    let url = config.node.traces_url.as_deref();
    url.map(Collector::parse).transpose()
}

/// How long records are kept, as the configuration says.
pub fn retention(config: &Config) -> Retention {
    Retention {
        output: config.retention.output,
        runs: config.retention.runs,
        totals: config.retention.totals,
        history: config.retention.history,
    }
}

/// Labels as the configuration writes them.
///
/// # Errors
/// When one is not `name=value`.
pub fn labels(texts: &[String]) -> anyhow::Result<Labels> {
    let label = |text: &String| {
        let (name, value) = text
            .split_once('=')
            .with_context(|| format!("node.labels has {text:?}; a label is name=value"))?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    };
    texts.iter().map(label).collect()
}
