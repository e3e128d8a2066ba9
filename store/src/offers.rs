//! Runs that wait for a node, and how a node takes them.

use std::collections::HashMap;

use carillon_core::claim::{CLAIM_EARLY_MAX, ClaimAnswer, Claimant};
use carillon_core::identity::JobId;
use carillon_core::offer::Offer;
use carillon_core::run::{Conclusion, Outcome, Phase, Preference, Reason, Trigger};
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use jiff::Timestamp;

use crate::Store;
use crate::attempts::{delete_attempt, select_attempts};
use crate::claim_rules::{Gate, begun_besides, live_besides};
use crate::claims::lock_jobs;
use crate::error::StoreError;
use crate::lanes::Lanes;
use crate::link::Change;
use crate::notices::insert_notices;
use crate::pings::insert_pings;
use crate::reports::raise_offers_revision;
use crate::row::args;
use crate::run::Run;
use crate::run_row::{lock_runs, read_run, run_columns, write_back};
use crate::seats::{Seats, seats_of};
use crate::statement::Statement;
use crate::totals::Tally;

impl Store {
    /// All runs on offer, those due first first, at most `limit`. Rows the domain refuses are left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn offers(&self, limit: u32) -> Result<Vec<Offer>, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            run_columns!(),
            " from runs r
            where r.open_job > 0 and r.state = 'offered'
            order by r.not_before, r.job_id
            limit ?"
        ));
        self.read(Store::TIMEOUT, |mut link| async move {
            let rows = link.rows(&SELECT, args![limit]).await?;
            let mut offers = Vec::with_capacity(rows.len());
            for row in &rows {
                match read_run(row) {
                    Ok(run) => offers.push(offer_of(&run)),
                    Err(StoreError::Corrupt(corrupt)) => tracing::warn!("{corrupt}"),
                    Err(error) => return Err(error),
                }
            }
            Ok(offers)
        })
        .await
    }

    /// Takes offered runs for `claimant`. Asked again with the same tokens it gives the same answers; *refused* means
    /// that the run stays on offer, but not for this node or not now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer: ask again with the same tokens.
    pub async fn take_offers(
        &self,
        claimant: Claimant,
        offers: &[(Offer, Token)],
    ) -> Result<Vec<ClaimAnswer>, StoreError> {
        self.write(Store::CLAIM_TIMEOUT, || async {
            self.take_once(claimant, offers).await
        })
        .await
    }

    async fn take_once(
        &self,
        claimant: Claimant,
        offers: &[(Offer, Token)],
    ) -> Result<Vec<ClaimAnswer>, StoreError> {
        static CONTEXT: Statement = Statement::new(
            "select {now}, (select count(*) from nodes n where n.id = ? and n.boot_id = ?)
            from cluster where id = 1",
        );
        let jobs: Vec<_> = offers.iter().map(|(offer, _)| offer.tick.job).collect();
        let mut change = self.begin().await?;
        let gates = lock_jobs(&mut change, &jobs).await?;
        // No run begins to live without the lock of its job, so the runs that live can only become fewer from here.
        let ticks = || offers.iter().map(|(offer, _)| offer.tick);
        let runs = lock_runs(&mut change, ticks()).await?;
        let row = change
            .only_row(&CONTEXT, args![claimant.node, claimant.boot.0])
            .await?;
        let mut cells = row.cells();
        let mut counter = Counter {
            now: cells.time()?,
            is_boot_current: cells.flag()?,
            claimant,
            runs,
            open: Lanes::read(&mut change, &gates, &jobs).await?,
            gates,
            seats: seats_of(&mut change, claimant.node, ticks()).await?,
            changed: Vec::new(),
        };
        let mut order: Vec<_> = (0..offers.len()).collect();
        order.sort_by_key(|&place| offers[place].0.tick);
        let mut answers = vec![ClaimAnswer::Refused; offers.len()];
        for place in order {
            let (offer, token) = &offers[place];
            answers[place] = counter.judge(offer, *token);
        }
        if counter.changed.is_empty() {
            change.roll_back().await?;
        } else {
            counter.write(&mut change).await?;
            change.commit().await?;
        }
        Ok(answers)
    }
}

pub(crate) fn offer_of(run: &Run) -> Offer {
    Offer {
        tick: run.tick,
        trigger: run.trigger,
        version: run.version,
        attempt: run.attempt,
        not_before: run.not_before,
        until: run.start_until,
        preference: run.preference,
    }
}

/// What offers are judged by, kept up while they are taken one after another.
struct Counter {
    now: Timestamp,
    is_boot_current: bool,
    claimant: Claimant,
    gates: HashMap<JobId, Gate>,
    runs: HashMap<Tick, Run>,
    open: Lanes,
    /// What the claimant has of the occurrences it asks for.
    seats: Seats,
    changed: Vec<Tick>,
}

