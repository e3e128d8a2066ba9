//! What the main loop waits for, each with a key that says whose it is.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

/// Events taken at a time.
const EVENTS: usize = 256;

/// Whose descriptor it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// The other threads' mailbox.
    Mailbox,
    /// The socket on which agents arrive.
    Listener,
    /// The connected agent.
    Agent,
    /// Signals to the runner.
    Signals,
    /// The timers.
    Timers,
    /// The main process of an attempt.
    Process(u64),
    /// A stream of an attempt: 0 is standard output, 1 standard error.
    Pipe(u64, usize),
}

impl Key {
    fn number(self) -> u64 {
        match self {
            Key::Mailbox => 0,
            Key::Listener => 1,
            Key::Agent => 2,
            Key::Signals => 3,
            Key::Timers => 4,
            Key::Process(attempt) => attempt << 3 | 5,
            Key::Pipe(attempt, stream) => attempt << 3 | (6 + stream as u64),
        }
    }

    fn of(number: u64) -> Key {
        match (number & 7, number >> 3) {
            (0, _) => Key::Mailbox,
            (1, _) => Key::Listener,
            (2, _) => Key::Agent,
            (3, _) => Key::Signals,
            (4, _) => Key::Timers,
            (5, attempt) => Key::Process(attempt),
            (6, attempt) => Key::Pipe(attempt, 0),
            (_, attempt) => Key::Pipe(attempt, 1),
        }
    }
}

/// An epoll. A descriptor leaves it by being closed.
pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<Event>,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self {
            epoll,
            events: Vec::with_capacity(EVENTS),
        })
    }

    pub(crate) fn add(&self, fd: impl AsFd, key: Key) -> io::Result<()> {
        let data = EventData::new_u64(key.number());
        Ok(epoll::add(&self.epoll, fd, data, EventFlags::IN)?)
    }

    /// Sets whether room to write is waited for too.
    pub(crate) fn watch_room(&self, fd: impl AsFd, key: Key, wanted: bool) -> io::Result<()> {
        let flags = if wanted {
            EventFlags::IN | EventFlags::OUT
        } else {
            EventFlags::IN
        };
        Ok(epoll::modify(
            &self.epoll,
            fd,
            EventData::new_u64(key.number()),
            flags,
        )?)
    }

    /// Waits for this descriptor no longer.
    pub(crate) fn remove(&self, fd: impl AsFd) {
        // One that is not in it is as good as removed.
        let _removed = epoll::delete(&self.epoll, fd);
    }

    /// Waits until something happens.
    pub(crate) fn wait(&mut self) -> io::Result<Vec<Key>> {
        self.events.clear();
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut self.events),
            None,
        ) {
            Ok(_) => Ok(self
                .events
                .iter()
                .map(|event| Key::of(event.data.u64()))
                .collect()),
            Err(rustix::io::Errno::INTR) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}
