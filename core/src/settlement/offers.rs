//! What runs on offer come to that nobody took.

use jiff::Timestamp;

use super::{Audit, Verdict};
use crate::identity::{JobId, NodeId};
use crate::offer::Offer;
use crate::placement::Placement;
use crate::run::{Preference, Reason, Trigger};
use crate::scheduler::Plan;
use crate::tick::TickKind;

/// What the auditing node knows of a job.
#[derive(Debug, Clone, Copy)]
pub enum Knowledge<'p> {
    /// The version in force.
    InForce(&'p Plan),
    /// There is one, and this node does not understand it.
    Unreadable,
    /// It is deleted.
    Deleted,
}

impl<'p> Knowledge<'p> {
    fn plan(self) -> Option<&'p Plan> {
        match self {
            Knowledge::InForce(plan) => Some(plan),
            Knowledge::Unreadable | Knowledge::Deleted => None,
        }
    }
}

impl Audit<'_> {
    /// What offered runs come to that must not be offered any longer: those whose time is over, those of a version
    /// that is gone, and late ones beyond the number that the misfire policy wants. The others are left out.
    ///
    /// Leave out runs that the overlap policy queues: they may wait. A caller who may merely not have heard of a job
    /// must not ask. A verdict holds for the attempt that was offered and no later one.
    pub fn coalesce_offers<'p>(
        &self,
        offers: &[Offer],
        know: impl Fn(JobId) -> Knowledge<'p>,
    ) -> Vec<(Offer, Verdict)> {
        let mut offers = offers.to_vec();
        offers
            .sort_unstable_by_key(|offer| (offer.tick.job, offer.tick.slot, offer.tick.fire_time));
        offers.reverse();
        let mut settled = Vec::new();
        let (mut seat, mut late) = (None, 0);
        for offer in offers {
            if seat != Some((offer.tick.job, offer.tick.slot)) {
                (seat, late) = (Some((offer.tick.job, offer.tick.slot)), 0);
            }
            let knowledge = know(offer.tick.job);
            let verdict = self.close_offer(&offer, knowledge).or_else(|| {
                let plan = knowledge
                    .plan()
                    .filter(|plan| is_late(&offer, plan, self.now))?;
                late += 1;
                (late > plan.late.misfire.caught_up_max())
                    .then_some(Verdict::Skip(Reason::Coalesced))
            });
            settled.extend(verdict.map(|verdict| (offer, verdict)));
        }
        settled
    }

    fn close_offer(&self, offer: &Offer, knowledge: Knowledge<'_>) -> Option<Verdict> {
        let is_expired = self.now >= offer.until;
        let is_scheduled = offer.tick.kind == TickKind::Scheduled;
        match knowledge {
            Knowledge::Deleted if offer.attempt > 1 => Some(Verdict::EndAsBefore),
            Knowledge::Deleted => Some(Verdict::Skip(Reason::Superseded)),
            // Somebody else may understand the job; when its time is over, nobody did.
            Knowledge::Unreadable | Knowledge::InForce(_) if offer.attempt > 1 => {
                is_expired.then_some(Verdict::EndAsBefore)
            }
            Knowledge::Unreadable => is_expired.then_some(Verdict::Miss(Reason::Unreadable)),
            Knowledge::InForce(plan)
                if is_scheduled && !(plan.enabled && plan.version <= offer.version) =>
            {
                Some(Verdict::Skip(Reason::Superseded))
            }
            Knowledge::InForce(plan) => {
                is_expired.then(|| Verdict::Miss(self.waiting_end(offer, plan)))
            }
        }
    }

    /// Why no node took an offered run.
    fn waiting_end(&self, offer: &Offer, plan: &Plan) -> Reason {
        let named = match offer.preference {
            Preference::Only(node) => Some(node),
            _ => (plan.placement == Placement::EveryNode).then_some(NodeId(offer.tick.slot)),
        };
        if let Some(reason) = self.obstacle(offer.tick.fire_time, offer.until) {
            return reason;
        }
        match (named, self.absence(plan, offer.until)) {
            (Some(_), _) => Reason::NodeSilent,
            // Eligible nodes were there and none took it: they had no room.
            (None, Reason::NotClaimed) => Reason::NoCapacity,
            (None, reason) => reason,
        }
    }
}

/// A first attempt of a scheduled tick beyond its ordinary time.
fn is_late(offer: &Offer, plan: &Plan, now: Timestamp) -> bool {
    offer.attempt == 1
        && offer.tick.kind == TickKind::Scheduled
        && offer.trigger != Trigger::Boot
        && now >= plan.late.start_until(offer.tick.fire_time)
}
