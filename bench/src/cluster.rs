//! Real agents on real stores, as an operator would run them, with one witness for all jobs.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use carillon_core::job::{JobDraft, JobSpec, ScheduleText};
use carillon_core::launch::LaunchSpec;
use carillon_core::schedule::DstRule;
use carillon_store::{Editor, ImportedJob, Store};
use carillon_testbed::{
    Database, Folder, MariaDb, Process, Redis, Sighting, Witness, leashed, program,
};
use jiff::Timestamp;

use crate::process::{Memory, children, cpu_us, kill_process, memory, runner_of};

/// An agent that starts, or learns of jobs, takes no longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Jobs imported in one transaction.
const IMPORT_BATCH: usize = 500;

/// Where the truth is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stores {
    /// One file, one machine.
    Sqlite,
    /// A private MariaDB that flushes every commit, and a private Redis.
    MariaDbAndRedis,
}

impl Stores {
    /// What tables call them.
    pub fn name(self) -> &'static str {
        match self {
            Stores::Sqlite => "SQLite",
            Stores::MariaDbAndRedis => "MariaDB + Redis",
        }
    }
}

/// Agents, their stores and the witness. Dropped, everything is gone.
pub struct Cluster {
    /// The truth.
    pub store: Store,
    /// What every job runs.
    pub witness: Witness,
    agents: Vec<Agent>,
    servers: Option<(MariaDb, Redis, Database)>,
    url: String,
    folder: Folder,
    jobs: usize,
}

struct Agent {
    process: Process,
    runner: u32,
    settings: Vec<(String, String)>,
}

/// Processor time so far, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu {
    /// Of all agents.
    pub agents_us: u64,
    /// Of all runners, without the commands.
    pub runners_us: u64,
    /// Of the database server and Redis.
    pub servers_us: u64,
}

impl Cpu {
    /// What was spent since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Cpu) -> Cpu {
        Cpu {
            agents_us: self.agents_us - earlier.agents_us,
            runners_us: self.runners_us - earlier.runners_us,
            servers_us: self.servers_us - earlier.servers_us,
        }
    }
}

impl Cluster {
    /// Stores and agents without jobs; returns when every agent claims.
    ///
    /// # Errors
    /// When something does not come up.
    pub async fn start(stores: Stores, agents: usize) -> Result<Self> {
        let mut cluster = Self::found(stores).await?;
        cluster.start_agents(agents)?;
        Ok(cluster)
    }

    /// Empty stores, and nobody who works on them.
    ///
    /// # Errors
    /// When something does not come up.
    pub async fn found(stores: Stores) -> Result<Self> {
        let folder = Folder::create()?;
        let (url, servers) = match stores {
            Stores::Sqlite => (
                format!("sqlite://{}/carillon.db", folder.path().display()),
                None,
            ),
            Stores::MariaDbAndRedis => {
                let mariadb = MariaDb::start()?;
                let database = mariadb.create_database()?;
                (
                    database.url.clone(),
                    Some((mariadb, Redis::start()?, database)),
                )
            }
        };
        let store = Store::new(url.parse()?);
        store.migrate().await?;
        Ok(Cluster {
            store,
            url,
            witness: Witness::create()?,
            agents: Vec::new(),
            servers,
            folder,
            jobs: 0,
        })
    }

    /// The address of the store.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Starts so many agents, `n1` and on; returns when each claims, with the seconds that took each.
    ///
    /// # Errors
    /// When one does not come up.
    pub fn start_agents(&mut self, count: usize) -> Result<Vec<f64>> {
        let numbers = 1..=count;
        numbers
            .map(|number| self.start_agent(&format!("n{number}")))
            .collect()
    }

    fn start_agent(&mut self, name: &str) -> Result<f64> {
        let data_dir: PathBuf = self.folder.join(name);
        std::fs::create_dir_all(&data_dir)?;
        let mut settings = vec![
            ("CARILLON_DATABASE__URL".to_owned(), self.url.clone()),
            ("CARILLON_NODE__NAME".to_owned(), name.to_owned()),
            (
                "CARILLON_NODE__DATA_DIR".to_owned(),
                data_dir.display().to_string(),
            ),
            // Ten thousand due at once must fit on one node.
            ("CARILLON_NODE__MAX_RUNNING".to_owned(), "4000".to_owned()),
            // A past that was made for a measurement is to stay.
            ("CARILLON_RETENTION__RUNS".to_owned(), "36500d".to_owned()),
        ];
        if let Some((_, redis, _)) = &self.servers {
            settings.push(("CARILLON_REDIS__URL".to_owned(), redis.url()));
        }
        let mut command = leashed(program("agent")?);
        command.arg("start").envs(settings.iter().cloned());
        let log = data_dir.with_extension("log");
        let since = Instant::now();
        let process = Process::start(&format!("agent {name}"), command, &log)?;
        let mut agent = Agent {
            process,
            runner: 0,
            settings,
        };
        agent.wait_for("to claim", |stats| stats["claiming"] == "yes")?;
        let took = since.elapsed().as_secs_f64();
        agent.runner = runner_of(&data_dir)?;
        self.agents.push(agent);
        Ok(took)
    }

