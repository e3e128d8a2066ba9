//! Makes the faults of a timetable happen, each at its time, and mends everything in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use carillon_core::identity::JobId;
use carillon_core::node::Duty;
use carillon_store::JobChange;
use carillon_testbed::{Proxy, Signal, wait_until};

use super::clerk::{Clerk, Deed};
use super::fault::{Kind, Target, node_name};
use super::journal::{Entry, Journal};
use super::timetable::Fault;
use crate::agent::call_agent;
use crate::rig::Lab;

/// What an edge that is slow adds to each way.
const SLOW: Duration = Duration::from_millis(400);

/// What an edited job may become; each for the next that is edited.
const EXPRESSIONS: [&str; 4] = [
    "*/2 * * * * *",
    "1-59/2 * * * * *",
    "* * * * * *",
    "*/3 * * * * *",
];

/// More than any step takes.
const STEP_LIMIT: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    End,
    Begin,
    Again,
}

/// Everything that is done to the laboratory.
pub(crate) struct Storm<'l> {
    lab: &'l mut Lab,
    journal: Journal,
    clerk: Clerk,
    entries: BTreeMap<usize, Entry>,
    /// Agents that are to stay away, by number.
    away: BTreeSet<usize>,
    /// Runners that were stopped, by the number of their node.
    stopped: BTreeMap<usize, u32>,
    restarts: Vec<JoinHandle<()>>,
    edits: usize,
}

impl<'l> Storm<'l> {
    pub(crate) fn over(lab: &'l mut Lab, journal: Journal) -> Self {
        let clerk = Clerk::employ(lab.database.url.clone(), journal.clone());
        Self {
            lab,
            journal,
            clerk,
            entries: BTreeMap::new(),
            away: BTreeSet::new(),
            stopped: BTreeMap::new(),
            restarts: Vec::new(),
            edits: 0,
        }
    }

    /// Lets it come down. Returns when everything is mended and every agent is there.
    pub(crate) fn rage(mut self, faults: &[Fault]) {
        let begun = Instant::now();
        for (at_ms, step, place) in steps(faults) {
            let at = Duration::from_millis(at_ms);
            wait_until("the next fault", STEP_LIMIT, || {
                self.raise_the_fallen();
                (begun.elapsed() >= at).then_some(())
            });
            self.take(step, place, faults[place]);
        }
        for restart in self.restarts.drain(..) {
            restart.join().expect("a restart does not panic");
        }
        self.clerk.dismiss();
    }

    /// What a supervisor does: an agent that ended and should be there is started again.
    fn raise_the_fallen(&mut self) {
        for (number, agent) in self.lab.agents.iter_mut().enumerate() {
            if !self.away.contains(&number) && agent.process.exit_status().is_some() {
                println!("{} had ended by itself and is started again", agent.name);
                agent.start_again();
            }
        }
    }

    fn take(&mut self, step: Step, place: usize, fault: Fault) {
        match step {
            Step::Begin => {
                let entry = self.journal.begin(fault.kind, fault.target);
                self.entries.insert(place, entry);
                self.begin(fault, entry);
            }
            Step::Again => self.repeat(fault),
            Step::End => {
                let entry = self.entries[&place];
                self.end(fault, entry);
                // Others say themselves when they have ended.
                if !is_told_elsewhere(fault.kind) {
                    self.journal.end(entry);
                }
            }
        }
    }

