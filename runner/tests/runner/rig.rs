//! A runner of its own in a temporary directory, and an agent that listens to it.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use carillon_core::launch::{LaunchSpec, Stream};
use carillon_core::token::Token;
use carillon_runner::client::{
    ClientError, Reports, Requests, RunnerCommand, connect, connect_or_start,
};
use carillon_runner::protocol::{
    Attempt, End, Hello, KillStep, NotStarted, OutputChunk, Report, Request, StartOrder,
};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

/// How long a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const RUNNER: &str = env!("CARGO_BIN_EXE_runner");

pub(crate) struct Rig {
    pub dir: tempfile::TempDir,
    pub command: RunnerCommand,
    pub hello: Hello,
    pub requests: Option<Requests>,
    pub reports: Option<Reports>,
    pub snapshot: Vec<Attempt>,
    pub seen: HashMap<Token, Seen>,
}

/// What was reported of one attempt.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    pub started: Option<(u32, i64)>,
    pub chunks: Vec<OutputChunk>,
    pub steps: Vec<(KillStep, u32, i64)>,
    pub end: Option<End>,
    pub not_started: Option<NotStarted>,
    pub ends: u32,
}

impl Seen {
    pub(crate) fn bytes(&self, stream: Stream) -> Vec<u8> {
        self.chunks
            .iter()
            .filter(|chunk| chunk.stream == stream)
            .flat_map(|chunk| chunk.bytes.clone())
            .collect()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.bytes(Stream::Stdout)).unwrap()
    }
}

pub(crate) fn new_token() -> Token {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes[8..12].copy_from_slice(&std::process::id().to_be_bytes());
    bytes[12..].copy_from_slice(&(boottime_ns() as u32).to_be_bytes());
    Token::from_bytes(bytes)
}

pub(crate) fn boottime_ns() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

