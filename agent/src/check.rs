//! `agent check`: looks at everything this node needs and says what it found, one line each.

use std::io::Write as _;
use std::process::ExitCode;

use carillon_core::node::CLOCK_OFFSET_WARNING;
use carillon_lifecycle::config::Config;
use carillon_store::Store;

use crate::cli::{collector, options};
use crate::clock::Clock;
use crate::node_folder::check_folder;
use crate::tick_lock::TickLock;
use crate::verbs::stats;

/// Verdicts so far.
struct Verdicts {
    is_bad: bool,
}

/// Checks and prints; fails when something is wrong.
pub(crate) async fn check(config: &Config) -> anyhow::Result<ExitCode> {
    let mut verdicts = Verdicts { is_bad: false };
    match &config.file {
        Some(file) => verdicts.good(&format!("configuration: {}", file.display())),
        None => verdicts.good("configuration: no file, environment and defaults"),
    }
    match check_folder(&config.node.data_dir) {
        Ok(()) => verdicts.good(&format!(
            "data directory: {}",
            config.node.data_dir.display()
        )),
        Err(error) => verdicts.bad(&format!("data directory: {error:#}")),
    }
    match options(config, std::path::PathBuf::new()) {
        Ok(options) => check_store(&options.store, &mut verdicts).await,
        Err(error) => verdicts.bad(&format!("configuration: {error:#}")),
    }
    check_redis(config, &mut verdicts).await;
    check_collector(config, &mut verdicts).await;
    // Only a runner in its own place among the services knows what it was given.
    match stats(&config.node.data_dir).await {
        Ok(Some(stats)) => verdicts.good(&format!("limits: {}", stats.limits)),
        Ok(None) => verdicts.good("limits: told here while the agent runs"),
        Err(error) => verdicts.bad(&format!("agent: {error:#}")),
    }
    Ok(if verdicts.is_bad {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

async fn check_store(store: &Store, verdicts: &mut Verdicts) {
    if let Err(error) = store.check_schema().await {
        return verdicts.bad(&format!("database: {error}"));
    }
    verdicts.good(&format!("database: {}", store.url()));
    match store.preflight().await {
        Ok(findings) => findings
            .iter()
            .for_each(|finding| verdicts.bad(&format!("database: {finding}"))),
        Err(error) => verdicts.bad(&format!("database: {}", error)),
    }
    let clock = Clock::new();
    let asked = clock.ask();
    match store.now().await {
        Ok(now) => clock.measure(asked, now),
        Err(error) => return verdicts.bad(&format!("clock: {}", error)),
    }
    match clock.offset() {
        Some(offset) if offset.offset.abs() > CLOCK_OFFSET_WARNING => verdicts.bad(&format!(
            "clock: this host is {:#} off the database; set up NTP on both",
            offset.offset
        )),
        _ => verdicts.good("clock: agrees with the database"),
    }
}

async fn check_redis(config: &Config, verdicts: &mut Verdicts) {
    let Some(url) = &config.redis.url else {
        return verdicts.good("redis: not configured, the database alone decides ticks");
    };
    let asked = async { TickLock::new(url.reveal())?.ping().await };
    match asked.await {
        Ok(()) => verdicts.good("redis: answers"),
        Err(error) => verdicts.bad(&format!(
            "redis: {error}; check redis.url, its password, and that it is up"
        )),
    }
}

async fn check_collector(config: &Config, verdicts: &mut Verdicts) {
    let Ok(Some(collector)) = collector(config) else {
        return;
    };
    match collector.ping().await {
        Ok(()) => verdicts.good("traces: the collector takes them"),
        Err(error) => verdicts.bad(&format!(
            "traces: {error:#}; check node.traces_url and that the collector has OTLP over HTTP on"
        )),
    }
}

impl Verdicts {
    // A reader who has seen enough is no failure, and the exit code tells the rest.
    fn good(&self, words: &str) {
        let _ = writeln!(std::io::stdout(), "ok   {words}");
    }

    fn bad(&mut self, words: &str) {
        self.is_bad = true;
        let _ = writeln!(std::io::stdout(), "BAD  {words}");
    }
}
