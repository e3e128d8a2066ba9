//! A cluster on one machine: private MariaDB and Redis, real agents, and a witness that every job
//! testifies to.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use carillon_core::identity::{GroupId, JobId};
use carillon_core::job::{JobDraft, JobSpec, ScheduleText};
use carillon_core::launch::LaunchSpec;
use carillon_core::overlap::Overlap;
use carillon_core::schedule::DstRule;
use carillon_store::{Editor, Store};
use carillon_testbed::{
    Database, Folder, MariaDb, Proxy, Redis, WallClock, Witness, now_ns, program, wait_until,
};

use crate::agent::{Agent, Ways};
use crate::laws::{self, Record, Second, Window};

/// An agent that starts or stops takes no longer.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Every tick is closed within its start deadline (5 s for jobs of every second) and a minute; a busy
/// machine gets another.
const CLOSE_LIMIT: Duration = Duration::from_secs(5 + 60 + 60);

/// A machine under load may need longer than a second; most of the lab is not about that.
pub(crate) const ROOMY: Overlap = Overlap::Allow(60);

/// How long ticks are watched; more with `CARILLON_LAB_SECONDS`.
pub(crate) fn watched_seconds() -> i64 {
    let wanted = std::env::var("CARILLON_LAB_SECONDS").ok();
    wanted
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or(15)
}

pub(crate) struct Lab {
    pub(crate) agents: Vec<Agent>,
    pub(crate) mariadb: MariaDb,
    pub(crate) redis: Redis,
    pub(crate) witness: Witness,
    pub(crate) database: Database,
    pub(crate) jobs: usize,
    /// What the store calls them, in the order in which they were made.
    pub(crate) jobs_made: Vec<JobId>,
    /// Where agents that start are executed, if not where they were built.
    programs: Option<PathBuf>,
    pub(crate) folder: Folder,
}

/// A job of every second.
pub(crate) struct JobOfTheLab {
    pub(crate) name: String,
    pub(crate) spec: JobSpec,
}

impl Lab {
    /// Stores, tables and `jobs` jobs of every second; no agent yet.
    pub(crate) fn with_jobs(jobs: usize) -> Self {
        Self::with_overlap(jobs, "", ROOMY)
    }

    /// One job of every second whose witness gets further arguments, such as `--sleep 6`.
    pub(crate) fn with_job(arguments: &str) -> Self {
        Self::with_overlap(1, arguments, ROOMY)
    }

    /// Jobs of every second under this overlap policy, whose witnesses get these arguments.
    pub(crate) fn with_overlap(jobs: usize, arguments: &str, overlap: Overlap) -> Self {
        let policies = JobSpec {
            overlap,
            ..JobSpec::default()
        };
        Self::with_policies(jobs, arguments, policies)
    }

    /// Jobs of every second under these policies, whose witnesses get these arguments.
    pub(crate) fn with_policies(jobs: usize, arguments: &str, policies: JobSpec) -> Self {
        Self::with(|witness| {
            let command = format!("{} {arguments}", witness.command());
            let spec = JobSpec {
                launch: LaunchSpec {
                    command: command.trim_end().to_owned(),
                    ..LaunchSpec::default()
                },
                ..policies
            };
            let job = |number| JobOfTheLab {
                name: format!("job {number}"),
                spec: spec.clone(),
            };
            (0..jobs).map(job).collect()
        })
    }

    /// Any jobs of every second.
    pub(crate) fn with(jobs: impl FnOnce(&Witness) -> Vec<JobOfTheLab>) -> Self {
        Self::on(MariaDb::start().expect("MariaDB starts"), jobs)
    }

    /// The same on this server.
    pub(crate) fn on(mariadb: MariaDb, jobs: impl FnOnce(&Witness) -> Vec<JobOfTheLab>) -> Self {
        let mut lab = Self::empty(mariadb);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
        let jobs = jobs(&lab.witness);
        lab.jobs_made = runtime.block_on(create_jobs(&lab.database.url, &jobs));
        lab.jobs = jobs.len();
        lab
    }

