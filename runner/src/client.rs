//! The agent's side of the runner: connect, start the runner if it is absent, send requests, receive reports.
//!
//! It knows frames and sockets; what the reports mean for a run is the agent's business.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::detach::detach_session;
use crate::frame::{FrameError, decode_report, encode_request};
use crate::protocol::{Hello, PROTOCOL, PROTOCOL_MIN, Report, Request};
use crate::{READY_LINE, socket_path};

/// Bytes that one read asks for.
const READ_BYTES: usize = 64 * 1024;
/// Bytes after which the runner's own log starts anew when a runner is started.
const LOG_BYTES_MAX: u64 = 1024 * 1024;

/// How to start a runner where none lives.
#[derive(Debug, Clone)]
pub struct RunnerCommand {
    /// The executable, usually the agent's own.
    pub program: PathBuf,
    /// Its arguments, which make it a runner on the same data directory.
    pub args: Vec<String>,
}

/// The connection cannot be made or has ended.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error(
        "no runner answers at {path}: {source}; it is started by the agent, see {log} if it does not stay"
    )]
    Unreachable {
        /// The socket.
        path: String,
        /// The log of the runner.
        log: String,
        /// The system's words.
        source: io::Error,
    },
    /// The runner was started but went away before it listened.
    #[error("the runner {program} ended before it was ready: {reason}; its log is {log}")]
    NotReady {
        /// The executable.
        program: String,
        /// The last line of its log.
        reason: String,
        /// The log.
        log: String,
    },
    /// Another release listens.
    #[error(
        "the runner speaks protocol {theirs}, this agent {PROTOCOL_MIN} to {PROTOCOL}; let its commands end and stop it (pid {pid})"
    )]
    Protocol {
        /// Its version.
        theirs: u32,
        /// Its process.
        pid: u32,
    },
    /// The runner closed the connection: it ended, or another agent took its place.
    #[error("the runner closed the connection; connect again")]
    Closed,
    /// The connection broke.
    #[error("the connection to the runner broke: {0}; connect again")]
    Broken(#[from] io::Error),
    /// The runner sent or was to be sent what is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// The sending half of a connection.
#[derive(Debug)]
pub struct Requests {
    socket: OwnedWriteHalf,
    buffer: Vec<u8>,
}

/// The receiving half of a connection.
#[derive(Debug)]
pub struct Reports {
    socket: OwnedReadHalf,
    buffer: Vec<u8>,
    /// Where the next frame begins in `buffer`.
    read: usize,
}

/// Connects to the runner of this data directory and reads its `Hello`. The snapshot follows in the reports.
///
/// # Errors
/// When nobody listens or the runner is of another protocol.
pub async fn connect(data_dir: &Path) -> Result<(Hello, Requests, Reports), ClientError> {
    let path = socket_path(data_dir);
    let socket = UnixStream::connect(&path)
        .await
        .map_err(|source| ClientError::Unreachable {
            path: path.display().to_string(),
            log: log_path(data_dir).display().to_string(),
            source,
        })?;
    let (reading, writing) = socket.into_split();
    let mut reports = Reports {
        socket: reading,
        buffer: Vec::new(),
        read: 0,
    };
    let Report::Hello(hello) = reports.receive().await? else {
        return Err(ClientError::Closed);
    };
    if !(PROTOCOL_MIN..=PROTOCOL).contains(&hello.protocol) {
        return Err(ClientError::Protocol {
            theirs: hello.protocol,
            pid: hello.pid,
        });
    }
    Ok((
        hello,
        Requests {
            socket: writing,
            buffer: Vec::new(),
        },
        reports,
    ))
}

/// Connects to the runner, and starts it first if none listens.
///
/// # Errors
/// When the runner cannot be started or is of another protocol.
pub async fn connect_or_start(
    data_dir: &Path,
    command: &RunnerCommand,
) -> Result<(Hello, Requests, Reports), ClientError> {
    match connect(data_dir).await {
        Err(ClientError::Unreachable { .. } | ClientError::Closed | ClientError::Broken(_)) => {
            start_runner(data_dir, command).await?;
            connect(data_dir).await
        }
        other => other,
    }
}

/// A program that was started in a session of its own.
#[derive(Debug)]
pub struct Detached {
    /// Its process id.
    pub pid: u32,
    child: tokio::process::Child,
}

impl Detached {
    /// Waits until it has ended.
    pub async fn ended(mut self) {
        // A child that cannot be waited for has ended as well.
        let _ = self.child.wait().await;
    }
}

/// Starts a program in a session of its own, away from the caller's terminal, with its output in a log file.
///
/// # Errors
/// When the log cannot be written or the program cannot be executed.
pub fn start_detached(program: &Path, args: &[OsString], log: &Path) -> io::Result<Detached> {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)?;
    let mut process = std::process::Command::new(program);
    process
        .args(args)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    detach_session(&mut process);
    let child = tokio::process::Command::from(process)
        .kill_on_drop(false)
        .spawn()?;
    let pid = child.id().unwrap_or_default();
    Ok(Detached { pid, child })
}

/// Starts a runner in a session of its own, so that it outlives the caller, and waits until it listens. A runner that lives already is no error.
///
/// # Errors
/// When it cannot be executed or ends before it listens.
pub async fn start_runner(data_dir: &Path, command: &RunnerCommand) -> Result<(), ClientError> {
    let log = open_log(data_dir)?;
    let mut process = std::process::Command::new(&command.program);
    process
        .args(&command.args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log);
    process.current_dir("/");
    detach_session(&mut process);
    // Tokio reaps a child that was dropped, so a runner that ends under a living agent leaves no zombie.
    let mut child = tokio::process::Command::from(process)
        .kill_on_drop(false)
        .spawn()?;
    let stdout = child
        .stdout
        .take()
        .expect("standard output was asked to be a pipe");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).await?;
    if line.trim_end() == READY_LINE {
        return Ok(());
    }
    Err(ClientError::NotReady {
        program: command.program.display().to_string(),
        reason: last_line(&log_path(data_dir)),
        log: log_path(data_dir).display().to_string(),
    })
}

impl Requests {
    /// Sends one request.
    ///
    /// # Errors
    /// When it is too long (nothing is sent then) or the connection broke.
    pub async fn send(&mut self, request: &Request) -> Result<(), ClientError> {
        self.buffer.clear();
        encode_request(request, &mut self.buffer)?;
        self.socket.write_all(&self.buffer).await?;
        Ok(())
    }
}

impl Reports {
    /// Waits for the next report. Cancel-safe: a dropped wait loses nothing.
    ///
    /// # Errors
    /// When the connection has ended or sent what is no report.
    pub async fn receive(&mut self) -> Result<Report, ClientError> {
        loop {
            if let Some((report, used)) = decode_report(&self.buffer[self.read..])? {
                self.read += used;
                return Ok(report);
            }
            self.buffer.drain(..self.read);
            self.read = 0;
            self.buffer.reserve(READ_BYTES);
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                return Err(ClientError::Closed);
            }
        }
    }
}

/// Where a runner that the agent started writes its log.
pub fn log_path(data_dir: &Path) -> PathBuf {
    data_dir.join("runner.log")
}

fn open_log(data_dir: &Path) -> io::Result<std::fs::File> {
    let path = log_path(data_dir);
    let is_long = std::fs::metadata(&path).is_ok_and(|found| found.len() > LOG_BYTES_MAX);
    if is_long {
        std::fs::rename(&path, data_dir.join("runner.log.1"))?;
    }
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
}

fn last_line(path: &Path) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it said nothing")
        .to_owned()
}
