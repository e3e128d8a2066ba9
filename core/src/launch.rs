//! What to execute and how it ended, as the job editor, the store, the agent and the runner all write it. It does not know how a process is started.

use serde::{Deserialize, Serialize};

use crate::ionice::Ionice;
use crate::secret_name::SecretName;

/// Milliseconds between the polite and the final signal where a job says nothing.
pub const KILL_GRACE_MS: u64 = 10_000;

/// Everything a runner needs to know to start one command. Parts that are absent take the runner's default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LaunchSpec {
    /// The command line as the user wrote it.
    pub command: String,
    /// A shell that runs the line with `-c`. None: a line without shell syntax is executed directly, any other by `/bin/sh`.
    #[serde(skip_serializing_if = "is_default")]
    pub shell: Option<String>,
    /// The working directory; none is the home directory of the user, and `/` where that is missing.
    #[serde(skip_serializing_if = "is_default")]
    pub cwd: Option<String>,
    /// The job's variables in order; a later one replaces an earlier one of the same name.
    #[serde(skip_serializing_if = "is_default")]
    pub env: Vec<(String, String)>,
    /// Variables whose values the runner reads from files of the node: the variable, and the name of the secret.
    #[serde(skip_serializing_if = "is_default")]
    pub secrets: Vec<(String, SecretName)>,
    /// Text for standard input; none is `/dev/null`.
    #[serde(skip_serializing_if = "is_default")]
    pub stdin: Option<String>,
    /// The user to run as; none is the runner's own user.
    #[serde(skip_serializing_if = "is_default")]
    pub run_as: Option<String>,
    /// The file mode mask; none is 0o022.
    #[serde(skip_serializing_if = "is_default")]
    pub umask: Option<u32>,
    /// Niceness from -20 to 19; none leaves it at the runner's.
    #[serde(skip_serializing_if = "is_default")]
    pub nice: Option<i32>,
    /// The class and level of its reading and writing; none leaves them at the runner's.
    #[serde(skip_serializing_if = "is_default")]
    pub ionice: Option<Ionice>,
    /// What the command may use.
    #[serde(skip_serializing_if = "is_default")]
    pub limits: Limits,
    /// After how many milliseconds the attempt is ended; none is never.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout_ms: Option<u64>,
    /// After how many milliseconds without output the attempt is ended; none is never.
    #[serde(skip_serializing_if = "is_default")]
    pub idle_timeout_ms: Option<u64>,
    /// Milliseconds between the polite and the final signal.
    #[serde(skip_serializing_if = "is_default_grace")]
    pub kill_grace_ms: u64,
    /// How much output is kept.
    #[serde(skip_serializing_if = "is_default")]
    pub output: OutputCap,
    /// Whether the node that runs it keeps every byte of output in files of its own, beside what the store gets.
    #[serde(skip_serializing_if = "is_default")]
    pub keep_output: bool,
    /// What happens to descendants that outlive the command.
    #[serde(skip_serializing_if = "is_default")]
    pub leftovers: Leftovers,
    /// Whether the command and its descendants lose the way to more privileges (setuid programs).
    #[serde(skip_serializing_if = "is_default")]
    pub no_new_privs: bool,
}

