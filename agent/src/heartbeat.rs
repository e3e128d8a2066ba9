//! "I live", every few seconds; and in return the store's clock and who else lives.

use std::sync::Arc;
use std::time::Duration;

use carillon_core::claim::Claimant;
use carillon_core::node::{HEARTBEAT_INTERVAL, Limits};
use carillon_store::{Beat, Store, StoreError};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::host::strain;
use crate::message::Message;
use crate::node_health::Health;

/// What the pump tells the heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pulse {
    /// Why this node claims nothing; none when it does.
    pub why_not_claiming: Option<String>,
    /// Commands that live.
    pub running: u32,
    /// The most commands at once.
    pub running_max: u32,
}

/// Beats until the pump has ended.
pub(crate) async fn beat(
    store: Store,
    clock: Clock,
    claimant: Claimant,
    pulse: watch::Receiver<Arc<Pulse>>,
    messages: mpsc::Sender<Message>,
) {
    let mut health = Health::Well;
    let mut last_count = 0;
    let mut interval = tokio::time::interval(interval());
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = messages.closed() => return,
        }
        let message = Arc::clone(&pulse.borrow());
        let sent = clock.ask();
        match beat_once(&store, &clock, claimant, &message).await {
            Ok((count, seen_at)) => {
                if count <= last_count {
                    error!(
                        "the store counts beat {count} after {last_count}: it has lost commits that it had acknowledged"
                    );
                }
                last_count = count;
                clock.seen(sent, seen_at);
                if health != Health::Well {
                    info!("the store answers again");
                }
                health = Health::Well;
            }
            Err(StoreError::BootReplaced) => {
                error!("a newer agent has registered under this node's name, this one ends");
                return drop(messages.send(Message::Replaced).await);
            }
            Err(error) => {
                if health == Health::Well {
                    warn!("{error}");
                    health = Health::Ill {
                        since: clock.now(),
                        why: error.to_string(),
                    };
                }
            }
        }
        let mut news = vec![Message::StoreSeen(health.clone())];
        match store.peers(Limits::default()).await {
            Ok(peers) => news.push(Message::PeersSeen(peers)),
            Err(error) => tracing::debug!("{error}"),
        }
        for message in news {
            if messages.send(message).await.is_err() {
                return;
            }
        }
    }
}

async fn beat_once(
    store: &Store,
    clock: &Clock,
    claimant: Claimant,
    pulse: &Pulse,
) -> Result<(i64, Timestamp), StoreError> {
    let strain = strain();
    let beat = Beat {
        is_claiming: pulse.why_not_claiming.is_none(),
        not_claiming_reason: pulse.why_not_claiming.clone().unwrap_or_default(),
        running: pulse.running,
        running_max: pulse.running_max,
        clock: clock.offset(),
        load_milli: strain.load_milli,
        memory_total: strain.memory_total,
        memory_available: strain.memory_available,
    };
    let answer = store.beat(claimant, &beat).await?;
    Ok((answer.beat_count, answer.bulletin.now))
}

fn interval() -> Duration {
    Duration::try_from(HEARTBEAT_INTERVAL).expect("the interval is positive")
}
