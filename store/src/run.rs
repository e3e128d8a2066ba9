//! The lasting record of a decided tick, as it is read and shown.

use carillon_core::claim::BootId;
use carillon_core::identity::NodeId;
use carillon_core::run::{Conclusion, Outcome, Phase, Preference, Reason, Trigger};
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use jiff::Timestamp;

/// The lasting record of a decided tick.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Which. Its text is the run's id.
    pub tick: Tick,
    /// How far it has come.
    pub state: Phase,
    /// How it ended; there exactly when it is done.
    pub outcome: Option<Outcome>,
    /// Why it waits or ended so, in the closed set.
    pub reason: Option<Reason>,
    /// Why, for a person.
    pub detail: Option<String>,
    /// Why it came to be.
    pub trigger: Trigger,
    /// The version of the job it was made for.
    pub version: i64,
    /// The attempt it is at, counted from 1.
    pub attempt: u32,
    /// The owner's proof.
    pub token: Option<Token>,
    /// The owner.
    pub node: Option<NodeId>,
    /// The life of the owner's agent that claimed it.
    pub boot: Option<BootId>,
    /// The attempt starts no earlier.
    pub not_before: Timestamp,
    /// The attempt starts no later.
    pub start_until: Timestamp,
    /// Which node it is for while it is offered.
    pub preference: Preference,
    /// When the attempt was claimed.
    pub claimed_at: Option<Timestamp>,
    /// When its command started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The code the command ended with.
    pub exit_code: Option<i32>,
    /// The signal the command was ended by.
    pub signal: Option<i32>,
    /// One record for many ticks: the last of them.
    pub until: Option<Timestamp>,
    /// How many ticks it stands for.
    pub tick_count: i64,
    /// Who asked for it.
    pub requested_by: Option<String>,
    /// The key under which it was asked for.
    pub request_key: Option<String>,
    /// What it was asked for with, as JSON.
    pub parameters: Option<String>,
}

/// The longest detail kept, in characters.
const DETAIL_LENGTH_MAX: usize = 1000;

impl Run {
    /// A run of `tick` that waits or is claimed from now on.
    pub(crate) fn new(tick: Tick, trigger: Trigger, version: i64, start_until: Timestamp) -> Self {
        Run {
            tick,
            state: Phase::Offered,
            outcome: None,
            reason: None,
            detail: None,
            trigger,
            version,
            attempt: 1,
            token: None,
            node: None,
            boot: None,
            not_before: tick.fire_time,
            start_until,
            preference: Preference::Any,
            claimed_at: None,
            started_at: None,
            ended_at: None,
            exit_code: None,
            signal: None,
            until: None,
            tick_count: 1,
            requested_by: None,
            request_key: None,
            parameters: None,
        }
    }

    /// Whether it takes one of the job's places: it runs, will start at once, or is between two attempts.
    pub(crate) fn is_live(&self) -> bool {
        match self.state {
            Phase::Claimed | Phase::Running => true,
            Phase::Offered => self.attempt > 1,
            Phase::Done => false,
        }
    }

    /// Ends it.
    pub(crate) fn end(&mut self, at: Timestamp, ending: &Conclusion) {
        self.state = Phase::Done;
        self.outcome = Some(ending.outcome);
        self.reason = ending.reason;
        self.detail = ending.detail.as_deref().map(shorten);
        self.ended_at = Some(at);
        self.exit_code = ending.exit_code;
        self.signal = ending.signal;
    }

    /// Ends it without a process having ended.
    pub(crate) fn settle(&mut self, at: Timestamp, outcome: Outcome, reason: Reason) {
        self.end(at, &Conclusion::without_process(outcome, reason));
    }
}

fn shorten(detail: &str) -> String {
    detail.chars().take(DETAIL_LENGTH_MAX).collect()
}
