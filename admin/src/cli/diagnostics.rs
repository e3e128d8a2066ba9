//! `admin diagnostics`: what somebody who helps from afar asks first, in one file that may be sent to him.
//!
//! No secret is in it, no command, no environment and no output of a job.

use std::fmt::{Display, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use carillon_core::node::Limits;
use carillon_core::run::Outcome;
use carillon_lifecycle::config::Config;
use carillon_store::{IncidentFilter, Node, RunFilter, Store, StoreError};
use clap::Args;

use super::{say, start};
use crate::words::fill;

/// Open incidents told.
const INCIDENTS_MAX: u32 = 100;

/// Runs that did not succeed told.
const RUNS_MAX: u32 = 100;

/// The last so many bytes of the agent's log, where it writes one itself.
const LOG_BYTES: usize = 64 * 1024;

#[derive(Debug, Args)]
pub(super) struct Diagnostics {
    /// The file; `-` is standard output.
    file: PathBuf,
}

impl Diagnostics {
    pub(super) async fn act(self, config: &Config, store: &Store) -> anyhow::Result<ExitCode> {
        let text = tell(config, store).await;
        if self.file.as_os_str() == "-" {
            say(text.trim_end())?;
            return Ok(ExitCode::SUCCESS);
        }
        let name = self.file.display();
        std::fs::write(&self.file, text).with_context(|| format!("writing {name}"))?;
        say(&format!(
            "{name}: look through it before you send it; it names your machines and jobs"
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// All sections. One that cannot be told says why, and the others are told.
async fn tell(config: &Config, store: &Store) -> String {
    let mut text = String::new();
    section(&mut text, "program", program());
    // The configuration's own words for secrets hide them.
    section(&mut text, "configuration", [format!("{config:#?}")]);
    section(&mut text, "check", start::examine(config, store).await);
    answered(
        &mut text,
        "store clock",
        store.now().await.map(|now| vec![now]),
    );
    let nodes = store.nodes(Limits::default()).await;
    answered(
        &mut text,
        "nodes",
        nodes.map(|nodes| nodes.iter().map(node).collect()),
    );
    answered(&mut text, "monitors", monitors(store).await);
    answered(&mut text, "open incidents", incidents(store).await);
    answered(
        &mut text,
        "runs that did not succeed, newest first",
        runs(store).await,
    );
    section(&mut text, "agent.log", log(config));
    text
}

fn section(text: &mut String, title: &str, lines: impl IntoIterator<Item = impl Display>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "== {title}");
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    text.push('\n');
}

fn answered(text: &mut String, title: &str, lines: Result<Vec<impl Display>, StoreError>) {
    match lines {
        Ok(lines) => section(text, title, lines),
        Err(error) => section(text, title, [error]),
    }
}

fn program() -> Vec<String> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let system = read("/etc/os-release");
    let system = system
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    vec![
        format!("carillon {}", env!("CARGO_PKG_VERSION")),
        format!("system {}", system.unwrap_or("unknown").trim_matches('"')),
        format!("kernel {}", read("/proc/version").trim()),
    ]
}

fn node(node: &Node) -> String {
    let left = node
        .left_at
        .map_or_else(String::new, |at| format!(", left {at}"));
    format!(
        "{} {:?}: version {}, tzdb {}, up since {}, last beat {}{left}, running {}, clock {} ± {} µs, load {}, memory {} of {} free, disk {} of {} free{}{}",
        node.peer.name,
        node.peer.duty,
        node.version,
        node.tzdb_version,
        node.booted_at,
        node.last_beat_at,
        node.running,
        node.clock_offset_us,
        node.clock_uncertainty_us,
        node.load_milli,
        node.memory_available,
        node.memory_total,
        node.disk_available,
        node.disk_total,
        match node.redis_problem.as_str() {
            "" => String::new(),
            why => format!(", no redis: {why}"),
        },
        match node.not_claiming_reason.as_str() {
            "" => String::new(),
            why => format!(", claims nothing: {why}"),
        }
    )
}

async fn monitors(store: &Store) -> Result<Vec<String>, StoreError> {
    let monitors = store.monitors().await?;
    let line = |monitor: &carillon_store::Watchman| {
        format!(
            "{}: version {}, last beat {}, problem {:?}",
            monitor.name, monitor.version, monitor.last_beat_at, monitor.problem
        )
    };
    Ok(monitors.iter().map(line).collect())
}

async fn incidents(store: &Store) -> Result<Vec<String>, StoreError> {
    let open = IncidentFilter {
        is_open: Some(true),
        ..IncidentFilter::default()
    };
    // Without the evidence, which may hold what a job wrote.
    let incidents = store.incidents(&open, INCIDENTS_MAX).await?;
    let line = |incident: &carillon_core::incident::Incident| {
        let (subject, times) = (&incident.subject.name, incident.trouble_count);
        let told = "{} {}: since {}, {} {time|times}";
        fill(told, &[&incident.rule, subject, &incident.since_at, &times])
    };
    Ok(incidents.iter().map(line).collect())
}

async fn runs(store: &Store) -> Result<Vec<String>, StoreError> {
    let is_bad = |outcome: &Outcome| *outcome != Outcome::Succeeded;
    let troubled = RunFilter {
        outcomes: Outcome::ALL.iter().copied().filter(is_bad).collect(),
        ..RunFilter::default()
    };
    // Without the detail, which may name the command.
    let runs = store.runs(&troubled, RUNS_MAX).await?;
    let line = |listed: &carillon_store::ListedRun| {
        let run = &listed.run;
        format!(
            "{} {}: {:?}, reason {:?}, exit {:?}, signal {:?}, attempt {}, node {}",
            run.tick,
            listed.job_name.as_deref().unwrap_or("a deleted job"),
            run.outcome,
            run.reason,
            run.exit_code,
            run.signal,
            run.attempt,
            listed.node_name.as_deref().unwrap_or("none")
        )
    };
    Ok(runs.iter().map(line).collect())
}

/// Logs hold no secrets, but why a command could not start names it. Under systemd they are in the journal instead.
fn log(config: &Config) -> Vec<String> {
    let path = config.node.data_dir.join("agent.log");
    match std::fs::read(&path) {
        Ok(bytes) => {
            let tail = bytes.len().saturating_sub(LOG_BYTES);
            let text = String::from_utf8_lossy(&bytes[tail..]);
            let without_detail = |line: &str| line.split("detail").next().map(str::to_owned);
            text.lines().filter_map(without_detail).collect()
        }
        Err(_) => vec![format!(
            "no {}; `journalctl -u carillon-agent` tells it under systemd",
            path.display()
        )],
    }
}
