//! An agent of the lab: its process, its folder, and the ways to its stores.

use std::path::{Path, PathBuf};
use std::time::Duration;

use carillon_testbed::{Process, Proxy, Signal, leashed, program, send_signal};

pub(crate) struct Agent {
    pub(crate) name: String,
    pub(crate) process: Process,
    program: PathBuf,
    /// The way to the database, if it can be disturbed.
    pub(crate) proxy: Option<Proxy>,
    /// The way to Redis, likewise.
    pub(crate) redis_proxy: Option<Proxy>,
    data_dir: PathBuf,
    settings: Vec<(String, String)>,
}

/// The ways of an agent to its stores, where the test wants to disturb them.
#[derive(Default)]
pub(crate) struct Ways {
    pub(crate) database: Option<Proxy>,
    pub(crate) redis: Option<Proxy>,
}

impl Agent {
    /// Starts one of this name with these settings, which lack only its name and folder.
    pub(crate) fn start(
        name: String,
        program: PathBuf,
        data_dir: PathBuf,
        ways: Ways,
        mut settings: Vec<(String, String)>,
    ) -> Self {
        let own = [
            ("CARILLON_NODE__NAME", name.clone()),
            ("CARILLON_NODE__DATA_DIR", data_dir.display().to_string()),
        ];
        settings.extend(own.map(|(key, value)| (key.to_owned(), value)));
        let process = start_process(&name, &program, &data_dir, &settings);
        Self {
            name,
            process,
            program,
            proxy: ways.database,
            redis_proxy: ways.redis,
            data_dir,
            settings,
        }
    }

    /// Kills it (SIGKILL); its runner and commands live on.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Kills its runner (SIGKILL), and says whether there was one.
    pub(crate) fn kill_runner(&self) -> bool {
        self.signal_runner(Signal::KILL).is_some()
    }

    /// The process id of the runner that it met last.
    pub(crate) fn runner_pid(&self) -> Option<u32> {
        let log = self.process.log();
        let (_, last) = log.rsplit_once("runner.pid=")?;
        last.split_whitespace().next()?.parse().ok()
    }

    /// Sends its runner a signal; its process id, if there was one.
    pub(crate) fn signal_runner(&self, signal: Signal) -> Option<u32> {
        let pid = self.runner_pid()?;
        self.signal(signal, pid).then_some(pid)
    }

    /// Sends a signal to a process of this node, and says whether it was one.
    pub(crate) fn signal(&self, signal: Signal, pid: u32) -> bool {
        // The number may be another's by now.
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        line.contains(&self.data_dir.display().to_string()) && send_signal(pid, signal)
    }

    /// What its program is told by its environment.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        self.settings.clone()
    }

    /// Kills its runner and removes the journal: nobody knows any more what the runner did.
    pub(crate) fn wipe_runner(&self) {
        assert!(
            self.kill_runner(),
            "it has no runner\n{}",
            self.process.log()
        );
        let journal = self.data_dir.join("runner.journal");
        std::fs::remove_file(journal).expect("the runner had a journal");
    }

    /// Starts it again with the same folder.
    pub(crate) fn start_again(&mut self) {
        self.process = start_process(&self.name, &self.program, &self.data_dir, &self.settings);
    }

    /// Runs `agent VERB …` for it; returns its exit code, standard output and standard error.
    pub(crate) fn call(&self, words: &[&str]) -> (i32, String, String) {
        call_agent(&self.settings, words)
    }

    /// Runs `agent stop`, which waits for as long as commands run; the exit code is 124 if that is longer than `limit`.
    pub(crate) fn stop_within(&self, limit: Duration) -> (i32, String) {
        let output = std::process::Command::new("timeout")
            .arg(limit.as_secs().to_string())
            .arg(program("agent").expect("the agent is built"))
            .arg("stop")
            .envs(self.settings.iter().cloned())
            .output()
            .expect("the agent's program starts");
        let said = String::from_utf8_lossy(&output.stderr)
            .trim_end()
            .to_owned();
        (output.status.code().unwrap_or(-1), said)
    }

    pub(crate) fn expect_alive(&mut self) {
        let ended = self.process.exit_status();
        assert!(
            ended.is_none(),
            "{} ended: {ended:?}\n{}",
            self.name,
            self.process.log()
        );
    }
}

fn start_process(
    name: &str,
    program: &Path,
    data_dir: &Path,
    settings: &[(String, String)],
) -> Process {
    std::fs::create_dir_all(data_dir).expect("the temporary folder can be written");
    let mut command = leashed(program);
    command
        .arg("start")
        .envs(settings.iter().cloned())
        .env("CARILLON_LOG", "info");
    let log = data_dir.with_extension("log");
    Process::start(&format!("agent {name}"), command, &log).expect("the agent's program starts")
}

/// Runs the agent's program to its end, with these settings.
pub(crate) fn call_agent(settings: &[(String, String)], words: &[&str]) -> (i32, String, String) {
    let output = std::process::Command::new(program("agent").expect("the agent is built"))
        .args(words)
        .envs(settings.iter().cloned())
        .output()
        .expect("the agent's program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}
