//! The control socket: how the command line reaches the agent of this node, and nobody else does.
//!
//! One request and one answer a connection, each a line of JSON. The socket lies in the data directory with mode 0600,
//! and callers must be the agent's own user or root.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, warn};

use crate::stats::Stats;

/// The longest request line in bytes.
const REQUEST_BYTES_MAX: u64 = 4096;

/// A caller is given so long to say what it wants; others wait behind it.
const REQUEST_LIMIT: Duration = Duration::from_secs(2);

/// What the command line asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlRequest {
    /// How is it going?
    Stats,
    /// Read the configuration and the jobs again.
    Reload,
    /// Take nothing new, and end when the commands have ended.
    Stop,
    /// End the commands too.
    StopNow,
    /// Become the executable that lies there now; commands go on.
    Restart,
}

/// What the agent answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlAnswer {
    /// How it is going.
    Stats(Box<Stats>),
    /// It is done, or has begun.
    Done,
    /// It cannot be done, and why.
    Refused(String),
}

/// A request on its way to the pump, with the way back.
pub type ControlCall = (ControlRequest, oneshot::Sender<ControlAnswer>);

/// Where the agent of this data directory listens.
pub fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("agent.sock")
}

/// Opens the control socket.
///
/// # Errors
/// When another agent answers on it, or the directory cannot be written.
pub fn listen(data_dir: &Path) -> anyhow::Result<UnixListener> {
    let path = socket_path(data_dir);
    if std::os::unix::net::UnixStream::connect(&path).is_ok() {
        bail!(
            "an agent is already running on {}; stop it, or give this one another node.data_dir",
            data_dir.display()
        );
    }
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error)
                .with_context(|| format!("removing the old socket {}", path.display()));
        }
        _ => {}
    }
    let listener = UnixListener::bind(&path).with_context(|| {
        format!(
            "opening {}; the agent must be able to write its data directory",
            path.display()
        )
    })?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
        .with_context(|| format!("closing {} to others", path.display()))?;
    Ok(listener)
}

/// Answers callers until `calls` is closed.
pub async fn serve(listener: UnixListener, calls: mpsc::Sender<ControlCall>) {
    while !calls.is_closed() {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = calls.closed() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                if let Err(error) = answer(stream, &calls).await {
                    debug!("a control request failed: {error:#}");
                }
            }
            Err(error) => warn!("the control socket cannot accept: {error}"),
        }
    }
}

async fn answer(mut stream: UnixStream, calls: &mpsc::Sender<ControlCall>) -> anyhow::Result<()> {
    let caller = stream.peer_cred()?.uid();
    let own = rustix::process::geteuid().as_raw();
    ensure!(
        caller == own || caller == 0,
        "user {caller} is neither {own} nor root"
    );
    let (reading, mut writing) = stream.split();
    let mut line = Vec::new();
    let mut reader = BufReader::new(reading.take(REQUEST_BYTES_MAX));
    tokio::time::timeout(REQUEST_LIMIT, reader.read_until(b'\n', &mut line))
        .await
        .context("the caller says nothing")??;
    let answer = match serde_json::from_slice(&line) {
        Ok(request) => {
            let (reply, answer) = oneshot::channel();
            calls.send((request, reply)).await?;
            answer.await?
        }
        Err(error) => ControlAnswer::Refused(format!(
            "the running agent, release {}, does not understand this request ({error}); call it with the program of its own release",
            env!("CARGO_PKG_VERSION")
        )),
    };
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    writing.write_all(&text).await?;
    Ok(())
}

/// Asks the agent of this data directory; none when no agent answers.
///
/// # Errors
/// When the agent's answer cannot be read or it refuses.
pub async fn ask(
    data_dir: &Path,
    request: ControlRequest,
) -> anyhow::Result<Option<ControlAnswer>> {
    let path = socket_path(data_dir);
    let mut stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => {
            return Err(error).with_context(|| format!("connecting to {}", path.display()));
        }
    };
    let mut line = serde_json::to_vec(&request)?;
    line.push(b'\n');
    stream
        .write_all(&line)
        .await
        .context("sending to the agent")?;
    let mut text = String::new();
    stream
        .read_to_string(&mut text)
        .await
        .context("waiting for the agent")?;
    let answer = serde_json::from_str(&text).context("the agent went away before it answered")?;
    match answer {
        ControlAnswer::Refused(why) => bail!(why),
        answer => Ok(Some(answer)),
    }
}
