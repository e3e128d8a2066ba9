//! What users would otherwise run, doing the same work with the same witness in the same run.
//!
//! `scripts/peers` installs them into one folder; each is a program of `bench/peers` that is told `COMMAND JOBS WHEN`. They
//! record nothing and keep no output. They tell their commands the number of the job, but no fire time.

use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use carillon_testbed::{Folder, Process, Redis, Sighting, Witness, leashed};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::machine::{SECOND_NS, next_second, now_ns, sleep_until_ns};
use crate::process::{Memory, cpu_us, members, memory};
use crate::spread::Spread;

/// What one takes to come up, and to learn of a hundred jobs, in seconds.
const WARM_UP_S: i64 = 6;

/// Who has started nothing for so long after the burst starts nothing more.
const SILENCE: Duration = Duration::from_secs(10);

/// A scheduler made by others.
#[derive(Debug, Clone)]
pub struct Peer {
    /// What tables call it.
    pub name: &'static str,
    /// Whether it can start commands at every second; Debian's cron knows minutes only.
    pub knows_seconds: bool,
    words: Vec<PathBuf>,
    needs_redis: bool,
}

/// What a peer did with commands that were due.
#[derive(Debug, Clone, Copy)]
pub struct Deed {
    /// How late they began, in milliseconds.
    pub late: Spread,
    /// Starts that are missing.
    pub lost: usize,
    /// Starts too many.
    pub doubled: usize,
    /// Processor time of all its processes for each start, without the commands, in microseconds.
    pub cpu_us: f64,
    /// The same of its Redis.
    pub server_cpu_us: f64,
}

/// Those that `scripts/peers` has installed into this folder.
pub fn installed(folder: &Path) -> Vec<Peer> {
    let python = |program: &str| {
        let folder = folder.join("python");
        vec![folder.join("venv/bin/python"), folder.join(program)]
    };
    let node = |program: &str| vec!["node".into(), folder.join("node").join(program)];
    let rust = |program: &str| vec![folder.join("rust/release").join(program)];
    let peer = |name, words, needs_redis| Peer {
        name,
        knows_seconds: true,
        words,
        needs_redis,
    };
    let peers = [
        peer("APScheduler", python("apscheduler_peer.py"), false),
        peer("Celery", python("celery_peer.py"), true),
        peer("BullMQ", node("bullmq_peer.mjs"), true),
        peer("node-cron", node("node_cron_peer.mjs"), false),
        peer("tokio-cron-scheduler", rust("tokio_cron_peer"), false),
        peer("apalis", rust("apalis_peer"), false),
        Peer {
            knows_seconds: false,
            ..peer("Debian cron", vec![folder.join("cron/cron_peer")], false)
        },
    ];
    let is_there = |peer: &Peer| peer.words.last().is_some_and(|program| program.exists());
    peers.into_iter().filter(is_there).collect()
}

impl Peer {
    /// Lets it start `jobs` commands at every second. Each start counts for the second in which it began: one that is more
    /// than a second late flatters the peer.
    ///
    /// # Errors
    /// When it ends, or starts nothing.
    pub fn every_second(&self, jobs: usize, seconds: i64) -> Result<Deed> {
        let mut shift = Shift::begin(self, jobs, "every")?;
        let from = next_second(lead_s(jobs)?);
        let until = from + seconds;
        sleep_until_ns(from * SECOND_NS - SECOND_NS / 2);
        let before = shift.cpu_us()?;
        sleep_until_ns(until * SECOND_NS - SECOND_NS / 2);
        let after = shift.cpu_us()?;
        sleep_until_ns((until + 1) * SECOND_NS);
        let starts = shift.end()?;
        let mut late = Vec::new();
        let mut times: HashMap<&str, usize> = HashMap::new();
        for start in &starts {
            let at_ns = i64::try_from(start.at_ns).context("a time after 2262")?;
            if (from..until).contains(&(at_ns / SECOND_NS)) {
                late.push((at_ns % SECOND_NS) as f64 / 1e6);
                *times.entry(&start.job).or_default() += 1;
            }
        }
        let wanted = usize::try_from(seconds)?;
        let excess = |times: &usize| times.saturating_sub(wanted);
        let doubled: usize = times.values().map(excess).sum();
        let lost = jobs * wanted - (late.len() - doubled);
        deed((late, lost, doubled), (before, after), jobs * wanted)
    }

