//! What this node owes the store: results and output, in order, until the store has them.
//!
//! The queue never makes the pump wait. Results are few and bounded by the attempts held; output beyond its bound is
//! dropped here and sent again by the runner, which keeps it until it is acknowledged.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use carillon_core::launch::OutputCap;
use carillon_core::run::{News, Report};
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use carillon_runner::protocol::OutputChunk;
use carillon_store::{OutputChunk as Kept, ReportAnswer, Store, StoreError};
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use crate::clock::Clock;
use crate::message::Message;
use crate::output_tail::{Middle, OutputTails, StoredChunk};

/// Output in bytes that may wait for the store.
const OUTPUT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Results and chunks that travel in one transaction.
const BATCH_MAX: usize = 500;

/// Waiting this long lets the results of short commands travel together, and a start together with its end.
const GATHER: Duration = Duration::from_millis(20);

/// The pause before a batch is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// Something to store.
#[derive(Debug)]
enum Item {
    Report(Report),
    Output {
        source: OutputSource,
        chunk: OutputChunk,
    },
}

/// Whose output it is, and how much of it stays.
#[derive(Debug, Clone, Copy)]
pub struct OutputSource {
    /// The run.
    pub(crate) tick: Tick,
    /// The attempt.
    pub(crate) attempt: u32,
    /// How much of each stream is kept.
    pub(crate) cap: OutputCap,
}

/// The pump's end of the queue.
#[derive(Debug, Clone)]
pub struct Outbox {
    items: mpsc::UnboundedSender<Item>,
    output_bytes: Arc<AtomicUsize>,
    waiting: Arc<AtomicUsize>,
}

impl Outbox {
    /// Puts a report into the queue.
    pub fn report(&self, report: Report) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if self.items.send(Item::Report(report)).is_err() {
            debug!("the outbox has ended, a report stays with the runner");
        }
    }

    /// Puts output into the queue; false when there is no room and the runner must send it again.
    pub fn output(&self, source: OutputSource, chunk: OutputChunk) -> bool {
        let bytes = chunk.bytes.len();
        if self.output_bytes.load(Ordering::Relaxed) + bytes > OUTPUT_BYTES_MAX {
            return false;
        }
        self.output_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.items.send(Item::Output { source, chunk }).is_ok()
    }

    /// Whether nothing waits for the store.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting() == 0 && self.output_bytes.load(Ordering::Relaxed) == 0
    }

    /// How many reports wait for the store.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// A queue and the task that empties it, until every [`Outbox`] is dropped.
pub(crate) fn open_outbox(
    store: Store,
    clock: Clock,
    messages: mpsc::Sender<Message>,
) -> (Outbox, impl Future<Output = ()>) {
    let (items, mut queue) = mpsc::unbounded_channel();
    let outbox = Outbox {
        items,
        output_bytes: Arc::default(),
        waiting: Arc::default(),
    };
    let (output_bytes, waiting) = (
        Arc::clone(&outbox.output_bytes),
        Arc::clone(&outbox.waiting),
    );
    let task = async move {
        let mut items = Vec::with_capacity(BATCH_MAX);
        let mut tails = OutputTails::default();
        while queue.recv_many(&mut items, 1).await > 0 {
            tokio::time::sleep(GATHER).await;
            while items.len() < BATCH_MAX
                && let Ok(item) = queue.try_recv()
            {
                items.push(item);
            }
            let batch = Batch::of(std::mem::take(&mut items), &clock);
            let stored = batch.store(&store).await;
            drop_middles(&store, &mut tails, &batch, &stored).await;
            output_bytes.fetch_sub(batch.output_bytes, Ordering::Relaxed);
            waiting.fetch_sub(batch.report_count, Ordering::Relaxed);
            if messages.send(Message::Stored(stored)).await.is_err() {
                return;
            }
        }
    };
    (outbox, task)
}

/// What the store has taken: the runner may forget it.
#[derive(Debug, Default)]
pub struct Stored {
    /// Attempts whose end is recorded.
    pub finished: Vec<Token>,
    /// Output up to this sequence number of each attempt.
    pub output: Vec<(Token, u64)>,
}

