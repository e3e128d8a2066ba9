//! What it costs a command that somebody keeps its output: through a runner, beside a file and beside a pipe that a program empties.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use carillon_core::launch::{Ending, LaunchSpec};
use carillon_core::token::TokenMint;
use carillon_runner::client::{Reports, Requests, RunnerCommand, connect_or_start};
use carillon_runner::protocol::{End, Report, Request, ShutdownWhen, StartOrder};
use carillon_testbed::Folder;
use rustix::time::{ClockId, clock_gettime};

use crate::process::{cpu_us, memory};
use crate::table::{Table, mib, ratio, show};

/// Each is done so often, in turn; the median is shown.
const ROUNDS: usize = 3;

/// What is written: as the table calls it, and the command.
const LOADS: [(&str, &str); 3] = [
    ("2 GB in large pieces", "head -c 2000000000 /dev/zero"),
    (
        "300 MB in lines of 9 bytes",
        "yes 'a bell 1' | head -c 300000000",
    ),
    (
        "200,000 lines, a write each",
        "i=0; while [ $i -lt 200000 ]; do echo \"this is line $i\"; i=$((i+1)); done",
    ),
];

/// Compares the three ways for each load.
///
/// # Errors
/// When a command or the runner fails.
pub async fn compare() -> Result<Table> {
    let mut table = Table::new(
        "keeping the output of one command",
        &[
            "median of 3",
            "MB",
            "to a file MB/s",
            "through `cat` MB/s",
            "runner MB/s",
            "seconds × file",
            "× cat",
            "runner CPU s",
            "runner MiB",
        ],
    );
    let folder = Folder::create()?;
    let mut runner = Runner::start(&folder).await?;
    for (name, load) in LOADS {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let file = folder.join("output");
            let to_file = shell_seconds(&format!("{{ {load}; }} > {}", file.display()))?;
            let bytes = std::fs::metadata(&file)?.len();
            std::fs::remove_file(&file)?;
            let to_cat = shell_seconds(&format!("{{ {load}; }} | cat > /dev/null"))?;
            let (kept, cpu) = runner.run(load).await?;
            ensure!(
                kept.stdout_bytes == bytes,
                "the runner saw {} bytes of {bytes}",
                kept.stdout_bytes
            );
            let started = kept.started.context("the runner saw it start")?;
            let kept_s = (kept.ended.boottime_ns - started.boottime_ns) as f64 / 1e9;
            rounds.push((to_file, to_cat, kept_s, cpu, bytes));
        }
        let median = |pick: fn(&(f64, f64, f64, f64, u64)) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(pick).collect();
            values.sort_by(f64::total_cmp);
            values[ROUNDS / 2]
        };
        let megabytes = median(|round| round.4 as f64) / 1e6;
        let (file_s, cat_s, kept_s) = (median(|it| it.0), median(|it| it.1), median(|it| it.2));
        let rate = |seconds: f64| format!("{:.0}", megabytes / seconds);
        table.add([
            name.to_owned(),
            format!("{megabytes:.1}"),
            rate(file_s),
            rate(cat_s),
            rate(kept_s),
            ratio(kept_s, file_s),
            ratio(kept_s, cat_s),
            format!("{:.2}", median(|round| round.3)),
            mib(memory(runner.pid)?.proportional_kib),
        ]);
    }
    runner.end().await?;
    show(&table);
    Ok(table)
}

/// How long a shell takes for the line.
fn shell_seconds(line: &str) -> Result<f64> {
    let began = boottime_ns();
    let status = Command::new("/bin/sh").args(["-c", line]).status()?;
    ensure!(status.success(), "{line} ended with {status}");
    Ok((boottime_ns() - began) as f64 / 1e9)
}

struct Runner {
    pid: u32,
    requests: Requests,
    reports: Reports,
    mint: TokenMint,
}

impl Runner {
    async fn start(folder: &Folder) -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("runner");
        ensure!(
            program.exists(),
            "{} is missing; build it with -p carillon-runner",
            program.display()
        );
        let data = folder.join("runner");
        std::fs::create_dir(&data)?;
        let args = vec!["--data".to_owned(), data.display().to_string()];
        let (hello, requests, mut reports) =
            connect_or_start(&data, &RunnerCommand { program, args }).await?;
        while !matches!(
            reports.receive().await?,
            Report::Snapshot { last: true, .. }
        ) {}
        Ok(Self {
            pid: hello.pid,
            requests,
            reports,
            mint: TokenMint::new(boottime_ns().unsigned_abs().into()),
        })
    }

    /// Runs one command and takes its output as an agent does; its end, and the runner's processor seconds.
    async fn run(&mut self, command: &str) -> Result<(End, f64)> {
        let before = cpu_us(self.pid)?;
        let token = self.mint.mint();
        let spec = LaunchSpec {
            command: command.to_owned(),
            shell: Some("/bin/sh".to_owned()),
            ..LaunchSpec::default()
        };
        let order = StartOrder {
            token,
            run: "1".to_owned(),
            spec,
            env: Vec::new(),
            start_at_boottime_ns: 0,
            not_after_boottime_ns: i64::MAX,
            run_timeout_ms: None,
        };
        let orders = vec![order];
        self.requests.send(&Request::Start { orders }).await?;
        loop {
            match self.reports.receive().await? {
                Report::Output(chunk) => {
                    let ack = Request::AckOutput {
                        token,
                        seq: chunk.seq,
                    };
                    self.requests.send(&ack).await?;
                }
                Report::Ended { end, .. } => {
                    let tokens = vec![token];
                    self.requests.send(&Request::Ack { tokens }).await?;
                    ensure!(
                        end.ending == (Ending::Exited { code: 0 }),
                        "{command} ended with {:?}",
                        end.ending
                    );
                    let spent_us = cpu_us(self.pid)?.saturating_sub(before);
                    return Ok((end, spent_us as f64 / 1e6));
                }
                Report::NotStarted { why, .. } => bail!("{command} did not start: {why:?}"),
                _ => {}
            }
        }
    }

    async fn end(mut self) -> Result<()> {
        let when = ShutdownWhen::Now;
        self.requests.send(&Request::Shutdown { when }).await?;
        while self.reports.receive().await.is_ok() {}
        Ok(())
    }
}

fn boottime_ns() -> i64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