impl Default for LaunchSpec {
    fn default() -> Self {
        Self {
            command: String::new(),
            shell: None,
            cwd: None,
            env: Vec::new(),
            secrets: Vec::new(),
            stdin: None,
            run_as: None,
            umask: None,
            nice: None,
            ionice: None,
            limits: Limits::default(),
            timeout_ms: None,
            idle_timeout_ms: None,
            kill_grace_ms: KILL_GRACE_MS,
            output: OutputCap::default(),
            keep_output: false,
            leftovers: Leftovers::default(),
            no_new_privs: false,
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_default_grace(grace_ms: &u64) -> bool {
    *grace_ms == KILL_GRACE_MS
}

/// Resource limits of one command; none is no limit but the runner's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of memory of the whole tree where the node has a cgroup for it, of each process's address space otherwise.
    #[serde(skip_serializing_if = "is_default")]
    pub memory_bytes: Option<u64>,
    /// Processes and threads of the whole tree where the node has a cgroup for it, of the user otherwise.
    #[serde(skip_serializing_if = "is_default")]
    pub pids: Option<u64>,
    /// Share of one processor in percent (200 is two processors), where the node has a cgroup for it.
    #[serde(skip_serializing_if = "is_default")]
    pub cpu_percent: Option<u32>,
    /// Seconds of processor time of each process.
    #[serde(skip_serializing_if = "is_default")]
    pub cpu_seconds: Option<u64>,
    /// Open files of each process.
    #[serde(skip_serializing_if = "is_default")]
    pub open_files: Option<u64>,
    /// Bytes of the largest file that each process may write.
    #[serde(skip_serializing_if = "is_default")]
    pub file_bytes: Option<u64>,
    /// Bytes of a core file; none is 0.
    #[serde(skip_serializing_if = "is_default")]
    pub core_bytes: Option<u64>,
}

/// How much output of each stream is kept; what lies between is counted and dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutputCap {
    /// Bytes kept from the beginning of each stream.
    pub head_bytes: u64,
    /// Bytes kept from the end of each stream.
    pub tail_bytes: u64,
}

impl Default for OutputCap {
    fn default() -> Self {
        Self {
            head_bytes: 256 * 1024,
            tail_bytes: 1024 * 1024,
        }
    }
}

/// What happens to descendants that are alive when the command itself has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leftovers {
    /// They are ended with the run.
    #[default]
    Kill,
    /// They are left alone, as a command that starts a daemon wants it.
    Leave,
}

/// One of the two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How a started attempt ended. The cause comes before the exit status: a command that a timeout ended is timed out, whatever it exited with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ending {
    /// The command ended by itself with this code, 0 to 255.
    Exited {
        /// The exit code.
        code: i32,
    },
    /// A signal that nobody here sent ended the command.
    Signaled {
        /// The number of the signal.
        signal: i32,
        /// Whether a core file was written.
        core_dumped: bool,
    },
    /// A timeout ended the command.
    TimedOut {
        /// Which of the timeouts.
        which: Timeout,
    },
    /// The kernel ended the command and all its processes, since together they reached the job's limit of memory.
    OutOfMemory {
        /// The limit in bytes.
        limit_bytes: u64,
    },
    /// Somebody ended the command.
    Killed {
        /// Who asked, as the asker wrote it.
        by: String,
    },
    /// Nothing ran.
    CouldNotStart {
        /// The reason.
        why: StartFailure,
    },
    /// It ran and has ended, but nobody was there to see how: the exit code is unknown.
    Interrupted,
}

/// The timeouts that end an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timeout {
    /// It ran for longer than `timeout_ms`.
    Attempt,
    /// It wrote nothing for longer than `idle_timeout_ms`.
    Idle,
    /// The time that all attempts of its run may take together was over.
    Run,
}

/// How the main process itself went, beside the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProcessExit {
    /// It called exit with this code.
    Code {
        /// The exit code, 0 to 255.
        code: i32,
    },
    /// A signal ended it.
    Signal {
        /// The number of the signal.
        signal: i32,
        /// Whether a core file was written.
        core_dumped: bool,
    },
}

impl ProcessExit {
    /// The ending of a command that nobody ended.
    pub fn into_ending(self) -> Ending {
        match self {
            Self::Code { code } => Ending::Exited { code },
            Self::Signal {
                signal,
                core_dumped,
            } => Ending::Signaled {
                signal,
                core_dumped,
            },
        }
    }
}

