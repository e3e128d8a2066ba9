//! From a won claim to the order for the runner.

use carillon_core::job::JobSpec;
use carillon_core::parameters::Parameters;
use carillon_core::placement::Placement;
use carillon_core::run::{Reason, Trigger};
use carillon_core::scheduler::Grant;
use carillon_core::token::Token;
use carillon_runner::protocol::Request;
use carillon_store::Store;
use jiff::Timestamp;
use tracing::{debug, info, warn};

use crate::attempt::{Attempt, Surroundings};
use crate::message::{Message, Story};
use crate::pump::Pump;

impl Pump {
    /// Takes in a run that is ours; its story is fetched first where it is not what is loaded.
    pub(crate) fn start(&mut self, grant: Grant) {
        debug!(run.id = %grant.tick, attempt = grant.attempt, "claim won");
        let text = self.texts.get(grant.tick.job, grant.version);
        match (grant.trigger, text) {
            (Trigger::Schedule | Trigger::CatchUp | Trigger::Boot, Some(text)) => {
                let story = Story {
                    name: text.name.to_string(),
                    spec: text.spec(),
                    parameters: Parameters::default(),
                };
                self.queue(grant, story);
            }
            _ => self.prepare(grant),
        }
    }

    /// Starts a run whose story has been fetched, or gives it back when there is none.
    pub(crate) async fn start_prepared(&mut self, grant: Grant, story: Option<Box<Story>>) {
        self.preparing.remove(&grant.token);
        if let Some(story) = story {
            self.queue(grant, *story);
            return self.fill_places().await;
        }
        warn!(run.id = %grant.tick, "what the run executes could not be read, it is handed back");
        let nothing = Story {
            name: String::new(),
            spec: JobSpec::default(),
            parameters: Parameters::default(),
        };
        self.hold(grant, nothing);
        self.give_up(grant.token, Reason::StoreUnavailable).await;
    }

    /// Keeps the attempt until its end is recorded.
    pub(crate) fn hold(&mut self, grant: Grant, story: Story) {
        let surroundings = self.surroundings(&grant, story.parameters.clone());
        let held_at = self.hands.clock.now();
        let attempt = Attempt::new(grant, story, surroundings, held_at);
        self.attempts.insert(grant.token, attempt);
    }

    /// Keeps the attempt, and lets it wait for a place.
    fn queue(&mut self, grant: Grant, story: Story) {
        let priority = story.spec.priority;
        self.hold(grant, story);
        self.waiting.push(priority, grant.tick, grant.token);
    }

    /// Gives the runner as many of the waiting attempts as the node has places, the higher priority first.
    pub(crate) async fn fill_places(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let taken = self
            .attempts
            .values()
            .filter(|attempt| attempt.takes_place())
            .count();
        let places = usize::try_from(self.me.peer.running_max).unwrap_or(usize::MAX);
        let mut free = places.saturating_sub(taken);
        let mut orders = Vec::new();
        while free > 0
            && let Some(token) = self.waiting.pop()
        {
            let waiting = self
                .attempts
                .get_mut(&token)
                .filter(|attempt| attempt.is_waiting());
            if let Some(attempt) = waiting {
                attempt.is_ordered = true;
                orders.push(attempt.order(&self.hands.clock));
                free -= 1;
            }
        }
        if !orders.is_empty() {
            self.hands.link.send(Request::Start { orders }).await;
        }
    }

    /// Hands back what has waited for a place until it was too late.
    pub(crate) async fn give_up_late(&mut self) {
        let now = self.hands.clock.now();
        let is_late = |token| {
            let attempt = self.attempts.get(&token);
            attempt.is_none_or(|attempt| attempt.grant.start_until <= now)
        };
        for token in self.waiting.take(is_late) {
            self.give_up(token, Reason::NoCapacity).await;
        }
    }

    fn surroundings(&self, grant: &Grant, parameters: Parameters) -> Surroundings {
        let plan = self.scheduler.plan(grant.tick.job);
        let (slot, slots) = match plan.map(|plan| plan.placement) {
            Some(Placement::Some(slots)) => (grant.tick.slot, i64::from(slots)),
            Some(Placement::EveryNode) => self.seat_among_all(grant),
            Some(Placement::One) | None => (0, 1),
        };
        let node = self.me.peer.name.clone();
        Surroundings {
            node,
            slot,
            slots,
            parameters,
            is_traced: self.hands.tracer.is_some(),
        }
    }

    /// This node's place among all nodes that run the job, in the order of their numbers.
    fn seat_among_all(&self, grant: &Grant) -> (i64, i64) {
        let plan = self.scheduler.plan(grant.tick.job);
        let allows = |name: &str, labels| plan.is_none_or(|plan| plan.target.allows(name, labels));
        let others = self.peers().iter().filter(|peer| {
            peer.id != self.node() && peer.is_candidate() && allows(&peer.name, &peer.labels)
        });
        let (mut before, mut all) = (0, 1);
        for peer in others {
            all += 1;
            before += i64::from(peer.id < self.node());
        }
        (before, all)
    }

    /// Fetches what a run executes when it is not the loaded version, or when somebody gave it parameters.
    pub(crate) fn prepare(&mut self, grant: Grant) {
        self.preparing.insert(grant.token, grant.tick);
        let store = self.hands.store.clone();
        self.ask_for(async move {
            let story = fetch_story(&store, &grant).await;
            Message::Prepared {
                grant,
                story: story.map(Box::new),
            }
        });
    }

    /// Reports that nothing was started, so that another node may have it while there is time.
    pub(crate) async fn give_up(&mut self, token: Token, reason: Reason) {
        let Some(grant) = self.attempts.get(&token).map(|attempt| attempt.grant) else {
            return;
        };
        let now = self.hands.clock.now();
        let until = self.offer_until(&grant);
        info!(run.id = %grant.tick, reason = %reason, "not started here");
        if let Some(attempt) = self.attempts.get_mut(&token) {
            let report = attempt.not_started(now, reason, until);
            self.close(token, report, now).await;
        }
    }
}

impl Pump {
    /// Until when a run that was not started here is offered to others.
    pub(crate) fn offer_until(&self, grant: &Grant) -> Timestamp {
        let plan = self.scheduler.plan(grant.tick.job);
        let is_first = grant.trigger != Trigger::Manual && grant.attempt == 1;
        plan.filter(|_| is_first).map_or(grant.start_until, |plan| {
            plan.late.offer_until(grant.tick.fire_time)
        })
    }
}

/// What the run executes, by the version it was claimed for.
pub(crate) async fn fetch_story(store: &Store, grant: &Grant) -> Option<Story> {
    let version = store.job_version(grant.tick.job, grant.version).await;
    let version = version
        .map_err(|error| warn!(run.id = %grant.tick, "{error}"))
        .ok()?;
    let parameters = match grant.trigger {
        Trigger::Manual => {
            let listed = store.run(grant.tick).await;
            let listed = listed
                .map_err(|error| warn!(run.id = %grant.tick, "{error}"))
                .ok()?;
            let text = listed.run.parameters.as_deref();
            let parameters = text.map(serde_json::from_str::<Parameters>).transpose();
            parameters
                .map_err(|error| warn!(run.id = %grant.tick, "{error}"))
                .ok()?
                .unwrap_or_default()
        }
        _ => Parameters::default(),
    };
    Some(Story {
        name: version.draft.name.to_string(),
        spec: version.draft.spec,
        parameters,
    })
}
