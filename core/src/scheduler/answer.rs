//! What an answer means, also when it does not come.

use std::collections::HashSet;

use super::batch::Step;
use super::{BatchId, Effect, Scheduler};
use crate::claim::ClaimAnswer;
use crate::tick::Tick;

impl Scheduler {
    pub(super) fn take_locks_answer(&mut self, id: BatchId, granted: Option<Vec<bool>>) {
        let Some(batch) = self.asked.remove(&id) else {
            return;
        };
        let Some(granted) = granted else {
            // Not knowing is neither yes nor no: the claim decides, and whoever is not first asks before he claims.
            let (first, behind) = batch.candidates.into_iter().partition(|c| c.rank == 0);
            self.wait(self.now, Step::Claim, first);
            return self.wait(self.now, Step::Look, behind);
        };
        let mut granted = granted.into_iter();
        let (won, denied) = batch
            .candidates
            .into_iter()
            .partition(|_| granted.next() == Some(true));
        self.wait(self.now, Step::Claim, won);
        self.look_again(denied);
    }

    pub(super) fn take_look_answer(&mut self, id: BatchId, decided: Option<HashSet<Tick>>) {
        let Some(mut batch) = self.asked.remove(&id) else {
            return;
        };
        match decided {
            None => self.repeat(id, batch),
            Some(decided) => {
                batch
                    .candidates
                    .retain(|candidate| !decided.contains(&candidate.tick));
                self.wait(self.now, Step::Claim, batch.candidates);
            }
        }
    }

    pub(super) fn take_claim_answer(
        &mut self,
        id: BatchId,
        answers: Option<Vec<ClaimAnswer>>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(batch) = self.asked.remove(&id) else {
            return;
        };
        let Some(answers) = answers else {
            return self.repeat(id, batch);
        };
        let mut refused = Vec::new();
        for (candidate, answer) in batch.candidates.into_iter().zip(answers) {
            self.withdraw(&candidate);
            if answer == ClaimAnswer::Won {
                effects.push(Effect::Start(candidate.grant(batch.asked_at, self.now)));
                continue;
            }
            self.release(candidate.tick, candidate.token);
            if answer == ClaimAnswer::Refused {
                refused.push(candidate);
            }
        }
        self.look_again(refused);
    }
}
