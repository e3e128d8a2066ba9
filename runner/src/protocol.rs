//! The words that agent and runner exchange over the unix socket.
//!
//! Unknown fields are ignored on both sides, so that an agent can be replaced under a living runner. What is to be executed is the exception: nothing of it may
//! be left out, so an order that says more than the runner knows is refused, alone. This module knows no socket; [`crate::frame`] knows
//! how a word is laid into bytes.

use carillon_core::launch::{Ending, LaunchSpec, ProcessExit, StartFailure, Stream};
use carillon_core::token::Token;
use serde::{Deserialize, Serialize};

use crate::containment::Containment;

/// The version of the protocol that this build speaks.
pub const PROTOCOL: u32 = 1;
/// The oldest version that this build can talk to.
pub const PROTOCOL_MIN: u32 = 1;
/// Bytes of output in one frame at most.
pub const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// Attempts in one frame of a snapshot or of states at most.
pub const ATTEMPTS_PER_FRAME: usize = 500;

/// An instant as the runner saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    /// Nanoseconds of CLOCK_BOOTTIME in the boot that the runner lives in, and so below zero for what was before: the one to
    /// correct by the store's clock.
    pub boottime_ns: i64,
    /// Microseconds since 1970 by the host's own clock, right or wrong: all that still holds in another boot.
    pub realtime_us: i64,
}

impl Moment {
    /// The same instant as this boot counts, in which it is `now`. What the host's clock calls the future is now: a host
    /// without a battery wakes in 1970.
    pub(crate) fn counted_from(self, now: Moment) -> Moment {
        let ago_us = now.realtime_us.saturating_sub(self.realtime_us).max(0);
        let boottime_ns = now.boottime_ns.saturating_sub(ago_us.saturating_mul(1_000));
        Moment {
            boottime_ns,
            ..self
        }
    }
}

/// What the agent asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Journal these attempts and start each at its time. Answered by `Started` or `NotStarted` for each.
    Start {
        /// The orders; a token that the runner has already is ignored, so an order may be repeated.
        orders: Vec<StartOrder>,
    },
    /// Orders of an agent that knows more than this runner does. Only read: what is written is `Start`.
    #[serde(skip)]
    StartPartly {
        /// Those that are understood.
        orders: Vec<StartOrder>,
        /// Those that are not, and why. Answered by `NotStarted` with `NotUnderstood`.
        unread: Vec<(Token, String)>,
    },
    /// Do not start this attempt. Answered by `NotStarted` with `Cancelled` if it had not started, else by `States`.
    Cancel {
        /// The attempt.
        token: Token,
    },
    /// End the whole tree of this attempt. Answered by `KillStep` and `Ended`.
    Kill {
        /// The attempt.
        token: Token,
        /// Who asks, for the record.
        by: String,
        /// Milliseconds between TERM and KILL; none is the grace of the order.
        grace_ms: Option<u64>,
    },
    /// The store has the final result of these attempts: the runner forgets them.
    Ack {
        /// The attempts.
        tokens: Vec<Token>,
    },
    /// The agent keeps the output of this attempt up to this sequence number: the runner need not send it again.
    AckOutput {
        /// The attempt.
        token: Token,
        /// The highest sequence number of a chunk received; all below it are received too.
        seq: u64,
    },
    /// What does the runner know of these attempts? Answered by `States`.
    Query {
        /// The attempts.
        tokens: Vec<Token>,
    },
    /// End the runner.
    Shutdown {
        /// When.
        when: ShutdownWhen,
    },
}

/// One attempt to start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartOrder {
    /// The identity of the attempt.
    pub token: Token,
    /// The run's id as the agent writes it; the runner only keeps and returns it.
    pub run: String,
    /// What to execute.
    pub spec: LaunchSpec,
    /// Variables that Carillon gives (`CARILLON_…`); the runner sets `CARILLON_TOKEN` itself.
    pub env: Vec<(String, String)>,
    /// When to start, in nanoseconds of CLOCK_BOOTTIME; past is at once.
    pub start_at_boottime_ns: i64,
    /// After this instant of CLOCK_BOOTTIME nothing is started.
    pub not_after_boottime_ns: i64,
    /// Milliseconds from its start that are left of its run's timeout; none is no such timeout.
    #[serde(default)]
    pub run_timeout_ms: Option<u64>,
}

/// When a runner that was asked to end does so. In every case it takes nothing new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShutdownWhen {
    /// When all commands have ended and their results are acknowledged.
    Idle,
    /// All commands are ended at once, with their grace.
    Now,
}

/// What the runner reports.
///
/// On each connection: one `Hello`, then `Snapshot` frames up to the one that is `last`, then reports as things happen. Attempts that ended before are reported
/// again, each by its unacknowledged output and then `Ended` (or `NotStarted`), until they are acknowledged; so the `ended` entries of a snapshot only say what will come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    /// Who speaks.
    Hello(Hello),
    /// Every attempt that is not acknowledged.
    Snapshot {
        /// Some of them.
        attempts: Vec<Attempt>,
        /// Whether these are the last ones.
        last: bool,
    },
    /// The command runs.
    Started {
        /// The attempt.
        token: Token,
        /// The process id of the command.
        pid: u32,
        /// When it was started.
        at: Moment,
    },
    /// The command wrote. Not JSON on the wire.
    #[serde(skip)]
    Output(OutputChunk),
    /// A signal was sent to the tree of the command.
    KillStep {
        /// The attempt.
        token: Token,
        /// Which signal.
        step: KillStep,
        /// How many processes it reached.
        reached: u32,
        /// When.
        at: Moment,
    },
    /// The command has ended and this is all its output.
    Ended {
        /// The attempt.
        token: Token,
        /// How.
        end: End,
    },
    /// Nothing ran and, for this token, nothing ever will.
    NotStarted {
        /// The attempt.
        token: Token,
        /// Why not.
        why: NotStarted,
        /// When that was decided.
        at: Moment,
    },
    /// Answer to `Query`, and to `Cancel` of an attempt that cannot be cancelled.
    States {
        /// One entry for each token asked.
        attempts: Vec<Attempt>,
    },
    /// The runner starts nothing more until it is replaced; every start is answered by `NotStarted`.
    Refusing {
        /// Why, in words.
        why: String,
    },
}

