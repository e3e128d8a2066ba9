//! `agent check`: looks at everything this node needs and says what it found, one line each.

use std::process::ExitCode;

use carillon_core::node::CLOCK_OFFSET_WARNING;
use carillon_lifecycle::config::Config;
use carillon_lifecycle::verdicts::Verdicts;
use carillon_store::{SchemaFit, Store, Weight};

use crate::cli::{collector, options};
use crate::clock::Clock;
use crate::node_folder::{NodeFolder, check_folder};
use crate::tick_lock::TickLock;
use crate::verbs::stats;

/// Checks and prints; fails when something is wrong.
pub(crate) async fn check(config: &Config) -> anyhow::Result<ExitCode> {
    let mut verdicts = Verdicts::new();
    match &config.file {
        Some(file) => verdicts.good(format!("configuration: {}", file.display())),
        None => verdicts.good("configuration: no file, environment and defaults"),
    }
    match check_folder(&config.node.data_dir) {
        Ok(()) => verdicts.good(format!(
            "data directory: {}",
            config.node.data_dir.display()
        )),
        Err(error) => verdicts.bad(format!("data directory: {error:#}")),
    }
    if let Some(mismatch) = NodeFolder::mismatch(&config.node.data_dir) {
        verdicts.weak(format!("data directory: {mismatch}"));
    }
    match options(config, std::path::PathBuf::new()) {
        Ok(options) => check_store(&options.store, &mut verdicts).await,
        Err(error) => verdicts.bad(format!("configuration: {error:#}")),
    }
    check_redis(config, &mut verdicts).await;
    check_collector(config, &mut verdicts).await;
    // Only a runner in its own place among the services knows what it was given.
    match stats(&config.node.data_dir).await {
        Ok(Some(stats)) => verdicts.good(format!("limits: {}", stats.limits)),
        Ok(None) => verdicts.good("limits: told here while the agent runs"),
        Err(error) => verdicts.bad(format!("agent: {error:#}")),
    }
    Ok(verdicts.exit_code())
}

async fn check_store(store: &Store, verdicts: &mut Verdicts) {
    match store.check_schema().await {
        Ok(SchemaFit::Own) => verdicts.good(format!("database: {}", store.url())),
        Ok(fit @ SchemaFit::Newer { .. }) => {
            verdicts.weak(format!("database: {}: {fit}", store.url()));
        }
        Err(error) => return verdicts.bad(format!("database: {error}")),
    }
    match store.preflight().await {
        Ok(findings) => findings.iter().for_each(|finding| match finding.weight {
            Weight::Unsafe => verdicts.bad(format!("database: {finding}")),
            Weight::Weaker => verdicts.weak(format!("database: {finding}")),
        }),
        Err(error) => verdicts.bad(format!("database: {}", error)),
    }
    let clock = Clock::new();
    let asked = clock.ask();
    match store.now().await {
        Ok(now) => clock.measure(asked, now),
        Err(error) => return verdicts.bad(format!("clock: {}", error)),
    }
    match clock.offset() {
        Some(offset) if offset.offset.abs() > CLOCK_OFFSET_WARNING => verdicts.bad(format!(
            "clock: this host is {:.1} s {} the database; set up NTP on both",
            offset.offset.abs().as_secs_f64(),
            if offset.offset.is_negative() {
                "ahead of"
            } else {
                "behind"
            },
        )),
        _ => verdicts.good("clock: agrees with the database"),
    }
}

async fn check_redis(config: &Config, verdicts: &mut Verdicts) {
    let Some(url) = &config.redis.url else {
        return verdicts.good("redis: not configured, the database alone decides ticks");
    };
    let asked = async {
        let lock = TickLock::new(url.reveal()).map_err(|error| error.to_string())?;
        lock.probe().await
    };
    match asked.await {
        Ok(()) => verdicts.good("redis: answers"),
        Err(error) => verdicts.bad(format!(
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
        Err(error) => verdicts.bad(format!(
            "traces: {error:#}; check node.traces_url and that the collector has OTLP over HTTP on"
        )),
    }
}
