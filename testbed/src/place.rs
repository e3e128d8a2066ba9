//! Where a SQL server lives and how it is started: all that a restart has to keep.

use std::io::Read;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::flavour::Flavour;
use crate::process::Process;

/// Longest start that is waited for. Normal is under a second; a loaded machine needs more.
const START_LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) flavour: Flavour,
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    pub(crate) extra: Vec<String>,
}

impl Place {
    /// Copies the prepared data folder into place.
    pub(crate) fn lay_out(&self) -> Result<()> {
        copy_tree(&self.flavour.template()?, &self.data())
    }

    /// Starts the server through `launcher` and waits until it answers.
    pub(crate) fn start(&self, launcher: Command) -> Result<Process> {
        let mut command = self.flavour.command(launcher)?;
        command.args(self.arguments());
        let log = self.folder.join("server.log");
        let mut process = Process::start(self.flavour.name(), command, &log)?;
        let started = Instant::now();
        while !self.answers() {
            if process.exit_status().is_some() || started.elapsed() > START_LIMIT {
                bail!("{}", process.obituary());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(process)
    }

    /// The command line. Flush settings are those the product demands of an operator. The zone is
    /// far from UTC on purpose: no test may pass only because the server happens to run in UTC.
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--datadir={}", self.data().display()),
            format!("--socket={}", self.socket().display()),
            format!("--pid-file={}", self.folder.join("pid").display()),
            format!("--port={}", self.port),
        ];
        let fixed = [
            "--bind-address=127.0.0.1",
            "--skip-log-bin",
            "--innodb-flush-log-at-trx-commit=1",
            "--innodb-buffer-pool-size=64M",
            "--max-connections=500",
            "--default-time-zone=+08:00",
        ];
        arguments.extend(
            fixed
                .iter()
                .chain(self.flavour.small_size())
                .map(|&text| text.to_owned()),
        );
        if rustix::process::getuid().is_root() {
            arguments.push("--user=root".to_owned());
        }
        arguments.extend(self.extra.iter().cloned());
        arguments
    }

    /// Runs SQL as root through the command-line client.
    pub(crate) fn query(&self, sql: &str) -> Result<String> {
        let output = self
            .flavour
            .client()?
            .args([
                "--no-defaults",
                "--user=root",
                "--batch",
                "--skip-column-names",
            ])
            .arg(format!("--socket={}", self.socket().display()))
            .args(["--default-character-set=utf8mb4", "--execute", sql])
            .output()
            .context("starting the client")?;
        if !output.status.success() {
            bail!(
                "`{sql}` failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Whether the server greets: the listener opens before it is ready to, so a connection alone
    /// proves nothing.
    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
            return false;
        };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
        let mut greeting = [0; 5];
        // Three bytes of length, one of sequence, then protocol version 10 (255 is an error).
        stream.read_exact(&mut greeting).is_ok() && greeting[4] == 10
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("sock")
    }
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    let output = Command::new("cp")
        .args(["-a", "--reflink=auto", "--sparse=always"])
        .args([from, to])
        .output()
        .context("starting cp")?;
    if !output.status.success() {
        bail!(
            "copying to {} failed: {}",
            to.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}
