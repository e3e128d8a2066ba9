//! What the scheduler is told, and what it asks for.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::claim::{ClaimAnswer, ClaimRequest};
use crate::identity::JobId;
use crate::misfire::LatePolicy;
use crate::node::Peer;
use crate::offer::Offer;
use crate::placement::{Placement, Target};
use crate::priority::Priority;
use crate::run::Trigger;
use crate::schedule::Schedule;
use crate::tick::Tick;
use crate::token::Token;

/// What the scheduler must know of a job; its command is none of its business.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The job.
    pub job: JobId,
    /// Its version.
    pub version: i64,
    /// Whether its schedule fires.
    pub enabled: bool,
    /// When it is due.
    pub schedule: Schedule,
    /// On how many nodes it runs.
    pub placement: Placement,
    /// On which nodes it may run.
    pub target: Arc<Target>,
    /// Which run starts first where this node has fewer places than runs.
    pub priority: Priority,
    /// What to do with late ticks.
    pub late: LatePolicy,
    /// Fire times up to here belong to older versions.
    pub valid_from: Timestamp,
}

/// Whether this node claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It does, and the tick lock is there.
    OpenWithLocks,
    /// It does, and the tick lock is not.
    Open,
    /// It does not: drained, its clock not trusted, its runner refusing.
    Closed,
}

/// A question to the stores, until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub u64);

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The alarm went off.
    Woke,
    /// Jobs are new or edited. A version already known is ignored.
    JobsLoaded(Vec<Plan>),
    /// Jobs are deleted.
    JobsRemoved(Vec<JobId>),
    /// All nodes as their heartbeats say.
    PeersSeen(Vec<Peer>),
    /// This node claims, or not any more.
    GateSet(Gate),
    /// The host has come up since this node last ran.
    HostBooted {
        /// When, by the store's clock.
        at: Timestamp,
    },
    /// All runs on offer.
    OffersSeen(Vec<Offer>),
    /// The tick lock answered, in the order asked; none is unknown.
    LocksAnswered {
        /// To which question.
        batch: BatchId,
        /// Whether each lock is ours.
        granted: Option<Vec<bool>>,
    },
    /// The store says which ticks are decided; none is unknown.
    LookAnswered {
        /// To which question.
        batch: BatchId,
        /// Those that have a run.
        decided: Option<HashSet<Tick>>,
    },
    /// The store answered the claim, in the order asked; none is unknown.
    ClaimAnswered {
        /// To which question.
        batch: BatchId,
        /// The answers.
        answers: Option<Vec<ClaimAnswer>>,
    },
    /// Runs that this node holds since before this scheduler was made.
    Adopted(Vec<(Tick, Token)>),
    /// An attempt is no longer held: it ended or was handed back.
    Released(Tick, Token),
}

/// What to do.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Ask for these tick locks, with the token as value.
    TakeLocks {
        /// Answer under this number.
        batch: BatchId,
        /// What to lock, by which token.
        ticks: Vec<(Tick, Token)>,
    },
    /// Ask which of these ticks are decided.
    Look {
        /// Answer under this number.
        batch: BatchId,
        /// Which.
        ticks: Vec<Tick>,
    },
    /// Claim these ticks. Asked again with the same tokens until it is answered.
    Claim {
        /// Answer under this number.
        batch: BatchId,
        /// Sorted by tick, at most [`crate::claim::CLAIM_BATCH_MAX`].
        requests: Vec<ClaimRequest>,
    },
    /// Take these offered runs. Asked again with the same tokens until it is answered.
    TakeOffers {
        /// Answer under this number.
        batch: BatchId,
        /// Sorted by tick, at most [`crate::claim::CLAIM_BATCH_MAX`].
        offers: Vec<(Offer, Token)>,
    },
    /// This node owns the run: start it, or say why not.
    Start(Grant),
    /// Wake at this time if nothing else happens before.
    WakeAt(Timestamp),
}

/// A run that this node owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The run.
    pub tick: Tick,
    /// Why it came to be.
    pub trigger: Trigger,
    /// The version of the job.
    pub version: i64,
    /// The attempt to make.
    pub attempt: u32,
    /// The proof.
    pub token: Token,
    /// When the node first asked for it: who has not been seen since may have lost it again.
    pub asked_at: Timestamp,
    /// Start the command then.
    pub start_at: Timestamp,
    /// And no later.
    pub start_until: Timestamp,
}
