//! A world: nodes, store, tick lock and weather under one agenda and one seed. One thread, no clock, no I/O.

mod fault;
mod machine;
mod network;

use std::cell::RefCell;
use std::collections::{BTreeMap, BinaryHeap};
use std::rc::Rc;

use carillon_core::identity::{JobId, NodeId};
use carillon_core::node::Duty;

use crate::bug::Bug;
use crate::crontab::Version;
use crate::dice::Dice;
use crate::happening::{Fault, Happening};
use crate::host::{Ended, Host};
use crate::law::Witness;
use crate::ledger::Ledger;
use crate::locks::Locks;
use crate::story::Story;
use crate::time::{DAWN, Micros, NodeClock, SECOND, stamp};
use crate::weather::Weather;

/// After the last fire time a world has so long to come to rest.
const REST: Micros = 180 * SECOND;

/// Every version of every job: what a run's own copy of its job tells.
pub(crate) type Specs = Rc<RefCell<BTreeMap<(JobId, i64), Version>>>;

/// An entry of the agenda; the soonest first, and of those the first made.
#[derive(Debug)]
struct Entry {
    at: Micros,
    number: u64,
    happening: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// What came of a world.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The laws that were broken, and how.
    pub broken: Vec<String>,
    /// What happened, line by line, if it was to be told.
    pub story: Vec<String>,
    /// How many things happened.
    pub steps: u64,
    /// How many runs the store has.
    pub runs: usize,
}

/// Everything there is.
pub(crate) struct World {
    now: Micros,
    seed: u64,
    bug: Option<Bug>,
    dice: Dice,
    story: Story,
    agenda: BinaryHeap<Entry>,
    count: u64,
    ledger: Ledger,
    store_shift: Micros,
    store_down_until: Micros,
    locks: Locks,
    hosts: BTreeMap<NodeId, Host>,
    specs: Specs,
    witness: Witness,
    weather: Weather,
    is_calm: bool,
    /// Whether things still go wrong.
    is_wild: bool,
    ends_at: Micros,
}

/// Lives the world of `seed`, with a planted bug or none.
pub fn live(seed: u64, bug: Option<Bug>, is_told: Telling) -> Verdict {
    let story = match is_told {
        Telling::Silent => Story::default(),
        Telling::Aloud => Story::told(),
    };
    let mut world = World::new(seed, bug, story.clone());
    world.run();
    Verdict {
        broken: story.take_broken(),
        story: story.take_lines(),
        steps: world.count,
        runs: world.ledger.rows().count(),
    }
}

/// Whether a world's story is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// Only the verdict.
    Silent,
    /// Every line.
    Aloud,
}

impl World {
    fn new(seed: u64, bug: Option<Bug>, story: Story) -> Self {
        let mut dice = Dice::new(seed);
        let weather = Weather::draw(seed, &mut dice);
        let length = dice.between(40, 100) * SECOND;
        let mut world = World {
            now: DAWN,
            seed,
            bug,
            ledger: Ledger::new(story.clone(), bug, DAWN),
            witness: Witness::new(story.clone()),
            story,
            agenda: BinaryHeap::new(),
            count: 0,
            store_shift: 0,
            store_down_until: 0,
            locks: Locks::default(),
            hosts: BTreeMap::new(),
            specs: Specs::default(),
            is_calm: weather.is_calm() && seed.is_multiple_of(8),
            is_wild: true,
            weather,
            ends_at: DAWN + length + 10 * SECOND,
            dice,
        };
        world.populate(length);
        world
    }

    fn populate(&mut self, length: Micros) {
        self.story.set_now(DAWN);
        self.story
            .tell(|| format!("seed {}: {:?}", self.seed, self.weather));
        let nodes = self.dice.between(1, 5);
        for node in (1..=nodes).map(NodeId) {
            self.add_host(node);
        }
        for job in (1..=self.dice.between(1, 5)).map(JobId) {
            let version = Version::draw(job, nodes, &mut self.dice);
            self.put_job(version);
        }
        let faults = match self.is_calm {
            true => Vec::new(),
            false => Weather::draw_faults(length, nodes, &mut self.dice),
        };
        for (after, fault) in faults {
            self.at(DAWN + after, Happening::Fault(fault));
        }
        self.at(DAWN + length, Happening::Heal);
        self.at(self.ends_at, Happening::LastOrders);
    }

    fn add_host(&mut self, node: NodeId) {
        let drift_max = self.weather.drift_max;
        let drift = self.dice.between(-drift_max, drift_max + 1);
        let own = self.dice.between(0, 1_000_000) * SECOND;
        let host = Host::new(node, NodeClock::new(self.now, own, drift));
        self.hosts.insert(node, host);
        let soon = self.now + self.dice.between(0, SECOND);
        self.at(soon, Happening::HostUp(node));
    }