    /// Lets it start `jobs` commands at one second: a full minute, where it knows nothing else.
    ///
    /// # Errors
    /// When it ends, or starts nothing.
    pub fn burst(&self, jobs: usize) -> Result<Deed> {
        let soon = next_second(lead_s(jobs)?);
        let second = match self.knows_seconds {
            true => soon,
            false => (soon / 60 + 1) * 60,
        };
        let mut shift = Shift::begin(self, jobs, &second.to_string())?;
        sleep_until_ns(second * SECOND_NS - SECOND_NS / 2);
        let before = shift.cpu_us()?;
        shift.wait_for_starts(jobs, second)?;
        let after = shift.cpu_us()?;
        let starts = shift.end()?;
        let due_ns = i128::from(second) * i128::from(SECOND_NS);
        let late: Vec<f64> = starts
            .iter()
            .map(|start| (start.at_ns - due_ns) as f64 / 1e6)
            .collect();
        let mut seen: Vec<&str> = starts.iter().map(|start| start.job.as_str()).collect();
        seen.sort_unstable();
        seen.dedup();
        let (lost, doubled) = (jobs.saturating_sub(seen.len()), starts.len() - seen.len());
        deed((late, lost, doubled), (before, after), jobs)
    }

    /// What it weighs with so many jobs that are not due, and the share of a core that it takes over so many seconds.
    ///
    /// # Errors
    /// When it ends.
    pub fn idle(&self, jobs: usize, seconds: i64) -> Result<(Memory, f64)> {
        let mut shift = Shift::begin(self, jobs, "never")?;
        sleep_until_ns(next_second(lead_s(jobs)?) * SECOND_NS);
        let (before, _) = shift.cpu_us()?;
        sleep_until_ns(next_second(seconds) * SECOND_NS);
        let (after, _) = shift.cpu_us()?;
        let mut whole = Memory::default();
        for pid in members(shift.process.pid())? {
            let part = memory(pid).unwrap_or_default();
            whole.proportional_kib += part.proportional_kib;
            whole.anonymous_kib += part.anonymous_kib;
        }
        let share = after.saturating_sub(before) as f64 / 1e6 / seconds as f64;
        shift.end()?;
        Ok((whole, share))
    }
}

fn lead_s(jobs: usize) -> Result<i64> {
    Ok(WARM_UP_S + i64::try_from(jobs)? / 100)
}

fn deed(
    (late, lost, doubled): (Vec<f64>, usize, usize),
    (before, after): ((u64, u64), (u64, u64)),
    wanted: usize,
) -> Result<Deed> {
    let each = |before: u64, after: u64| after.saturating_sub(before) as f64 / wanted as f64;
    Ok(Deed {
        late: Spread::of(late)?,
        lost,
        doubled,
        cpu_us: each(before.0, after.0),
        server_cpu_us: each(before.1, after.1),
    })
}

/// A peer at work, all its processes in one group, which is gone when this is dropped.
struct Shift {
    name: &'static str,
    process: Process,
    redis: Option<Redis>,
    witness: Witness,
    /// Holds its log.
    _folder: Folder,
}

impl Shift {
    fn begin(peer: &Peer, jobs: usize, when: &str) -> Result<Self> {
        let folder = Folder::create()?;
        let witness = Witness::create()?;
        let redis = peer.needs_redis.then(Redis::start).transpose()?;
        let mut command = leashed(&peer.words[0]);
        command
            .args(&peer.words[1..])
            .args([&witness.command(), &jobs.to_string(), when])
            .process_group(0);
        if let Some(redis) = &redis {
            command.env("REDIS_URL", redis.url());
        }
        let process = Process::start(peer.name, command, &folder.join("peer.log"))?;
        Ok(Shift {
            name: peer.name,
            process,
            redis,
            witness,
            _folder: folder,
        })
    }

    /// Of its processes and of its Redis, so far.
    fn cpu_us(&mut self) -> Result<(u64, u64)> {
        let pids = members(self.process.pid())?;
        // A command that ends meanwhile is none of its own.
        let own = pids.iter().filter_map(|&pid| cpu_us(pid).ok()).sum();
        let server = match &mut self.redis {
            Some(redis) => cpu_us(redis.process().pid())?,
            None => 0,
        };
        Ok((own, server))
    }

    fn wait_for_starts(&self, jobs: usize, second: i64) -> Result<()> {
        let mut seen = 0;
        let mut since_ns = (second + 1) * SECOND_NS;
        while seen < jobs && now_ns() - since_ns < SILENCE.as_nanos() as i64 {
            std::thread::sleep(Duration::from_millis(500));
            let starts = self.witness.starts()?.len();
            if starts > seen {
                (seen, since_ns) = (starts, now_ns());
            }
        }
        Ok(())
    }

    fn end(mut self) -> Result<Vec<Sighting>> {
        let ended = self.process.exit_status();
        ensure!(
            ended.is_none(),
            "{} ended:\n{}",
            self.name,
            self.process.log()
        );
        self.witness.starts()
    }
}

impl Drop for Shift {
    fn drop(&mut self) {
        let group = i32::try_from(self.process.pid())
            .ok()
            .and_then(Pid::from_raw);
        if let Some(group) = group {
            // Who is gone already needs no kill.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
