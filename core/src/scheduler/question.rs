//! What to ask next, when, and for which ticks it is too late to ask.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::batch::{Batch, Candidate, Step};
use super::{BatchId, Effect, GIVE_UP, Gate, Scheduler};
use crate::claim::CLAIM_BATCH_MAX;

/// Whoever was denied the lock looks again this long after the fire time.
const SECOND_LOOK: SignedDuration = SignedDuration::from_secs(2);

/// And whoever was full looks once more.
const LAST_LOOK: SignedDuration = SignedDuration::from_secs(10);

/// A question without an answer is repeated after this long, twice as long each time.
const REPEAT_AFTER: SignedDuration = SignedDuration::from_millis(100);

/// But no later than this.
const REPEAT_AFTER_MAX: SignedDuration = SignedDuration::from_secs(1);

impl Scheduler {
    pub(super) fn wait(&mut self, at: Timestamp, step: Step, mut candidates: Vec<Candidate>) {
        // What matters most is asked for first.
        candidates.sort_unstable_by_key(Candidate::precedence);
        while !candidates.is_empty() {
            let rest = candidates.split_off(candidates.len().min(CLAIM_BATCH_MAX));
            // Claims that lock rows in one order do not deadlock.
            candidates.sort_unstable_by_key(|candidate| candidate.tick);
            self.batch_count += 1;
            let batch = Batch {
                step,
                candidates,
                repeats: 0,
                asked_at: at,
            };
            self.waiting.insert((at, BatchId(self.batch_count)), batch);
            candidates = rest;
        }
    }

    /// Asks every question whose time has come.
    pub(super) fn ask(&mut self, effects: &mut Vec<Effect>) {
        let mut due = Vec::new();
        while let Some(entry) = self.waiting.first_entry()
            && entry.key().0 <= self.now
        {
            let ((_, id), mut batch) = entry.remove_entry();
            self.drop_stale(&mut batch);
            if batch.step.holds() && batch.repeats == 0 {
                batch.asked_at = self.now;
                self.leave_held(&mut batch);
            }
            due.push((id, batch));
        }
        self.fit_into_room(&mut due);
        for (id, batch) in due {
            if !batch.candidates.is_empty() {
                effects.push(batch.question(id));
                self.asked.insert(id, batch);
            }
        }
    }

    /// Drops what this node must not ask for any more. A claim that was asked once is kept: its answer may be yes.
    fn drop_stale(&mut self, batch: &mut Batch) {
        let now = self.now;
        let wants = |candidate: &Candidate| {
            let plan = self.plans.get(&candidate.tick.job);
            let is_current = candidate.offer.is_some()
                || plan.is_some_and(|plan| plan.version == candidate.version && plan.enabled);
            let is_wanted = is_current && self.gate != Gate::Closed;
            (is_wanted || batch.repeats > 0) && now < candidate.give_up_at()
        };
        let (kept, dropped) = std::mem::take(&mut batch.candidates)
            .into_iter()
            .partition(wants);
        batch.candidates = kept;
        for candidate in &dropped {
            if batch.step.holds() && batch.repeats > 0 {
                self.release(candidate.tick, candidate.token);
            }
            self.withdraw(candidate);
            let is_unasked = batch.repeats == 0 && now < candidate.give_up_at();
            if self.gate == Gate::Closed && is_unasked && candidate.is_of_schedule() {
                let tick = candidate.tick;
                let oldest = now.saturating_sub(GIVE_UP).unwrap_or(now);
                let passed = (tick.fire_time, tick.job, candidate.version);
                self.passed.push(passed, oldest);
            }
        }
    }

    /// Leaves what this node holds or has asked for already, and holds the rest: two tokens of one node under one name
    /// could not be told apart. A tick that it holds is decided; an offer waits until the other question is answered.
    fn leave_held(&mut self, batch: &mut Batch) {
        let (held, free): (Vec<_>, Vec<_>) = std::mem::take(&mut batch.candidates)
            .into_iter()
            .partition(|candidate| self.held.contains_key(&candidate.tick));
        self.held.extend(
            free.iter()
                .map(|candidate| (candidate.tick, candidate.token)),
        );
        batch.candidates = free;
        if batch.step == Step::Take {
            self.wait(self.now + REPEAT_AFTER, Step::Take, held);
        }
    }

    /// Leaves what there is no room for, the lower priority first; it is looked at once more when others have had their
    /// chance.
    fn fit_into_room(&mut self, due: &mut [(BatchId, Batch)]) {
        let is_fresh = |batch: &Batch| batch.step.holds() && batch.repeats == 0;
        let surplus = self.held.len().saturating_sub(self.room_max);
        if surplus == 0 {
            return;
        }
        let fresh = due.iter().filter(|(_, batch)| is_fresh(batch));
        let mut order: Vec<_> = fresh
            .flat_map(|(_, batch)| &batch.candidates)
            .map(Candidate::precedence)
            .collect();
        order.sort_unstable();
        let over: HashSet<_> = order
            .split_off(order.len().saturating_sub(surplus))
            .into_iter()
            .map(|(_, tick)| tick)
            .collect();
        for (_, batch) in due.iter_mut().filter(|(_, batch)| is_fresh(batch)) {
            let (out, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut batch.candidates)
                .into_iter()
                .partition(|candidate| over.contains(&candidate.tick));
            batch.candidates = kept;
            for candidate in &out {
                self.release(candidate.tick, candidate.token);
                self.withdraw(candidate);
            }
            self.look_again(out);
        }
    }

    /// Second and last look at ticks that somebody else was to decide.
    pub(super) fn look_again(&mut self, candidates: Vec<Candidate>) {
        let mut by_look: BTreeMap<Timestamp, Vec<Candidate>> = BTreeMap::new();
        for mut candidate in candidates
            .into_iter()
            .filter(|candidate| candidate.offer.is_none())
        {
            // The network may still deliver the question that was answered with no: it would be granted under this name.
            candidate.token = self.mint.mint();
            let looks = [SECOND_LOOK, LAST_LOOK].map(|delay| candidate.tick.fire_time + delay);
            let next = looks.into_iter().find(|&look| look > self.now);
            if let Some(look) = next.filter(|&look| look < candidate.give_up_at()) {
                by_look.entry(look).or_default().push(candidate);
            }
        }
        for (look, candidates) in by_look {
            self.wait(look, Step::Look, candidates);
        }
    }

    pub(super) fn repeat(&mut self, id: BatchId, mut batch: Batch) {
        let delay = REPEAT_AFTER * 2_i32.pow(batch.repeats.min(8));
        batch.repeats += 1;
        self.waiting
            .insert((self.now + delay.min(REPEAT_AFTER_MAX), id), batch);
    }

    /// An offer that this node asks for no more may be asked for again when it is seen again.
    pub(super) fn withdraw(&mut self, candidate: &Candidate) {
        if candidate.offer.is_some() {
            self.offered.remove(&candidate.tick);
        }
    }
}
