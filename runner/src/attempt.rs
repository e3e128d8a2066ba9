//! What the main loop knows of one attempt: where it stands, why it is being ended, what it wrote, and how all that becomes its end. It touches no process.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use carillon_core::launch::{Ending, ProcessExit, Timeout};
use carillon_core::token::Token;

use crate::capture::Capture;
use crate::clock::MS;
use crate::protocol::{self, AttemptState, End, Kept, KillStep, Moment};
use crate::record::{Facts, Outcome, Process};
use crate::starter::Ticket;

/// One attempt that nobody has acknowledged.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) token: Token,
    pub(crate) facts: Facts,
    pub(crate) state: State,
    pub(crate) capture: Capture,
    /// Where its output goes to files, how far that has come.
    pub(crate) keeping: Option<Keeping>,
    pub(crate) steps: Vec<Step>,
    /// How many of the steps the agent was told on this connection.
    pub(crate) steps_told: usize,
    /// Whether the agent was told the outcome on this connection.
    pub(crate) outcome_told: bool,
}

/// How far the files of an attempt's output are.
#[derive(Debug)]
pub(crate) enum Keeping {
    /// They are written to.
    Writing,
    /// The rest is being written, and waited for until then.
    Finishing { until_ns: i64 },
    /// All is said.
    Done(Kept),
}

/// Where it stands.
#[derive(Debug)]
pub(crate) enum State {
    /// It waits for its time, or is being started. `kill` is who wanted it ended in that moment.
    Ordered {
        ticket: Arc<Ticket>,
        kill: Option<Kill>,
    },
    /// It runs, or its descendants do.
    Running(Box<Running>),
    /// It came out so; told when durable.
    Settled { outcome: Outcome, is_durable: bool },
    /// An earlier runner may or may not have started it.
    StartUnknown,
}

/// A wish to end it.
#[derive(Debug, Clone)]
pub(crate) struct Kill {
    pub(crate) cause: Cause,
    pub(crate) grace_ms: u64,
}

/// Why it is ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    Asked { by: String },
    Timeout(Timeout),
}

/// A signal that was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) step: KillStep,
    pub(crate) reached: u32,
    pub(crate) at: Moment,
}

/// A command that was started.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) process: Process,
    /// Whether an earlier runner started it: then it is no child of this one.
    pub(crate) adopted: bool,
    /// None when the main process has ended.
    pub(crate) pidfd: Option<OwnedFd>,
    /// None when nobody can write any more.
    pub(crate) pipes: [Option<OwnedFd>; 2],
    pub(crate) last_output_ns: i64,
    /// The first cause is the cause.
    pub(crate) cause: Option<Cause>,
    pub(crate) sweep: Option<Sweep>,
    pub(crate) exit: Option<Exit>,
    /// Until when the exit of a process that is no child is waited for, once it has ended.
    pub(crate) exit_record_until_ns: Option<i64>,
    pub(crate) leftovers: u32,
}

/// How the main process ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exit {
    /// None if nobody saw it.
    pub(crate) exit: Option<ProcessExit>,
    pub(crate) at: Moment,
    pub(crate) cpu_us: Option<u64>,
    pub(crate) memory_bytes: Option<u64>,
    /// The limit, if the kernel ended it for having reached that.
    pub(crate) exceeded_memory: Option<u64>,
}

/// How far the ending of a tree has come, and until when this stage lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sweep {
    pub(crate) stage: Stage,
    pub(crate) since_ns: i64,
    pub(crate) until_ns: i64,
}

/// The stages of an ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The main process has ended, others hold its output open and are left alone.
    Drain,
    /// Asked to end.
    Term,
    /// Killed, looked for again and killed again.
    Kill,
    /// Some survive that.
    Stuck,
}

impl Attempt {
    /// An attempt that was ordered.
    pub(crate) fn ordered(token: Token, facts: Facts, ticket: Arc<Ticket>) -> Self {
        let capture = Capture::resume(facts.output, 0, [0, 0]);
        Self::new(token, facts, State::Ordered { ticket, kill: None }, capture)
    }

    pub(crate) fn new(token: Token, facts: Facts, state: State, capture: Capture) -> Self {
        let (steps, steps_told, outcome_told) = (Vec::new(), 0, false);
        Self {
            token,
            facts,
            state,
            capture,
            keeping: None,
            steps,
            steps_told,
            outcome_told,
        }
    }

