//! The atomic step by which one node decides a tick. The store performs it; these are its question and its answers.

use jiff::{SignedDuration, Timestamp};

use crate::identity::{JobId, NodeId};
use crate::run::Trigger;
use crate::tick::Tick;
use crate::token::Token;

/// Claims are made this long before the fire time, so that the command starts at it.
pub const CLAIM_AHEAD: SignedDuration = SignedDuration::from_millis(200);

/// The store refuses a claim that is earlier than this before the fire time by its own clock: a node with a wrong
/// clock fires late at worst, never early.
pub const CLAIM_EARLY_MAX: SignedDuration = SignedDuration::from_millis(250);

/// The most ticks in one claim.
pub const CLAIM_BATCH_MAX: usize = 500;

/// One life of an agent process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BootId(pub Token);

/// Who claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimant {
    /// The node.
    pub node: NodeId,
    /// The life of its agent. A claim of a boot that has been replaced is refused.
    pub boot: BootId,
}

/// One tick that a node wants to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimRequest {
    /// The tick.
    pub tick: Tick,
    /// Why it exists.
    pub trigger: Trigger,
    /// The version of the job the node knows. An edited job is not claimed by its old version.
    pub version: i64,
    /// The proof, kept through every retry of this request.
    pub token: Token,
    /// Start it no later.
    pub start_until: Timestamp,
}

/// What the store says to one request. That no answer came is not among them: the caller knows that by itself,
/// and must ask again with the same token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimAnswer {
    /// The run is the claimant's; it must start it, hand it back, or report why not.
    Won,
    /// The claimant decided the tick, and the overlap policy said not now: the run is recorded and needs nothing more.
    Settled,
    /// Somebody else decided it, or will: an offered run also answers so.
    Lost,
    /// No run was made: the job has changed, or it is too early, or the tick lies behind the watermark.
    Refused,
}

/// A job whose older run must be ended before the new one starts (overlap policy *replace*).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replacement {
    /// The job.
    pub job: JobId,
    /// The run that must end.
    pub old: Tick,
}
