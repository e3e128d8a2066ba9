//! How a tick is decided, and how an offered run is taken.

use carillon_core::claim::{CLAIM_EARLY_MAX, ClaimAnswer, ClaimRequest, Claimant};
use carillon_core::offer::Offer;
use carillon_core::overlap::Overlap;
use carillon_core::run::{Outcome, Phase, Preference, Reason, Trigger, takes_seat};
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use jiff::Timestamp;

use super::{Ledger, Row};
use crate::bug::Bug;
use crate::crontab::Version;
use crate::time::stamp;

impl Ledger {
    /// Decides ticks, in the order asked.
    pub(crate) fn claim(
        &mut self,
        who: Claimant,
        requests: &[ClaimRequest],
        now: Timestamp,
    ) -> Vec<ClaimAnswer> {
        requests
            .iter()
            .map(|request| self.claim_one(who, request, now))
            .collect()
    }

    fn claim_one(&mut self, who: Claimant, request: &ClaimRequest, now: Timestamp) -> ClaimAnswer {
        if let Some(row) = self.rows.get(&request.tick) {
            // The planted bug: `on duplicate key update` meets one row, and that is taken for a yes.
            let is_mine = row.token == Some(request.token) || self.has_bug(Bug::Rowcount);
            return match (is_mine, row.phase) {
                (false, _) => ClaimAnswer::Lost,
                (true, Phase::Claimed | Phase::Running) => ClaimAnswer::Won,
                (true, Phase::Offered) => ClaimAnswer::Settled,
                (true, Phase::Done) if row.outcome == Some(Outcome::Skipped) => {
                    ClaimAnswer::Settled
                }
                (true, Phase::Done) => ClaimAnswer::Lost,
            };
        }
        if self.has_another_seat(who, &request.tick) {
            return ClaimAnswer::Lost;
        }
        let Some(job) = self.claimable(who, request, now).cloned() else {
            return ClaimAnswer::Refused;
        };
        let mut row = Row::fresh(request.tick, request.version, request.start_until);
        (row.trigger, row.token) = (request.trigger, Some(request.token));
        let waiting = self.waiting(&row.tick);
        let waiting_max = usize::from(job.overlap.waiting_max());
        let is_free = self.has_room(&job, &row.tick);
        if is_free && (waiting.is_empty() || waiting_max == 0) {
            row.phase = Phase::Claimed;
            (row.owner, row.claimed_at) = (Some(who), Some(now));
            row.made_by = self.changes;
            self.put(row, "claimed");
            return ClaimAnswer::Won;
        }
        if job.overlap == Overlap::Replace {
            self.kills.extend(self.live(&row.tick));
            for tick in waiting {
                let mut waiting = self.rows[&tick].clone();
                waiting.end(Outcome::Skipped, Some(Reason::Coalesced));
                self.put(waiting, "a newer tick takes its place");
            }
            row.reason = Some(Reason::Queued);
            self.put(row, "waits for the runs before it");
        } else if waiting.len() < waiting_max {
            row.reason = Some(Reason::Queued);
            self.put(row, "waits its turn");
        } else {
            let reason = match job.overlap {
                Overlap::Queue(_) => Reason::QueueFull,
                Overlap::Skip | Overlap::Allow(_) | Overlap::Replace => Reason::Overlap,
            };
            row.end(Outcome::Skipped, Some(reason));
            self.put(row, "no room");
        }
        ClaimAnswer::Settled
    }

    fn claimable(&self, who: Claimant, request: &ClaimRequest, now: Timestamp) -> Option<&Version> {
        let ClaimRequest { tick, version, .. } = request;
        let job = self.jobs.get(&tick.job)?;
        let is_version = (job.version == *version && stamp(job.valid_from) < tick.fire_time)
            || self.has_bug(Bug::VersionUnchecked);
        let early = tick.fire_time.duration_since(now);
        let is_due = early <= CLAIM_EARLY_MAX || self.has_bug(Bug::EarlyUnchecked);
        let is_open = tick.fire_time > self.closed_until || request.trigger == Trigger::Boot;
        let is_in_time = now < request.start_until;
        let may = self.is_current(who) && job.enabled && is_version && is_due && is_open;
        (may && is_in_time).then_some(job)
    }

    fn is_current(&self, who: Claimant) -> bool {
        self.nodes
            .get(&who.node)
            .is_some_and(|node| node.boot == who.boot)
    }

    /// Other runs that live of the job, or of those that share its key. Seats of one fire time do not stand in each other's way.
    fn live(&self, tick: &Tick) -> Vec<Tick> {
        let in_the_way = |other: &&Tick| {
            self.is_in_lane(tick, other) && self.rows.get(*other).is_some_and(Row::takes_place)
        };
        self.open.iter().filter(in_the_way).copied().collect()
    }

    fn is_in_lane(&self, tick: &Tick, other: &Tick) -> bool {
        // Also of a job that is deleted: its runs may live on.
        let of = |job| self.tenures.iter().find(|tenure| tenure.job == job);
        let key = |job| of(job).and_then(|tenure| tenure.key);
        let shares = tick.job != other.job
            && key(tick.job).is_some()
            && key(tick.job) == key(other.job)
            && !self.has_bug(Bug::KeyUnchecked);
        shares || is_another_of_job(tick, other)
    }