    fn begin(&mut self, fault: Fault, entry: Entry) {
        match (fault.kind, fault.target) {
            (Kind::AgentKilled, Target::Node(node)) => self.kill_agent(node),
            (Kind::RunnerKilled, Target::Node(node)) => drop(self.lab.agents[node].kill_runner()),
            (Kind::NodeKilled, Target::Node(node)) => {
                self.kill_agent(node);
                self.lab.agents[node].kill_runner();
            }
            (Kind::AgentStopped, Target::Node(node)) => self.lab.agents[node].process.pause(),
            (Kind::RunnerStopped, Target::Node(node)) => {
                if let Some(pid) = self.lab.agents[node].signal_runner(Signal::STOP) {
                    self.stopped.insert(node, pid);
                }
            }
            (Kind::NodeDrained, Target::Node(node)) => self.set_duty(node, Duty::Drained, None),
            (Kind::NodeRestarted, Target::Node(node)) => self.restart(vec![node], entry),
            (Kind::RollingRestart, _) => self.restart((0..self.lab.agents.len()).collect(), entry),
            (Kind::RedisKilled, _) => self.lab.redis.kill(),
            (Kind::RedisStopped, _) => self.lab.redis.pause(),
            (Kind::RedisBlackHole, _) => self.redis_edges().for_each(Proxy::black_hole),
            (Kind::DatabaseKilled, _) => self.lab.mariadb.kill(),
            (Kind::DatabaseStopped, _) => self.lab.mariadb.pause(),
            (Kind::DatabaseReadOnly, _) => self.tell_database("set global read_only = 1"),
            (Kind::EdgeSlow, edge) => self.edge(edge).delay(SLOW),
            (Kind::EdgeBlackHole, edge) => self.edge(edge).black_hole(),
            (Kind::EdgeHalfOpen, edge) => self.edge(edge).half_open(),
            (Kind::JobEdited, Target::Job(job)) => {
                self.edits += 1;
                let expression = EXPRESSIONS[self.edits % EXPRESSIONS.len()];
                let deed = Deed::Reschedule(self.lab.jobs_made[job], expression);
                self.clerk.ask(vec![deed], Some(entry));
            }
            (Kind::JobSwitched, Target::Job(job)) => {
                self.change(job, vec![JobChange::Disable], None);
            }
            (Kind::JobDeleted, Target::Job(job)) => self.change(job, vec![JobChange::Delete], None),
            _ => self.repeat(fault),
        }
    }

    fn repeat(&mut self, fault: Fault) {
        match (fault.kind, fault.target) {
            (Kind::RedisFlushed, _) => drop(self.lab.redis.flush()),
            (Kind::RedisSlow, _) => drop(self.lab.redis.command(&["CLIENT", "PAUSE", "400"])),
            (Kind::ConnectionsKilled, _) => self.kill_connections(),
            (Kind::EdgeReset, edge) => self.edge(edge).reset_connections(),
            (Kind::ReplyDropped, edge) => self.edge(edge).drop_reply_when(|request| {
                request
                    .windows(6)
                    .any(|word| word.eq_ignore_ascii_case(b"commit"))
            }),
            (kind, target) => unreachable!("{kind:?} of {target} is not repeated"),
        }
    }

    fn end(&mut self, fault: Fault, entry: Entry) {
        match (fault.kind, fault.target) {
            (Kind::AgentKilled | Kind::NodeKilled, Target::Node(node)) => {
                self.away.remove(&node);
                self.lab.agents[node].start_again();
            }
            (Kind::AgentStopped, Target::Node(node)) => self.lab.agents[node].process.resume(),
            (Kind::RunnerStopped, Target::Node(node)) => {
                if let Some(pid) = self.stopped.remove(&node) {
                    self.lab.agents[node].signal(Signal::CONT, pid);
                }
            }
            (Kind::NodeDrained, Target::Node(node)) => {
                self.set_duty(node, Duty::Active, Some(entry));
            }
            (Kind::RedisKilled, _) => self.lab.redis.restart().expect("Redis comes back"),
            (Kind::RedisStopped, _) => self.lab.redis.resume(),
            (Kind::RedisBlackHole, _) => self.redis_edges().for_each(Proxy::heal),
            (Kind::DatabaseKilled, _) => self.lab.mariadb.restart().expect("MariaDB comes back"),
            (Kind::DatabaseStopped, _) => self.lab.mariadb.resume(),
            (Kind::DatabaseReadOnly, _) => self.tell_database("set global read_only = 0"),
            (Kind::EdgeSlow | Kind::EdgeBlackHole | Kind::EdgeHalfOpen, edge) => {
                self.edge(edge).heal();
            }
            (Kind::ReplyDropped, edge) => self.edge(edge).drop_reply_when(|_| false),
            (Kind::JobSwitched, Target::Job(job)) => {
                self.change(job, vec![JobChange::Enable], Some(entry));
            }
            (Kind::JobDeleted, Target::Job(job)) => {
                self.change(
                    job,
                    vec![JobChange::Restore, JobChange::Enable],
                    Some(entry),
                );
            }
            _ => {}
        }
    }

