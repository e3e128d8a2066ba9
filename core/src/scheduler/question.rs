//! What to ask next, when, and for which ticks it is too late to ask.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::batch::{Batch, Candidate, Step};
use super::{BatchId, Effect, Gate, Scheduler};
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
        self.release(&dropped);
    }

    /// Reserves room for what is claimed, the higher priority first; what does not fit is looked at once more when others
    /// have had their chance.
    fn fit_into_room(&mut self, due: &mut [(BatchId, Batch)]) {
        let is_claimed = |batch: &Batch| matches!(batch.step, Step::Claim | Step::Take);
        let claimed = || due.iter().filter(|(_, batch)| is_claimed(batch));
        let candidates = claimed().flat_map(|(_, batch)| &batch.candidates);
        let mut fresh: Vec<_> = candidates
            .filter(|candidate| !self.held.contains(&candidate.tick))
            .map(Candidate::precedence)
            .collect();
        let room = self.room_max.saturating_sub(self.held.len());
        let mut over = HashSet::new();
        if fresh.len() > room {
            fresh.sort_unstable();
            over.extend(fresh.split_off(room).into_iter().map(|(_, tick)| tick));
        }
        for (_, batch) in due.iter_mut().filter(|(_, batch)| is_claimed(batch)) {
            let candidates = std::mem::take(&mut batch.candidates).into_iter();
            let (out, kept): (Vec<_>, Vec<_>) =
                candidates.partition(|candidate| over.contains(&candidate.tick));
            self.held
                .extend(kept.iter().map(|candidate| candidate.tick));
            batch.candidates = kept;
            self.release(&out);
            self.look_again(out);
        }
    }

    /// Second and last look at ticks that somebody else was to decide.
    pub(super) fn look_again(&mut self, candidates: Vec<Candidate>) {
        let mut by_look: BTreeMap<Timestamp, Vec<Candidate>> = BTreeMap::new();
        for candidate in candidates
            .into_iter()
            .filter(|candidate| candidate.offer.is_none())
        {
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

    fn release(&mut self, candidates: &[Candidate]) {
        for candidate in candidates {
            self.held.remove(&candidate.tick);
            self.offered.remove(&candidate.tick);
        }
    }
}