/// Why a command could not start. Each variant is a proof that nothing ran. `errno` is the system's error number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StartFailure {
    /// The command line is empty or cannot be a command line.
    #[error("the command line {reason}; edit the job")]
    BadCommand {
        /// What is wrong with it.
        reason: String,
    },
    /// The program is not there.
    #[error("no program {program:?} was found; give its full path or set PATH in the job")]
    NotFound {
        /// The program as it was looked for.
        program: String,
    },
    /// The program is there but may not be executed, or is none.
    #[error("{program:?} cannot be executed ({}); check its mode, its first line and its interpreter", errno_name(*errno))]
    NotExecutable {
        /// The program.
        program: String,
        /// The error of execve.
        errno: i32,
    },
    /// The working directory cannot be entered.
    #[error("the directory {path:?} cannot be entered ({}); create it or change the job's directory", errno_name(*errno))]
    Directory {
        /// The directory.
        path: String,
        /// The error of chdir.
        errno: i32,
    },
    /// The node has no such user.
    #[error("this node has no user {user:?}; create it or change the job's user")]
    UnknownUser {
        /// The user.
        user: String,
    },
    /// The node's own configuration does not allow that user.
    #[error(
        "user {user:?} is not in runner.allow_users of this node; add it there or change the job's user"
    )]
    UserNotAllowed {
        /// The user.
        user: String,
    },
    /// The runner may not become that user.
    #[error("the runner cannot become user {user:?} ({}); it has to run as root for that", errno_name(*errno))]
    CannotBecomeUser {
        /// The user.
        user: String,
        /// The error of setgroups, setgid or setuid.
        errno: i32,
    },
    /// A variable of the job is dangerous or malformed.
    #[error("the variable {name:?} {reason}; remove it from the job")]
    Environment {
        /// The variable.
        name: String,
        /// Why it is refused.
        reason: String,
    },
    /// The value of a variable is kept on the node, and the job cannot have it. Never says the value.
    #[error("the variable {variable:?} has no value: {path:?} {reason}")]
    Secret {
        /// The variable.
        variable: String,
        /// The file of the secret.
        path: String,
        /// What is wrong with it, and the cure.
        reason: String,
    },
    /// A limit cannot be set.
    #[error("the limit {limit} cannot be set ({}); lower it or raise the runner's own", errno_name(*errno))]
    Limit {
        /// Its name.
        limit: String,
        /// The error of the call.
        errno: i32,
    },
    /// The node is short of processes, memory, file descriptors or disk.
    #[error("the node is short of resources ({step}: {}); the tick may run elsewhere", errno_name(*errno))]
    Resources {
        /// The step that failed.
        step: String,
        /// The error of the call.
        errno: i32,
    },
}

impl StartFailure {
    /// Whether the same command could start now on another node, or here in a moment: the node is at fault and not the job.
    pub fn is_of_node(&self) -> bool {
        matches!(self, Self::Resources { .. })
    }
}

/// Names the errors a person meets; any other is its number.
fn errno_name(errno: i32) -> String {
    let name = match errno {
        1 => "not permitted",
        2 => "no such file or directory",
        7 => "arguments too long",
        8 => "not an executable format",
        11 => "no free process",
        12 => "no free memory",
        13 => "permission denied",
        20 => "not a directory",
        22 => "invalid value",
        23 | 24 => "no free file descriptor",
        26 => "being written to",
        28 => "no space left on the device",
        36 => "name too long",
        40 => "too many symbolic links",
        _ => return format!("system error {errno}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_parts_of_a_spec_take_defaults() {
        let spec: LaunchSpec = serde_json::from_str(r#"{"command":"date"}"#).unwrap();

        assert_eq!(
            spec,
            LaunchSpec {
                command: "date".to_owned(),
                ..LaunchSpec::default()
            }
        );
        assert_eq!(spec.kill_grace_ms, 10_000);
        assert_eq!(
            serde_json::to_string(&spec).unwrap(),
            r#"{"command":"date"}"#
        );
        assert_eq!(spec.output.head_bytes + spec.output.tail_bytes, 1_310_720);
    }

    #[test]
    fn start_failure_says_value_and_cure() {
        let why = StartFailure::Directory {
            path: "/gone".to_owned(),
            errno: 2,
        };

        assert_eq!(
            why.to_string(),
            "the directory \"/gone\" cannot be entered (no such file or directory); create it or change the job's directory"
        );
    }
}
