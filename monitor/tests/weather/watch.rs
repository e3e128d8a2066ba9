//! What really happened, seen past every fault: how long each node did not beat, and when each mail came.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use carillon_store::Store;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use crate::fleet::Fleet;

/// A pause between two beats that is worth remembering.
const PAUSE_MIN: Duration = Duration::from_secs(6);

/// A node did not beat for so long.
#[derive(Debug, Clone)]
pub(crate) struct Gap {
    pub(crate) node: String,
    /// The last beat before it, by this machine's clock, which is the database's.
    pub(crate) began_at: Timestamp,
    pub(crate) lasted: Duration,
    /// Whether the node had said that it leaves.
    pub(crate) is_ordered: bool,
}

/// What was seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) gaps: Vec<Gap>,
}

pub(crate) struct Watcher {
    is_over: Arc<AtomicBool>,
    task: JoinHandle<Seen>,
}

impl Watcher {
    pub(crate) fn begin(fleet: &Fleet) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(watch(fleet.store.clone(), Arc::clone(&is_over)));
        Watcher { is_over, task }
    }

    pub(crate) async fn end(self) -> Seen {
        self.is_over.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

async fn watch(store: Store, is_over: Arc<AtomicBool>) -> Seen {
    let mut last: HashMap<String, (Timestamp, bool)> = HashMap::new();
    let mut gaps = Vec::new();
    let mut pace = tokio::time::interval(Duration::from_millis(200));
    let began = Instant::now();
    let mut told_at = began;
    while !is_over.load(Ordering::Relaxed) {
        pace.tick().await;
        let Ok(nodes) = store.nodes(Default::default()).await else {
            continue;
        };
        for node in nodes {
            let (name, beat_at) = (node.peer.name.clone(), node.last_beat_at);
            let had_left = node.left_at.is_some();
            let before = last.entry(name.clone()).or_insert((beat_at, had_left));
            let pause = Duration::try_from(beat_at.duration_since(before.0)).unwrap_or_default();
            if pause >= PAUSE_MIN {
                gaps.push(Gap {
                    node: name,
                    began_at: before.0,
                    lasted: pause,
                    is_ordered: before.1,
                });
            }
            *before = (beat_at, had_left);
        }
        if told_at.elapsed() >= Duration::from_secs(60) {
            told_at = Instant::now();
            let gone = began.elapsed().as_secs();
            println!("{gone:>5} s  {} outages so far", gaps.len());
        }
    }
    Seen { gaps }
}
