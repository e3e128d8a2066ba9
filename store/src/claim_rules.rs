//! The rules of a claim, as a function of what was read under the lock. No SQL, no clock.

use std::collections::HashMap;

use carillon_core::claim::{CLAIM_EARLY_MAX, ClaimAnswer, ClaimRequest, Claimant, Replacement};
use carillon_core::identity::JobId;
use carillon_core::overlap::Overlap;
use carillon_core::run::{Outcome, Phase, Reason, Trigger};
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use jiff::Timestamp;

use crate::claims::{Claimed, Judged};
use crate::lanes::{KeyId, Lanes};
use crate::run::Run;
use crate::seats::Seats;

/// What decides over a job's ticks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    pub(crate) version: i64,
    pub(crate) is_enabled: bool,
    pub(crate) is_deleted: bool,
    pub(crate) valid_from: Timestamp,
    pub(crate) overlap: Overlap,
    pub(crate) key: Option<KeyId>,
}

/// What was read for one claim.
pub(crate) struct Seen {
    pub(crate) now: Timestamp,
    pub(crate) closed_until: Timestamp,
    pub(crate) is_boot_current: bool,
    /// Ticks of the batch that are decided already.
    pub(crate) decided: HashMap<Tick, Decided>,
    /// What the claimant has of the same occurrences.
    pub(crate) seats: Seats,
}

/// By which token a tick was decided, and what has become of it.
pub(crate) type Decided = (Option<Token>, Phase, Option<Outcome>);

/// The state of the jobs of one claim, kept up while its requests are judged one after another.
pub(crate) struct Board {
    pub(crate) gates: HashMap<JobId, Gate>,
    pub(crate) seen: Seen,
    pub(crate) open: Lanes,
    pub(crate) new: Vec<Run>,
    pub(crate) changed: Vec<Run>,
    pub(crate) replacements: Vec<Run>,
}

/// Where a tick goes that may be decided now.
enum Place {
    /// There is room: it starts.
    Free,
    /// It waits its turn.
    Wait,
    /// It waits for the end of the runs before it.
    Replace,
    /// It is skipped.
    Full(Reason),
}

impl Board {
    /// Judges every request, the earlier fire time first.
    pub(crate) fn judge_all(mut self, claimant: Claimant, requests: &[ClaimRequest]) -> Judged {
        let mut order: Vec<_> = (0..requests.len()).collect();
        order.sort_by_key(|&place| requests[place].tick);
        let mut answers = vec![ClaimAnswer::Refused; requests.len()];
        for place in order {
            answers[place] = self.judge(claimant, &requests[place]);
        }
        let replacements = self.replacements.iter().map(|run| Replacement {
            job: run.tick.job,
            old: run.tick,
        });
        Judged {
            claimed: Claimed {
                answers,
                replacements: replacements.collect(),
            },
            new: self.new,
            changed: self.changed,
            replaced: self.replacements,
        }
    }

    fn judge(&mut self, claimant: Claimant, request: &ClaimRequest) -> ClaimAnswer {
        if let Some(&decided) = self.seen.decided.get(&request.tick) {
            return answer_again(request.token, decided);
        }
        if self.seen.seats.holds_another(request.tick) {
            // The seat is for another node.
            return ClaimAnswer::Lost;
        }
        let Some(overlap) = self.admits(request) else {
            return ClaimAnswer::Refused;
        };
        let mut run = Run::new(
            request.tick,
            request.trigger,
            request.version,
            request.start_until,
        );
        run.token = Some(request.token);
        let answer = match place(overlap, request.tick, self.open.of(request.tick.job)) {
            Place::Free => {
                run.state = Phase::Claimed;
                run.node = Some(claimant.node);
                run.boot = Some(claimant.boot);
                run.claimed_at = Some(self.seen.now);
                ClaimAnswer::Won
            }
            Place::Wait => {
                run.reason = Some(Reason::Queued);
                run.detail = self.open.obstacle(request.tick);
                ClaimAnswer::Settled
            }
            Place::Replace => {
                run.detail = self.open.obstacle(request.tick);
                self.replace(request.tick);
                run.reason = Some(Reason::Queued);
                ClaimAnswer::Settled
            }
            Place::Full(reason) => {
                run.settle(self.seen.now, Outcome::Skipped, reason);
                run.detail = self.open.obstacle(request.tick);
                ClaimAnswer::Settled
            }
        };
        self.keep(run);
        answer
    }

