//! One node as a machine: events and the time go in, effects come out.
//!
//! The scheduler knows what is due, who goes first, and what to ask next when an answer is late, lost or unknown.
//! It performs nothing: the agent's pump performs its effects with a store, a tick lock and a runner, and the
//! simulator performs the same effects with maps and a seed.
//!
//! A due tick travels like this. Alone or first in the order of preference, a node asks for the tick lock (others
//! exist and Redis is there) and claims. Behind others, it waits its turn, and asks whether the tick is decided
//! before it claims. Whoever is denied the lock looks again two seconds later, since a lock is no proof. A claim whose
//! answer does not come is repeated with the same token until the tick is given up; from there on the audit of
//! ticks has it.

mod answer;
mod batch;
mod due;
mod event;
mod passed;
mod question;
mod recent;
#[cfg(test)]
mod tests;
mod turn;

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use crate::claim::CLAIM_AHEAD;
use crate::identity::JobId;
use crate::node::Peer;
use crate::tick::Tick;
use crate::token::{Token, TokenMint};

use batch::Batch;
use due::DueQueue;
pub use event::{BatchId, Effect, Event, Gate, Grant, Plan};
use passed::PassedTicks;
use recent::RecentTicks;
pub use turn::RANK_DELAY;

/// A node gives a tick up this long after its fire time and leaves it to the audit of ticks.
const GIVE_UP: SignedDuration = SignedDuration::from_secs(12);

/// A job that is loaded, and a gate that opens, answer for this much of the past: it covers the restart of an agent and
/// of its runner.
const LOOKBACK: SignedDuration = SignedDuration::from_secs(5);

/// The state of one node's scheduling.
#[derive(Debug)]
pub struct Scheduler {
    me: Peer,
    plans: HashMap<JobId, Plan>,
    due: DueQueue,
    recent: RecentTicks,
    passed: PassedTicks,
    /// The other nodes that claim.
    others: Vec<Peer>,
    gate: Gate,
    mint: TokenMint,
    /// The most runs this node holds at once, started or not.
    room_max: usize,
    /// Runs asked for or held, and the token of each.
    held: HashMap<Tick, Token>,
    waiting: BTreeMap<(Timestamp, BatchId), Batch>,
    asked: HashMap<BatchId, Batch>,
    /// Offered ticks that are in a batch.
    offered: HashSet<Tick>,
    batch_count: u64,
    /// The latest time told; time does not go back in here.
    now: Timestamp,
}

impl Scheduler {
    /// A node that holds at most `room_max` runs at once, started or not, and knows nothing yet.
    pub fn new(me: Peer, room_max: usize, mint: TokenMint) -> Self {
        Scheduler {
            me,
            plans: HashMap::new(),
            due: DueQueue::default(),
            recent: RecentTicks::new(),
            passed: PassedTicks::default(),
            others: Vec::new(),
            gate: Gate::Closed,
            mint,
            room_max,
            held: HashMap::new(),
            waiting: BTreeMap::new(),
            asked: HashMap::new(),
            offered: HashSet::new(),
            batch_count: 0,
            now: Timestamp::MIN,
        }
    }

    /// Takes in what happened and answers with what to do. The last effect is the next alarm, if there is one.
    pub fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Effect> {
        self.now = self.now.max(now);
        let mut effects = Vec::new();
        match event {
            Event::Woke => {}
            Event::JobsLoaded(plans) => plans.into_iter().for_each(|plan| self.load(plan)),
            Event::JobsRemoved(jobs) => jobs.iter().for_each(|job| self.remove(*job)),
            Event::PeersSeen(peers) => self.see_peers(peers),
            Event::GateSet(gate) => self.set_gate(gate),
            Event::HostBooted { at } => self.plan_boot(at),
            Event::OffersSeen(offers) => self.see_offers(&offers),
            Event::LocksAnswered { batch, granted } => self.take_locks_answer(batch, granted),
            Event::LookAnswered { batch, decided } => self.take_look_answer(batch, decided),
            Event::ClaimAnswered { batch, answers } => {
                self.take_claim_answer(batch, answers, &mut effects);
            }
            Event::Adopted(runs) => self.adopt(runs),
            Event::Released(tick, token) => self.release(tick, token),
        }
        self.collect_due();
        self.ask(&mut effects);
        effects.extend(self.alarm().map(Effect::WakeAt));
        effects
    }

    /// The job as this node knows it.
    pub fn plan(&self, job: JobId) -> Option<&Plan> {
        self.plans.get(&job)
    }

