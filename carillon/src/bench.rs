//! `carillon bench`: what a database, a Redis and this machine bear, by real ticks of a real agent.

mod pace;
mod verdict;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use carillon_agent::agent::{AgentOptions, run_agent};
use carillon_agent::cli::{RunnerArguments, retention};
use carillon_agent::reexec::own_program;
use carillon_core::placement::Labels;
use carillon_lifecycle::config::Config;
use carillon_lifecycle::shutdown::{Shutdown, ShutdownHandle, watch_signals};
use carillon_store::{Store, StoreUrl, Trial};
use clap::Args;
use serde::Serialize;
use tokio::task::JoinHandle;

use crate::failure::{Failure, finish_output};
use pace::{Pace, Track};
use verdict::Verdict;

/// The database is asked for the time this often, and half of the answers came no later than what is shown.
const ROUND_TRIPS: usize = 21;

/// Measures what your database and Redis bear: ticks a second, lateness, rows and bytes a day.
///
/// Makes a database beside the configured one (on the same server, or in the same folder), starts an agent of its own on it, and
/// lets it run `true` so many times every second, more with each step, until starts are late or are missed. The database is
/// dropped at the end; yours is not touched, but its server is busy meanwhile.
#[derive(Args)]
pub(crate) struct Bench {
    /// The configuration file that names database and Redis; otherwise $CARILLON_CONFIG, ./carillon.toml or
    /// /etc/carillon/carillon.toml. Without any, a file in the temporary folder is measured.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Ticks a second, one step after the other.
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_value = "1,10,50,100,200,500,1000",
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    rates: Vec<u32>,

    /// Seconds of each step.
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u32).range(3..=3600))]
    seconds: u32,

    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// Everything that was measured.
#[derive(Serialize)]
struct Measured {
    database: String,
    redis: bool,
    round_trip_ms: f64,
    findings: Vec<String>,
    seconds: u32,
    paces: Vec<Pace>,
    verdict: Verdict,
}

impl Bench {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let mut rates = self.rates.clone();
        rates.sort_unstable();
        rates.dedup();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        let runtime = runtime
            .context("starting the runtime")
            .map_err(Failure::Work)?;
        let measured = runtime
            .block_on(self.measure(&rates))
            .map_err(Failure::Work)?;
        let text = match self.json {
            true => serde_json::to_string_pretty(&measured)
                .context("writing JSON")
                .map_err(Failure::Work)?,
            false => measured.verdict.to_string(),
        };
        finish_output(writeln!(io::stdout(), "{text}"))
    }

    async fn measure(&self, rates: &[u32]) -> anyhow::Result<Measured> {
        let config = Config::load(self.config.as_deref())?;
        let folder = std::env::temp_dir().join(format!("carillon-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("making the folder {}", folder.display()))?;
        let measured = self.measure_in(&folder, config, rates).await;
        let removed = std::fs::remove_dir_all(&folder);
        let measured = measured?;
        removed.with_context(|| format!("removing the folder {}", folder.display()))?;
        Ok(measured)
    }

    async fn measure_in(
        &self,
        folder: &Path,
        mut config: Config,
        rates: &[u32],
    ) -> anyhow::Result<Measured> {
        let url = match &config.database.url {
            Some(url) => url.reveal().parse()?,
            None => StoreUrl::file(folder.join("carillon.db")),
        };
        config.node.data_dir = folder.to_owned();
        let trial = Trial::make(&url)
            .await
            .with_context(|| format!("preparing a trial beside {url}"))?;
        let (handle, shutdown) = Shutdown::new();
        let signals = tokio::spawn(watch_signals(handle.clone()));
        let agent = start_agent(&config, &trial.store, shutdown.clone())?;
        let measured = self.try_rates(&config, &trial, rates, &shutdown).await;
        let ended = end_agent(agent, &handle).await;
        signals.abort();
        trial.end().await?;
        let measured = measured?;
        ended?;
        Ok(measured)
    }

    async fn try_rates(
        &self,
        config: &Config,
        trial: &Trial,
        rates: &[u32],
        shutdown: &Shutdown,
    ) -> anyhow::Result<Measured> {
        let redis = config.redis.url.is_some();
        let round_trip_ms = round_trip_ms(&trial.store).await?;
        let findings = trial.store.preflight().await?;
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        if !self.json {
            opening(&trial.store, redis, round_trip_ms, self.seconds, &findings);
        }
        let before = trial.bytes().await?;
        let mut track = Track::begin(&trial.store).await?;
        let mut paces = Vec::new();
        for &rate in rates {
            let pace = track.run(rate, self.seconds, shutdown).await?;
            if !self.json {
                say(&pace.to_string());
            }
            let is_borne = pace.is_borne();
            paces.push(pace);
            if !is_borne {
                break;
            }
        }
        let runs: u64 = paces.iter().map(|pace| pace.ticks).sum();
        let grown = trial.bytes().await?.saturating_sub(before);
        let verdict = Verdict::of(
            &paces,
            grown as f64 / runs.max(1) as f64,
            config,
            round_trip_ms,
        );
        Ok(Measured {
            database: trial.store.url().to_string(),
            redis,
            round_trip_ms,
            findings,
            seconds: self.seconds,
            paces,
            verdict,
        })
    }
}

fn start_agent(
    config: &Config,
    store: &Store,
    shutdown: Shutdown,
) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
    let options = AgentOptions {
        store: store.clone(),
        redis_url: config.redis.url.as_ref().map(|url| url.reveal().to_owned()),
        node_name: Some("bench".to_owned()),
        labels: Labels::default(),
        running_max: config.node.max_running,
        retention: retention(config),
        data_dir: config.node.data_dir.clone(),
        runner: RunnerArguments::command(own_program()?, config),
        collector: None,
    };
    Ok(tokio::spawn(async move {
        run_agent(options, shutdown).await.map(|_| ())
    }))
}

async fn end_agent(
    agent: JoinHandle<anyhow::Result<()>>,
    handle: &ShutdownHandle,
) -> anyhow::Result<()> {
    handle.drain();
    match agent.await {
        Ok(ended) => ended.context("the agent of the trial"),
        Err(panic) => bail!("the agent of the trial ended badly: {panic}"),
    }
}

async fn round_trip_ms(store: &Store) -> anyhow::Result<f64> {
    let mut took = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let asked = Instant::now();
        store.now().await?;
        took.push(asked.elapsed());
    }
    took.sort_unstable();
    let median: Duration = took[ROUND_TRIPS / 2];
    Ok(median.as_secs_f64() * 1000.0)
}

fn opening(store: &Store, redis: bool, round_trip_ms: f64, seconds: u32, findings: &[String]) {
    let place = store.url();
    say(&match place.is_file() {
        true => format!("database   {place}"),
        false => format!("database   {place}, a round trip takes {round_trip_ms:.2} ms"),
    });
    say(match redis {
        true => "redis      asked first, as configured",
        false => "redis      none; the database decides alone",
    });
    for finding in findings {
        say(&format!("warning    {finding}"));
    }
    say(&format!(
        "each step  {seconds} s of commands that do nothing\n\n{}",
        pace::HEAD
    ));
}

/// Tells the person at the terminal.
fn say(words: &str) {
    // Whoever reads no more has seen enough.
    let _ = writeln!(io::stdout(), "{words}");
}