    fn put_job(&mut self, version: Version) {
        let now = self.store_now();
        let key = (version.job, version.version);
        self.specs.borrow_mut().insert(key, version.clone());
        self.ledger.put_job(version, now);
    }

    fn store_now(&self) -> Micros {
        self.now + self.store_shift
    }

    fn at(&mut self, at: Micros, happening: Happening) {
        self.count += 1;
        let number = self.count;
        self.agenda.push(Entry {
            at: at.max(self.now),
            number,
            happening,
        });
    }

    fn run(&mut self) {
        while let Some(entry) = self.agenda.pop() {
            self.now = entry.at;
            self.story.set_now(self.now);
            self.befall(entry.happening);
            let is_over = self.now > self.ends_at + REST;
            if self.story.is_broken() || is_over || self.is_at_rest() {
                break;
            }
        }
        if !self.story.is_broken() {
            let until = self.ends_at + self.store_shift;
            self.witness.judge(&self.ledger, until, self.is_calm);
        }
    }

    fn is_at_rest(&self) -> bool {
        let is_quiet = |host: &Host| host.runner.journal.is_empty() || host.is_gone;
        self.now > self.ends_at
            && self.ledger.open_count() == 0
            && self.ledger.audited_until() >= stamp(self.ends_at + self.store_shift)
            && self.hosts.values().all(is_quiet)
    }

    fn befall(&mut self, happening: Happening) {
        match happening {
            Happening::Agent(node, life, heard) => self.agent_hears(node, life, heard),
            Happening::Alarm(node, life, alarm) => self.agent_wakes(node, life, alarm),
            Happening::Store { .. } => self.store_answers(happening),
            Happening::Locks(node, life, batch, ticks) => {
                self.locks_answer(node, life, batch, &ticks);
            }
            Happening::Runner(..) => self.runner_hears(happening),
            Happening::StartDue(node, life, token) => self.start_command(node, life, token),
            Happening::EndDue(node, life, token) => {
                self.end_command(node, life, token, Ended::Itself)
            }
            Happening::KillDue(node, life, token) => {
                self.end_command(node, life, token, Ended::Killed)
            }
            Happening::AgentUp(node) => self.start_agent(node),
            Happening::RunnerUp(node, life) => self.start_runner(node, life),
            Happening::HostUp(node) => self.start_host(node),
            Happening::Fault(fault) => self.strike(fault),
            Happening::Heal => self.heal(),
            Happening::LastOrders => self.close_shop(),
        }
    }

    /// Nothing goes wrong any more, and what went wrong ends. Machines that have left stay away.
    fn heal(&mut self) {
        self.story.tell(|| "the weather clears".to_owned());
        self.is_wild = false;
        self.weather = Weather {
            drift_max: self.weather.drift_max,
            ..Weather::default()
        };
        self.store_down_until = self.now;
        (self.locks.down_until, self.locks.deny_until) = (self.now, self.now);
        self.locks.grant_until = self.now;
        let nodes: Vec<_> = self.hosts.keys().copied().collect();
        for node in nodes {
            let host = self.hosts.get_mut(&node).expect("it was just listed");
            (host.cut_until, host.agent_paused_until) = (self.now, self.now);
            self.set_duty(node, Duty::Active);
        }
    }

    fn set_duty(&mut self, node: NodeId, duty: Duty) {
        let now = stamp(self.store_now());
        let is_drained = self
            .ledger
            .nodes()
            .get(&node)
            .map(|row| row.drained_at.is_some());
        if is_drained.is_some_and(|drained| drained != (duty == Duty::Drained)) {
            self.ledger.set_duty(node, duty, now);
        }
    }

    /// No schedule fires any more, so that the world can come to rest.
    fn close_shop(&mut self) {
        for job in self.ledger.job_ids() {
            let version = self.ledger.job(job).expect("it was just listed");
            if version.enabled {
                let mut last = version.clone();
                (last.enabled, last.version) = (false, last.version + 1);
                self.put_job(last);
            }
        }
    }

    fn edit_some_job(&mut self, fault: Fault) {
        let jobs = self.ledger.job_ids();
        if jobs.is_empty() {
            return;
        }
        let job = *self.dice.pick(&jobs);
        match fault {
            Fault::Delete => {
                let now = self.store_now();
                self.ledger.delete_job(job, now);
            }
            _ => {
                let next = self
                    .ledger
                    .job(job)
                    .map(|version| version.edit(&mut self.dice));
                self.put_job(next.expect("it was just listed"));
            }
        }
    }
}