struct Batch {
    reports: Vec<Report>,
    chunks: Vec<Kept>,
    stored: Vec<StoredChunk>,
    acks: HashMap<Token, u64>,
    output_bytes: usize,
    report_count: usize,
}

impl Batch {
    fn of(items: Vec<Item>, clock: &Clock) -> Self {
        let mut batch = Batch {
            reports: Vec::new(),
            chunks: Vec::new(),
            stored: Vec::new(),
            acks: HashMap::new(),
            output_bytes: 0,
            report_count: 0,
        };
        for item in items {
            match item {
                Item::Report(report) => {
                    batch.report_count += 1;
                    // The end says when the command started: its start need not travel too.
                    let is_end = !matches!(report.news, News::Started { .. });
                    batch
                        .reports
                        .retain(|earlier| !(is_end && earlier.token == report.token));
                    batch.reports.push(report);
                }
                Item::Output { source, chunk } => batch.add(source, chunk, clock),
            }
        }
        batch
    }

    fn add(&mut self, source: OutputSource, chunk: OutputChunk, clock: &Clock) {
        let OutputSource { tick, attempt, cap } = source;
        self.output_bytes += chunk.bytes.len();
        let ack = self.acks.entry(chunk.token).or_default();
        *ack = chunk.seq.max(*ack);
        self.stored.push(StoredChunk {
            token: chunk.token,
            tick,
            attempt,
            stream: chunk.stream,
            number: chunk.seq.cast_signed(),
            offset: chunk.offset,
            bytes: chunk.bytes.len() as u64,
            cap,
        });
        self.chunks.push(Kept {
            tick,
            attempt,
            number: chunk.seq.cast_signed(),
            stream: chunk.stream,
            offset: chunk.offset.cast_signed(),
            written_at: clock.from_boottime_ns(chunk.at_boottime_ns),
            content: chunk.bytes,
        });
    }

    /// Stores everything, however long it takes: output first, so that whoever sees the end sees all of it.
    async fn store(&self, store: &Store) -> Stored {
        if !self.chunks.is_empty() {
            until_stored("output", || store.append_output(&self.chunks)).await;
        }
        let mut stored = Stored {
            finished: Vec::new(),
            output: self
                .acks
                .iter()
                .map(|(&token, &seq)| (token, seq))
                .collect(),
        };
        if self.reports.is_empty() {
            return stored;
        }
        let answers = until_stored("results", || store.report(&self.reports)).await;
        for (report, answer) in self.reports.iter().zip(answers.unwrap_or_default()) {
            if answer == ReportAnswer::NotYours {
                info!(run.id = %report.tick, "the run has another owner by now, its report is dropped");
            }
            if !matches!(report.news, News::Started { .. }) {
                stored.finished.push(report.token);
            }
        }
        stored
    }
}

/// Drops what turned out to be neither head nor tail. A piece that cannot be dropped now stays until retention.
async fn drop_middles(store: &Store, tails: &mut OutputTails, batch: &Batch, stored: &Stored) {
    for middle in batch.stored.iter().filter_map(|&chunk| tails.add(chunk)) {
        let Middle {
            tick,
            attempt,
            stream,
            after,
            before,
        } = middle;
        if let Err(error) = store
            .trim_output(tick, attempt, stream, (after, before))
            .await
        {
            debug!(run.id = %tick, "the middle of its output stays for now: {error}");
        }
    }
    stored
        .finished
        .iter()
        .for_each(|&token| tails.forget(token));
}

/// Tries again as long as the store does not answer. None when it understood and refused, which no repetition cures.
async fn until_stored<T, F>(what: &str, store: impl Fn() -> F) -> Option<T>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut failures = 0_u32;
    loop {
        match store().await {
            Ok(value) => {
                if failures > 0 {
                    info!("the store takes {what} again after {failures} tries");
                }
                return Some(value);
            }
            Err(error) if error.is_unknown() => {
                if failures == 0 {
                    warn!("{what} wait for the store: {error}");
                }
                failures += 1;
                tokio::time::sleep(RETRY_AFTER).await;
            }
            Err(error) => {
                tracing::error!("the store refused {what}: {error}");
                return None;
            }
        }
    }
}
