//! The end of an attempt on this node: reported, told to the collector of traces, and let go of.

use carillon_core::run::Report;
use carillon_core::scheduler::Event;
use carillon_core::token::Token;
use carillon_runner::protocol::Request;
use jiff::Timestamp;

use crate::attempt::Attempt;
use crate::outbox::Stored;
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

    /// Lets go of what the store has: output may be dropped by the runner, attempts are forgotten by both.
    pub(crate) async fn acknowledge(&mut self, stored: Stored) {
        if self.is_output_waiting && self.hands.outbox.is_empty() {
            // The runner sends again what was not acknowledged to whoever connects.
            self.is_output_waiting = false;
            self.hands.link.reconnect();
        }
        for (token, seq) in stored.output {
            self.hands
                .link
                .send(Request::AckOutput { token, seq })
                .await;
        }
        if !stored.finished.is_empty() {
            for token in &stored.finished {
                self.attempts.remove(token);
            }
            self.leftovers.add(stored.finished.len());
            self.hands
                .link
                .send(Request::Ack {
                    tokens: stored.finished,
                })
                .await;
            // Heartbeats may all fall together with the runs of a job of every second.
            self.renew_runner().await;
        }
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