    /// Ends the first node as the loss of its machine would: agent, runner and commands at one instant.
    ///
    /// # Errors
    /// When there is no agent, or /proc cannot be read.
    pub fn lose_first_node(&mut self) -> Result<()> {
        ensure!(!self.agents.is_empty(), "there is no agent");
        let mut agent = self.agents.remove(0);
        let commands = children(agent.runner)?;
        agent.process.kill();
        for pid in [agent.runner].into_iter().chain(commands) {
            // A command may have ended meanwhile.
            let _ = kill_process(pid);
        }
        Ok(())
    }

    /// Makes so many jobs with this schedule, and returns when every agent has loaded them, with the seconds that took
    /// from the last commit on.
    ///
    /// # Errors
    /// When the store refuses a job or an agent does not load it.
    pub async fn add_jobs(&mut self, expression: &str, count: usize) -> Result<f64> {
        let spec = JobSpec {
            launch: LaunchSpec {
                command: self.witness.command(),
                ..LaunchSpec::default()
            },
            ..JobSpec::default()
        };
        self.add_jobs_of(spec, expression, count).await
    }

    /// As [`Cluster::add_jobs`], with jobs of another kind.
    ///
    /// # Errors
    /// As [`Cluster::add_jobs`].
    pub async fn add_jobs_of(
        &mut self,
        spec: JobSpec,
        expression: &str,
        count: usize,
    ) -> Result<f64> {
        let editor = Editor::program("bench");
        let group = self.store.ensure_group("bench", &editor).await?;
        let draft = JobDraft {
            name: "job".parse()?,
            group,
            description: String::new(),
            enabled: true,
            schedule: ScheduleText {
                expression: expression.to_owned(),
                zone: "UTC".to_owned(),
                dst: DstRule::default(),
            },
            spec,
        };
        let until = self.jobs + count;
        while self.jobs < until {
            let numbers = self.jobs..until.min(self.jobs + IMPORT_BATCH);
            self.jobs = numbers.end;
            let batch: Result<Vec<_>> = numbers.map(|number| numbered(&draft, number)).collect();
            self.store.import_jobs("bench", &batch?, &editor).await?;
        }
        let since = Instant::now();
        for agent in &mut self.agents {
            agent.wait_for("to load all jobs", |stats| stats["jobs"] == self.jobs)?;
        }
        Ok(since.elapsed().as_secs_f64())
    }

    /// Processor time of agents, runners and servers so far.
    ///
    /// # Errors
    /// When one of them has ended.
    pub fn cpu(&mut self) -> Result<Cpu> {
        let mut cpu = Cpu::default();
        for agent in &self.agents {
            cpu.agents_us += cpu_us(agent.process.pid())?;
            cpu.runners_us += cpu_us(agent.runner)?;
        }
        if let Some((mariadb, redis, _)) = &mut self.servers {
            cpu.servers_us = cpu_us(mariadb.process().pid())? + cpu_us(redis.process().pid())?;
        }
        Ok(cpu)
    }

    /// Memory of the first agent and of its runner.
    ///
    /// # Errors
    /// When one of them has ended.
    pub fn memory(&self) -> Result<(Memory, Memory)> {
        let agent = self.agents.first().context("there is no agent")?;
        Ok((memory(agent.process.pid())?, memory(agent.runner)?))
    }

    /// What each agent says of itself.
    ///
    /// # Errors
    /// When one does not answer.
    pub fn stats(&self) -> Result<Vec<serde_json::Value>> {
        self.agents.iter().map(Agent::stats).collect()
    }
}

impl Agent {
    fn stats(&self) -> Result<serde_json::Value> {
        let output = Command::new(program("agent")?)
            .args(["stats", "--json"])
            .envs(self.settings.iter().cloned())
            .output()?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn wait_for(&mut self, what: &str, is_so: impl Fn(&serde_json::Value) -> bool) -> Result<()> {
        let since = Instant::now();
        loop {
            let stats = self.stats();
            if stats.as_ref().is_ok_and(&is_so) {
                return Ok(());
            }
            if since.elapsed() > PATIENCE || self.process.exit_status().is_some() {
                bail!(
                    "an agent was {what}, but says {stats:?}\n{}",
                    self.process.log()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn numbered(draft: &JobDraft, number: usize) -> Result<ImportedJob> {
    let key = format!("job {number}");
    let draft = JobDraft {
        name: key.parse()?,
        ..draft.clone()
    };
    Ok(ImportedJob { key, draft })
}

/// How late a command began, by the fire time it was told.
///
/// # Errors
/// When it was told none.
pub fn lateness_ms(start: &Sighting) -> Result<f64> {
    let fire_time: Timestamp = start
        .fire_time
        .parse()
        .with_context(|| format!("the command of {} was told no fire time", start.run))?;
    Ok((start.at_ns - fire_time.as_nanosecond()) as f64 / 1e6)
}
