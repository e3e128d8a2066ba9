//! When it is this node's turn: at a due tick, when the host has come up, and at an offered run.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::batch::{Candidate, Step};
use super::{GIVE_UP, Gate, LOOKBACK, Plan, Scheduler};
use crate::claim::CLAIM_AHEAD;
use crate::offer::Offer;
use crate::placement::{Placement, rank};
use crate::priority::Priority;
use crate::run::{Preference, Trigger};
use crate::tick::{Tick, TickKind};
use crate::token::Token;

/// Each node further down the order of preference waits this much longer.
pub const RANK_DELAY: SignedDuration = SignedDuration::from_millis(100);

/// Nobody waits for more ranks than this.
const RANK_MAX: usize = 3;

/// A node asked to rather not take an offered run waits this long for another one.
const RATHER_NOT_DELAY: SignedDuration = SignedDuration::from_secs(5);

/// How long after the host came up a job that wants to run then may still start.
const BOOT_DEADLINE: SignedDuration = SignedDuration::from_mins(10);

impl Scheduler {
    /// Moves every tick whose time has come from the due queue into batches.
    pub(super) fn collect_due(&mut self) {
        let until = self
            .now
            .saturating_add(CLAIM_AHEAD)
            .unwrap_or(Timestamp::MAX);
        let mut fresh: BTreeMap<(Timestamp, Step), Vec<Candidate>> = BTreeMap::new();
        while let Some((fire_time, job, version)) = self.due.pop_until(until) {
            let Some(plan) = self.plans.get(&job).filter(|plan| plan.version == version) else {
                continue;
            };
            let oldest = self.now.saturating_sub(GIVE_UP).unwrap_or(Timestamp::MIN);
            if let Some(next) = plan.schedule.next_after(fire_time.max(oldest)) {
                self.due.push(next, job, version);
            }
            if fire_time < oldest {
                self.recent.skip_until(oldest);
            }
            self.recent.push(fire_time, job);
            let plan = &self.plans[&job];
            let is_mine = plan.target.allows(&self.me.name, &self.me.labels);
            if fire_time < oldest || !is_mine {
                continue;
            }
            if self.gate == Gate::Closed {
                self.passed.push((fire_time, job, version), oldest);
                continue;
            }
            let token = self.mint.mint();
            let candidate = self.candidate(plan, fire_time, token);
            let at = self.turn_at(&candidate);
            let step = self.first_step(plan.placement, candidate.rank);
            fresh.entry((at, step)).or_default().push(candidate);
        }
        self.recent.see_until(until);
        for ((at, step), candidates) in fresh {
            self.wait(at, step, candidates);
        }
    }

    /// Looks at the ticks that passed while the gate was closed, now that it is open.
    pub(super) fn take_up_passed(&mut self) {
        let oldest = self.now.saturating_sub(LOOKBACK).unwrap_or(self.now);
        let mut fresh: BTreeMap<(Timestamp, Step), Vec<Candidate>> = BTreeMap::new();
        for (fire_time, job, version) in self.passed.take_since(oldest) {
            let is_current = |plan: &&Plan| plan.version == version && plan.enabled;
            let Some(plan) = self.plans.get(&job).filter(is_current) else {
                continue;
            };
            let token = self.mint.mint();
            let candidate = self.candidate(plan, fire_time, token);
            let is_shared = plan.placement != Placement::EveryNode && !self.others.is_empty();
            let step = if is_shared { Step::Look } else { Step::Claim };
            let at = self.turn_at(&candidate).max(self.now);
            fresh.entry((at, step)).or_default().push(candidate);
        }
        for ((at, step), candidates) in fresh {
            self.wait(at, step, candidates);
        }
    }

    /// This node's part in a tick.
    fn candidate(&self, plan: &Plan, fire_time: Timestamp, token: Token) -> Candidate {
        let (slot, rank) = self.seat(plan, fire_time);
        Candidate {
            tick: Tick::scheduled(plan.job, fire_time, slot),
            trigger: Trigger::Schedule,
            version: plan.version,
            token,
            rank,
            attempt: 1,
            priority: plan.priority,
            start_at: fire_time,
            start_until: plan.late.start_until(fire_time),
            offer: None,
        }
    }

    /// When this node asks for a tick.
    fn turn_at(&self, candidate: &Candidate) -> Timestamp {
        let ranks = candidate.rank.min(RANK_MAX) as i32;
        candidate.tick.fire_time - CLAIM_AHEAD + RANK_DELAY * ranks
    }