pub(crate) fn spec(command: &str) -> LaunchSpec {
    LaunchSpec {
        command: command.to_owned(),
        ..LaunchSpec::default()
    }
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(arguments: &[&str]) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), arguments).await
    }

    pub(crate) async fn in_folder(dir: tempfile::TempDir, arguments: &[&str]) -> Self {
        let data = ["--data".to_owned(), dir.path().display().to_string()];
        let arguments = arguments.iter().map(|text| (*text).to_owned());
        let args = data.into_iter().chain(arguments).collect();
        Self::connected(
            dir,
            RunnerCommand {
                program: PathBuf::from(RUNNER),
                args,
            },
        )
        .await
    }

    /// A runner behind limits that a shell has set; `$@` is how it is started. It lies in its own folder, where another
    /// user may execute it.
    pub(crate) async fn limited(limits: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let line = format!("{limits}; exec \"$@\"");
        let data = dir.path().to_str().unwrap();
        let program = format!("{data}/program");
        std::fs::copy(RUNNER, &program).unwrap();
        let args = ["-c", &line, "sh", &program, "--data", data].map(str::to_owned);
        Self::connected(
            dir,
            RunnerCommand {
                program: PathBuf::from("/bin/sh"),
                args: args.into(),
            },
        )
        .await
    }

    async fn connected(dir: tempfile::TempDir, command: RunnerCommand) -> Self {
        let (hello, requests, reports) = connect_or_start(dir.path(), &command).await.unwrap();
        let mut rig = Self {
            dir,
            command,
            hello,
            requests: Some(requests),
            reports: Some(reports),
            snapshot: Vec::new(),
            seen: HashMap::new(),
        };
        rig.read_snapshot().await;
        rig
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Connects again, to a new runner if the old one has gone.
    pub(crate) async fn reconnect(&mut self) {
        let connected = connect_or_start(self.dir.path(), &self.command)
            .await
            .unwrap();
        self.hello = connected.0;
        (self.requests, self.reports) = (Some(connected.1), Some(connected.2));
        self.read_snapshot().await;
    }

    pub(crate) async fn try_connect(&self) -> Result<(), ClientError> {
        connect(self.dir.path()).await.map(drop)
    }

    async fn read_snapshot(&mut self) {
        self.snapshot.clear();
        loop {
            match self.receive().await {
                Report::Snapshot { attempts, last } => {
                    self.snapshot.extend(attempts);
                    if last {
                        return;
                    }
                }
                other => self.note(other).await,
            }
        }
    }

    pub(crate) async fn send(&mut self, request: Request) {
        self.requests
            .as_mut()
            .expect("the agent is connected")
            .send(&request)
            .await
            .unwrap();
    }

    pub(crate) async fn start(&mut self, spec: LaunchSpec) -> Token {
        self.start_at(spec, 0, i64::MAX).await
    }

    pub(crate) async fn start_at(&mut self, spec: LaunchSpec, at: i64, not_after: i64) -> Token {
        let order = order(spec, at, not_after);
        let token = order.token;
        self.send(Request::Start {
            orders: vec![order],
        })
        .await;
        token
    }

    pub(crate) async fn kill(&mut self, token: Token) {
        self.send(Request::Kill {
            token,
            by: "eve".to_owned(),
            grace_ms: None,
        })
        .await;
    }

    /// The next report, whatever it is.
    pub(crate) async fn receive(&mut self) -> Report {
        let reports = self.reports.as_mut().expect("the agent is connected");
        tokio::time::timeout(PATIENCE, reports.receive())
            .await
            .expect("the runner reports within half a minute")
            .unwrap()
    }

    /// Notes a report and acknowledges output.
    pub(crate) async fn note(&mut self, report: Report) {
        match report {
            Report::Started { token, pid, at } => {
                self.seen.entry(token).or_default().started = Some((pid, at.boottime_ns));
            }
            Report::Output(chunk) => {
                let (token, seq) = (chunk.token, chunk.seq);
                self.seen.entry(token).or_default().chunks.push(chunk);
                self.send(Request::AckOutput { token, seq }).await;
            }
            Report::KillStep {
                token,
                step,
                reached,
                at,
            } => {
                self.seen
                    .entry(token)
                    .or_default()
                    .steps
                    .push((step, reached, at.boottime_ns));
            }
            Report::Ended { token, end } => {
                let seen = self.seen.entry(token).or_default();
                seen.end = Some(end);
                seen.ends += 1;
            }
            Report::NotStarted { token, why, .. } => {
                self.seen.entry(token).or_default().not_started = Some(why);
            }
            _ => {}
        }
    }

    pub(crate) async fn note_next(&mut self) {
        let report = self.receive().await;
        self.note(report).await;
    }

    pub(crate) async fn until(&mut self, token: Token, is_so: impl Fn(&Seen) -> bool) -> Seen {
        loop {
            if let Some(seen) = self.seen.get(&token).filter(|seen| is_so(seen)) {
                return seen.clone();
            }
            self.note_next().await;
        }
    }

    pub(crate) async fn started(&mut self, token: Token) -> u32 {
        self.until(token, |seen| seen.started.is_some())
            .await
            .started
            .unwrap()
            .0
    }

    pub(crate) async fn ended(&mut self, token: Token) -> Seen {
        self.until(token, |seen| seen.end.is_some()).await
    }

    pub(crate) async fn not_started(&mut self, token: Token) -> NotStarted {
        self.until(token, |seen| seen.not_started.is_some())
            .await
            .not_started
            .unwrap()
    }

    /// Until the command has said so much on standard output.
    pub(crate) async fn until_said(&mut self, token: Token, text: &str) -> Seen {
        self.until(token, |seen| {
            String::from_utf8_lossy(&seen.bytes(Stream::Stdout)).contains(text)
        })
        .await
    }

    pub(crate) async fn run(&mut self, spec: LaunchSpec) -> Seen {
        let token = self.start(spec).await;
        self.ended(token).await
    }

    pub(crate) async fn refuse(&mut self, spec: LaunchSpec) -> NotStarted {
        let token = self.start(spec).await;
        self.not_started(token).await
    }

    /// Kills the runner as the kernel would.
    pub(crate) async fn kill_runner(&mut self) {
        let pid = rustix::process::Pid::from_raw(self.hello.pid as i32).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        self.closed().await;
    }

    /// Until the runner has closed the connection.
    pub(crate) async fn closed(&mut self) {
        let mut reports = self.reports.take().expect("the agent is connected");
        let drained = async { while reports.receive().await.is_ok() {} };
        tokio::time::timeout(PATIENCE, drained)
            .await
            .expect("the runner goes within half a minute");
    }

    /// The agent goes away.
    pub(crate) fn disconnect(&mut self) {
        (self.requests, self.reports) = (None, None);
    }

    /// Bytes of the runner's resident set.
    pub(crate) fn memory(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.hello.pid)).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            * 1024
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.hello.pid as i32) {
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        for token in self.seen.keys() {
            for pid in processes_of(*token) {
                let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
                let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

pub(crate) fn order(spec: LaunchSpec, at: i64, not_after: i64) -> StartOrder {
    StartOrder {
        token: new_token(),
        run: "1".to_owned(),
        spec,
        env: vec![("CARILLON_NODE".to_owned(), "rig".to_owned())],
        start_at_boottime_ns: at,
        not_after_boottime_ns: not_after,
        run_timeout_ms: None,
    }
}

/// Living processes that bear the token in their environment.
pub(crate) fn processes_of(token: Token) -> Vec<u32> {
    let mark = format!("CARILLON_TOKEN={token}").into_bytes();
    let bears = |pid: &u32| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|pair| pair == mark)
    };
    let entries = std::fs::read_dir("/proc").unwrap();
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(bears)
        .collect()
}

pub(crate) fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}

/// Holds a process, so that its end can be awaited.
pub(crate) fn hold(pid: u32) -> OwnedFd {
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap()
}

/// Until the process has ended.
pub(crate) async fn gone(process: OwnedFd) {
    let wait = tokio::task::spawn_blocking(move || {
        let mut watched = [PollFd::new(&process, PollFlags::IN)];
        let patience = Timespec {
            tv_sec: PATIENCE.as_secs() as i64,
            tv_nsec: 0,
        };
        while poll(&mut watched, Some(&patience)) == Err(rustix::io::Errno::INTR) {}
        assert!(
            !watched[0].revents().is_empty(),
            "the process ends within half a minute"
        );
    });
    wait.await.unwrap();
}
