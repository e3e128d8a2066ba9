//! Group commit: one thread that writes what others submit, makes it durable in as few fdatasync as possible, and only then lets happen what waits for it.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::journal::Journal;
use crate::mailbox::{Event, Mailbox};
use crate::record::Record;
use crate::starter::{Pending, Starter};

/// How long results wait for company when nothing urgent waits with them: fewer writes at a high rate, unnoticeable at a low one.
const GATHER: Duration = Duration::from_millis(5);

/// What may happen when a record is durable.
#[derive(Debug)]
pub(crate) enum After {
    /// Nothing waits; the record need not survive the host.
    Nothing,
    /// The sending of output; the record has to survive this process, not the host.
    Send,
    /// The start.
    Start(Box<Pending>),
    /// The report of how this attempt came out.
    Report(u64),
}

impl After {
    /// Whether the record has to survive the host.
    fn must_last(&self) -> bool {
        matches!(self, Self::Start(_) | Self::Report(_))
    }
}

/// The door to the journal's thread.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    records: Vec<Record>,
    after: Vec<After>,
    is_urgent: bool,
    is_closed: bool,
}

impl Commit {
    /// Starts the thread. It ends after [`Commit::close`], when everything is written.
    pub(crate) fn start(
        journal: Journal,
        starter: Starter,
        mailbox: Mailbox,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            arrived: Condvar::new(),
        });
        let commit = Self {
            shared: Arc::clone(&shared),
        };
        let mut writer = Writer {
            journal,
            starter,
            mailbox,
            broken: None,
        };
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || {
                while let Some((records, after)) = shared.take() {
                    writer.write(&records, after);
                }
            })?;
        Ok((commit, thread))
    }

    /// Hands over a record and what waits for it.
    pub(crate) fn submit(&self, record: Record, after: After) {
        let mut queue = self.shared.lock();
        // Results can wait for company. Starts must not, nor can facts that the kernel is to keep should this process be killed.
        let is_urgent = !matches!(after, After::Report(_));
        let must_wake = queue.records.is_empty() || (is_urgent && !queue.is_urgent);
        queue.is_urgent |= is_urgent;
        queue.records.push(record);
        if !matches!(after, After::Nothing) {
            queue.after.push(after);
        }
        drop(queue);
        if must_wake {
            self.shared.arrived.notify_one();
        }
    }

    /// Lets the thread end when all is written.
    pub(crate) fn close(&self) {
        self.shared.lock().is_closed = true;
        self.shared.arrived.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for work; none when closed and empty.
    fn take(&self) -> Option<(Vec<Record>, Vec<After>)> {
        let mut queue = self.lock();
        while queue.records.is_empty() {
            if queue.is_closed {
                return None;
            }
            queue = self
                .arrived
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if !queue.is_urgent {
            let wait = |queue: &mut Queue| !queue.is_urgent && !queue.is_closed;
            let gathered = self.arrived.wait_timeout_while(queue, GATHER, wait);
            queue = gathered.unwrap_or_else(PoisonError::into_inner).0;
        }
        queue.is_urgent = false;
        Some((
            std::mem::take(&mut queue.records),
            std::mem::take(&mut queue.after),
        ))
    }
}

/// The thread's own state.
struct Writer {
    journal: Journal,
    starter: Starter,
    mailbox: Mailbox,
    /// Set for good when the device failed: what it holds is unknown since then.
    broken: Option<String>,
}

impl Writer {
    fn write(&mut self, records: &[Record], after: Vec<After>) {
        let must_last = after.iter().any(After::must_last);
        match self.persist(records, must_last) {
            Ok(()) => after.into_iter().for_each(|after| match after {
                After::Start(pending) => self.starter.push(pending),
                After::Report(attempt) => self.mailbox.send(Event::Durable { attempt }),
                After::Send => self.mailbox.send(Event::Written),
                After::Nothing => {}
            }),
            Err(reason) => after
                .into_iter()
                .for_each(|after| self.fail(after, &reason)),
        }
    }

    fn persist(&mut self, records: &[Record], must_last: bool) -> Result<(), String> {
        if let Some(reason) = &self.broken {
            return Err(reason.clone());
        }
        if let Err(error) = self.journal.append(records) {
            return Err(format!(
                "the journal cannot be written: {error}; make room on its device"
            ));
        }
        if must_last && let Err(error) = self.journal.sync() {
            let reason = format!(
                "the journal's device failed: {error}; move the data directory to a sound device and restart"
            );
            tracing::error!("{reason}");
            self.mailbox.send(Event::JournalBroken {
                reason: reason.clone(),
            });
            self.broken = Some(reason.clone());
            return Err(reason);
        }
        Ok(())
    }

    /// A start that is not durable does not happen. A result that is not durable is reported all the same: it is true.
    fn fail(&self, after: After, reason: &str) {
        match after {
            After::Start(pending) => {
                let reason = reason.to_owned();
                self.mailbox.send(Event::NotJournalled {
                    attempt: pending.attempt,
                    reason,
                });
            }
            After::Report(attempt) => self.mailbox.send(Event::Durable { attempt }),
            After::Send => self.mailbox.send(Event::Written),
            After::Nothing => {}
        }
    }
}
