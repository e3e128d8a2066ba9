//! What the runner says, and what it means for the runs this node holds.

use carillon_core::conclusion::conclude;
use carillon_core::launch::Limits;
use carillon_core::run::{News, Reason};
use carillon_core::scheduler::Grant;
use carillon_core::token::Token;
use carillon_runner::containment::Containment;
use carillon_runner::protocol::{
    Attempt as Known, AttemptState, End, Hello, Kept, KillStep, Moment, NotStarted, OutputChunk,
    Report, Request,
};
use tracing::{debug, error, info, warn};

use crate::attempt::{Refusal, judge_refusal};
use crate::node_health::Health;
use crate::outbox::OutputSource;
use crate::owning::Journal;
use crate::owning::{JOURNAL_GONE, START_UNKNOWN};
use crate::pump::Pump;
use crate::runner_link::LinkNews;

impl Pump {
    /// Takes in news of the link to the runner.
    pub(crate) async fn hear_runner(&mut self, news: LinkNews) {
        match news {
            LinkNews::Up {
                hello,
                attempts,
                is_outdated,
            } => {
                self.renewal.meet(is_outdated);
                self.meet_runner(&hello, attempts).await;
            }
            LinkNews::Down => {
                let since = self.hands.clock.now();
                self.health.runner = Health::Ill {
                    since,
                    why: "it does not answer".to_owned(),
                };
                self.set_gate().await;
            }
            LinkNews::Reported(report) => self.hear_report(report).await,
        }
    }

    async fn meet_runner(&mut self, hello: &Hello, attempts: Vec<Known>) {
        info!(
            runner.pid = hello.pid,
            attempts = attempts.len(),
            "the runner answers"
        );
        info!("{}", hello.containment);
        self.containment = hello.containment.clone();
        self.health.runner = match &hello.refusing {
            None => Health::Well,
            Some(why) => Health::Ill {
                since: self.hands.clock.now(),
                why: why.clone(),
            },
        };
        let is_whole = hello.journal_clean && self.folder.knows_journal(&hello.journal_epoch);
        self.journal = match is_whole {
            true => Journal::Whole,
            false => Journal::Broken,
        };
        self.remember_all(attempts);
        self.settle_with_runner().await;
        self.ask_for_own_runs();
        self.set_gate().await;
    }

    /// Compares what is held with what this runner knows. An order that the last runner never saw is repeated; one that
    /// it did see is ignored, and what became of it is told, unless the last runner took that knowledge along.
    async fn settle_with_runner(&mut self) {
        let (mut orders, mut unknowable) = (Vec::new(), Vec::new());
        for (&token, attempt) in &self.attempts {
            if !attempt.is_ordered || attempt.is_over() {
                continue;
            }
            match self.known.get(&token) {
                Some(AttemptState::StartUnknown) => unknowable.push((token, START_UNKNOWN)),
                Some(_) => {}
                // It was ordered, and a whole journal would have it had it been begun.
                None if attempt.is_waiting() && self.journal == Journal::Whole => {
                    orders.push(attempt.order(&self.hands.clock));
                }
                None => unknowable.push((token, JOURNAL_GONE)),
            }
        }
        if !orders.is_empty() {
            self.hands.link.send(Request::Start { orders }).await;
        }
        for (token, why) in unknowable {
            self.known.remove(&token);
            self.known_ticks.remove(&token);
            self.declare_lost(token, why).await;
        }
    }

    async fn hear_report(&mut self, report: Report) {
        match report {
            Report::Started { token, at, .. } => self.hear_start(token, at),
            Report::Output(chunk) => self.hear_output(chunk),
            Report::KillStep {
                token,
                step,
                reached,
                ..
            } => self.hear_kill_step(token, step, reached),
            Report::Ended { token, end } => self.hear_end(token, &end).await,
            Report::NotStarted { token, why, .. } => self.hear_refusal(token, why).await,
            // An attempt that could not be cancelled has started: its kill is on the way.
            Report::States { .. } => {}
            Report::Refusing { why } => {
                error!("the runner starts nothing any more: {why}");
                self.health.runner = Health::Ill {
                    since: self.hands.clock.now(),
                    why,
                };
                self.set_gate().await;
            }
            Report::Hello(_) | Report::Snapshot { .. } => {}
        }
    }

    pub(crate) fn hear_start(&mut self, token: Token, at: Moment) {
        let started_at = self.hands.clock.from_boottime_ns(at.boottime_ns);
        let Some(attempt) = self.attempts.get_mut(&token) else {
            return;
        };
        if attempt.is_waiting() {
            if let Some(words) = unenforced(&self.containment, &attempt.spec.launch.limits) {
                warn!(run.id = %attempt.grant.tick, "{words}");
            }
            let report = attempt.started(started_at);
            self.counters
                .count_start(attempt.grant.start_at, started_at);
            self.hands.outbox.report(report);
        }
        self.health.count_start();
    }

    fn hear_output(&mut self, chunk: OutputChunk) {
        let Some(attempt) = self.attempts.get(&chunk.token) else {
            return;
        };
        let Grant {
            tick,
            attempt: number,
            ..
        } = attempt.grant;
        let cap = attempt.spec.launch.output;
        let source = OutputSource {
            tick,
            attempt: number,
            cap,
        };
        if !self.hands.outbox.output(source, chunk) {
            debug!(run.id = %tick, "output waits with the runner");
            self.is_output_waiting = true;
        }
    }

