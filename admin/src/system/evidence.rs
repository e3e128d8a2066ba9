//! What is known of an incident, as names and values in the viewer's language. Lines of output stand elsewhere.

use carillon_core::evidence::{Evidence, RunEvidence};
use jiff::Timestamp;

use crate::moment::duration;
use crate::page::Chrome;
use crate::words::{evidence as names, fill};

/// The facts in the order in which one asks for them.
pub(super) fn facts(evidence: &Evidence, chrome: &Chrome) -> Vec<(&'static str, String)> {
    let table = Table {
        chrome,
        w: &chrome.words.evidence,
    };
    match evidence {
        Evidence::None => Vec::new(),
        Evidence::Run(run) => table.of_run(run),
        Evidence::Silence { .. }
        | Evidence::Clock { .. }
        | Evidence::Release { .. }
        | Evidence::NotClaiming { .. }
        | Evidence::Disk { .. } => table.of_node(evidence),
        Evidence::Overdue { .. }
        | Evidence::Stuck { .. }
        | Evidence::Unusual { .. }
        | Evidence::NoSuccess { .. } => table.of_limit(evidence),
        Evidence::Redis { .. }
        | Evidence::Expiry { .. }
        | Evidence::Certificate { .. }
        | Evidence::Backlog { .. }
        | Evidence::Store { .. }
        | Evidence::Monitor { .. } => table.of_cluster(evidence),
    }
}

/// The same in one line.
pub(super) fn told(evidence: &Evidence, chrome: &Chrome) -> String {
    let facts = facts(evidence, chrome).into_iter();
    let facts: Vec<String> = facts
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    facts.join(" · ")
}

struct Table<'a> {
    chrome: &'a Chrome,
    w: &'static names::Evidence,
}