/// The first report of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol that the runner speaks.
    pub protocol: u32,
    /// The process id of the runner.
    pub pid: u32,
    /// The version of the runner's program.
    pub version: String,
    /// The boot id of the host (`/proc/sys/kernel/random/boot_id`).
    pub host_boot: String,
    /// Drawn when the journal was created: another one means that the journal was wiped, and that absence from it proves nothing.
    pub journal_epoch: String,
    /// Whether the journal was whole when the runner started; if not, its last records are lost and absence from it proves nothing.
    pub journal_clean: bool,
    /// Whether the runner may become other users.
    pub may_switch_users: bool,
    /// Why the runner starts nothing, if so.
    pub refusing: Option<String>,
    /// Which limits hold for whole trees.
    #[serde(default)]
    pub containment: Containment,
    /// Both clocks of the host at the time of this report.
    pub now: Moment,
}

/// One attempt and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The attempt.
    pub token: Token,
    /// The run's id as the agent wrote it; empty if unknown.
    pub run: String,
    /// Where it stands.
    pub state: AttemptState,
}

/// Where an attempt stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AttemptState {
    /// The journal has no record of it: with a clean journal of the same epoch, it never started. Acknowledged attempts are unknown too.
    Unknown,
    /// It waits for its time.
    Ordered,
    /// It runs.
    Running {
        /// The process id of the command.
        pid: u32,
        /// When it was started.
        at: Moment,
        /// Whether it was started by an earlier runner; output in between may be lost.
        adopted: bool,
    },
    /// It has ended.
    Ended {
        /// How.
        end: End,
    },
    /// It never started and never will.
    NotStarted {
        /// Why not.
        why: NotStarted,
        /// When that was decided.
        at: Moment,
    },
    /// The runner ended between its record of the start and the start: it may or may not have run, and does not run now. Stays until acknowledged.
    StartUnknown,
}

/// How an attempt ended, with what it used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// The cause. Never `CouldNotStart`: that is `NotStarted`.
    pub ending: Ending,
    /// How the main process itself went, if anybody saw it.
    pub exit: Option<ProcessExit>,
    /// When it was started, if that is known.
    pub started: Option<Moment>,
    /// When the main process ended, or when its absence was noticed.
    pub ended: Moment,
    /// Processor time of the command and the children it waited for, in microseconds.
    pub cpu_us: Option<u64>,
    /// Largest resident set of one process, in bytes.
    pub memory_bytes: Option<u64>,
    /// Bytes written to standard output, kept or not.
    pub stdout_bytes: u64,
    /// Bytes written to standard error, kept or not.
    pub stderr_bytes: u64,
    /// Bytes that were dropped, of both streams.
    pub dropped_bytes: u64,
    /// Descendants that were alive when the main process ended, and were ended or left.
    pub leftovers: u32,
    /// What this node keeps of the output in files of its own, where the job wants that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
}

/// Full output in files of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its files are called so, with `.out` or `.err` and the number of the part behind; none where there are no files.
    pub path: Option<String>,
    /// Bytes of both streams that are in no file.
    pub lost_bytes: u64,
    /// Why some are missing, if some are.
    pub why: Option<String>,
}

/// Why an attempt never started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NotStarted {
    /// The agent cancelled it in time.
    Cancelled,
    /// Its start deadline had passed.
    TooLate {
        /// By how many nanoseconds.
        late_ns: i64,
    },
    /// The journal could not be written.
    Journal {
        /// The error in words.
        reason: String,
    },
    /// The runner is ending.
    ShuttingDown,
    /// The order says what this runner does not know: it is of another release than the agent.
    NotUnderstood {
        /// What, in words.
        why: String,
    },
    /// The command could not be started.
    Failed {
        /// Why.
        why: StartFailure,
    },
}

/// The signals of an ending, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KillStep {
    /// SIGTERM to every process of the tree.
    Term,
    /// SIGKILL to every process of the tree, until none is left.
    Kill,
    /// Some process survived SIGKILL (it hangs in the kernel).
    Stuck,
}

/// A piece of output, byte-exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputChunk {
    /// The attempt.
    pub token: Token,
    /// The stream.
    pub stream: Stream,
    /// The position of the first byte in its stream. A jump means that what lies between was dropped.
    pub offset: u64,
    /// Increases over both streams of the attempt, in the order of arrival; not without gaps.
    pub seq: u64,
    /// When the first byte was read, in nanoseconds of CLOCK_BOOTTIME.
    pub at_boottime_ns: i64,
    /// The bytes, at most [`CHUNK_BYTES_MAX`].
    pub bytes: Vec<u8>,
}
