//! What operators see of this node and want of it: the control socket's requests, and the commands in the store.

use carillon_core::run::Reason;
use carillon_runner::protocol::{NotStarted, Request};
use carillon_store::{CommandVerb, NodeCommand};
use tracing::{info, warn};

use crate::attempt::Attempt;
use crate::control::{ControlAnswer, ControlCall, ControlRequest};
use crate::message::Message;
use crate::pump::{Pump, Stage};
use crate::stats::{Stats, whole_microseconds};

impl Pump {
    pub(crate) async fn answer_control(&mut self, (request, reply): ControlCall) {
        let answer = match request {
            ControlRequest::Stats => ControlAnswer::Stats(Box::new(self.stats())),
            ControlRequest::Reload => ControlAnswer::Done,
            ControlRequest::Stop => self.begin(Stage::Draining).await,
            ControlRequest::StopNow => {
                self.kill_all("agent stop --now").await;
                self.begin(Stage::Draining).await
            }
            ControlRequest::Restart => self.begin(Stage::Restarting).await,
        };
        if reply.send(answer).is_err() {
            warn!("whoever asked for {request:?} has gone away");
        }
    }

    pub(crate) async fn begin(&mut self, stage: Stage) -> ControlAnswer {
        if self.stage != stage {
            info!(
                running = self.attempts.len(),
                "{stage:?}: nothing new is taken"
            );
        }
        self.stage = stage;
        self.set_gate().await;
        ControlAnswer::Done
    }

    async fn kill_all(&mut self, by: &str) {
        while let Some(token) = self.waiting.pop() {
            self.give_up(token, Reason::NodeRestarted).await;
        }
        let tokens: Vec<_> = self.attempts.keys().copied().collect();
        for token in tokens {
            self.hands.link.send(Request::Cancel { token }).await;
            self.hands
                .link
                .send(Request::Kill {
                    token,
                    by: by.to_owned(),
                    grace_ms: None,
                })
                .await;
        }
    }

    /// How it is going.
    pub(crate) fn stats(&self) -> Stats {
        let now = self.hands.clock.now();
        let offset = self.hands.clock.offset();
        let redis = match &self.hands.lock {
            None => "not configured",
            Some(lock) if lock.is_usable(now) => "ok",
            Some(_) => "down",
        };
        Stats {
            state: match self.stage {
                Stage::Running => "running",
                Stage::Draining => "draining",
                Stage::Restarting => "restarting",
            }
            .to_owned(),
            pid: std::process::id(),
            boot: self.me.boot.0.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node: self.me.peer.name.clone(),
            uptime_s: now.duration_since(self.me.booted_at).as_secs_f64(),
            jobs: self.scheduler.plan_count(),
            corrupt_jobs: self.corrupt.values().cloned().collect(),
            next_fire_time: self.scheduler.next_fire_time(),
            running: self.running(),
            running_max: self.me.peer.running_max,
            claims: self.counters.claims(),
            outcomes: self.counters.outcomes(),
            lateness: self.counters.lateness(),
            clock_offset_us: offset.map(|clock| whole_microseconds(clock.offset)),
            clock_uncertainty_us: offset.map(|clock| whole_microseconds(clock.uncertainty)),
            claiming: self.why_not_claiming().unwrap_or_else(|| "yes".to_owned()),
            store: self.health.store.to_string(),
            redis: redis.to_owned(),
            runner: self.health.runner.to_string(),
            limits: self.containment.to_string(),
            unreported: self.hands.outbox.waiting(),
            forgotten: self.counters.forgotten(),
        }
    }

    /// Does what operators want of this node.
    pub(crate) async fn obey(&mut self, commands: Vec<NodeCommand>) {
        for command in commands {
            let result = match command.verb {
                CommandVerb::Kill => self.kill(&command).await,
                CommandVerb::Reload => {
                    self.begin(Stage::Restarting).await;
                    "reloading".to_owned()
                }
                CommandVerb::Stop => {
                    self.begin(Stage::Draining).await;
                    "stopping".to_owned()
                }
            };
            let store = self.hands.store.clone();
            self.ask_for(async move {
                match store.command_done(command.id, &result).await {
                    Ok(()) => Message::Done,
                    Err(error) => Message::StoreFailed(error.to_string()),
                }
            });
        }
    }

    async fn kill(&mut self, command: &NodeCommand) -> String {
        let held = |attempt: &&mut Attempt| Some(attempt.grant.tick) == command.run;
        let Some(attempt) = self.attempts.values_mut().find(held) else {
            return "it does not run here any more".to_owned();
        };
        let token = attempt.grant.token;
        attempt.kill_by = Some(command.asked_by.clone());
        let is_ordered = attempt.is_ordered;
        info!(run.id = %attempt.grant.tick, by = command.asked_by, "ending the run");
        if !is_ordered {
            self.waiting.take(|waiting| waiting == token);
            self.hear_refusal(token, NotStarted::Cancelled).await;
            return "it had not started and never will".to_owned();
        }
        // One of the two applies: a start that has not happened is cancelled, a command that lives is ended.
        let by = command.asked_by.clone();
        self.hands.link.send(Request::Cancel { token }).await;
        self.hands
            .link
            .send(Request::Kill {
                token,
                by,
                grace_ms: None,
            })
            .await;
        "asked to end".to_owned()
    }
}
