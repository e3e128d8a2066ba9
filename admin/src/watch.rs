//! The health of the fleet and the list of jobs, looked at now and then, so that the top of every page can warn without
//! asking the store, and pages find what changed while nobody looked.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use carillon_core::node::{Duty, Limits, Liveness};
use carillon_store::{Node, StoreError};

use crate::app::App;
use crate::words::{Words, fill};

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// What was seen last.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    seen: RwLock<Seen>,
}

#[derive(Debug, Default, Clone)]
struct Seen {
    has_looked: bool,
    alive: usize,
    silent: Vec<String>,
    not_claiming: Vec<String>,
}

impl Watch {
    /// What is wrong, in sentences.
    pub(crate) fn alarms(&self, words: &Words) -> Vec<String> {
        let seen = self
            .seen
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        let mut alarms = Vec::new();
        if seen.has_looked && seen.alive == 0 {
            alarms.push(words.chrome.ribbon_no_node.to_owned());
        }
        let named = [
            (&seen.silent, words.chrome.ribbon_silent),
            (&seen.not_claiming, words.chrome.ribbon_clock),
        ];
        for (names, message) in named {
            if !names.is_empty() {
                alarms.push(fill(message, &[&list(names)]));
            }
        }
        alarms
    }

    fn note(&self, nodes: &[Node]) {
        let names = |wanted: &dyn Fn(&Node) -> bool| {
            nodes
                .iter()
                .filter(|node| wanted(node))
                .map(|node| node.peer.name.clone())
                .collect()
        };
        let is_wanted = |node: &Node| node.peer.duty == Duty::Active && node.left_at.is_none();
        let is_alive = |node: &Node| is_wanted(node) && node.peer.liveness != Liveness::Silent;
        let seen = Seen {
            has_looked: true,
            alive: nodes.iter().filter(|node| is_alive(node)).count(),
            silent: names(&|node| is_wanted(node) && node.peer.liveness == Liveness::Silent),
            not_claiming: names(&|node| is_alive(node) && !node.peer.is_claiming),
        };
        *self
            .seen
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = seen;
    }
}

fn list(names: &[String]) -> String {
    const SHOWN_MAX: usize = 5;
    let mut text = names
        .iter()
        .take(SHOWN_MAX)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN_MAX {
        text.push_str(" …");
    }
    text
}

/// Batches sealed at one look: a log of before there were seals is caught up with in a while.
const SEAL_ROUNDS: usize = 20;

/// Seals what was written to the audit log. The log of this program is where the chain's end is noted, outside the store.
async fn seal_audit_log(app: &App) -> Result<(), StoreError> {
    let mut last = None;
    for _ in 0..SEAL_ROUNDS {
        match app.store.seal_audit_entries().await? {
            Some(end) => last = Some(end),
            None => break,
        }
    }
    if let Some(end) = last {
        tracing::info!("the audit log is sealed up to {end}");
    }
    Ok(())
}

/// Looks at the fleet for ever; the caller owns the task.
pub(crate) async fn keep_watch(app: Arc<App>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match app.store.nodes(Limits::default()).await {
            Ok(nodes) => app.watch.note(&nodes),
            Err(error) => tracing::debug!("the fleet could not be looked at: {error}"),
        }
        // So that nobody who opens a page waits for what has piled up since the last one.
        if let Err(error) = app.refresh_roster().await {
            tracing::debug!("the jobs could not be looked at: {error}");
        }
        if let Err(error) = seal_audit_log(&app).await {
            tracing::debug!("the audit log could not be sealed: {error}");
        }
    }
}
