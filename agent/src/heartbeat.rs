//! "I live", every few seconds; and in return the store's clock and who else lives.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use carillon_core::claim::Claimant;
use carillon_core::node::{HEARTBEAT_INTERVAL, Limits};
use carillon_store::{Beat, Store, StoreError};
use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::host::{disk, strain};
use crate::message::Message;
use crate::node_health::Health;
use crate::tick_lock::TickLock;

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

/// What else a beat tells of.
pub(crate) struct Surroundings {
    /// The folder whose disk must not fill up.
    data_dir: PathBuf,
    /// Redis, where it is used.
    lock: Option<TickLock>,
}

impl Surroundings {
    pub(crate) fn new(data_dir: &Path, lock: &Option<TickLock>) -> Self {
        Surroundings {
            data_dir: data_dir.to_owned(),
            lock: lock.clone(),
        }
    }

    /// What keeps this node from Redis; empty when nothing does.
    async fn ask_redis(&self) -> String {
        match &self.lock {
            Some(lock) => lock.probe().await.err().unwrap_or_default(),
            None => String::new(),
        }
    }
}

/// Beats until the pump has ended.
pub(crate) async fn beat(
    store: Store,
    clock: Clock,
    claimant: Claimant,
    surroundings: Surroundings,
    pulse: watch::Receiver<Arc<Pulse>>,
    messages: mpsc::Sender<Message>,
) {
    let mut redis_problem = String::new();
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
        let beat = compose(&clock, &message, &surroundings.data_dir, &redis_problem);
        match store.beat(claimant, &beat).await {
            Ok(answer) => {
                let (count, seen_at) = (answer.beat_count, answer.bulletin.now);
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
        if !tell_pump(&store, health.clone(), &messages).await {
            return;
        }
        // The next beat tells it: nothing may hold this one up.
        redis_problem = surroundings.ask_redis().await;
    }
}

/// False when the pump has ended.
async fn tell_pump(store: &Store, health: Health, messages: &mpsc::Sender<Message>) -> bool {
    let mut news = vec![Message::StoreSeen(health)];
    match store.peers(Limits::default()).await {
        Ok(peers) => news.push(Message::PeersSeen(peers)),
        Err(error) => tracing::debug!("{error}"),
    }
    for message in news {
        if messages.send(message).await.is_err() {
            return false;
        }
    }
    true
}

fn compose(clock: &Clock, pulse: &Pulse, data_dir: &Path, redis_problem: &str) -> Beat {
    let (strain, disk) = (strain(), disk(data_dir));
    Beat {
        is_claiming: pulse.why_not_claiming.is_none(),
        not_claiming_reason: pulse.why_not_claiming.clone().unwrap_or_default(),
        running: pulse.running,
        running_max: pulse.running_max,
        clock: clock.offset(),
        load_milli: strain.load_milli,
        memory_total: strain.memory_total,
        memory_available: strain.memory_available,
        disk_total: disk.total,
        disk_available: disk.available,
        redis_problem: redis_problem.to_owned(),
    }
}

fn interval() -> Duration {
    Duration::try_from(HEARTBEAT_INTERVAL).expect("the interval is positive")
}

#[cfg(test)]
mod tests {
    use carillon_testbed::{Folder, Redis, wait_until_async};

    use super::*;

    const SOON: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_beat_tells_of_redis_while_it_does_not_answer_and_of_the_disk() {
        let mut redis = Redis::start().unwrap();
        let folder = Folder::create().unwrap();
        let lock = TickLock::new(&redis.url()).unwrap();
        let with = Surroundings::new(folder.path(), &Some(lock));
        let without = Surroundings::new(folder.path(), &None);

        assert_eq!(with.ask_redis().await, "");
        redis.kill();
        let problem = with.ask_redis().await;
        redis.restart().unwrap();
        wait_until_async("redis to answer again", SOON, async || {
            with.ask_redis().await.is_empty().then_some(())
        })
        .await;

        assert!(!problem.is_empty());
        assert_eq!(without.ask_redis().await, "");
        let disk = disk(folder.path());
        assert!(0 < disk.available && disk.available <= disk.total);
    }
}
