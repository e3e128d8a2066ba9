//! One run, as the ledger keeps it.

use carillon_core::claim::Claimant;
use carillon_core::run::{Outcome, Phase, Preference, Reason, Trigger};
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use jiff::Timestamp;

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) tick: Tick,
    pub(crate) version: i64,
    pub(crate) trigger: Trigger,
    pub(crate) phase: Phase,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) reason: Option<Reason>,
    pub(crate) attempt: u32,
    pub(crate) token: Option<Token>,
    pub(crate) owner: Option<Claimant>,
    pub(crate) not_before: Timestamp,
    pub(crate) start_until: Timestamp,
    pub(crate) preference: Preference,
    pub(crate) claimed_at: Option<Timestamp>,
    /// The change of the store that made it.
    pub(crate) made_by: u64,
    /// Its next attempt was given up before anybody had it, so it is told as the last one ended.
    pub(crate) has_fallen_back: bool,
    /// The attempt before this one: number, token, owner, outcome.
    pub(crate) last: Option<(u32, Option<Token>, Option<Claimant>, Outcome)>,
    pub(crate) until_time: Timestamp,
    pub(crate) tick_count: u64,
}

impl Row {
    /// A run that waits for a node.
    pub(crate) fn fresh(tick: Tick, version: i64, start_until: Timestamp) -> Self {
        Row {
            tick,
            version,
            trigger: Trigger::Schedule,
            phase: Phase::Offered,
            outcome: None,
            reason: None,
            attempt: 1,
            token: None,
            owner: None,
            not_before: tick.fire_time,
            start_until,
            preference: Preference::Any,
            claimed_at: None,
            made_by: 0,
            has_fallen_back: false,
            last: None,
            until_time: tick.fire_time,
            tick_count: 1,
        }
    }

    /// A run given up between two attempts ended as the last one did.
    pub(super) fn end_as_before(&mut self) {
        if let Some((attempt, token, owner, outcome)) = self.last.take() {
            (self.attempt, self.token, self.owner) = (attempt, token, owner);
            self.outcome = Some(outcome);
            self.has_fallen_back = true;
        }
    }

    /// Whether whoever has this token may start it.
    pub(crate) fn belongs_to(&self, token: Token) -> bool {
        let is_lost = self.outcome == Some(Outcome::Lost);
        self.token == Some(token) && (self.lives() || is_lost)
    }

    /// Whether it takes one of the job's places, as between two attempts.
    pub(super) fn takes_place(&self) -> bool {
        self.lives() || (self.phase == Phase::Offered && self.attempt > 1)
    }

    pub(super) fn lives(&self) -> bool {
        matches!(self.phase, Phase::Claimed | Phase::Running)
    }

    pub(super) fn end(&mut self, outcome: Outcome, reason: Option<Reason>) {
        (self.phase, self.outcome, self.reason) = (Phase::Done, Some(outcome), reason);
    }
}
