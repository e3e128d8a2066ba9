//! What the other threads tell the main loop. An eventfd wakes it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

use crate::protocol::{Kept, Moment, NotStarted};
use crate::record::Process;

/// News for the main loop. `attempt` is its number of the attempt.
#[derive(Debug)]
pub(crate) enum Event {
    /// How it came out is durable.
    Durable { attempt: u64 },
    /// How far output goes is written, so it may be sent.
    Written,
    /// Its start could not be made durable, so it does not happen.
    NotJournalled { attempt: u64, reason: String },
    /// No record can be made durable ever again.
    JournalBroken { reason: String },
    /// It runs.
    Started {
        attempt: u64,
        process: Process,
        handles: Handles,
    },
    /// The files of its output are complete.
    Kept { attempt: u64, kept: Kept },
    /// It does not run.
    NotStarted {
        attempt: u64,
        why: NotStarted,
        at: Moment,
    },
}

/// What the main loop watches of a started command.
#[derive(Debug)]
pub(crate) struct Handles {
    pub(crate) pidfd: OwnedFd,
    /// Reading ends of standard output and standard error.
    pub(crate) pipes: [OwnedFd; 2],
}

/// A queue with a bell.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox {
    shared: Arc<(Mutex<Vec<Event>>, OwnedFd)>,
}

impl Mailbox {
    pub(crate) fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            shared: Arc::new((Mutex::default(), bell)),
        })
    }

    pub(crate) fn send(&self, event: Event) {
        let mut events = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event);
        if events.len() == 1 {
            // Fails only when the counter is full, and then the bell rings already.
            let _rung = rustix::io::write(&self.shared.1, &1_u64.to_ne_bytes());
        }
    }

    /// Takes everything and silences the bell.
    pub(crate) fn take(&self) -> Vec<Event> {
        let mut events = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _silenced = rustix::io::read(&self.shared.1, &mut [0; 8]);
        std::mem::take(&mut events)
    }

    /// Readable when there is something to take.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.shared.1.as_fd()
    }
}
