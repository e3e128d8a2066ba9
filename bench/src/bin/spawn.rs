//! What the runner adds to a start: its rate, lateness, processor time and memory beside a bare loop that spawns the same commands.
//!
//! `cargo build --release -p carillon-runner -p carillon-bench && target/release/spawn [--starts N] [--seconds N] [--running N]`

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use carillon_core::launch::LaunchSpec;
use carillon_core::token::{Token, TokenMint};
use carillon_runner::client::{Reports, Requests, RunnerCommand, connect_or_start};
use carillon_runner::protocol::{Report, Request, ShutdownWhen, StartOrder};
use clap::Parser;
use rustix::time::{ClockId, clock_gettime};

/// What to measure.
#[derive(Parser)]
struct Options {
    /// Commands due at one instant.
    #[arg(long, default_value_t = 2000)]
    starts: usize,
    /// Commands due one after the other, ten a second.
    #[arg(long, default_value_t = 100)]
    ticks: usize,
    /// Commands that run while memory is measured.
    #[arg(long, default_value_t = 1000)]
    running: usize,
}

const MS: i64 = 1_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let dir = std::env::temp_dir().join(format!("carillon-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let mut bench = Bench::start(&dir).await?;
    println!("memory of the runner, idle: {} KiB", bench.memory_kib()?);
    println!(
        "\n{:<28}{:>12}{:>12}{:>8}",
        format!("{} due at once", options.starts),
        "bare",
        "runner",
        "ratio"
    );
    for (name, command) in [("direct", "/bin/true"), ("shell", ": ;")] {
        bench.compare_rate(name, command, options.starts).await?;
    }
    println!(
        "\n{:<28}{:>12}{:>12}{:>8}",
        "lateness, 10 a second", "bare", "runner", "ratio"
    );
    for (name, suffix) in [("direct", ""), ("shell", " ;")] {
        bench.compare_lateness(name, suffix, options.ticks).await?;
    }
    bench.measure_running(options.running).await?;
    bench
        .requests
        .send(&Request::Shutdown {
            when: ShutdownWhen::Now,
        })
        .await?;
    while bench.reports.receive().await.is_ok() {}
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

struct Bench {
    dir: PathBuf,
    pid: u32,
    requests: Requests,
    reports: Reports,
    mint: TokenMint,
}

/// How one crowd went.
struct Crowd {
    first_to_last_start_ms: f64,
    all_ended_ms: f64,
    cpu_us_each: f64,
}

impl Bench {
    async fn start(dir: &Path) -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("runner");
        ensure!(
            program.exists(),
            "{} is missing; build it with -p carillon-runner",
            program.display()
        );
        let args = vec!["--data".to_owned(), dir.display().to_string()];
        let (hello, requests, mut reports) =
            connect_or_start(dir, &RunnerCommand { program, args }).await?;
        while !matches!(
            reports.receive().await?,
            Report::Snapshot { last: true, .. }
        ) {}
        let mint = TokenMint::new(boottime_ns() as u128);
        Ok(Self {
            dir: dir.to_owned(),
            pid: hello.pid,
            requests,
            reports,
            mint,
        })
    }

    async fn compare_rate(&mut self, name: &str, command: &str, starts: usize) -> Result<()> {
        let bare = bare_crowd(command, starts)?;
        let crowd = self.crowd(command, starts).await?;
        let row = |what: &str, bare: f64, runner: f64, unit: &str| {
            let what = format!("  {name}: {what}");
            println!(
                "{what:<28}{bare:>9.2} {unit}{runner:>9.2} {unit}{:>8.2}",
                runner / bare
            );
        };
        row(
            "last start",
            bare.first_to_last_start_ms,
            crowd.first_to_last_start_ms,
            "ms",
        );
        row("all ended", bare.all_ended_ms, crowd.all_ended_ms, "ms");
        row("cpu each", bare.cpu_us_each, crowd.cpu_us_each, "µs");
        Ok(())
    }

    /// Orders many commands for one instant and waits for all ends.
    async fn crowd(&mut self, command: &str, starts: usize) -> Result<Crowd> {
        let at = boottime_ns() + 500 * MS;
        let cpu = cpu_us(self.pid)?;
        let tokens = self.order(command, (0..starts).map(|_| at)).await?;
        let (mut last_start, mut last_end) = (at, at);
        let mut left = tokens.len();
        while left > 0 {
            match self.reports.receive().await? {
                Report::Started { at, .. } => last_start = last_start.max(at.boottime_ns),
                Report::Ended { token, end } => {
                    last_end = last_end.max(end.ended.boottime_ns);
                    left -= 1;
                    self.requests
                        .send(&Request::Ack {
                            tokens: vec![token],
                        })
                        .await?;
                }
                Report::NotStarted { why, .. } => anyhow::bail!("a command did not start: {why:?}"),
                _ => {}
            }
        }
        let cpu_us_each = (cpu_us(self.pid)? - cpu) as f64 / starts as f64;
        let since = |then: i64| (then - at) as f64 / 1e6;
        Ok(Crowd {
            first_to_last_start_ms: since(last_start),
            all_ended_ms: since(last_end),
            cpu_us_each,
        })
    }

    async fn compare_lateness(&mut self, name: &str, suffix: &str, ticks: usize) -> Result<()> {
        let witness = std::env::current_exe()?.with_file_name("stamp");
        let file = self.dir.join(format!("witness-{name}"));
        let command = format!("{} {}{suffix}", witness.display(), file.display());
        let bare = bare_lateness(&command, &file, ticks)?;
        std::fs::remove_file(&file)?;
        let first = boottime_ns() + 300 * MS;
        let due: Vec<i64> = (0..ticks as i64)
            .map(|tick| first + tick * 100 * MS)
            .collect();
        let tokens = self.order(&command, due.iter().copied()).await?;
        let mut left = ticks;
        while left > 0 {
            left -= usize::from(matches!(
                self.reports.receive().await?,
                Report::Ended { .. }
            ));
        }
        self.requests.send(&Request::Ack { tokens }).await?;
        let runner = lateness_ms(&file, &due)?;
        for (what, share) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
            let pick = |late: &[f64]| late[((late.len() - 1) as f64 * share) as usize];
            let (bare, runner) = (pick(&bare), pick(&runner));
            let what = format!("  {name}: {what}");
            println!(
                "{what:<28}{bare:>9.2} ms{runner:>9.2} ms{:>8.2}",
                runner / bare
            );
        }
        Ok(())
    }

    async fn measure_running(&mut self, running: usize) -> Result<()> {
        self.order("sleep 1000", (0..running).map(|_| 0)).await?;
        let mut left = running;
        while left > 0 {
            left -= usize::from(matches!(
                self.reports.receive().await?,
                Report::Started { .. }
            ));
        }
        println!(
            "\nmemory of the runner, {running} commands: {} KiB",
            self.memory_kib()?
        );
        Ok(())
    }

    async fn order(&mut self, command: &str, due: impl Iterator<Item = i64>) -> Result<Vec<Token>> {
        let spec = LaunchSpec {
            command: command.to_owned(),
            kill_grace_ms: 100,
            ..LaunchSpec::default()
        };
        let mut order = |at: i64| StartOrder {
            token: self.mint.mint(),
            run: "1".to_owned(),
            spec: spec.clone(),
            env: Vec::new(),
            start_at_boottime_ns: at,
            not_after_boottime_ns: i64::MAX,
            run_timeout_ms: None,
        };
        let orders: Vec<StartOrder> = due.map(&mut order).collect();
        let tokens = orders.iter().map(|order| order.token).collect();
        for orders in orders.chunks(500) {
            self.requests
                .send(&Request::Start {
                    orders: orders.to_vec(),
                })
                .await?;
        }
        Ok(tokens)
    }

    fn memory_kib(&self) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = text
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .context("no VmRSS")?;
        Ok(line
            .split_whitespace()
            .nth(1)
            .context("no number")?
            .parse()?)
    }
}