    /// Stores and a witness; no tables yet.
    pub(crate) fn empty(mariadb: MariaDb) -> Self {
        let redis = Redis::start().expect("Redis starts");
        let database = mariadb.create_database().expect("MariaDB answers");
        let witness = Witness::create().expect("the witness is built");
        let folder = Folder::create().expect("the temporary folder can be written");
        Self {
            agents: Vec::new(),
            mariadb,
            redis,
            witness,
            database,
            jobs: 0,
            jobs_made: Vec::new(),
            programs: None,
            folder,
        }
    }

    /// Lays a copy of the agent's program where agents that start from now on, or start again, find it, as an upgrade
    /// does: running ones keep the file that they have.
    pub(crate) fn install_agent(&mut self) {
        self.install_agent_of(&program("agent").expect("the agent is built"));
    }

    /// The same with another program.
    pub(crate) fn install_agent_of(&mut self, agent: &Path) {
        let folder = self.folder.join("bin");
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let fresh = folder.join("fresh");
        std::fs::copy(agent, &fresh).expect("the temporary folder can be written");
        std::fs::rename(&fresh, folder.join("agent")).expect("the folder is ours");
        self.programs = Some(folder);
    }

    /// Starts agents `n1`, `n2`, … and returns when all of them beat.
    pub(crate) fn start_agents(&mut self, count: usize) {
        for number in 1..=count {
            self.start_agent(number, Ways::default(), Vec::new());
        }
        self.wait_for_beats();
    }

    /// The same; the first goes by a wall clock of its own.
    pub(crate) fn start_agents_and_one_by(&mut self, clock: &WallClock, count: usize) {
        self.start_agent(1, Ways::default(), clock.settings());
        for number in 2..=count {
            self.start_agent(number, Ways::default(), Vec::new());
        }
        self.wait_for_beats();
    }

    /// The same, each with a proxy of its own before the database.
    pub(crate) fn start_agents_behind_proxies(&mut self, count: usize) {
        for number in 1..=count {
            let proxy = Proxy::start(self.mariadb.port()).expect("a proxy starts");
            let ways = Ways {
                database: Some(proxy),
                redis: None,
            };
            self.start_agent(number, ways, Vec::new());
        }
        self.wait_for_beats();
    }

    /// The same, each with a proxy before the database and one before Redis.
    pub(crate) fn start_agents_at_arms_length(&mut self, count: usize) {
        for number in 1..=count {
            let proxy = Proxy::start(self.mariadb.port()).expect("a proxy starts");
            let redis_proxy = Proxy::start(self.redis.port()).expect("a proxy starts");
            let ways = Ways {
                database: Some(proxy),
                redis: Some(redis_proxy),
            };
            self.start_agent(number, ways, Vec::new());
        }
        self.wait_for_beats();
    }

    /// Starts the agent of this number; its environment holds `besides`.
    fn start_agent(&mut self, number: usize, ways: Ways, besides: Vec<(String, String)>) {
        let port = |way: &Option<Proxy>, own| way.as_ref().map_or(own, Proxy::port);
        let database = port(&ways.database, self.mariadb.port());
        let redis = port(&ways.redis, self.redis.port());
        let addresses = [
            (
                "CARILLON_DATABASE__URL",
                self.database.url_through(database),
            ),
            ("CARILLON_REDIS__URL", self.redis.url_through(redis)),
        ];
        let mut settings = besides;
        settings.extend(addresses.map(|(key, value)| (key.to_owned(), value)));
        let name = format!("n{number}");
        let data_dir = self.folder.join(&name);
        let program = match &self.programs {
            Some(folder) => folder.join("agent"),
            None => program("agent").expect("the agent is built"),
        };
        let agent = Agent::start(name, program, data_dir, ways, settings);
        self.agents.push(agent);
    }

    fn wait_for_beats(&mut self) {
        let count = self.agents.len();
        wait_until("every agent to beat", START_LIMIT, || {
            for agent in &mut self.agents {
                agent.expect_alive();
            }
            (self.beating_nodes() == count).then_some(())
        });
    }

    /// The seconds to be judged, beginning with one that lies ahead.
    pub(crate) fn next_window(&self) -> Window {
        let from = self.now() + 2;
        Window {
            from,
            until: from + watched_seconds(),
        }
    }

