//! Starts what is durable, each at its own instant, on a few threads: preparation at once, the process at the fire time.
//!
//! One idle thread leads: it sleeps on a timer of CLOCK_BOOTTIME until the earliest start. The others wait until more is due than one thread can start.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use crate::accounts::Accounts;
use crate::clock::{boottime_ns, moment, timespec};
use crate::commit::{After, Commit};
use crate::group::Groups;
use crate::hardening::Inheritance;
use crate::mailbox::{Event, Handles, Mailbox};
use crate::node_config::NodeConfig;
use crate::pipe::open_output;
use crate::prepare::{Prepared, prepare};
use crate::protocol::{NotStarted, StartOrder};
use crate::record::{Process, Record};
use crate::spawn::{Child, Seat, spawn};

/// Threads that start commands: two keep two processors busy, more only quarrel.
pub(crate) const THREADS: usize = 2;

/// The right to start an attempt, which only one of starter and canceller gets.
#[derive(Debug, Default)]
pub(crate) struct Ticket(AtomicU8);

const OPEN: u8 = 0;
const STARTING: u8 = 1;
const CANCELLED: u8 = 2;

impl Ticket {
    /// True if the attempt will never start.
    pub(crate) fn cancel(&self) -> bool {
        self.take(CANCELLED)
    }

    fn begin(&self) -> bool {
        self.take(STARTING)
    }

