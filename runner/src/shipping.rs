//! What the agent is told, in an order that it can rely on: output before the end, nothing before it is durable.

use crate::agent_link::LinkError;
use crate::attempt::{Attempt, State};
use crate::clock::{MS, boottime_ns, moment};
use crate::commit::After;
use crate::poller::Key;
use crate::protocol::{ATTEMPTS_PER_FRAME, Hello, OutputChunk, PROTOCOL, Report};
use crate::record::{Outcome, Position, Record};
use crate::runner::{HOUSEKEEPING, Runner};

/// How long output is gathered before it is sent.
const GATHER_NS: i64 = 100 * MS;
/// Bytes of one attempt that may be sent before any of it is acknowledged, while it runs.
const WINDOW_BYTES: u64 = 512 * 1024;

impl Runner {
    /// First words on a new connection: who speaks, and everything that is not acknowledged.
    pub(crate) fn introduce(&mut self) {
        self.tell(&Report::Hello(Hello {
            protocol: PROTOCOL,
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host_boot: self.identity.host_boot.clone(),
            journal_epoch: self.identity.journal_epoch.clone(),
            journal_clean: self.identity.journal_clean,
            may_switch_users: self.identity.may_switch_users,
            refusing: self.refusing.clone(),
            containment: self.groups.containment().clone(),
            now: moment(),
        }));
        let attempts: Vec<_> = self.attempts.values().map(Attempt::describe).collect();
        let mut frames = attempts.chunks(ATTEMPTS_PER_FRAME).peekable();
        if frames.peek().is_none() {
            self.tell(&Report::Snapshot {
                attempts: Vec::new(),
                last: true,
            });
        }
        while let Some(frame) = frames.next() {
            let last = frames.peek().is_none();
            self.tell(&Report::Snapshot {
                attempts: frame.to_vec(),
                last,
            });
        }
        self.untold = self.attempts.keys().copied().collect();
        self.flush_at_ns = None;
    }

    /// Notes that an attempt has output to send, soon but not at once.
    pub(crate) fn gather(&mut self, number: u64, now: i64) {
        self.gathering.insert(number);
        if self.agent.is_some() && self.flush_at_ns.is_none() {
            self.flush_at_ns = Some(now + GATHER_NS);
            self.timers.add(now + GATHER_NS, HOUSEKEEPING);
        }
    }

    /// Tells what there is to tell and sends what the agent takes.
    pub(crate) fn tell_agent(&mut self) {
        if self.agent.is_none() {
            return;
        }
        if self.flush_at_ns.is_none_or(|at| at <= boottime_ns()) {
            self.flush_at_ns = None;
            self.untold.append(&mut self.gathering);
        }
        self.tell_untold();
        if self.unwritten > 0 {
            return;
        }
        let Some(agent) = &mut self.agent else { return };
        let flushed = agent.flush();
        let watched = match &flushed {
            Ok(waits) => self
                .poller
                .watch_room(&*agent, Key::Agent, *waits)
                .map_err(LinkError::from),
            Err(_) => Ok(()),
        };
        if let Err(error) = flushed.and(watched) {
            tracing::warn!("the agent is dropped: {error}");
            self.drop_agent();
        }
    }

    /// Output first, then how the attempt ended.
    fn tell_untold(&mut self) {
        let untold: Vec<u64> = self.untold.iter().copied().collect();
        let mut positions = Vec::new();
        for number in untold {
            if !self.agent.as_ref().is_some_and(|agent| agent.has_room()) {
                break;
            }
            self.tell_steps(number);
            if self.ship_output(number) {
                positions.extend(self.position(number));
            }
            let is_all_sent = self
                .attempts
                .get(&number)
                .is_none_or(|attempt| !attempt.capture.has_unshipped());
            // A live attempt whose window is full comes again when the agent acknowledges, an ended one when its end is durable.
            let is_live = self.attempts.get(&number).is_some_and(Attempt::is_live);
            if is_all_sent {
                self.tell_outcome(number);
            }
            if is_all_sent || is_live {
                self.untold.remove(&number);
            }
        }
        if !positions.is_empty() {
            self.unwritten += 1;
            self.commit
                .submit(Record::Shipped { positions }, After::Send);
        }
    }

    /// Sends output as far as window and agent allow; true if some was sent.
    fn ship_output(&mut self, number: u64) -> bool {
        let (Some(attempt), Some(agent)) = (self.attempts.get_mut(&number), &mut self.agent) else {
            return false;
        };
        let window = if attempt.is_live() {
            WINDOW_BYTES
        } else {
            u64::MAX
        };
        let mut has_shipped = false;
        while agent.has_room()
            && let Some((stream, chunk)) = attempt.capture.ship_next(window)
        {
            has_shipped = true;
            agent.report(&Report::Output(OutputChunk {
                token: attempt.token,
                stream,
                offset: chunk.offset,
                seq: chunk.seq,
                at_boottime_ns: chunk.at_boottime_ns,
                bytes: chunk.bytes.clone(),
            }));
        }
        has_shipped
    }

    /// What a later runner must know so as not to number output twice.
    fn position(&self, number: u64) -> Option<Position> {
        let attempt = self
            .attempts
            .get(&number)
            .filter(|attempt| attempt.is_live())?;
        let (next_seq, offsets) = attempt.capture.position();
        Some(Position {
            token: attempt.token,
            next_seq,
            offsets,
        })
    }

    /// Tells how an attempt came out when that is durable, once on each connection.
    fn tell_outcome(&mut self, number: u64) {
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return;
        };
        let State::Settled {
            outcome,
            is_durable,
        } = &attempt.state
        else {
            return;
        };
        if attempt.outcome_told || !*is_durable {
            return;
        }
        let token = attempt.token;
        let report = match outcome.clone() {
            Outcome::Ended(end) => Report::Ended { token, end: *end },
            Outcome::NotStarted { why, at } => Report::NotStarted { token, why, at },
        };
        attempt.outcome_told = true;
        self.tell(&report);
    }
}
