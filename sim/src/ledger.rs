//! The store as maps: the same questions, the same answers, one at a time.
//!
//! Responsible for what the real store promises (a claim is decided once, tokens guard every later change, the
//! watermark is raised by comparison) and for the law of its own edges. It must not know nodes' inner state: what
//! reaches it has travelled.

mod claim;
mod close;
mod report;
mod row;

use std::collections::{BTreeMap, BTreeSet};

use carillon_core::claim::{BootId, Claimant};
use carillon_core::identity::{JobId, NodeId};
use carillon_core::node::{Duty, Limits, Peer, liveness};
use carillon_core::offer::Offer;
use carillon_core::placement::Labels;
use carillon_core::run::{Outcome, Phase, Reason};
use carillon_core::scheduler::Plan;
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use jiff::Timestamp;

use crate::bug::Bug;
use crate::crontab::{Version, node_name};
use crate::story::Story;
use crate::time::{Micros, stamp, told};

pub(crate) use close::Window;
pub(crate) use row::Row;

/// The most runs a node of the simulation holds at once.
pub(crate) const RUNNING_MAX: u32 = 8;

/// One node as the store knows it.
#[derive(Debug, Clone)]
pub(crate) struct NodeRow {
    pub(crate) boot: BootId,
    pub(crate) host_life: u64,
    pub(crate) replaced_at: Option<Timestamp>,
    pub(crate) last_beat_at: Timestamp,
    pub(crate) created_at: Timestamp,
    pub(crate) drained_at: Option<Timestamp>,
    pub(crate) is_claiming: bool,
    /// Whether it was ever drained.
    pub(crate) was_drained: bool,
    /// Whether the machine truly exists at the end; for the laws alone.
    pub(crate) is_alive: bool,
}

/// What a heartbeat learns.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    pub(crate) is_current: bool,
    pub(crate) is_drained: bool,
    pub(crate) peers: Vec<Peer>,
    pub(crate) jobs_revision: i64,
    pub(crate) kills: Vec<Token>,
}

/// The store.
#[derive(Debug)]
pub(crate) struct Ledger {
    story: Story,
    bug: Option<Bug>,
    rows: BTreeMap<Tick, Row>,
    /// Rows that are not done.
    open: BTreeSet<Tick>,
    /// The version in force of every job that is not deleted.
    jobs: BTreeMap<JobId, Version>,
    revisions: BTreeMap<JobId, i64>,
    tenures: Vec<Version>,
    nodes: BTreeMap<NodeId, NodeRow>,
    kills: BTreeSet<Tick>,
    jobs_revision: i64,
    /// How many changes were made: the store's clock steps back, this does not.
    changes: u64,
    audited_until: Timestamp,
    closed_until: Timestamp,
}

impl Ledger {
    pub(crate) fn new(story: Story, bug: Option<Bug>, dawn: Micros) -> Self {
        Ledger {
            story,
            bug,
            rows: BTreeMap::new(),
            open: BTreeSet::new(),
            jobs: BTreeMap::new(),
            revisions: BTreeMap::new(),
            tenures: Vec::new(),
            nodes: BTreeMap::new(),
            kills: BTreeSet::new(),
            jobs_revision: 0,
            changes: 0,
            audited_until: stamp(dawn),
            closed_until: stamp(dawn),
        }
    }

