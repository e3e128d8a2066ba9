//! How ticks and runs that nobody cares for come to their end. Each step is one transaction; the auditor may die
//! between any two of them.

use carillon_core::identity::JobId;
use carillon_core::offer::Offer;
use carillon_core::placement::Labels;
use carillon_core::run::{Outcome, Phase, Reason};
use carillon_core::settlement::{Member, Settlement, Tenure, Verdict};
use carillon_core::tick::{Tick, TickKind};
use jiff::{SignedDuration, Timestamp};

use super::{Ledger, NodeRow, Row};
use crate::bug::Bug;
use crate::crontab::node_name;
use crate::time::{stamp, told};

/// How long a node is silent, its old boot gone, or a claim beyond its deadline, before a run is called lost.
const LOST_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// What is known of a window.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    /// Each run's tick, and the last fire time it stands for where it stands for many.
    pub(crate) found: Vec<(Tick, Option<Timestamp>)>,
    /// Versions that own fire times in it and are not in force any more.
    pub(crate) ended: Vec<Tenure>,
    pub(crate) members: Vec<Member>,
}

impl Ledger {
    /// Runs whose owner is gone.
    pub(crate) fn stranded(&self, now: Timestamp) -> Vec<Row> {
        if self.has_bug(Bug::NoReaper) {
            return Vec::new();
        }
        let rows = self.open.iter().filter_map(|tick| self.rows.get(tick));
        rows.filter(|row| row.lives() && self.is_stranded(row, now))
            .cloned()
            .collect()
    }

    fn is_stranded(&self, row: &Row, now: Timestamp) -> bool {
        let owner = row
            .owner
            .and_then(|owner| Some((owner, self.nodes.get(&owner.node)?)));
        let Some((owner, node)) = owner else {
            return true;
        };
        let is_old = |at: Timestamp| now.duration_since(at) > LOST_AFTER;
        let is_replaced = node.boot != owner.boot && node.replaced_at.is_some_and(is_old);
        let is_overdue = row.phase == Phase::Claimed && is_old(row.start_until);
        is_old(node.last_beat_at) || is_replaced || is_overdue
    }

    /// Raises the line below which nobody claims. From the answer on no claim at or below it is accepted.
    pub(crate) fn close(&mut self, to: Timestamp) {
        self.closed_until = self.closed_until.max(to);
    }

    /// Reads a window.
    pub(crate) fn window(&self, from: Timestamp, to: Timestamp) -> Window {
        let after = Tick {
            fire_time: from,
            job: JobId(i64::MAX),
            kind: TickKind::Manual,
            slot: i64::MAX,
        };
        let rows = self.rows.range(after..).map(|(_, row)| row);
        let found = rows
            .take_while(|row| row.tick.fire_time <= to)
            .map(|row| (row.tick, (row.tick_count > 1).then_some(row.until_time)));
        let ended = self.tenures.iter().filter(|tenure| {
            tenure.valid_until.is_some_and(|until| stamp(until) > from)
                && stamp(tenure.valid_from) < to
        });
        let tenure = |version: &crate::crontab::Version| Tenure {
            plan: version.plan(),
            valid_until: version.valid_until.map(stamp),
        };
        Window {
            from,
            to,
            found: found.collect(),
            ended: ended.map(tenure).collect(),
            members: self.members(),
        }
    }

    fn members(&self) -> Vec<Member> {
        let there = self
            .nodes
            .iter()
            .filter(|(_, node)| node.drained_at.is_none());
        let member = |(id, node): (&_, &NodeRow)| Member {
            id: *id,
            name: node_name(*id),
            labels: Labels::new(),
            from: node.created_at,
            until: None,
        };
        there.map(member).collect()
    }

    /// Writes the outcomes of absent ticks. Whether a record for many was contested.
    pub(crate) fn settle(&mut self, settled: &[Settlement]) -> bool {
        let mut is_contested = false;
        for settlement in settled {
            let tick = settlement.tick;
            let is_inside = |other: &Tick| {
                (other.job, other.kind, other.slot) == (tick.job, tick.kind, tick.slot)
                    && other.fire_time > tick.fire_time
            };
            let end = Tick {
                fire_time: settlement.until_time,
                ..tick
            };
            if let Some(row) = self.rows.get(&tick) {
                // The record of a shorter stretch leaves the rest of this one undecided.
                is_contested |= row.until_time < settlement.until_time;
                continue;
            }
            if self.is_covered(&tick) {
                is_contested |= settlement.tick_count > 1;
                continue;
            }
            if self
                .rows
                .range(tick..=end)
                .any(|(other, _)| is_inside(other))
            {
                is_contested = true;
                continue;
            }
            self.put(row_of(settlement), "absent");
        }
        is_contested
    }

    /// Whether the tick lies in a record that stands for many. Nothing lies inside such a record, so it is the nearest
    /// one before.
    fn is_covered(&self, tick: &Tick) -> bool {
        let is_its =
            |other: &&Tick| (other.job, other.kind, other.slot) == (tick.job, tick.kind, tick.slot);
        let before = self.rows.range(..tick).rev().map(|(other, _)| other);
        let nearest = before.into_iter().find(is_its);
        nearest.is_some_and(|nearest| self.rows[nearest].until_time >= tick.fire_time)
    }

    /// Raises the watermark, unless somebody else has moved it.
    pub(crate) fn advance(&mut self, from: Timestamp, to: Timestamp) {
        if self.audited_until == from && to <= self.closed_until {
            self.audited_until = to;
            self.story.tell(|| format!("store: watermark {}", told(to)));
        }
    }

    /// Ends offers: each attempt that was judged, and no later one.
    pub(crate) fn settle_offers(&mut self, verdicts: &[(Offer, Verdict)]) {
        for (offer, verdict) in verdicts {
            let row = self.rows.get(&offer.tick);
            let is_same = |row: &&Row| row.phase == Phase::Offered && row.attempt == offer.attempt;
            let Some(mut row) = row.filter(is_same).cloned() else {
                continue;
            };
            match (*verdict, row.reason) {
                (Verdict::Offer { .. }, _) => continue,
                (Verdict::EndAsBefore, _) => {
                    row.end(Outcome::Missed, Some(Reason::DeadlinePassed));
                    row.end_as_before();
                }
                (_, Some(Reason::Queued)) => row.end(Outcome::Skipped, Some(Reason::Overlap)),
                (Verdict::Skip(reason), _) => row.end(Outcome::Skipped, Some(reason)),
                (Verdict::Miss(reason), _) => row.end(Outcome::Missed, Some(reason)),
            }
            self.put(row, "nobody took it");
        }
    }
}

fn row_of(settlement: &Settlement) -> Row {
    let fire_time = settlement.tick.fire_time;
    let mut row = Row::fresh(settlement.tick, settlement.version, fire_time);
    row.reason = Some(Reason::WaitingForNode);
    (row.until_time, row.tick_count) = (settlement.until_time, settlement.tick_count);
    match settlement.verdict {
        Verdict::Offer { trigger, until } => (row.trigger, row.start_until) = (trigger, until),
        Verdict::Skip(reason) => row.end(Outcome::Skipped, Some(reason)),
        Verdict::Miss(reason) => row.end(Outcome::Missed, Some(reason)),
        Verdict::EndAsBefore => row.end(Outcome::Failed, None),
    }
    row
}
