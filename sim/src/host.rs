//! One machine: its clock, its agent, its runner with the journal, and the commands that run on it.

use std::collections::BTreeMap;

use carillon_core::identity::NodeId;
use carillon_core::run::{Conclusion, Outcome, Reason};
use carillon_core::token::Token;

use crate::agent::Agent;
use crate::happening::{Entry, Stage};
use crate::time::{Micros, NodeClock};

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Itself,
    Killed,
}

#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) node: NodeId,
    pub(crate) is_up: bool,
    /// Left for good.
    pub(crate) is_gone: bool,
    pub(crate) life: u64,
    pub(crate) clock: NodeClock,
    pub(crate) frozen_until: Micros,
    /// How long it stood still the last time, its clock with it.
    pub(crate) frozen_for: Micros,
    pub(crate) cut_until: Micros,
    pub(crate) agent: Option<Agent>,
    pub(crate) agent_life: u64,
    pub(crate) agent_paused_until: Micros,
    /// The number of the alarm that counts.
    pub(crate) alarm: u64,
    pub(crate) runner: Runner,
    /// When the runner has heard all that the agent has said: its socket keeps the order.
    pub(crate) orders_by: Micros,
    /// Commands that live, each with the code it will end with.
    pub(crate) processes: BTreeMap<Token, i32>,
}

/// The runner: its journal outlives it.
#[derive(Debug, Default)]
pub(crate) struct Runner {
    pub(crate) is_up: bool,
    pub(crate) life: u64,
    /// The agent it listens to.
    pub(crate) serving: u64,
    pub(crate) journal: BTreeMap<Token, Entry>,
}

impl Host {
    pub(crate) fn new(node: NodeId, clock: NodeClock) -> Self {
        Host {
            node,
            is_up: false,
            is_gone: false,
            life: 0,
            clock,
            frozen_until: 0,
            frozen_for: 0,
            cut_until: 0,
            agent: None,
            agent_life: 0,
            agent_paused_until: 0,
            alarm: 0,
            runner: Runner::default(),
            orders_by: 0,
            processes: BTreeMap::new(),
        }
    }

    pub(crate) fn end_runner(&mut self) {
        self.runner.is_up = false;
        self.runner.life += 1;
        self.runner.serving = 0;
        self.orders_by = 0;
    }

    /// A new runner reads the journal. Where it says that a command was to start, and no process tells whether it
    /// did, nobody knows.
    pub(crate) fn replay_journal(&mut self, own_now: Micros) {
        self.runner.is_up = true;
        for (token, entry) in &mut self.runner.journal {
            let is_alive = self.processes.contains_key(token);
            let outcome = match entry.stage {
                Stage::Ended { .. } | Stage::NotStarted(_) => continue,
                Stage::Running { started_at, .. } if is_alive => {
                    entry.stage = Stage::Running {
                        started_at,
                        is_adopted: true,
                    };
                    continue;
                }
                Stage::Running { .. } => Outcome::Interrupted,
                Stage::Ordered { .. } => Outcome::Lost,
            };
            entry.stage = Stage::Ended {
                started_at: None,
                at: own_now,
                ending: Conclusion::without_process(outcome, Reason::NodeRestarted),
            };
        }
    }

    /// A command is over: what the journal says about it.
    pub(crate) fn end_process(
        &mut self,
        token: Token,
        ended: Ended,
        own_now: Micros,
    ) -> Option<Entry> {
        let exit_code = self.processes.remove(&token)?;
        let entry = self.runner.journal.get_mut(&token)?;
        let Stage::Running {
            started_at,
            is_adopted,
        } = entry.stage
        else {
            return None;
        };
        if !self.runner.is_up {
            return None;
        }
        let outcome = match (ended, is_adopted, exit_code) {
            (Ended::Killed, ..) => Outcome::Killed,
            // Nobody's parent any more: the end is seen, the code is not.
            (_, true, _) => Outcome::Interrupted,
            (_, _, 0) => Outcome::Succeeded,
            _ => Outcome::Failed,
        };
        entry.stage = Stage::Ended {
            started_at: Some(started_at),
            at: own_now,
            ending: Conclusion {
                outcome,
                exit_code: Some(exit_code),
                signal: None,
                reason: None,
                detail: None,
            },
        };
        Some(entry.clone())
    }
}
