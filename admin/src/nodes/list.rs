//! The list of nodes: who lives, who is full, whose clock is off.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use carillon_core::identity::NodeId;
use carillon_core::node::{Duty, Limits, Liveness};
use carillon_store::Node;

use crate::app::App;
use crate::badge::Badge;
use crate::faults::Fault;
use crate::moment::{Moment, offset};
use crate::page::{Chrome, show as show_page};
use crate::words::Words;

#[derive(Template)]
#[template(path = "nodes/list.html")]
struct ListPage {
    chrome: Chrome,
    w: &'static Words,
    rows: Vec<NodeRow>,
}

/// A node as a row of a table.
pub(crate) struct NodeRow {
    pub(crate) id: NodeId,
    pub(crate) name: String,
    pub(crate) badge: Badge,
    pub(crate) labels: Vec<String>,
    pub(crate) running: u32,
    pub(crate) running_max: u32,
    /// Of a meter of 100 units.
    pub(crate) fullness: u32,
    pub(crate) last_beat: Moment,
    pub(crate) clock_ms: String,
    pub(crate) is_clock_off: bool,
    pub(crate) load: String,
    pub(crate) version: String,
}

impl NodeRow {
    /// The row of a node.
    pub(crate) fn of(node: &Node, chrome: &Chrome) -> Self {
        let peer = &node.peer;
        NodeRow {
            id: peer.id,
            name: peer.name.clone(),
            badge: node_badge(node, chrome.words),
            labels: peer
                .labels
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
            running: node.running,
            running_max: peer.running_max,
            fullness: (node.running * 100 / peer.running_max.max(1)).min(100),
            last_beat: chrome.moments.since(node.last_beat_at),
            clock_ms: offset(node.clock_offset_us),
            is_clock_off: node.clock_offset_us.abs() > 500_000,
            load: format!("{:.2}", node.load_milli as f64 / 1000.0),
            version: node.version.clone(),
        }
    }
}

/// The state of a node: what is wanted of it, then what its heartbeats say.
pub(crate) fn node_badge(node: &Node, words: &Words) -> Badge {
    match (node.peer.duty, node.peer.liveness) {
        (Duty::Retired, _) => Badge::new("retired", words.duty(Duty::Retired)),
        (_, _) if node.left_at.is_some() => Badge::new("off", words.nodes.left),
        (Duty::Drained, Liveness::Fresh) => Badge::new("drained", words.duty(Duty::Drained)),
        (_, liveness) => Badge::new(liveness.word(), words.liveness(liveness)),
    }
}

/// The list.
pub(crate) async fn show(State(app): State<Arc<App>>, chrome: Chrome) -> Result<Response, Fault> {
    let nodes = app.store.nodes(Limits::default()).await?;
    show_page(&ListPage {
        rows: nodes
            .iter()
            .map(|node| NodeRow::of(node, &chrome))
            .collect(),
        w: chrome.words,
        chrome,
    })
}
