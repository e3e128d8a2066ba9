//! What travels and what befalls: everything that can be next in a world.

use std::collections::HashSet;

use carillon_core::claim::{ClaimAnswer, ClaimRequest, Claimant};
use carillon_core::identity::{JobId, NodeId};
use carillon_core::offer::Offer;
use carillon_core::run::{Conclusion, Reason, Report};
use carillon_core::scheduler::{BatchId, Grant, Plan};
use carillon_core::settlement::{Settlement, Verdict};
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use jiff::Timestamp;

use crate::ledger::{Pulse, Row, Window};
use crate::time::Micros;

/// A question to the store.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Register {
        host_life: u64,
    },
    Beat {
        is_claiming: bool,
    },
    Jobs {
        since: i64,
    },
    Offers,
    Look(Vec<Tick>),
    Claim(Vec<ClaimRequest>),
    Take(Vec<(Offer, Token)>),
    Report(Vec<Report>),
    OpenRuns,
    Adopt(Vec<(Tick, Token)>),
    Stranded,
    Bulletin,
    Close(Timestamp),
    Window(Timestamp, Timestamp),
    Settle(Vec<Settlement>),
    Advance(Timestamp, Timestamp),
    SettleOffers(Vec<(Offer, Verdict)>),
    /// Only with a planted bug.
    WriteDown(Box<Row>),
}

/// An answer of the store.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Registered {
        is_new_host: bool,
    },
    Beat(Pulse),
    Jobs(i64, Vec<Plan>, Vec<JobId>),
    Offers(i64, Vec<(Offer, Option<Reason>)>),
    Decided(HashSet<Tick>),
    Claimed(Vec<ClaimAnswer>),
    OpenRuns(Vec<Row>),
    Stranded(Vec<Row>),
    /// Where the watermark stands, and the edits there are.
    Bulletin(Timestamp, i64),
    Window(Box<Window>),
    /// Whether a record was contested.
    Settled(bool),
    Done,
}

/// What an agent wants an answer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Register,
    Beat,
    Jobs,
    Offers,
    Look(BatchId),
    Claim(BatchId),
    /// So many reports from the front of the outbox.
    Flush(usize),
    Reconcile,
    /// So many orphans from the front.
    Adopt(usize),
    Stranded,
    Audit,
    Nothing,
}

/// What an agent does again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chore {
    Register,
    Beat,
    Offers,
    Reconcile,
    Reap,
    Audit,
    Flush,
}

/// From agent to runner.
#[derive(Debug, Clone)]
pub(crate) enum Order {
    /// A new agent is there: whatever the old one still has under way is void.
    Hello,
    Start {
        grant: Grant,
        /// By the node's own clock.
        start_at: Micros,
        not_after: Micros,
    },
    Forget(Vec<Token>),
    Kill(Token),
}

/// From runner to agent.
#[derive(Debug, Clone)]
pub(crate) enum Word {
    /// Everything the journal knows; the rest never started.
    Snapshot(Vec<(Token, Entry)>),
    Changed(Token, Entry),
}

/// One attempt in the runner's journal.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) grant: Grant,
    pub(crate) stage: Stage,
}

/// How far an attempt has come.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    /// Journalled: from here on it may have started.
    Ordered { start_at: Micros, not_after: Micros },
    /// By the node's own clock.
    Running {
        started_at: Micros,
        is_adopted: bool,
    },
    Ended {
        started_at: Option<Micros>,
        at: Micros,
        ending: Conclusion,
    },
    /// Nothing ran and nothing will.
    NotStarted(Reason),
}

impl Stage {
    /// The same, told by a clock that shows `ahead` more.
    pub(crate) fn counted_anew(&mut self, ahead: Micros) {
        match self {
            Stage::Running { started_at, .. } => *started_at += ahead,
            Stage::Ended { started_at, at, .. } => {
                *started_at = started_at.map(|at| at + ahead);
                *at += ahead;
            }
            Stage::Ordered { .. } | Stage::NotStarted(_) => {}
        }
    }
}

/// What an agent hears.
#[derive(Debug, Clone)]
pub(crate) enum Heard {
    Alarm,
    Chore(Chore),
    /// None: no answer came.
    Answered {
        purpose: Purpose,
        /// When it was asked, by the node's own clock.
        asked_at: Micros,
        answer: Option<(Timestamp, Answer)>,
    },
    Locked(BatchId, Option<Vec<bool>>),
    Word(Word),
}

/// What an agent does about it.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Ask(Purpose, Ask),
    Lock(BatchId, Vec<(Tick, Token)>),
    Order(Order),
    /// By the node's own clock.
    WakeAt(Micros),
    Again(Chore, Micros),
    /// The store has another boot for this node: end.
    Quit,
}

/// What goes wrong or is done to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    AgentCrash(NodeId),
    RunnerCrash(NodeId),
    HostCrash(NodeId),
    AgentPause(NodeId, Micros),
    Freeze(NodeId, Micros),
    ClockStep(NodeId, Micros),
    StoreDown(Micros),
    StoreClockStep(Micros),
    Partition(NodeId, Micros),
    LocksDown(Micros),
    LocksWipe,
    LocksDeny(Micros),
    LocksGrant(Micros),
    Join(NodeId),
    Leave(NodeId),
    Drain(NodeId, Micros),
    Undrain(NodeId),
    Edit,
    Delete,
    RunNow,
}

/// What is next.
#[derive(Debug, Clone)]
pub(crate) enum Happening {
    /// Something reaches the agent of that life.
    Agent(NodeId, u64, Heard),
    /// An alarm, unless a later one has replaced it.
    Alarm(NodeId, u64, u64),
    /// A question reaches the store.
    Store {
        who: Claimant,
        life: u64,
        purpose: Purpose,
        asked_at: Micros,
        ask: Ask,
        /// None: nobody hears the answer.
        reply_after: Option<Micros>,
    },
    /// A question reaches the tick lock.
    Locks(NodeId, u64, BatchId, Vec<(Tick, Token)>),
    /// An order of the agent of that life reaches the runner of that life.
    Runner(NodeId, u64, u64, Order),
    StartDue(NodeId, u64, Token),
    EndDue(NodeId, u64, Token),
    KillDue(NodeId, u64, Token),
    AgentUp(NodeId),
    RunnerUp(NodeId, u64),
    HostUp(NodeId),
    Fault(Fault),
    Heal,
    LastOrders,
}