    /// The overlap policy of the request's job, if the request may be decided at all.
    fn admits(&self, request: &ClaimRequest) -> Option<Overlap> {
        let gate = self.gates.get(&request.tick.job)?;
        let fire_time = request.tick.fire_time;
        // The boot of a host may lie behind the watermark when its agent comes up; the key alone protects such a tick.
        let is_open = fire_time > self.seen.closed_until || request.trigger == Trigger::Boot;
        let is_due = fire_time.duration_since(self.seen.now) <= CLAIM_EARLY_MAX;
        let may = self.seen.is_boot_current
            && gate.is_enabled
            && gate.version == request.version
            && gate.valid_from < fire_time
            && is_open
            && is_due
            && self.seen.now < request.start_until;
        may.then_some(gate.overlap)
    }

    /// The newest tick takes the place of one that waits; those that live are asked to end.
    fn replace(&mut self, tick: Tick) {
        let now = self.seen.now;
        let (changed, new, replacements) =
            (&mut self.changed, &mut self.new, &mut self.replacements);
        let open = self.open.of_mut(tick.job);
        for run in open.iter_mut().filter(|run| is_another(run.tick, tick)) {
            if run.is_live() {
                replacements.push(run.clone());
                continue;
            }
            run.settle(now, Outcome::Skipped, Reason::Coalesced);
            match new.iter_mut().find(|other| other.tick == run.tick) {
                Some(other) => *other = run.clone(),
                None => changed.push(run.clone()),
            }
        }
        open.retain(|run| run.state != Phase::Done);
    }

    fn keep(&mut self, run: Run) {
        let decided = (run.token, run.state, run.outcome);
        self.seen.decided.insert(run.tick, decided);
        if run.state != Phase::Done {
            self.open.of_mut(run.tick.job).push(run.clone());
        }
        self.new.push(run);
    }
}

/// The same answer as the first time, judged by the token alone.
fn answer_again(mine: Token, (token, state, outcome): Decided) -> ClaimAnswer {
    if token != Some(mine) {
        return ClaimAnswer::Lost;
    }
    match (state, outcome) {
        (Phase::Claimed | Phase::Running, _) => ClaimAnswer::Won,
        (Phase::Offered, _) | (Phase::Done, Some(Outcome::Skipped)) => ClaimAnswer::Settled,
        // It was taken from its owner since: lost, or ended by somebody.
        (Phase::Done, _) => ClaimAnswer::Lost,
    }
}

/// Seats of one tick do not stand in each other's way.
pub(crate) fn is_another(tick: Tick, other: Tick) -> bool {
    (tick.job, tick.fire_time, tick.kind) != (other.job, other.fire_time, other.kind)
}

/// How many runs of the lane live besides `tick`.
pub(crate) fn live_besides(tick: Tick, open: &[Run]) -> usize {
    open.iter()
        .filter(|run| is_another(run.tick, tick) && run.is_live())
        .count()
}

/// How many of them a node has.
pub(crate) fn begun_besides(tick: Tick, open: &[Run]) -> usize {
    let has_begun = |run: &&Run| matches!(run.state, Phase::Claimed | Phase::Running);
    open.iter()
        .filter(|run| is_another(run.tick, tick))
        .filter(has_begun)
        .count()
}

fn place(overlap: Overlap, tick: Tick, open: &[Run]) -> Place {
    let waits = |run: &&Run| {
        is_another(run.tick, tick) && !run.is_live() && run.reason == Some(Reason::Queued)
    };
    let waiting = open.iter().filter(waits).count();
    let waiting_max = usize::from(overlap.waiting_max());
    let is_free = live_besides(tick, open) < usize::from(overlap.live_max());
    match overlap {
        // What waits goes first.
        _ if is_free && (waiting == 0 || waiting_max == 0) => Place::Free,
        Overlap::Replace => Place::Replace,
        _ if waiting < waiting_max => Place::Wait,
        Overlap::Queue(_) => Place::Full(Reason::QueueFull),
        Overlap::Skip | Overlap::Allow(_) => Place::Full(Reason::Overlap),
    }
}
