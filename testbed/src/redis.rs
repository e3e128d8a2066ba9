//! A private Redis server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::folder::Folder;
use crate::packages::require;
use crate::port::free_port;
use crate::process::{Process, leashed};

const START_LIMIT: Duration = Duration::from_secs(60);

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    /// Password that clients must give; `None` lets everybody in.
    pub password: Option<String>,
    /// Further words of the `redis-server` command line.
    pub extra: Vec<String>,
}

/// A running Redis on 127.0.0.1, without persistence: killing it loses every key, as it may.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    port: u16,
    options: RedisOptions,
    folder: Folder,
}

impl Redis {
    /// Starts one without a password.
    ///
    /// # Errors
    /// When Redis is not installed or does not come up; the text holds the end of its log.
    pub fn start() -> Result<Self> {
        Self::start_with(RedisOptions::default())
    }

    /// Starts one with options.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub fn start_with(options: RedisOptions) -> Result<Self> {
        let folder = Folder::create()?;
        let port = free_port()?;
        let process = start_process(folder.path(), port, &options)?;
        Ok(Self {
            process,
            port,
            options,
            folder,
        })
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process, to pause, signal or read the log of.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// `redis://[:password@]127.0.0.1:port/`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_through(self.port)
    }

    /// The same server through another port, such as that of a proxy.
    #[must_use]
    pub fn url_through(&self, port: u16) -> String {
        match &self.options.password {
            Some(password) => format!("redis://:{password}@127.0.0.1:{port}/"),
            None => format!("redis://127.0.0.1:{port}/"),
        }
    }

    /// Forgets every key.
    ///
    /// # Errors
    /// When the server does not answer within five seconds.
    pub fn flush(&self) -> Result<()> {
        self.command(&["FLUSHALL"]).map(drop)
    }

    /// Sends one command and returns the first line of the answer (`+OK`, `:1`, `$5`, `-ERR …`).
    ///
    /// # Errors
    /// When the server does not answer within five seconds, or answers with an error.
    pub fn command(&self, words: &[&str]) -> Result<String> {
        ask(self.port, self.options.password.as_deref(), words)
    }

    /// Kills it (SIGKILL); the port stays reserved.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Freezes it: connections stay open and nothing is answered.
    pub fn pause(&mut self) {
        self.process.pause();
    }

    /// Lets it go on after [`Redis::pause`].
    pub fn resume(&mut self) {
        self.process.resume();
    }

    /// Starts it again on the same port, empty, killing it first if it lives.
    ///
    /// # Errors
    /// When it does not come up again.
    pub fn restart(&mut self) -> Result<()> {
        self.process.kill();
        self.process = start_process(self.folder.path(), self.port, &self.options)?;
        Ok(())
    }
}

fn start_process(folder: &Path, port: u16, options: &RedisOptions) -> Result<Process> {
    let mut command = leashed(require("redis-server", &["redis-server"])?);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
    command
        .args(["--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(folder);
    if let Some(password) = &options.password {
        command.args(["--requirepass", password]);
    }
    command.args(&options.extra);
    let mut process = Process::start("redis-server", command, &folder.join("redis.log"))?;
    let started = Instant::now();
    while ask(port, options.password.as_deref(), &["PING"]).is_err() {
        if process.exit_status().is_some() || started.elapsed() > START_LIMIT {
            bail!("{}", process.obituary());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(process)
}

/// One connection, one command, the first line of its answer.
fn ask(port: u16, password: Option<&str>, words: &[&str]) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    if let Some(password) = password {
        exchange(&mut stream, &["AUTH", password])?;
    }
    exchange(&mut stream, words)
}

fn exchange(stream: &mut TcpStream, words: &[&str]) -> Result<String> {
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(request.as_bytes())?;
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") {
        stream
            .read_exact(&mut byte)
            .context("redis closed the connection")?;
        line.push(byte[0]);
    }
    let line = String::from_utf8_lossy(&line).trim_end().to_owned();
    match line.strip_prefix('-') {
        Some(error) => bail!("redis refused {}: {error}", words.join(" ")),
        None => Ok(line),
    }
}