    fn kill_agent(&mut self, node: usize) {
        self.away.insert(node);
        self.lab.agents[node].kill();
    }

    fn set_duty(&self, node: usize, duty: Duty, ended: Option<Entry>) {
        self.clerk
            .ask(vec![Deed::SetDuty(node_name(node), duty)], ended);
    }

    fn change(&self, job: usize, changes: Vec<JobChange>, ended: Option<Entry>) {
        let id: JobId = self.lab.jobs_made[job];
        let deeds = changes.into_iter().map(|change| Deed::Change(id, change));
        self.clerk.ask(deeds.collect(), ended);
    }

    /// `agent restart` for one after the other, while other things happen.
    fn restart(&mut self, nodes: Vec<usize>, entry: Entry) {
        let settings: Vec<_> = nodes
            .iter()
            .map(|&node| self.lab.agents[node].settings())
            .collect();
        let journal = self.journal.clone();
        self.restarts.push(std::thread::spawn(move || {
            for settings in settings {
                let (code, _, said) = call_agent(&settings, &["restart"]);
                if code != 0 {
                    println!("agent restart: {}", said.trim_end());
                }
            }
            journal.end(entry);
        }));
    }

    fn edge(&self, edge: Target) -> &Proxy {
        let proxy = match edge {
            Target::RedisEdge(node) => self.lab.agents[node].redis_proxy.as_ref(),
            Target::DatabaseEdge(node) => self.lab.agents[node].proxy.as_ref(),
            other => unreachable!("{other} is no edge"),
        };
        proxy.expect("every agent has its proxies")
    }

    fn redis_edges(&self) -> impl Iterator<Item = &Proxy> {
        self.lab.agents.iter().flat_map(|agent| &agent.redis_proxy)
    }

    fn tell_database(&self, sql: &str) {
        self.lab.mariadb.query(sql).expect("the database answers");
    }

    /// Those of the product's user, that is, of the agents and of the clerk.
    fn kill_connections(&self) {
        let sql = format!(
            "select id from information_schema.processlist where user = '{}'",
            self.lab.database.user
        );
        let ids = self.lab.mariadb.query(&sql).expect("the database answers");
        let kills: String = ids.lines().map(|id| format!("kill {id}; ")).collect();
        // One that has gone by itself meanwhile cannot be killed, and those after it are left for the next time.
        let _ = self.lab.mariadb.query(&kills);
    }
}

/// Kinds whose end is written down by whoever brings it about.
fn is_told_elsewhere(kind: Kind) -> bool {
    use Kind::{JobDeleted, JobEdited, JobSwitched, NodeDrained, NodeRestarted, RollingRestart};
    [
        JobDeleted,
        JobEdited,
        JobSwitched,
        NodeDrained,
        NodeRestarted,
        RollingRestart,
    ]
    .contains(&kind)
}

/// Everything that is to be done, in order: when, what, and to which of the faults.
fn steps(faults: &[Fault]) -> Vec<(u64, Step, usize)> {
    let mut steps = Vec::new();
    for (place, fault) in faults.iter().enumerate() {
        steps.push((fault.from_ms, Step::Begin, place));
        steps.push((fault.until_ms, Step::End, place));
        if let Some(apart) = fault.kind.repeats_ms() {
            let times = (fault.from_ms + apart..fault.until_ms).step_by(apart as usize);
            steps.extend(times.map(|at| (at, Step::Again, place)));
        }
    }
    steps.sort_unstable();
    steps
}
