//! What the command line does to an agent that lives.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use carillon_lifecycle::config::Config;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::task::JoinHandle;

use crate::cli::{NOT_RUNNING, Stats as StatsArguments, Stop};
use crate::control::{ControlAnswer, ControlRequest, ask};
use crate::node_folder::make_folder;
use crate::stats::Stats;

/// A restarted agent must be up again within this time.
const RESTART_MAX: Duration = Duration::from_secs(60);

/// The pause between two questions to an agent that is coming up.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Ends the agent, and returns when it has gone.
pub(crate) async fn stop(config: &Config, stop: &Stop) -> anyhow::Result<ExitCode> {
    let data_dir = &config.node.data_dir;
    let Some(stats) = stats(data_dir).await? else {
        return Ok(not_running(data_dir));
    };
    let mut gone = watch_process(stats.pid)?;
    let request = if stop.now {
        ControlRequest::StopNow
    } else {
        ControlRequest::Stop
    };
    ask(data_dir, request).await?;
    if let Some(timeout) = stop.timeout.filter(|_| !stop.now)
        && tokio::time::timeout(timeout, &mut gone).await.is_err()
    {
        eprintln!("its commands have not ended within {timeout:?}, ending them");
        ask(data_dir, ControlRequest::StopNow).await?;
    }
    if !gone.is_finished() {
        gone.await.context("waiting for the agent to go")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Restarts the agent, and returns when the new one is up.
pub(crate) async fn restart(config: &Config) -> anyhow::Result<ExitCode> {
    let data_dir = &config.node.data_dir;
    let Some(before) = stats(data_dir).await? else {
        return Ok(not_running(data_dir));
    };
    ask(data_dir, ControlRequest::Restart).await?;
    let is_new = |stats: &Stats| stats.boot != before.boot && stats.state == "running";
    await_agent(data_dir, is_new)
        .await
        .context("the agent was told to restart")?;
    Ok(ExitCode::SUCCESS)
}

/// Checks the configuration, then has the agent read it: a broken one leaves the agent as it is.
pub(crate) async fn reload(config: &Config) -> anyhow::Result<ExitCode> {
    crate::cli::options(config, Path::new("").to_owned())?;
    restart(config).await
}

/// Prints how the agent is doing.
pub(crate) async fn show_stats(
    config: &Config,
    arguments: &StatsArguments,
) -> anyhow::Result<ExitCode> {
    let data_dir = &config.node.data_dir;
    loop {
        let Some(stats) = stats(data_dir).await? else {
            return Ok(not_running(data_dir));
        };
        let text = match arguments.json {
            true => serde_json::to_string(&stats)?,
            false => stats.to_string(),
        };
        // A reader who has seen enough is no failure.
        let is_read = writeln!(std::io::stdout(), "{text}").is_ok();
        if !arguments.watch || !is_read {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Starts the agent in a session of its own and returns when it is up.
pub(crate) async fn start_in_background(config: &Config) -> anyhow::Result<ExitCode> {
    let data_dir = &config.node.data_dir;
    if let Some(stats) = stats(data_dir).await? {
        bail!(
            "an agent is already running on {} (pid {})",
            data_dir.display(),
            stats.pid
        );
    }
    make_folder(data_dir)?;
    let log = data_dir.join("agent.log");
    let args = std::env::args_os()
        .skip(1)
        .filter(|arg| arg != "--daemon")
        .collect::<Vec<_>>();
    let child =
        carillon_runner::client::start_detached(&crate::reexec::own_program()?, &args, &log)
            .context("starting the agent in the background")?;
    let pid = child.pid;
    let up = await_agent(data_dir, |stats| stats.pid == pid);
    tokio::select! {
        up = up => writeln!(std::io::stdout(), "{}", up?.pid).context("writing to standard output")?,
        () = child.ended() => bail!("the agent ended at once; {} says why", log.display()),
    }
    Ok(ExitCode::SUCCESS)
}

async fn await_agent(data_dir: &Path, is_it: impl Fn(&Stats) -> bool) -> anyhow::Result<Stats> {
    let up = async {
        loop {
            if let Ok(Some(stats)) = stats(data_dir).await
                && is_it(&stats)
            {
                return stats;
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    };
    let up = tokio::time::timeout(RESTART_MAX, up).await;
    up.with_context(|| {
        format!(
            "it is not up after {} s; its log says why",
            RESTART_MAX.as_secs()
        )
    })
}

/// What the agent of this directory says of itself; none where none runs.
pub(crate) async fn stats(data_dir: &Path) -> anyhow::Result<Option<Stats>> {
    match ask(data_dir, ControlRequest::Stats).await? {
        Some(ControlAnswer::Stats(stats)) => Ok(Some(*stats)),
        Some(_) => bail!("the agent answered something else than was asked"),
        None => Ok(None),
    }
}

/// Ends when the process has gone.
fn watch_process(pid: u32) -> anyhow::Result<JoinHandle<()>> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.context("the agent has no process id")?;
    let process = pidfd_open(pid, PidfdFlags::empty()).context("watching the agent's process")?;
    Ok(tokio::task::spawn_blocking(move || {
        let mut watched = [PollFd::new(&process, PollFlags::IN)];
        // A signal interrupts the wait without ending it.
        while rustix::event::poll(&mut watched, None) == Err(Errno::INTR) {}
    }))
}

fn not_running(data_dir: &Path) -> ExitCode {
    eprintln!("no agent is running on {}", data_dir.display());
    ExitCode::from(NOT_RUNNING)
}