    /// Every job this node knows.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.plans.values()
    }

    /// How many jobs this node knows.
    pub fn plan_count(&self) -> usize {
        self.plans.len()
    }

    /// The jobs that may have fire times after `from` up to and including `to`, as they are now. It costs what was due
    /// in a past that this node has seen, and what is loaded in one that it has not.
    pub fn plans_due_between(&self, from: Timestamp, to: Timestamp) -> Vec<Plan> {
        match self.recent.jobs_between(from, to) {
            Some(jobs) => jobs
                .iter()
                .filter_map(|job| self.plans.get(job))
                .cloned()
                .collect(),
            None => self
                .plans
                .values()
                .filter(|plan| plan.enabled)
                .cloned()
                .collect(),
        }
    }

    /// The next fire time of any job.
    pub fn next_fire_time(&self) -> Option<Timestamp> {
        self.due.next()
    }

    /// How many runs this node holds or asks for.
    pub fn held_count(&self) -> usize {
        self.held.len()
    }

    /// How many questions wait for an answer.
    pub fn asked_count(&self) -> usize {
        self.asked.len()
    }

    /// How many ticks a question was about; none once it is answered.
    pub fn asked_of(&self, batch: BatchId) -> usize {
        self.asked
            .get(&batch)
            .map_or(0, |batch| batch.candidates.len())
    }

    /// Whether this node holds the tick or asks for it: what it claims under this name may still be its own.
    pub fn holds(&self, tick: &Tick) -> bool {
        self.held.contains_key(tick)
    }

    /// Looks for contradictions inside, for tests and the simulation: other nodes cover for a node that has
    /// forgotten a job or a tick, so nobody would notice from outside. `granted` are the runs that were granted and
    /// not released.
    ///
    /// # Errors
    /// Says which law is broken and by what.
    pub fn check(&self, granted: &HashSet<Tick>) -> Result<(), String> {
        for plan in self.plans.values() {
            let alarms = self.due.alarm_count(plan.job, plan.version);
            let is_mine = plan.enabled && plan.target.allows(&self.me.name, &self.me.labels);
            let is_over = plan.schedule.next_after(self.now).is_none();
            if alarms > 1 || (alarms == 0 && is_mine && !is_over) {
                return Err(format!("job {} has {alarms} alarms", plan.job));
            }
        }
        let unanswered = self.waiting.values().chain(self.asked.values());
        let in_batches: HashSet<Tick> = unanswered
            .flat_map(|batch| batch.candidates.iter())
            .map(|candidate| candidate.tick)
            .collect();
        if let Some(tick) = self.offered.iter().find(|tick| !in_batches.contains(tick)) {
            return Err(format!(
                "offered {tick} is in no batch and never seen again"
            ));
        }
        let is_leaked = |tick: &&Tick| !in_batches.contains(tick) && !granted.contains(tick);
        match self.held.keys().find(is_leaked) {
            Some(tick) => Err(format!(
                "{tick} takes room and is neither asked for nor granted"
            )),
            None => Ok(()),
        }
    }

    fn load(&mut self, plan: Plan) {
        let known = self.plans.get(&plan.job).map(|known| known.version);
        if known.is_some_and(|version| version >= plan.version) {
            return;
        }
        // What was due while the agent restarted, or the edit travelled, is claimed late; whatever somebody has
        // decided in the meantime is lost and costs nothing.
        let lookback = self.now.saturating_sub(LOOKBACK).unwrap_or(self.now);
        let from = plan.valid_from.max(lookback);
        if from > plan.valid_from {
            self.recent.skip_until(from);
        }
        if plan.enabled {
            self.arm(&plan, from);
        }
        self.plans.insert(plan.job, plan);
        self.due.shed_stale(&self.plans);
    }

    fn remove(&mut self, job: JobId) {
        self.plans.remove(&job);
        self.due.shed_stale(&self.plans);
    }

    fn arm(&mut self, plan: &Plan, after: Timestamp) {
        if let Some(fire_time) = plan.schedule.next_after(after) {
            self.recent.expect(fire_time);
            self.due.push(fire_time, plan.job, plan.version);
        }
    }

    fn adopt(&mut self, runs: Vec<(Tick, Token)>) {
        for (tick, token) in runs {
            // What it asks for under this name meanwhile goes before.
            self.held.entry(tick).or_insert(token);
        }
    }

    /// Ends what is held by this token. An earlier attempt may be told twice, and ends no later one.
    fn release(&mut self, tick: Tick, token: Token) {
        if self.held.get(&tick) == Some(&token) {
            self.held.remove(&tick);
        }
    }

    fn set_gate(&mut self, gate: Gate) {
        self.gate = gate;
        if gate != Gate::Closed {
            self.take_up_passed();
        }
    }

    fn see_peers(&mut self, peers: Vec<Peer>) {
        self.others = peers
            .into_iter()
            .filter(|peer| peer.id != self.me.id && peer.is_candidate())
            .collect();
    }

    fn alarm(&self) -> Option<Timestamp> {
        let due = self.due.next().map(|fire_time| fire_time - CLAIM_AHEAD);
        let waiting = self.waiting.keys().next().map(|&(at, _)| at);
        due.into_iter().chain(waiting).min()
    }
}