impl Table<'_> {
    fn at(&self, instant: Timestamp) -> String {
        self.chrome.moments.full(instant)
    }

    fn of_run(&self, run: &RunEvidence) -> Vec<(&'static str, String)> {
        let w = self.w;
        let words = self.chrome.words;
        let attempt = fill(w.attempt_of, &[&run.attempt, &run.attempts_max]);
        let has_many = run.tick_count > 1;
        let reason = run.reason.map(|reason| words.reason(reason).to_owned());
        let facts = [
            (w.outcome, Some(words.outcome(run.outcome).to_owned())),
            (w.reason, run.detail.clone().or(reason)),
            (w.exit_code, run.exit_code.map(|code| code.to_string())),
            (w.signal, run.signal.map(|signal| signal.to_string())),
            (w.node, run.node.clone()),
            (w.attempt, run.started_at.map(|_| attempt)),
            (w.due, Some(self.at(run.fire_time))),
            (w.started, run.started_at.map(|at| self.at(at))),
            (w.ended, run.ended_at.map(|at| self.at(at))),
            (w.ticks, has_many.then(|| run.tick_count.to_string())),
            (w.next, run.next_time.map(|at| self.at(at))),
            (w.run, Some(run.run.clone())),
        ];
        known(facts)
    }

    fn of_node(&self, evidence: &Evidence) -> Vec<(&'static str, String)> {
        let w = self.w;
        match evidence {
            Evidence::Silence {
                last_beat_at,
                cause,
                running,
            } => known([
                (w.last_beat, Some(self.at(*last_beat_at))),
                (w.cause, Some(self.chrome.words.cause(cause))),
                (w.running, Some(running.to_string())),
            ]),
            Evidence::Clock {
                offset_us,
                uncertainty_us,
            } => known([
                (
                    w.clock_ahead,
                    (*offset_us < 0).then(|| duration(offset_us.saturating_neg())),
                ),
                (
                    w.clock_behind,
                    (*offset_us > 0).then(|| duration(*offset_us)),
                ),
                (w.uncertainty, Some(duration(*uncertainty_us))),
            ]),
            Evidence::Release { own, most } => {
                known([(w.own, Some(own.clone())), (w.most, Some(most.clone()))])
            }
            Evidence::NotClaiming { reason } => known([(w.reason, Some(reason.clone()))]),
            Evidence::Disk {
                available,
                total,
                percent_min,
            } => known([
                (
                    w.free,
                    Some(fill(w.free_of, &[&gib(*available), &gib(*total)])),
                ),
                (w.free_min, Some(format!("{percent_min} %"))),
            ]),
            _ => Vec::new(),
        }
    }

    fn of_limit(&self, evidence: &Evidence) -> Vec<(&'static str, String)> {
        let w = self.w;
        let seconds = |seconds: i64| duration(seconds.saturating_mul(1_000_000));
        let millis = |millis: i64| duration(millis.saturating_mul(1000));
        match evidence {
            Evidence::Overdue {
                run,
                since_at,
                limit_s,
            } => known([
                (w.since, Some(self.at(*since_at))),
                (w.limit, Some(seconds(*limit_s))),
                (w.run, Some(run.clone())),
            ]),
            Evidence::Stuck {
                run,
                step,
                since_at,
                limit_s,
                node,
            } => known([
                (w.step, Some(self.chrome.words.stuck_step(*step).to_owned())),
                (w.since, Some(self.at(*since_at))),
                (w.limit, Some(seconds(*limit_s))),
                (w.node, node.clone()),
                (w.run, Some(run.clone())),
            ]),
            Evidence::Unusual {
                run,
                started_at,
                elapsed_ms,
                usual_ms,
                successes,
                limit_ms,
            } => known([
                (w.started, Some(self.at(*started_at))),
                (w.elapsed, Some(millis(*elapsed_ms))),
                (w.usual, Some(millis(*usual_ms))),
                (w.successes, Some(successes.to_string())),
                (w.limit, Some(millis(*limit_ms))),
                (w.run, Some(run.clone())),
            ]),
            Evidence::NoSuccess {
                last_success_at,
                limit_s,
            } => known([
                (w.last_success, Some(self.at_or_never(*last_success_at))),
                (w.limit, Some(seconds(*limit_s))),
            ]),
            _ => Vec::new(),
        }
    }

    fn of_cluster(&self, evidence: &Evidence) -> Vec<(&'static str, String)> {
        let w = self.w;
        match evidence {
            Evidence::Redis { nodes, problem, .. } => known([
                (w.nodes, Some(nodes.join(", "))),
                (w.problem, Some(problem.clone())),
            ]),
            Evidence::Expiry {
                expires_at,
                used_at,
            } => known([
                (w.ends, Some(self.at(*expires_at))),
                (w.used, Some(self.at_or_never(*used_at))),
            ]),
            Evidence::Certificate { expires_at, issuer } => known([
                (w.ends, Some(self.at(*expires_at))),
                (
                    w.issuer,
                    Some(issuer.clone()).filter(|issuer| !issuer.is_empty()),
                ),
            ]),
            Evidence::Backlog {
                waiting,
                oldest_at,
                reason,
            } => known([
                (w.waiting, Some(waiting.to_string())),
                (w.oldest, Some(self.at(*oldest_at))),
                (
                    w.reason,
                    reason.map(|reason| self.chrome.words.reason(reason).to_owned()),
                ),
            ]),
            Evidence::Store {
                last_seen_at,
                error,
            } => known([
                (w.last_answer, last_seen_at.map(|at| self.at(at))),
                (w.error, Some(error.clone())),
            ]),
            Evidence::Monitor { last_beat_at } => {
                known([(w.last_beat, Some(self.at(*last_beat_at)))])
            }
            _ => Vec::new(),
        }
    }

    fn at_or_never(&self, instant: Option<Timestamp>) -> String {
        instant.map_or_else(|| self.w.never.to_owned(), |at| self.at(at))
    }
}

fn known<const N: usize>(
    facts: [(&'static str, Option<String>); N],
) -> Vec<(&'static str, String)> {
    let known = |(name, value): (&'static str, Option<String>)| Some((name, value?));
    facts.into_iter().filter_map(known).collect()
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn gib(bytes: i64) -> String {
    format!("{:.1} GiB", (bytes >> 20) as f64 / 1024.0)
}
