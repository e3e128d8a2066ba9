//! Everything that reaches the pump.

use carillon_core::identity::JobId;
use carillon_core::job::JobSpec;
use carillon_core::node::Peer;
use carillon_core::parameters::Parameters;
use carillon_core::scheduler::{Event, Grant, Plan};
use carillon_core::token::Token;
use carillon_store::{FeedItem, NodeCommand, Run};
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::control::ControlCall;
use crate::node_health::Health;
use crate::outbox::Stored;
use crate::owning::Adoption;
use crate::runner_link::LinkNews;

/// News for the pump.
#[derive(Debug)]
pub enum Message {
    /// An answer for the scheduler.
    Happened(Event),
    /// All nodes, as their heartbeats say.
    PeersSeen(Vec<Peer>),
    /// Whether the store answers.
    StoreSeen(Health),
    /// Jobs have changed.
    JobsChanged(Vec<FeedItem>),
    /// Every change up to this revision of the jobs has been told.
    JobsKnown(i64),
    /// The runner speaks, or is gone.
    Runner(LinkNews),
    /// The store has taken results.
    Stored(Stored),
    /// A run needed more than what is loaded, and here it is.
    Prepared {
        /// The right to start it.
        grant: Grant,
        /// What it executes; none when the store no longer has it.
        story: Option<Box<Story>>,
    },
    /// Open runs that are ours by the store.
    Owned(Vec<Run>),
    /// Runs of an earlier life are ours, or not, or not yet.
    Adopted(Vec<(Grant, Adoption)>),
    /// What the store says of runs that the runner knows and the store does not count as open.
    Judged {
        /// They were declared lost, and the runner knows better.
        correctable: Vec<Grant>,
        /// Nobody wants the runner's report of these attempts any more.
        unwanted: Vec<Token>,
    },
    /// So many old records were dropped from the store.
    Forgotten(u64),
    /// Operators want something of this node.
    Commanded(Vec<NodeCommand>),
    /// The command line wants something.
    Controlled(ControlCall),
    /// The audit of ticks wants to know jobs.
    PlansWanted {
        /// Which.
        which: WantedPlans,
        /// As of this revision of the jobs or a later one.
        jobs_revision: i64,
        /// The way back; none while the pump does not know that revision.
        reply: oneshot::Sender<Option<KnownJobs>>,
    },
    /// A question to the store that will be asked again has failed.
    StoreFailed(String),
    /// Something is done that needs nothing more.
    Done,
    /// A newer agent has taken this node's name.
    Replaced,
}

/// Which plans somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedPlans {
    /// Those that may have fire times after the first up to and including the second.
    DueBetween(Timestamp, Timestamp),
    /// Those of these jobs.
    Of(Vec<JobId>),
}

/// What the pump knows of the jobs that somebody asked for.
#[derive(Debug, Clone, Default)]
pub struct KnownJobs {
    /// Their plans, where there are any.
    pub plans: Vec<Plan>,
    /// Every job, asked for or not, that this agent does not understand.
    pub unreadable: Vec<JobId>,
}

/// What a run executes when it is not what is loaded: another version, or parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// The job's name.
    pub name: String,
    /// What it does.
    pub spec: JobSpec,
    /// Variables that whoever asked for it gave.
    pub parameters: Parameters,
}
