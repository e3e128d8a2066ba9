//! Closing what nobody cared for: absent ticks, offers whose time is over, runs of silent nodes. In the steps of the
//! real audit, each a message that may be lost.

use carillon_core::offer::Offer;
use carillon_core::run::{Conclusion, News, Outcome, Reason, Report};
use carillon_core::scheduler::Event;
use carillon_core::settlement::{Audit, Findings, Knowledge, Tenure, window_end};
use jiff::Timestamp;

use super::Agent;
use crate::bug::Bug;
use crate::happening::{Act, Answer, Ask, Chore, Purpose};
use crate::ledger::{Row, Window};
use crate::time::{SECOND, span};

/// A round of the audit, as far as it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    Idle,
    Reading,
    /// The window is being closed.
    Closing(Timestamp, Timestamp),
    Finding(Timestamp, Timestamp),
    Settling(Timestamp, Timestamp),
    Raising,
}

impl Agent {
    pub(super) fn audit(&mut self) -> Vec<Act> {
        let mut acts = vec![Act::Again(Chore::Audit, 5 * SECOND)];
        if self.round != Round::Idle || self.has_bug(Bug::NoAudit) {
            return acts;
        }
        self.round = Round::Reading;
        acts.push(Act::Ask(Purpose::Audit, Ask::Bulletin));
        acts
    }

    pub(super) fn take_audit_answer(&mut self, answer: Option<Answer>) -> Vec<Act> {
        let (round, ask) = match (self.round, answer) {
            (Round::Reading, Some(Answer::Bulletin(audited_until, revision))) => {
                let is_stale = revision > self.jobs_revision && !self.has_bug(Bug::StaleJobs);
                let to = window_end(audited_until, self.now() - span(15 * SECOND));
                match audited_until < to && !is_stale {
                    true => (Round::Closing(audited_until, to), Ask::Close(to)),
                    false => return self.end_round(),
                }
            }
            (Round::Closing(from, to), Some(Answer::Done)) => {
                // Taken before the versions that have ended are read: a job deleted between is in both.
                self.audited = self.scheduler.plans_due_between(from, to);
                (Round::Finding(from, to), Ask::Window(from, to))
            }
            (Round::Finding(from, to), Some(Answer::Window(window))) => {
                (Round::Settling(from, to), self.judge_window(*window))
            }
            // Contested: the window is read again in the next round.
            (Round::Settling(from, to), Some(Answer::Settled(false))) => {
                (Round::Raising, Ask::Advance(from, to))
            }
            _ => return self.end_round(),
        };
        self.round = round;
        vec![Act::Ask(Purpose::Audit, ask)]
    }

    fn end_round(&mut self) -> Vec<Act> {
        self.round = Round::Idle;
        vec![]
    }

    fn judge_window(&mut self, window: Window) -> Ask {
        let Window {
            from,
            to,
            found,
            ended,
            members,
        } = window;
        let is_blind = self.has_bug(Bug::StretchUnseen);
        let found = found.into_iter();
        let found: Findings = found
            .map(|(tick, until)| (tick, until.filter(|_| !is_blind)))
            .collect();
        let audit = Audit {
            from,
            to,
            now: self.now(),
            found: &found,
            members: &members,
            obstacles: &[],
        };
        let is_ended = |tenure: &Tenure| {
            let name = |tenure: &Tenure| (tenure.plan.job, tenure.plan.version);
            ended.iter().any(|ended| name(ended) == name(tenure))
        };
        let in_force = std::mem::take(&mut self.audited).into_iter();
        let in_force = in_force.map(|plan| Tenure {
            plan,
            valid_until: None,
        });
        let tenures: Vec<_> = in_force.filter(|tenure| !is_ended(tenure)).collect();
        let tenures = tenures.iter().chain(&ended);
        Ask::Settle(tenures.flat_map(|tenure| audit.settle(tenure)).collect())
    }

    /// Calls runs lost whose owner is gone, in the owner's name: the token decides, as for any report.
    pub(super) fn declare_lost(&self, rows: &[Row]) -> Vec<Act> {
        let outcome = match self.has_bug(Bug::ReaperMissed) {
            true => Outcome::Missed,
            false => Outcome::Lost,
        };
        let report = |row: &Row| {
            Some(Report {
                tick: row.tick,
                token: row.token?,
                news: News::Ended {
                    started_at: None,
                    at: self.now(),
                    ending: Conclusion::without_process(outcome, Reason::NodeSilent),
                },
            })
        };
        let reports: Vec<_> = rows.iter().filter_map(report).collect();
        match reports.is_empty() {
            true => vec![],
            false => vec![Act::Ask(Purpose::Nothing, Ask::Report(reports))],
        }
    }

    /// Tells the scheduler what is on offer, and ends what should not be. The latter only when this node knows the
    /// jobs as the store did at that moment: a job it has not heard of is not gone.
    pub(super) fn take_offers(
        &mut self,
        revision: i64,
        offers: &[(Offer, Option<Reason>)],
    ) -> Vec<Act> {
        let mut acts = self.tell(Event::OffersSeen(offers.iter().map(|(o, _)| *o).collect()));
        acts.extend(self.want_jobs(revision));
        if revision != self.jobs_revision && !self.has_bug(Bug::StaleJobs) {
            return acts;
        }
        let now = self.now();
        let may_end = |(offer, reason): &&(Offer, Option<Reason>)| {
            *reason != Some(Reason::Queued) || offer.until <= now
        };
        let candidates: Vec<_> = offers.iter().filter(may_end).map(|(o, _)| *o).collect();
        let audit = Audit {
            from: Timestamp::MIN,
            to: now,
            now,
            found: &Findings::default(),
            members: &[],
            obstacles: &[],
        };
        let know = |job| match self.scheduler.plan(job) {
            Some(plan) => Knowledge::InForce(plan),
            None => Knowledge::Deleted,
        };
        let verdicts = audit.coalesce_offers(&candidates, know);
        if !verdicts.is_empty() {
            acts.push(Act::Ask(Purpose::Nothing, Ask::SettleOffers(verdicts)));
        }
        acts
    }
}