    /// The attempt as the agent sees it.
    pub(crate) fn describe(&self) -> protocol::Attempt {
        let state = match &self.state {
            State::Ordered { .. } => AttemptState::Ordered,
            State::Running(running) => AttemptState::Running {
                pid: running.process.pid,
                at: running.process.at,
                adopted: running.adopted,
            },
            State::Settled {
                outcome: Outcome::Ended(end),
                ..
            } => AttemptState::Ended {
                end: (**end).clone(),
            },
            State::Settled {
                outcome: Outcome::NotStarted { why, at },
                ..
            } => AttemptState::NotStarted {
                why: why.clone(),
                at: *at,
            },
            State::StartUnknown => AttemptState::StartUnknown,
        };
        protocol::Attempt {
            token: self.token,
            run: self.facts.run.clone(),
            state,
        }
    }

    /// The command, if it runs.
    pub(crate) fn running(&mut self) -> Option<&mut Running> {
        match &mut self.state {
            State::Running(running) => Some(running),
            _ => None,
        }
    }

    /// Whether it may still start or run.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.state, State::Ordered { .. } | State::Running(_))
    }

    /// The timeout that has passed, the first of those that have.
    pub(crate) fn passed_timeout(&self, now: i64) -> Option<Timeout> {
        let timeouts = self.timeouts().into_iter();
        let first = timeouts.min_by_key(|(at, _)| *at);
        first.filter(|(at, _)| *at <= now).map(|(_, which)| which)
    }

    /// When this attempt must be looked at next, if ever.
    pub(crate) fn next_look(&self) -> Option<i64> {
        let State::Running(running) = &self.state else {
            return None;
        };
        match running.sweep {
            Some(sweep) => Some(sweep.until_ns),
            None => self.timeouts().iter().map(|timeout| timeout.0).min(),
        }
    }

    /// The end that follows from cause, exit and output; none while the main process lives.
    pub(crate) fn end(&self) -> Option<End> {
        let State::Running(running) = &self.state else {
            return None;
        };
        let exit = running.exit?;
        let ending = match (&running.cause, exit.exit) {
            (Some(Cause::Asked { by }), _) => Ending::Killed { by: by.clone() },
            (Some(Cause::Timeout(which)), _) => Ending::TimedOut { which: *which },
            (None, _) if let Some(limit_bytes) = exit.exceeded_memory => {
                Ending::OutOfMemory { limit_bytes }
            }
            (None, Some(exit)) => exit.into_ending(),
            (None, None) => Ending::Interrupted,
        };
        let [stdout_bytes, stderr_bytes] = self.capture.totals();
        Some(End {
            ending,
            exit: exit.exit,
            started: Some(running.process.at),
            ended: exit.at,
            cpu_us: exit.cpu_us,
            memory_bytes: exit.memory_bytes,
            stdout_bytes,
            stderr_bytes,
            dropped_bytes: self.capture.dropped(),
            leftovers: running.leftovers,
            kept: match &self.keeping {
                Some(Keeping::Done(kept)) => Some(kept.clone()),
                Some(Keeping::Writing | Keeping::Finishing { .. }) | None => None,
            },
        })
    }

    fn timeouts(&self) -> Vec<(i64, Timeout)> {
        let State::Running(running) = &self.state else {
            return Vec::new();
        };
        let after = |from: i64, ms: u64| {
            from.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(MS))
        };
        let start = running.process.at.boottime_ns;
        let since = |from: i64, ms: Option<u64>, which| ms.map(|ms| (after(from, ms), which));
        let facts = &self.facts;
        let timeouts = [
            since(start, facts.timeout_ms, Timeout::Attempt),
            since(start, facts.run_timeout_ms, Timeout::Run),
            since(running.last_output_ns, facts.idle_timeout_ms, Timeout::Idle),
        ];
        timeouts.into_iter().flatten().collect()
    }
}

impl Running {
    /// A command just started or adopted.
    pub(crate) fn new(process: Process, pidfd: OwnedFd, pipes: [Option<OwnedFd>; 2]) -> Self {
        Self {
            pidfd: Some(pidfd),
            pipes,
            ..Self::unwatched(process)
        }
    }

    /// A command of an earlier runner that has ended.
    pub(crate) fn vanished(process: Process, exit: Exit) -> Self {
        Self {
            adopted: true,
            exit: Some(exit),
            ..Self::unwatched(process)
        }
    }

    fn unwatched(process: Process) -> Self {
        Self {
            process,
            adopted: false,
            pidfd: None,
            pipes: [None, None],
            last_output_ns: process.at.boottime_ns,
            cause: None,
            sweep: None,
            exit: None,
            exit_record_until_ns: None,
            leftovers: 0,
        }
    }

    /// Whether nobody can write to its output any more.
    pub(crate) fn is_quiet(&self) -> bool {
        self.pipes.iter().all(Option::is_none)
    }
}