    fn hear_kill_step(&self, token: Token, step: KillStep, reached: u32) {
        let Some(attempt) = self.attempts.get(&token) else {
            return;
        };
        match step {
            KillStep::Term | KillStep::Kill => {
                info!(run.id = %attempt.grant.tick, reached, "{step:?} sent to its processes");
            }
            KillStep::Stuck => warn!(
                run.id = %attempt.grant.tick, reached,
                "processes survived SIGKILL, they hang in the kernel and keep their place"
            ),
        }
    }

    pub(crate) async fn hear_end(&mut self, token: Token, end: &End) {
        let chance = self.draw();
        let node = self.node();
        let ended_at = self.hands.clock.from_boottime_ns(end.ended.boottime_ns);
        let started = end
            .started
            .map(|at| self.hands.clock.from_boottime_ns(at.boottime_ns));
        let Some(attempt) = self.attempts.get_mut(&token) else {
            // The run is not known yet: its row is on the way, and the runner says it again when asked.
            return self.remember(token, AttemptState::Ended { end: end.clone() });
        };
        if attempt.is_over() {
            return;
        }
        attempt.started_at = attempt.started_at.or(started);
        let mut ending = conclude(&attempt.spec, &end.ending);
        let unenforced = unenforced(&self.containment, &attempt.spec.launch.limits);
        let kept = end.kept.as_ref();
        let kept = kept.map(|kept| tell_kept(kept, &attempt.surroundings.node));
        let words: Vec<String> = ending
            .detail
            .take()
            .into_iter()
            .chain(unenforced)
            .chain(kept)
            .collect();
        ending.detail = (!words.is_empty()).then(|| words.join("; "));
        self.counters.count_outcome(ending.outcome);
        let report = attempt.ended(node, ended_at, ending, chance);
        let tick = attempt.grant.tick;
        self.log_end(&report.news, tick);
        self.close(token, report, ended_at).await;
    }

    fn log_end(&self, news: &News, tick: carillon_core::tick::Tick) {
        match news {
            News::Ended { ending, .. } if !ending.outcome.is_trouble() => {
                debug!(run.id = %tick, outcome = %ending.outcome, "run ended");
            }
            News::Ended { ending, .. } => info!(
                run.id = %tick, outcome = %ending.outcome, exit_code = ending.exit_code,
                signal = ending.signal, detail = ending.detail, "run ended"
            ),
            News::Retrying {
                ending, not_before, ..
            } => info!(
                run.id = %tick, outcome = %ending.outcome, exit_code = ending.exit_code,
                "attempt ended, the next begins at {not_before:.0}"
            ),
            News::Started { .. } | News::HandedBack { .. } => {}
        }
    }

    pub(crate) async fn hear_refusal(&mut self, token: Token, why: NotStarted) {
        let Some(attempt) = self.attempts.get(&token) else {
            let at = Moment {
                boottime_ns: 0,
                realtime_us: 0,
            };
            return self.remember(token, AttemptState::NotStarted { why, at });
        };
        if attempt.is_over() {
            return;
        }
        if let NotStarted::NotUnderstood { why } = &why {
            let run = attempt.grant.tick;
            warn!(run.id = %run, "the runner is older than this agent and does not understand the order ({why}); others may take it");
        }
        let words = format!("{why:?}");
        match judge_refusal(why, attempt.kill_by.as_deref()) {
            Refusal::HandBack(reason) => {
                if reason == Reason::SpawnRefused
                    && self
                        .health
                        .count_spawn_failure(words, self.hands.clock.now())
                {
                    error!("starts keep failing, this node claims nothing until that is cured");
                    self.set_gate().await;
                }
                self.give_up(token, reason).await;
            }
            Refusal::Ended(ending) => {
                let (chance, node, now) = (self.draw(), self.node(), self.hands.clock.now());
                let Some(attempt) = self.attempts.get_mut(&token) else {
                    return;
                };
                let ending = conclude(&attempt.spec, &ending);
                self.counters.count_outcome(ending.outcome);
                let tick = attempt.grant.tick;
                let report = attempt.ended(node, now, ending, chance);
                self.log_end(&report.news, tick);
                self.close(token, report, now).await;
            }
        }
    }

    /// A number from [0, 1).
    pub(crate) fn draw(&mut self) -> f64 {
        let [high, ..] = *self.chances.mint().as_bytes();
        f64::from(high) / 256.0
    }
}

/// Where all of the output lies, and what of it is missing there.
fn tell_kept(kept: &Kept, node: &str) -> String {
    let Kept {
        path,
        lost_bytes,
        why,
    } = kept;
    let place = match path {
        Some(path) => format!("all of its output is on {node} in {path}.out and .err"),
        None => format!("its output is not kept on {node}"),
    };
    match why {
        Some(why) => format!("{place}, without {lost_bytes} bytes: {why}"),
        None => place,
    }
}

/// What a person must know of limits that nothing enforces on this node.
fn unenforced(containment: &Containment, limits: &Limits) -> Option<String> {
    let names = containment.unenforced(limits);
    (!names.is_empty()).then(|| {
        format!(
            "its limit {} was not enforced: this node has no control group for it, see `agent check`",
            names.join(", ")
        )
    })
}
