//! The end of an attempt on this node: reported, told to the collector of traces, and let go of.

use carillon_core::run::Report;
use carillon_core::scheduler::Event;
use carillon_core::token::Token;
use jiff::Timestamp;

use crate::attempt::Attempt;
use crate::pump::Pump;
use crate::spans::{TracedAttempt, TracedEnd};

impl Pump {
    /// Sends the report of an attempt's end on its way. The place it took is free.
    pub(crate) async fn close(&mut self, token: Token, report: Report, at: Timestamp) {
        if let Some(tracer) = &self.hands.tracer
            && let Some(attempt) = self.attempts.get(&token)
            && let Some(end) = TracedEnd::of(&report.news)
        {
            tracer.tell(traced(attempt, end, at));
        }
        let tick = report.tick;
        self.hands.outbox.report(report);
        self.tell(Event::Released(tick, token)).await;
    }
}

fn traced(attempt: &Attempt, end: TracedEnd, over_at: Timestamp) -> TracedAttempt {
    TracedAttempt {
        tick: attempt.grant.tick,
        token: attempt.grant.token,
        attempt: attempt.grant.attempt,
        job: attempt.job_name.clone(),
        node: attempt.surroundings.node.clone(),
        asked_at: attempt.grant.asked_at,
        held_at: attempt.held_at,
        started_at: attempt.started_at,
        over_at,
        end,
    }
}
