//! What is new of a living run, asked of the store once for all who look at it: a task for each run that is looked at,
//! which ends with its last reader.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use carillon_core::run::Phase;
use carillon_core::tick::Tick;
use carillon_store::{OutputChunk, Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::output::CHUNKS;

/// How often a living run is asked for more: what a command writes is in the store after 130 ms, and is to be seen after 300.
const POLL_INTERVAL: Duration = Duration::from_millis(150);
/// Output that is remembered for readers who are a little behind, in bytes.
const REMEMBERED_MAX: usize = 256 * 1024;

/// What is known of an attempt, for all its readers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// None before the store has answered.
    pub(crate) phase: Option<Phase>,
    /// Set when nothing more is to come, to the run's state then.
    pub(crate) over: Option<Phase>,
    /// The number of the last chunk.
    pub(crate) last: i64,
    /// The number before the first remembered chunk.
    from: i64,
    chunks: Arc<VecDeque<Arc<OutputChunk>>>,
}

impl Seen {
    /// The remembered chunks after that number; none where some are not remembered any more.
    pub(crate) fn after(&self, number: i64) -> Option<Vec<Arc<OutputChunk>>> {
        let is_new = |chunk: &&Arc<OutputChunk>| chunk.number > number;
        (number >= self.from).then(|| self.chunks.iter().filter(is_new).cloned().collect())
    }

    fn remember(&mut self, new: Vec<OutputChunk>) {
        let chunks = Arc::make_mut(&mut self.chunks);
        chunks.extend(new.into_iter().map(Arc::new));
        let mut bytes: usize = chunks.iter().map(|chunk| chunk.content.len()).sum();
        while bytes > REMEMBERED_MAX
            && let Some(old) = chunks.pop_front()
        {
            bytes -= old.content.len();
            self.from = old.number;
        }
    }
}

/// One attempt that is looked at.
#[derive(Debug)]
pub(crate) struct Feed {
    seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

impl Feed {
    /// Where its news are told.
    pub(crate) fn watch(&self) -> watch::Receiver<Seen> {
        self.seen.clone()
    }

    /// Whether it still asks, or has asked to the end.
    fn is_good(&self) -> bool {
        !self.task.is_finished() || self.seen.borrow().over.is_some()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// All attempts that are looked at.
#[derive(Debug, Default)]
pub(crate) struct Feeds(Mutex<HashMap<(Tick, u32), Weak<Feed>>>);

impl Feeds {
    /// The feed of an attempt; a new one begins after that chunk.
    pub(crate) fn follow(&self, store: &Store, attempt: (Tick, u32), after: i64) -> Arc<Feed> {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let known = feeds.get(&attempt).and_then(Weak::upgrade);
        if let Some(feed) = known.filter(|feed| feed.is_good()) {
            return feed;
        }
        let begin = Seen {
            last: after,
            from: after,
            ..Seen::default()
        };
        let (tell, seen) = watch::channel(begin);
        let store = store.clone();
        let task = tokio::spawn(async move {
            if let Err(error) = ask(&store, attempt, &tell).await {
                // Readers are let go and come back.
                tracing::debug!("a living run could not be asked for output: {error}");
            }
        });
        let feed = Arc::new(Feed { seen, task });
        feeds.insert(attempt, Arc::downgrade(&feed));
        feed
    }

    /// How many attempts are looked at.
    pub(crate) fn count(&self) -> usize {
        let feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds
            .values()
            .filter(|feed| feed.strong_count() > 0)
            .count()
    }
}

/// Asks until the attempt is over.
async fn ask(
    store: &Store,
    (tick, attempt): (Tick, u32),
    tell: &watch::Sender<Seen>,
) -> Result<(), StoreError> {
    loop {
        // The state is read first: what was written before the end is then surely seen after it.
        let run = store.run(tick).await?.run;
        let last = tell.borrow().last;
        let chunks = store.output(tick, attempt, None, last, CHUNKS).await?;
        let is_full = chunks.len() == CHUNKS as usize;
        let is_over = chunks.is_empty() && (run.state == Phase::Done || run.attempt != attempt);
        tell.send_if_modified(|seen| {
            let is_news = !chunks.is_empty() || is_over || seen.phase != Some(run.state);
            seen.phase = Some(run.state);
            if let Some(chunk) = chunks.last() {
                seen.last = chunk.number;
                seen.remember(chunks);
            }
            seen.over = is_over.then_some(run.state);
            is_news
        });
        if is_over {
            return Ok(());
        }
        if !is_full {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