    /// The slot this node would take of a tick, and how many nodes go before it.
    fn seat(&self, plan: &Plan, fire_time: Timestamp) -> (i64, usize) {
        let tick = (plan.job, fire_time.as_second());
        let me = (self.me.id, self.me.running_max);
        let others = self
            .others
            .iter()
            .filter(|peer| plan.target.allows(&peer.name, &peer.labels));
        let rank = || rank(tick, me, others.map(|peer| (peer.id, peer.running_max)));
        match plan.placement {
            Placement::EveryNode => (self.me.id.0, 0),
            Placement::One => (0, rank()),
            Placement::Some(nodes) => {
                let rank = rank();
                let nodes = usize::from(nodes);
                ((rank % nodes) as i64, rank / nodes)
            }
        }
    }

    fn first_step(&self, placement: Placement, rank: usize) -> Step {
        match (self.gate, placement) {
            (_, Placement::EveryNode) => Step::Claim,
            _ if self.others.is_empty() => Step::Claim,
            (Gate::OpenWithLocks, _) => Step::Lock,
            _ if rank == 0 => Step::Claim,
            _ => Step::Look,
        }
    }

    /// The ticks of jobs that want to run when the host has come up.
    pub(super) fn plan_boot(&mut self, at: Timestamp) {
        let mine = |plan: &&Plan| {
            plan.enabled
                && plan.schedule.is_reboot()
                && plan.target.allows(&self.me.name, &self.me.labels)
        };
        let mut plans: Vec<_> = self
            .plans
            .values()
            .filter(mine)
            .map(|plan| (plan.job, plan.version, plan.priority))
            .collect();
        // The order of a map is another one in every process; that of tokens must not be.
        plans.sort_unstable();
        let candidates = plans.into_iter().map(|(job, version, priority)| Candidate {
            tick: Tick::scheduled(job, at, self.me.id.0),
            trigger: Trigger::Boot,
            version,
            token: self.mint.mint(),
            rank: 0,
            attempt: 1,
            priority,
            start_at: at,
            start_until: at + BOOT_DEADLINE,
            offer: None,
        });
        let candidates = candidates.collect();
        self.wait(self.now, Step::Claim, candidates);
    }

    /// Puts offered runs that this node may take into batches, and forgets those that are gone. One that it holds or
    /// asks for already waits until that is settled: two tokens of one node under one name could not be told apart.
    pub(super) fn see_offers(&mut self, offers: &[Offer]) {
        let seen: HashSet<Tick> = offers.iter().map(|offer| offer.tick).collect();
        // What was asked once and not answered stays: it is gone from the list because the answer was yes.
        let unasked = self.waiting.values_mut().filter(|batch| batch.repeats == 0);
        for batch in unasked {
            batch
                .candidates
                .retain(|c| c.offer.is_none() || seen.contains(&c.tick));
        }
        self.offered.retain(|tick| seen.contains(tick));
        if self.gate == Gate::Closed {
            return;
        }
        let mut fresh: BTreeMap<Timestamp, Vec<Candidate>> = BTreeMap::new();
        for offer in offers.iter().filter(|o| !self.held.contains_key(&o.tick)) {
            if let Some((at, rank, priority)) = self.turn(offer)
                && self.offered.insert(offer.tick)
            {
                let token = self.mint.mint();
                fresh
                    .entry(at)
                    .or_default()
                    .push(Candidate::of_offer(offer, token, rank, priority));
            }
        }
        for (at, candidates) in fresh {
            self.wait(at, Step::Take, candidates);
        }
    }

    /// When this node may take an offered run, how many nodes go before it, and its priority; none when it may not.
    fn turn(&self, offer: &Offer) -> Option<(Timestamp, usize, Priority)> {
        let plan = self.plans.get(&offer.tick.job)?;
        let held =
            |tick: &Tick| (tick.job, tick.fire_time) == (offer.tick.job, offer.tick.fire_time);
        let mut mine = self.held.keys().chain(&self.offered);
        let is_seated = matches!(plan.placement, Placement::Some(_)) && mine.any(held);
        let foreign_seat = plan.placement == Placement::EveryNode
            && offer.tick.kind == TickKind::Scheduled
            && offer.tick.slot != self.me.id.0;
        if is_seated || foreign_seat || offer.until <= self.now {
            return None;
        }
        let (_, rank) = self.seat(plan, offer.tick.fire_time);
        let is_open = plan.target.allows(&self.me.name, &self.me.labels);
        let (rank, delay) = match offer.preference {
            Preference::Only(node) if node != self.me.id => return None,
            Preference::Only(_) => (0, SignedDuration::ZERO),
            Preference::Not(node) if node == self.me.id => return None,
            _ if !is_open => return None,
            Preference::RatherNot(node) if node == self.me.id && !self.others.is_empty() => {
                (rank, RATHER_NOT_DELAY)
            }
            _ => (rank, SignedDuration::ZERO),
        };
        let turn = offer.not_before.max(self.now) + delay + RANK_DELAY * rank.min(RANK_MAX) as i32;
        Some((turn, rank, plan.priority))
    }
}