/// A loop on two threads that spawns and waits, as fast as it can, without pipes, journal or session.
fn bare_crowd(command: &str, starts: usize) -> Result<Crowd> {
    let at = boottime_ns();
    let cpu = own_cpu_us();
    let half = |starts: usize| -> std::io::Result<i64> {
        let mut last = 0;
        let mut children = Vec::with_capacity(starts);
        for _ in 0..starts {
            last = boottime_ns();
            children.push(bare_command(command).spawn()?);
            children.retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
        }
        children
            .iter_mut()
            .try_for_each(|child| child.wait().map(drop))?;
        Ok(last)
    };
    let last_start = std::thread::scope(|scope| -> Result<i64> {
        let threads =
            [starts / 2, starts - starts / 2].map(|starts| scope.spawn(move || half(starts)));
        let mut last = 0;
        for thread in threads {
            last = last.max(
                thread
                    .join()
                    .map_err(|_| anyhow::anyhow!("a thread failed"))??,
            );
        }
        Ok(last)
    })?;
    let since = |then: i64| (then - at) as f64 / 1e6;
    let cpu_us_each = (own_cpu_us() - cpu) as f64 / starts as f64;
    Ok(Crowd {
        first_to_last_start_ms: since(last_start),
        all_ended_ms: since(boottime_ns()),
        cpu_us_each,
    })
}

/// A timer and a spawn, nothing else.
fn bare_lateness(command: &str, file: &Path, ticks: usize) -> Result<Vec<f64>> {
    let first = boottime_ns() + 300 * MS;
    let due: Vec<i64> = (0..ticks as i64)
        .map(|tick| first + tick * 100 * MS)
        .collect();
    for at in &due {
        std::thread::sleep(Duration::from_nanos((at - boottime_ns()).max(0) as u64));
        bare_command(command).spawn()?.wait()?;
    }
    lateness_ms(file, &due)
}

/// The command as the runner would execute it: directly, or by a shell where the line needs one.
fn bare_command(line: &str) -> Command {
    let mut command = match line.contains(';') {
        true => {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", line]);
            shell
        }
        false => {
            let mut words = line.split(' ');
            let mut direct = Command::new(words.next().unwrap_or_default());
            direct.args(words);
            direct
        }
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    command
}

/// How late each witness ran, sorted, in milliseconds.
fn lateness_ms(file: &Path, due: &[i64]) -> Result<Vec<f64>> {
    let text = std::fs::read_to_string(file)?;
    let mut ran: Vec<i64> = text.lines().map(str::parse).collect::<Result<_, _>>()?;
    ran.sort_unstable();
    ensure!(
        ran.len() == due.len(),
        "{} of {} commands ran",
        ran.len(),
        due.len()
    );
    let mut late: Vec<f64> = ran
        .iter()
        .zip(due)
        .map(|(ran, due)| (ran - due) as f64 / 1e6)
        .collect();
    late.sort_by(f64::total_cmp);
    Ok(late)
}

/// Processor time of a process without its children, in microseconds.
fn cpu_us(pid: u32) -> Result<u64> {
    let mut total = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        total += text
            .split(' ')
            .next()
            .context("no run time")?
            .parse::<u64>()?
            / 1000;
    }
    Ok(total)
}

/// Processor time of this process, its ended threads included, in microseconds.
fn own_cpu_us() -> u64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as u64 * 1_000_000 + spent.tv_nsec as u64 / 1000
}

fn boottime_ns() -> i64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