    fn has_room(&self, job: &Version, tick: &Tick) -> bool {
        let live_max = usize::from(job.overlap.live_max());
        self.live(tick).len() < live_max || self.has_bug(Bug::OverlapUnchecked)
    }

    /// Room for the next attempt of a run that others count already: only what has begun stands in its way.
    fn has_room_again(&self, job: &Version, tick: &Tick) -> bool {
        let others = self.live(tick).into_iter();
        let begun = others.filter(|other| self.rows[other].lives()).count();
        begun < usize::from(job.overlap.live_max()) || self.has_bug(Bug::OverlapUnchecked)
    }

    fn waiting(&self, tick: &Tick) -> Vec<Tick> {
        let others = self
            .open
            .iter()
            .filter(|other| self.is_in_lane(tick, other));
        let waits = |other: &&Tick| {
            let row = &self.rows[*other];
            row.phase == Phase::Offered && row.reason == Some(Reason::Queued)
        };
        others.filter(waits).copied().collect()
    }

    /// Gives offered runs to a node, in the order asked.
    pub(crate) fn take(
        &mut self,
        who: Claimant,
        offers: &[(Offer, Token)],
        now: Timestamp,
    ) -> Vec<ClaimAnswer> {
        offers
            .iter()
            .map(|(offer, token)| self.take_one(who, offer, *token, now))
            .collect()
    }

    fn take_one(
        &mut self,
        who: Claimant,
        offer: &Offer,
        token: Token,
        now: Timestamp,
    ) -> ClaimAnswer {
        let Some(mut row) = self.rows.get(&offer.tick).cloned() else {
            return ClaimAnswer::Lost;
        };
        if row.phase != Phase::Offered || row.attempt != offer.attempt {
            return match row.token == Some(token) && row.phase != Phase::Done {
                true => ClaimAnswer::Won,
                false => ClaimAnswer::Lost,
            };
        }
        let job = self.jobs.get(&row.tick.job).cloned();
        let Some(job) = job.filter(|job| !self.is_superseded(&row, job)) else {
            row.end(Outcome::Skipped, Some(Reason::Superseded));
            row.end_as_before();
            self.put(row, "its version is gone");
            return ClaimAnswer::Settled;
        };
        if row.version != job.version && row.trigger == Trigger::Manual {
            row.version = job.version;
            self.put(row, "it will run as the job is now");
            return ClaimAnswer::Refused;
        }
        if !self.may_take(who, &row, &job, now) {
            return ClaimAnswer::Refused;
        }
        (row.phase, row.reason) = (Phase::Claimed, None);
        (row.token, row.owner) = (Some(token), Some(who));
        (row.claimed_at, row.made_by) = (Some(now), self.changes);
        self.put(row, "taken");
        ClaimAnswer::Won
    }

    fn may_take(&self, who: Claimant, row: &Row, job: &Version, now: Timestamp) -> bool {
        let is_time =
            row.not_before.duration_since(now) <= CLAIM_EARLY_MAX && now < row.start_until;
        let is_for_it = match row.preference {
            Preference::Only(node) => node == who.node,
            Preference::Not(node) => node != who.node,
            Preference::Any | Preference::RatherNot(_) => true,
        };
        let is_queued_before = |other: &Tick| {
            other.fire_time < row.tick.fire_time && now < self.rows[other].start_until
        };
        let is_next = row.reason != Some(Reason::Queued)
            || !self.waiting(&row.tick).iter().any(is_queued_before);
        let has_room = match row.attempt {
            ..=1 => self.has_room(job, &row.tick),
            _ => self.has_room_again(job, &row.tick),
        };
        let has_room = is_next && has_room;
        let is_seated = self.has_another_seat(who, &row.tick);
        self.is_current(who) && is_time && is_for_it && !is_seated && has_room
    }

    fn has_another_seat(&self, who: Claimant, tick: &Tick) -> bool {
        let seats = Tick {
            slot: i64::MIN,
            ..*tick
        }..=Tick {
            slot: i64::MAX,
            ..*tick
        };
        let mut others = self.rows.range(seats).map(|(_, row)| row);
        let is_its = |row: &Row| {
            row.owner.is_some_and(|owner| owner.node == who.node)
                && row.tick.is_other_seat(*tick)
                && takes_seat(row.phase, row.outcome, row.attempt)
        };
        others.any(is_its) && !self.has_bug(Bug::SeatsUnchecked)
    }

    fn is_superseded(&self, row: &Row, job: &Version) -> bool {
        let is_manual = row.trigger == Trigger::Manual;
        !is_manual
            && !self.has_bug(Bug::VersionUnchecked)
            && (!job.enabled || job.version != row.version)
    }
}

fn is_another_of_job(tick: &Tick, other: &Tick) -> bool {
    tick.job == other.job && (tick.fire_time, tick.kind) != (other.fire_time, other.kind)
}