    /// Waits until the store's clock has reached this second.
    pub(crate) fn wait_for_second(&self, second: Second) {
        let limit = Duration::from_secs(watched_seconds().unsigned_abs() + 60);
        // Asked once: a client started for every look would keep the machine from what is judged.
        let ahead = Duration::from_secs(u64::try_from(second - self.now()).unwrap_or(0));
        let asked = Instant::now();
        wait_until("the window's next part", limit, || {
            (asked.elapsed() >= ahead).then_some(())
        });
    }

    /// Waits until the machine's clock has reached this second.
    pub(crate) fn wait_for_machine(&self, second: Second) {
        let ahead = u64::try_from(second - machine_now()).unwrap_or(0);
        wait_until(
            "a second of the machine's",
            Duration::from_secs(ahead + 60),
            || (machine_now() >= second).then_some(()),
        );
    }

    /// Waits until every tick of the window has its outcome, and returns what the store says.
    pub(crate) fn closed_records(&self, window: Window) -> Vec<Record> {
        self.wait_for_second(window.until);
        wait_until("every tick to be closed", CLOSE_LIMIT, || {
            let records = self.records(window);
            let open = records.iter().any(|record| record.state != "done");
            let jobs = self.job_ids();
            (!open && laws::undecided(&records, &jobs, window).is_empty()).then_some(records)
        })
    }

    /// The jobs of every second.
    pub(crate) fn job_ids(&self) -> Vec<String> {
        let rows = self
            .database
            .query("select id from jobs where schedule = '* * * * * *'")
            .expect("the database answers");
        rows.lines().map(str::to_owned).collect()
    }

    /// Runs whose ticks touch the window.
    fn records(&self, window: Window) -> Vec<Record> {
        let sql = format!(
            "select job_id, fire_time div 1000000, coalesce(until_time, fire_time) div 1000000, \
             state, coalesce(outcome, '-'), coalesce(reason, '-') from runs \
             where kind = 0 and fire_time < {until} * 1000000 \
             and coalesce(until_time, fire_time) >= {from} * 1000000",
            from = window.from,
            until = window.until,
        );
        let rows = self.database.query(&sql).expect("the database answers");
        rows.lines().map(Record::parse).collect()
    }

    /// The store's clock, in whole seconds since 1970.
    pub(crate) fn now(&self) -> Second {
        let now = self.mariadb.query("select floor(unix_timestamp(now(6)))");
        // While the database is down nobody can ask it; the machine is the same.
        let now = now.map(|now| now.trim().parse().expect("seconds are a number"));
        now.unwrap_or_else(|_| machine_now())
    }

    fn beating_nodes(&self) -> usize {
        let sql = "select count(*) from nodes where is_claiming and left_at is null \
                   and last_beat_at > (unix_timestamp(now(6)) - 8) * 1000000";
        let count = self.database.query(sql).expect("the database answers");
        count.trim().parse().expect("a count is a number")
    }
}

/// The machine's clock, in whole seconds since 1970.
pub(crate) fn machine_now() -> Second {
    Second::try_from(now_ns() / 1_000_000_000).expect("this century")
}

async fn create_jobs(url: &str, jobs: &[JobOfTheLab]) -> Vec<JobId> {
    let store = Store::new(url.parse().expect("the testbed's address is one"));
    store.migrate().await.expect("the tables are created");
    let editor = Editor::program("lab");
    let group = store
        .ensure_group("lab", &editor)
        .await
        .expect("the group is created");
    let mut made = Vec::with_capacity(jobs.len());
    for job in jobs {
        let draft = job_of_every_second(&job.name, group, job.spec.clone());
        let created = store.create_job(&draft, &editor).await;
        made.push(created.expect("the job is created").id);
    }
    store.close().await;
    made
}

fn job_of_every_second(name: &str, group: GroupId, spec: JobSpec) -> JobDraft {
    JobDraft {
        name: name.parse().expect("a short name is one"),
        group,
        description: String::new(),
        enabled: true,
        schedule: ScheduleText {
            expression: "* * * * * *".to_owned(),
            zone: "UTC".to_owned(),
            dst: DstRule::default(),
        },
        spec,
    }
}