    fn has_bug(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    pub(crate) fn row(&self, tick: &Tick) -> Option<&Row> {
        self.rows.get(tick)
    }

    pub(crate) fn open_count(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn jobs_revision(&self) -> i64 {
        self.jobs_revision
    }

    pub(crate) fn audited_until(&self) -> Timestamp {
        self.audited_until
    }

    pub(crate) fn tenures(&self) -> &[Version] {
        &self.tenures
    }

    pub(crate) fn nodes(&self) -> &BTreeMap<NodeId, NodeRow> {
        &self.nodes
    }

    pub(crate) fn job(&self, job: JobId) -> Option<&Version> {
        self.jobs.get(&job)
    }

    pub(crate) fn job_ids(&self) -> Vec<JobId> {
        self.jobs.keys().copied().collect()
    }

    /// A job is new or edited.
    pub(crate) fn put_job(&mut self, mut version: Version, now: Micros) {
        self.end_tenure(version.job, now);
        version.valid_from = now;
        self.story.tell(|| {
            let Version { job, rhythm, .. } = &version;
            let (enabled, placement) = (version.enabled, version.placement);
            let (number, overlap) = (version.version, version.overlap);
            let key = version.key.map_or(String::new(), |key| format!(" key {key}"));
            let calendar = match &version.calendar {
                Some(calendar) => format!(" {calendar:?}"),
                None => String::new(),
            };
            let (misfire, deadline) = (version.late.misfire, version.late.start_deadline);
            format!(
                "store: job {job} version {number}: {rhythm:?} enabled={enabled} {placement} overlap {overlap}{key} misfire {misfire} deadline {deadline:#}{calendar}"
            )
        });
        self.touch(version.job);
        self.tenures.push(version.clone());
        self.jobs.insert(version.job, version);
    }

    /// A job is deleted.
    pub(crate) fn delete_job(&mut self, job: JobId, now: Micros) {
        self.story.tell(|| format!("store: job {job} deleted"));
        self.end_tenure(job, now);
        self.touch(job);
        self.jobs.remove(&job);
    }

    fn end_tenure(&mut self, job: JobId, now: Micros) {
        self.changes += 1;
        let mut tenures = self.tenures.iter_mut().rev();
        if let Some(last) = tenures.find(|tenure| tenure.job == job) {
            last.valid_until = last.valid_until.or(Some(now));
            last.ended_by = last.ended_by.or(Some(self.changes));
        }
    }

    fn touch(&mut self, job: JobId) {
        self.jobs_revision += 1;
        self.revisions.insert(job, self.jobs_revision);
    }

    /// Jobs changed since a revision: the new plans, and those that are gone.
    pub(crate) fn jobs_since(&self, revision: i64) -> (i64, Vec<Plan>, Vec<JobId>) {
        let changed = self.revisions.iter().filter(|(_, at)| **at > revision);
        let (mut plans, mut gone) = (Vec::new(), Vec::new());
        for (job, _) in changed {
            match self.jobs.get(job) {
                Some(version) => plans.push(version.plan()),
                None => gone.push(*job),
            }
        }
        (self.jobs_revision, plans, gone)
    }

    /// An agent introduces itself. Answers whether its host has come up since the node was last seen.
    pub(crate) fn register(&mut self, who: Claimant, host_life: u64, now: Timestamp) -> bool {
        let old = self.nodes.get(&who.node);
        let is_other = old.is_some_and(|old| old.boot != who.boot);
        let is_new_host = old.is_none_or(|old| old.host_life != host_life);
        let row = NodeRow {
            boot: who.boot,
            host_life,
            replaced_at: if is_other { Some(now) } else { None },
            last_beat_at: now,
            created_at: old.map_or(now, |old| old.created_at),
            drained_at: old.and_then(|old| old.drained_at),
            is_claiming: true,
            was_drained: old.is_some_and(|old| old.was_drained),
            is_alive: old.is_none_or(|old| old.is_alive),
        };
        self.nodes.insert(who.node, row);
        is_new_host
    }

    pub(crate) fn beat(&mut self, who: Claimant, is_claiming: bool, now: Timestamp) -> Pulse {
        let node = self.nodes.get_mut(&who.node);
        let is_current = node.as_ref().is_some_and(|node| node.boot == who.boot);
        let node = node.filter(|_| is_current);
        let is_drained = node.is_some_and(|node| {
            (node.last_beat_at, node.is_claiming) = (now, is_claiming);
            node.drained_at.is_some()
        });
        let wanted = self.kills.iter().filter_map(|tick| self.rows.get(tick));
        let mine = |row: &&Row| row.owner.is_some_and(|owner| owner.node == who.node);
        Pulse {
            is_current,
            is_drained,
            peers: self.peers(now),
            jobs_revision: self.jobs_revision,
            kills: wanted.filter(mine).filter_map(|row| row.token).collect(),
        }
    }

    fn peers(&self, now: Timestamp) -> Vec<Peer> {
        let peer = |(id, node): (&NodeId, &NodeRow)| Peer {
            id: *id,
            name: node_name(*id),
            labels: Labels::new(),
            running_max: RUNNING_MAX,
            duty: match node.drained_at {
                Some(_) => Duty::Drained,
                None => Duty::Active,
            },
            is_claiming: node.is_claiming,
            liveness: liveness(node.last_beat_at, now, Limits::default()),
        };
        self.nodes.iter().map(peer).collect()
    }

    /// What operators want of a node.
    pub(crate) fn set_duty(&mut self, node: NodeId, duty: Duty, now: Timestamp) {
        if let Some(row) = self.nodes.get_mut(&node) {
            row.drained_at = (duty != Duty::Active).then_some(now);
            row.was_drained = true;
            self.story.tell(|| format!("store: node {node} is {duty}"));
        }
    }

    /// The machine is gone for good; only the laws may know.
    pub(crate) fn bury(&mut self, node: NodeId) {
        if let Some(row) = self.nodes.get_mut(&node) {
            row.is_alive = false;
        }
    }

    pub(crate) fn is_alive(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|row| row.is_alive)
    }

    /// All runs on offer, with the reason why they wait.
    pub(crate) fn offers(&self) -> Vec<(Offer, Option<Reason>)> {
        let rows = self.open.iter().filter_map(|tick| self.rows.get(tick));
        let offer = |row: &Row| {
            let offer = Offer {
                tick: row.tick,
                trigger: row.trigger,
                version: row.version,
                attempt: row.attempt,
                not_before: row.not_before,
                until: row.start_until,
                preference: row.preference,
            };
            (offer, row.reason)
        };
        rows.filter(|row| row.phase == Phase::Offered)
            .map(offer)
            .collect()
    }

    /// A run that somebody asked for.
    pub(crate) fn run_now(&mut self, row: Row) {
        self.put(row, "asked for by hand");
    }

    /// Writes a row and holds the change against the closed set of edges.
    fn put(&mut self, row: Row, why: &str) {
        let old = self.rows.get(&row.tick);
        let edge = (old.map(|old| old.phase), row.phase);
        let was_lost = old.is_some_and(|old| old.outcome == Some(Outcome::Lost));
        let is_allowed = match edge {
            (None, Phase::Claimed | Phase::Offered | Phase::Done) => true,
            (Some(Phase::Claimed), _) => true,
            (Some(Phase::Running), Phase::Running | Phase::Offered | Phase::Done) => true,
            (Some(Phase::Offered), Phase::Offered | Phase::Claimed | Phase::Done) => true,
            (Some(Phase::Done), Phase::Running | Phase::Offered | Phase::Done) => was_lost,
            _ => false,
        };
        if !is_allowed {
            let (tick, from) = (row.tick, edge.0);
            self.story.break_law(
                "edge",
                format!("{tick} from {from:?} to {:?} ({why})", edge.1),
            );
        }
        self.story.tell(|| {
            let outcome = row.outcome.map_or(String::new(), |outcome| format!(" {outcome}"));
            let reason = row.reason.map_or(String::new(), |reason| format!(" ({reason})"));
            let owner = row.owner.map_or(String::new(), |who| format!(" by node {}", who.node));
            let count = match row.tick_count {
                1 => String::new(),
                count => format!(" ×{count} until {}", told(row.until_time)),
            };
            let (tick, phase, fire) = (row.tick, row.phase, told(row.tick.fire_time));
            let attempt = row.attempt;
            format!("store: {tick} [{fire}] {phase}{outcome}{reason}{owner} attempt {attempt}{count}: {why}")
        });
        match row.phase {
            Phase::Done => {
                self.open.remove(&row.tick);
                self.kills.remove(&row.tick);
            }
            _ => {
                self.open.insert(row.tick);
            }
        }
        self.rows.insert(row.tick, row);
    }
}
