//! Ticks that travel together, from the moment they are due until each is decided.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::{BatchId, Effect, GIVE_UP, Grant};
use crate::claim::ClaimRequest;
use crate::offer::Offer;
use crate::priority::Priority;
use crate::run::Trigger;
use crate::tick::Tick;
use crate::token::Token;

/// The question that a batch asks next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Whether this node may go on to the claim.
    Lock,
    /// Whether anybody has decided the ticks.
    Look,
    /// Whether this node decides the ticks.
    Claim,
    /// Whether this node gets the offered runs.
    Take,
}

impl Step {
    /// Whether the node may have what it asks for before it hears the answer.
    pub(super) fn holds(self) -> bool {
        matches!(self, Step::Claim | Step::Take)
    }
}

/// A tick that this node may decide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) tick: Tick,
    pub(super) trigger: Trigger,
    pub(super) version: i64,
    pub(super) token: Token,
    /// How many nodes go before this one.
    pub(super) rank: usize,
    pub(super) attempt: u32,
    pub(super) priority: Priority,
    pub(super) start_at: Timestamp,
    pub(super) start_until: Timestamp,
    /// The offered run it stands for; none is a tick that nobody has decided.
    pub(super) offer: Option<Offer>,
}

impl Candidate {
    pub(super) fn of_offer(offer: &Offer, token: Token, rank: usize, priority: Priority) -> Self {
        Candidate {
            tick: offer.tick,
            trigger: offer.trigger,
            version: offer.version,
            token,
            rank,
            attempt: offer.attempt,
            priority,
            start_at: offer.not_before,
            start_until: offer.until,
            offer: Some(*offer),
        }
    }

    /// Whether it is a tick that nobody has decided as far as is known, and that its schedule made.
    pub(super) fn is_of_schedule(&self) -> bool {
        self.offer.is_none() && self.trigger == Trigger::Schedule
    }

    /// Who goes first where there is not room for all.
    pub(super) fn precedence(&self) -> (Reverse<Priority>, Tick) {
        (Reverse(self.priority), self.tick)
    }

    /// From then on this node does not ask for it any more.
    pub(super) fn give_up_at(&self) -> Timestamp {
        match (self.offer, self.trigger) {
            // No audit asks for the tick of a host that came up: whoever gives it up loses it.
            (Some(_), _) | (None, Trigger::Boot) => self.start_until,
            (None, _) => self.start_until.min(self.start_at + GIVE_UP),
        }
    }

    pub(super) fn grant(&self, asked_at: Timestamp, now: Timestamp) -> Grant {
        Grant {
            tick: self.tick,
            trigger: self.trigger,
            version: self.version,
            attempt: self.attempt,
            token: self.token,
            asked_at,
            start_at: self.start_at.max(now),
            start_until: self.start_until,
        }
    }

    fn request(&self) -> ClaimRequest {
        ClaimRequest {
            tick: self.tick,
            trigger: self.trigger,
            version: self.version,
            token: self.token,
            start_until: self.start_until,
        }
    }
}

/// Ticks with the same next question.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) step: Step,
    pub(super) candidates: Vec<Candidate>,
    /// How often the question was asked without an answer.
    pub(super) repeats: u32,
    /// When it was to be asked for the first time, or was asked: any of the times may be the one that counted.
    pub(super) asked_at: Timestamp,
}

impl Batch {
    /// The question as an effect.
    pub(super) fn question(&self, batch: BatchId) -> Effect {
        let candidates = self.candidates.iter();
        match self.step {
            Step::Lock => Effect::TakeLocks {
                batch,
                ticks: candidates.map(|c| (c.tick, c.token)).collect(),
            },
            Step::Look => Effect::Look {
                batch,
                ticks: candidates.map(|c| c.tick).collect(),
            },
            Step::Claim => Effect::Claim {
                batch,
                requests: candidates.map(Candidate::request).collect(),
            },
            Step::Take => {
                let offers = candidates.filter_map(|c| c.offer.map(|offer| (offer, c.token)));
                Effect::TakeOffers {
                    batch,
                    offers: offers.collect(),
                }
            }
        }
    }
}
