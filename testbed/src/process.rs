//! A started program that a test can kill, pause and stop, and that never outlives the test.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::wait::wait_until;

/// Lines of a program's log that are shown when its test panics.
const LOG_LINES_SHOWN: usize = 40;

/// Prepares a command that the kernel kills when the test process ends, however it ends.
#[must_use]
pub fn leashed(program: impl AsRef<OsStr>) -> Command {
    let mut command = leash();
    command.arg(program);
    command
}

/// The leash alone; the program and its arguments follow as arguments.
pub(crate) fn leash() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]);
    command
}

/// A running program with its log.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` (see [`leashed`]) with both output streams appended to `log`.
    ///
    /// # Errors
    /// When the log cannot be opened or the program cannot be started.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let output = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("opening {}", log.display()))?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child =
            spawn_from_lasting_thread(command).with_context(|| format!("starting {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
            ended: None,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has written so far, both streams in one.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// How it ended, or `None` while it lives.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Waits for its end and returns it.
    ///
    /// # Panics
    /// When it still lives after `limit`.
    #[track_caller]
    pub fn wait_for_exit(&mut self, limit: Duration) -> ExitStatus {
        let event = format!("{} to end", self.name);
        wait_until(&event, limit, || self.exit_status())
    }

    /// Asks it to stop (SIGTERM) without waiting.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Stops it in its tracks (SIGSTOP): it keeps its connections and answers nothing.
    pub fn pause(&mut self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on after [`Process::pause`].
    pub fn resume(&mut self) {
        self.signal(Signal::CONT);
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    pub fn kill(&mut self) {
        if self.exit_status().is_none() {
            let _ = self.child.kill();
            self.ended = self.child.wait().ok();
        }
    }

    /// Sends any signal; one that has ended already receives nothing.
    pub fn signal(&mut self, signal: Signal) {
        if self.exit_status().is_some() {
            return;
        }
        send_signal(self.pid(), signal);
    }

    /// "name ended with exit status 1" and the end of its log, for error messages.
    pub(crate) fn obituary(&mut self) -> String {
        let end = match self.exit_status() {
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("ended with exit code {code}"),
                (None, signal) => format!("was killed by signal {}", signal.unwrap_or_default()),
            },
            None => "is still running".to_owned(),
        };
        format!(
            "{} {end}; its log ends with:\n{}",
            self.name,
            self.log_end()
        )
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {}", self.obituary());
        }
        self.kill();
    }
}

type Order = (Command, Sender<io::Result<Child>>);

/// The kernel sends the death signal when the *thread* that spawned ends, not the process. Test
/// threads and the blocking threads of a runtime come and go, so one thread that lives as long as
/// the process does all the spawning.
fn spawn_from_lasting_thread(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in orders {
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(sender)
    });
    let (answer, child) = channel();
    let spawner = spawner.lock().expect("sending an order cannot panic");
    spawner
        .send((command, answer))
        .expect("the spawner thread lives as long as the process");
    drop(spawner);
    child.recv().expect("the spawner answers every order")
}

/// Sends a signal to any process, and says whether there was one.
pub fn send_signal(pid: u32, signal: Signal) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
}