    fn take(&self, by: u8) -> bool {
        self.0
            .compare_exchange(OPEN, by, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

/// An order on its way to its start.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) attempt: u64,
    pub(crate) order: StartOrder,
    pub(crate) ticket: Arc<Ticket>,
}

/// The door to the starting threads.
#[derive(Debug, Clone)]
pub(crate) struct Starter {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    line: Mutex<Line>,
    /// Wakes those who do not lead.
    more_due: Condvar,
    /// Wakes the leader when an earlier start has come.
    bell: OwnedFd,
    timer: OwnedFd,
}

#[derive(Debug, Default)]
struct Line {
    waiting: BinaryHeap<Reverse<Waiting>>,
    has_leader: bool,
    is_closed: bool,
}

/// What waits for its instant: first to be prepared (at once), then to be started.
#[derive(Debug)]
struct Waiting {
    at_boottime_ns: i64,
    attempt: u64,
    pending: Box<Pending>,
    prepared: Option<Box<Prepared>>,
}

/// What the starting threads need beside the line.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) accounts: Accounts,
    pub(crate) config: Arc<NodeConfig>,
    pub(crate) mailbox: Mailbox,
    pub(crate) commit: Commit,
    pub(crate) inheritance: Inheritance,
    pub(crate) groups: Arc<Groups>,
}

impl Starter {
    pub(crate) fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Boottime, flags)?;
        let shared = Shared {
            line: Mutex::default(),
            more_due: Condvar::new(),
            bell,
            timer,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Starts a thread for each seat; they end after [`Starter::close`].
    pub(crate) fn run(&self, tools: Tools, seats: Vec<Seat>) -> io::Result<Vec<JoinHandle<()>>> {
        let tools = Arc::new(tools);
        let start_thread = |seat: Seat| {
            let (shared, tools) = (Arc::clone(&self.shared), Arc::clone(&tools));
            std::thread::Builder::new()
                .name("start".to_owned())
                .stack_size(256 * 1024)
                .spawn(move || shared.serve(&tools, seat))
        };
        seats.into_iter().map(start_thread).collect()
    }

    /// Takes a durable order.
    pub(crate) fn push(&self, pending: Box<Pending>) {
        let attempt = pending.attempt;
        self.shared.put(Waiting {
            at_boottime_ns: i64::MIN,
            attempt,
            pending,
            prepared: None,
        });
    }

    pub(crate) fn close(&self) {
        self.shared.lock().is_closed = true;
        self.shared.more_due.notify_all();
        self.shared.ring();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        let _rung = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    fn put(&self, waiting: Waiting) {
        let mut line = self.lock();
        let earliest = line.waiting.peek().map(|first| first.0.at_boottime_ns);
        let is_first = earliest.is_none_or(|earliest| waiting.at_boottime_ns < earliest);
        line.waiting.push(Reverse(waiting));
        let has_leader = line.has_leader;
        drop(line);
        match (is_first, has_leader) {
            (true, true) => self.ring(),
            (_, false) => self.more_due.notify_one(),
            (false, true) => {}
        }
    }

    fn serve(&self, tools: &Tools, mut seat: Seat) {
        // A sleeping thread may by default be woken 50 µs late to save power.
        let _exact = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        while let Some(waiting) = self.next_due() {
            self.advance(waiting, tools, &mut seat);
        }
    }

    /// Waits until something is due; none when closed.
    fn next_due(&self) -> Option<Waiting> {
        let mut line = self.lock();
        loop {
            if line.is_closed {
                return None;
            }
            if let Some(due) = line.pop_due(boottime_ns()) {
                if !line.has_leader && !line.waiting.is_empty() {
                    self.more_due.notify_one();
                }
                return Some(due);
            }
            if line.has_leader || line.waiting.is_empty() {
                line = self
                    .more_due
                    .wait(line)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            line.has_leader = true;
            let until = line.waiting.peek().map(|first| first.0.at_boottime_ns);
            drop(line);
            self.sleep(until.unwrap_or(i64::MAX));
            line = self.lock();
            line.has_leader = false;
        }
    }

    /// Sleeps until the instant or the bell.
    fn sleep(&self, until_boottime_ns: i64) {
        let nothing = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let until = Itimerspec {
            it_interval: nothing,
            it_value: timespec(until_boottime_ns),
        };
        let armed = timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &until);
        debug_assert!(armed.is_ok(), "{armed:?}");
        let mut watched = [
            PollFd::from_borrowed_fd(self.timer.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.bell.as_fd(), PollFlags::IN),
        ];
        // An interrupted wait looks again like any other.
        let _woken = poll(&mut watched, None);
        let _silenced = rustix::io::read(&self.bell, &mut [0; 8]);
    }

    fn advance(&self, mut waiting: Waiting, tools: &Tools, seat: &mut Seat) {
        let at = waiting.pending.order.start_at_boottime_ns;
        match waiting.prepared.take() {
            Some(prepared) => start(*waiting.pending, &prepared, tools, seat),
            None => match prepare(&waiting.pending.order, tools) {
                Ok(prepared) if at <= boottime_ns() => {
                    start(*waiting.pending, &prepared, tools, seat)
                }
                Ok(prepared) => {
                    let prepared = Some(Box::new(prepared));
                    self.put(Waiting {
                        at_boottime_ns: at,
                        prepared,
                        ..waiting
                    });
                }
                Err(why) => {
                    if waiting.pending.ticket.begin() {
                        give_up(&waiting.pending, NotStarted::Failed { why }, tools);
                    }
                }
            },
        }
    }
}

impl Line {
    fn pop_due(&mut self, now: i64) -> Option<Waiting> {
        let is_due = self
            .waiting
            .peek()
            .is_some_and(|first| first.0.at_boottime_ns <= now);
        if is_due {
            self.waiting.pop().map(|first| first.0)
        } else {
            None
        }
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_boottime_ns, self.attempt).cmp(&(other.at_boottime_ns, other.attempt))
    }
}

/// Starts a command, or says why not.
fn start(pending: Pending, prepared: &Prepared, tools: &Tools, seat: &mut Seat) {
    // From here on nobody can cancel; who already has was told that nothing will run.
    if !pending.ticket.begin() {
        tools.groups.remove(pending.order.token);
        return;
    }
    if let Err(why) = start_in_time(&pending, prepared, tools, seat) {
        tools.groups.remove(pending.order.token);
        give_up(&pending, why, tools);
    }
}

fn start_in_time(
    pending: &Pending,
    prepared: &Prepared,
    tools: &Tools,
    seat: &mut Seat,
) -> Result<(), NotStarted> {
    let late_ns = boottime_ns() - pending.order.not_after_boottime_ns;
    if late_ns > 0 {
        return Err(NotStarted::TooLate { late_ns });
    }
    let output =
        open_output(pending.order.spec.leftovers).map_err(|why| NotStarted::Failed { why })?;
    let stdio = [
        prepared.stdin.as_fd(),
        output.writing[0].as_fd(),
        output.writing[1].as_fd(),
    ];
    let at = moment();
    let entrance = prepared.entrance.as_ref();
    let Child { pid, pidfd } =
        spawn(&prepared.launch, stdio, entrance, seat).map_err(|(step, errno)| {
            let why = prepared.explain(step, errno);
            NotStarted::Failed { why }
        })?;
    let process = Process {
        pid,
        at,
        pipes: output.inodes,
    };
    let record = Record::Pid {
        token: pending.order.token,
        process,
    };
    tools.commit.submit(record, After::Nothing);
    let handles = Handles {
        pidfd,
        pipes: output.reading,
    };
    tools.mailbox.send(Event::Started {
        attempt: pending.attempt,
        process,
        handles,
    });
    Ok(())
}

fn give_up(pending: &Pending, why: NotStarted, tools: &Tools) {
    let event = Event::NotStarted {
        attempt: pending.attempt,
        why,
        at: moment(),
    };
    tools.mailbox.send(event);
}