impl Counter {
    fn judge(&mut self, offer: &Offer, token: Token) -> ClaimAnswer {
        let Some(run) = self.runs.get(&offer.tick) else {
            return ClaimAnswer::Lost;
        };
        if run.state != Phase::Offered || run.attempt != offer.attempt {
            let is_mine = run.token == Some(token) && run.state != Phase::Done;
            return match is_mine {
                true => ClaimAnswer::Won,
                false => ClaimAnswer::Lost,
            };
        }
        let Some(gate) = self.gates.get(&offer.tick.job).copied() else {
            // Its job is not understood here; it may be elsewhere.
            return ClaimAnswer::Refused;
        };
        if is_superseded(run, &gate) {
            return self.change(offer.tick, |run, now| {
                run.settle(now, Outcome::Skipped, Reason::Superseded);
                ClaimAnswer::Settled
            });
        }
        if run.version != gate.version {
            // What a person asked for runs as the job is now; the next look at the offers says so.
            return self.change(offer.tick, |run, _| {
                run.version = gate.version;
                ClaimAnswer::Refused
            });
        }
        if !self.may_take(run, &gate) {
            return ClaimAnswer::Refused;
        }
        let claimant = self.claimant;
        self.seats.insert(offer.tick);
        self.change(offer.tick, |run, now| {
            run.state = Phase::Claimed;
            run.token = Some(token);
            run.node = Some(claimant.node);
            run.boot = Some(claimant.boot);
            run.claimed_at = Some(now);
            run.reason = None;
            run.detail = None;
            ClaimAnswer::Won
        })
    }

    fn may_take(&self, run: &Run, gate: &Gate) -> bool {
        let me = self.claimant.node;
        let is_for_me = match run.preference {
            Preference::Any | Preference::RatherNot(_) => true,
            Preference::Only(node) => node == me,
            Preference::Not(node) => node != me,
        };
        let is_due = run.not_before.duration_since(self.now) <= CLAIM_EARLY_MAX;
        let is_in_time = is_due && self.now < run.start_until;
        let is_seated = self.seats.holds_another(run.tick);
        self.is_boot_current && is_for_me && is_in_time && !is_seated && self.has_room(run, gate)
    }

    /// Whether the overlap policy lets the run begin. A run that waits for its next attempt keeps its place: nobody else
    /// begins in it. Only one that was called lost meanwhile, and came back, may find that somebody has.
    fn has_room(&self, run: &Run, gate: &Gate) -> bool {
        let open = self.open.of(run.tick.job);
        let is_queued_before = |other: &Run| {
            other.reason == Some(Reason::Queued)
                && other.state == Phase::Offered
                && other.tick.fire_time < run.tick.fire_time
                && self.now < other.start_until
        };
        let is_next = run.reason != Some(Reason::Queued) || !open.iter().any(is_queued_before);
        let live = match run.attempt {
            ..=1 => live_besides(run.tick, open),
            _ => begun_besides(run.tick, open),
        };
        is_next && live < usize::from(gate.overlap.live_max())
    }

    fn change(
        &mut self,
        tick: Tick,
        edit: impl FnOnce(&mut Run, Timestamp) -> ClaimAnswer,
    ) -> ClaimAnswer {
        let Some(run) = self.runs.get_mut(&tick) else {
            return ClaimAnswer::Lost;
        };
        let answer = edit(run, self.now);
        let open = self.open.of_mut(tick.job);
        open.retain(|other| other.tick != tick);
        if run.state != Phase::Done {
            open.push(run.clone());
        }
        self.changed.push(tick);
        answer
    }

    async fn write(mut self, change: &mut Change) -> Result<(), StoreError> {
        let mut tally = Tally::default();
        let mut is_reoffered = false;
        for tick in &self.changed {
            let Some(run) = self.runs.get_mut(tick) else {
                continue;
            };
            is_reoffered |= run.state == Phase::Offered;
            if run.state == Phase::Done && run.attempt > 1 {
                keep_last_ending(change, run).await?;
            }
            tally.count(run);
        }
        let changed: Vec<&Run> = self
            .changed
            .iter()
            .filter_map(|tick| self.runs.get(tick))
            .collect();
        write_back(change, &changed).await?;
        insert_notices(change, &changed).await?;
        insert_pings(change, changed.iter().copied()).await?;
        tally.write(change).await?;
        if is_reoffered {
            raise_offers_revision(change).await?;
        }
        Ok(())
    }
}

/// Whether the job has changed so that this run must not start any more.
fn is_superseded(run: &Run, gate: &Gate) -> bool {
    match run.trigger {
        Trigger::Manual => gate.is_deleted,
        Trigger::Schedule | Trigger::CatchUp | Trigger::Boot => {
            !gate.is_enabled || gate.version != run.version
        }
    }
}

/// A run that has had attempts did run: given up between two of them it ended as its last attempt did.
pub(crate) async fn keep_last_ending(change: &mut Change, run: &mut Run) -> Result<(), StoreError> {
    let attempts = select_attempts(change, run.tick).await?;
    let Some(last) = attempts.last() else {
        return Ok(());
    };
    let why = run.reason.map_or("", Reason::word);
    run.attempt = last.attempt;
    run.token = last.token;
    run.node = last.node;
    run.claimed_at = last.claimed_at;
    run.started_at = last.started_at;
    let ending = Conclusion {
        detail: Some(format!("no further attempt: {why}")),
        ..last.ending.clone()
    };
    run.end(last.ended_at.unwrap_or(run.tick.fire_time), &ending);
    delete_attempt(change, last).await
}
