//! The lasting record of a decided tick, and how it ends.

use jiff::Timestamp;

use crate::identity::NodeId;
use crate::tick::Tick;
use crate::token::Token;

crate::words! {
    /// Why a run came to be.
    Trigger, "trigger" {
        /// Its schedule was due.
        Schedule = "schedule",
        /// A person or a program asked.
        Manual = "manual",
        /// Its schedule was due while nobody could start it, and the misfire policy wants it late.
        CatchUp = "catch_up",
        /// The node came up (`@reboot`).
        Boot = "boot",
    }
}

crate::words! {
    /// How far a run has come.
    Phase, "state" {
        /// Any eligible node may take it: asked for by hand, handed back, caught up, or waiting for its next attempt.
        Offered = "offered",
        /// One node owns it and has not yet started the command.
        Claimed = "claimed",
        /// The command lives.
        Running = "running",
        /// It has its outcome.
        Done = "done",
    }
}

crate::words! {
    /// How a run ended. Exactly one for every tick.
    Outcome, "outcome" {
        /// The command ended with a success code.
        Succeeded = "succeeded",
        /// The command ended with another code, or by a signal nobody here sent.
        Failed = "failed",
        /// The command was ended because it took too long.
        TimedOut = "timed_out",
        /// Somebody had it ended.
        Killed = "killed",
        /// The command could not be executed at all.
        CouldNotStart = "could_not_start",
        /// Its node fell silent; whether the command started or ended is not known.
        Lost = "lost",
        /// The command started and its end was not seen: host or runner went down.
        Interrupted = "interrupted",
        /// It was decided not to run.
        Skipped = "skipped",
        /// Nobody could start it in time.
        Missed = "missed",
    }
}

impl Outcome {
    /// Whether the command may have run.
    pub fn may_have_run(self) -> bool {
        !matches!(
            self,
            Outcome::Skipped | Outcome::Missed | Outcome::CouldNotStart
        )
    }

    /// Whether somebody ought to look at it.
    pub fn is_trouble(self) -> bool {
        !matches!(self, Outcome::Succeeded | Outcome::Skipped)
    }
}

crate::words! {
    /// Why a tick was skipped or missed, or a run waits. Longer stories stand in the run's detail.
    Reason, "reason" {
        /// The last run of the job still lived.
        Overlap = "overlap",
        /// A newer late tick of the job ran instead.
        Coalesced = "coalesced",
        /// The job was edited, disabled or deleted before it could start.
        Superseded = "superseded",
        /// The store could not be reached until it was too late.
        StoreUnavailable = "store_unavailable",
        /// No agent was up.
        NoAgent = "no_agent",
        /// No node was eligible: placement, labels, drain.
        NoEligibleNode = "no_eligible_node",
        /// The agents there were do not understand the job.
        Unreadable = "unreadable",
        /// Every eligible node was full.
        NoCapacity = "no_capacity",
        /// The named node was silent.
        NodeSilent = "node_silent",
        /// A node had it and could not start it in time.
        DeadlinePassed = "deadline_passed",
        /// The claim was made and its answer never came; nothing was started.
        ClaimUnknown = "claim_unknown",
        /// The node went down before it could start it.
        NodeRestarted = "node_restarted",
        /// The runner refused: user, journal, limits.
        SpawnRefused = "spawn_refused",
        /// Its processes reached the job's limit of memory, and the kernel ended them.
        OutOfMemory = "out_of_memory",
        /// It waits for the next attempt.
        Retrying = "retrying",
        /// It waits for the last run of the job to end.
        Queued = "queued",
        /// It waits for a node to take it.
        WaitingForNode = "waiting_for_node",
        /// The wait of the overlap policy was full.
        QueueFull = "queue_full",
        /// Nobody was there to decide it; the audit of ticks found it absent.
        NotClaimed = "not_claimed",
        /// The clock jumped over it.
        ClockJump = "clock_jump",
    }
}

/// Whether a run keeps its node from another seat of the same tick: the node has it, or may have started it.
pub fn takes_seat(state: Phase, outcome: Option<Outcome>, attempt: u32) -> bool {
    match state {
        Phase::Claimed | Phase::Running => true,
        Phase::Offered => attempt > 1,
        Phase::Done => outcome.is_some_and(Outcome::may_have_run),
    }
}

/// What the end of an attempt means for its run, as its node reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// The outcome.
    pub outcome: Outcome,
    /// The code the command ended with.
    pub exit_code: Option<i32>,
    /// The signal the command was ended by.
    pub signal: Option<i32>,
    /// Why, in the closed set.
    pub reason: Option<Reason>,
    /// Why, for a person.
    pub detail: Option<String>,
}

impl Conclusion {
    /// The conclusion of an attempt without a process.
    pub fn without_process(outcome: Outcome, reason: Reason) -> Self {
        Conclusion {
            outcome,
            exit_code: None,
            signal: None,
            reason: Some(reason),
            detail: None,
        }
    }
}

/// Who holds a run, and by which token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ownership {
    /// The run.
    pub tick: Tick,
    /// Counted from 1.
    pub attempt: u32,
    /// The proof.
    pub token: Token,
    /// The owner.
    pub node: NodeId,
}

/// What an owner tells the store about a run of its own. Applied only where the token still matches, so that a
/// report may be repeated, and comes too late without harm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The run.
    pub tick: Tick,
    /// The proof.
    pub token: Token,
    /// What happened.
    pub news: News,
}

/// What happened to an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The command lives since then (store clock).
    Started {
        /// When.
        at: Timestamp,
    },
    /// The attempt ended, and the run with it.
    Ended {
        /// When the command started, if it did.
        started_at: Option<Timestamp>,
        /// When it ended.
        at: Timestamp,
        /// How.
        ending: Conclusion,
    },
    /// The attempt ended, and another one follows.
    Retrying {
        /// When the command started, if it did.
        started_at: Option<Timestamp>,
        /// When it ended.
        at: Timestamp,
        /// How.
        ending: Conclusion,
        /// The next attempt begins no earlier.
        not_before: Timestamp,
        /// And no later.
        until: Timestamp,
        /// The node that must not or rather should not make it, or the one that must.
        node: Preference,
    },
    /// Nothing was started: any other node may have it.
    HandedBack {
        /// Start it no later.
        until: Timestamp,
        /// Why.
        reason: Reason,
    },
}

/// Which node an offered run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preference {
    /// Any eligible node.
    #[default]
    Any,
    /// That one only.
    Only(NodeId),
    /// Rather not that one.
    RatherNot(NodeId),
    /// Not that one.
    Not(NodeId),
}
