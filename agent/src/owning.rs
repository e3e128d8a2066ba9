//! Runs that are this node's by the store, whoever claimed them: an earlier life of the agent, or a claim whose answer
//! came after it had been given up.
//!
//! The runner's journal is the judge. A run it knows is adopted; a run it never heard of was never started and is
//! handed back. Where the journal is not whole, or the run is known to have started, its silence means that nobody can
//! know more, and the run is declared lost.

use std::collections::{BTreeMap, HashMap};

use carillon_core::claim::Claimant;
use carillon_core::identity::JobId;
use carillon_core::run::{Conclusion, News, Outcome, Phase, Reason, Report, Trigger};
use carillon_core::scheduler::{Event, Grant};
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use carillon_runner::protocol::{Attempt as Known, AttemptState, Request};
use carillon_store::{FeedItem, Run, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use tracing::{debug, info, warn};

use crate::message::{Message, Story};
use crate::pump::Pump;
use crate::starting::fetch_story;

/// Runs that one comparison takes on.
const RUNS_MAX: u32 = 10_000;

/// The answer to a claim may be on its way for so long; only then is a run unknown to this agent.
const ANSWER_PATIENCE: SignedDuration = SignedDuration::from_secs(5);

/// What a run executes that is this agent's now, or why it is not.
pub(crate) type Adoption = Result<Box<Story>, String>;

/// Runs that are adopted in one transaction.
const ADOPTIONS_MAX: usize = 500;

/// Why nobody knows how a run ended whose start was in the journal.
pub(crate) const START_UNKNOWN: &str = "the runner went down as it was about to start the command";

/// The same where the journal has no record of it, and should.
pub(crate) const JOURNAL_GONE: &str =
    "the runner's journal of it is gone: nobody can know how the command ended";

/// What it means that the runner does not know a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Journal {
    /// Nothing: the runner has not been met.
    Unmet,
    /// The run never started.
    Whole,
    /// Its record is lost: nobody can know.
    Broken,
}

impl Pump {
    /// Asks the store which open runs are this node's.
    pub(crate) fn ask_for_own_runs(&mut self) {
        let (store, node) = (self.hands.store.clone(), self.node());
        self.ask_for(async move {
            match store.runs_held_by(node, RUNS_MAX).await {
                Ok(runs) => Message::Owned(runs),
                Err(error) => Message::StoreFailed(error.to_string()),
            }
        });
    }

    /// Compares what is ours by the store with what the runner knows.
    pub(crate) async fn reconcile(&mut self, runs: Vec<Run>) {
        let now = self.hands.clock.now();
        let mut unmatched: Vec<_> = self.known.keys().copied().collect();
        let mut adoptable = Vec::new();
        for run in &runs {
            let Some(grant) = grant_of(run) else { continue };
            unmatched.retain(|&token| token != grant.token);
            if self.has(grant.token) {
                continue;
            }
            // Still asked for: the answer may be yes, and then it is started.
            if self.scheduler.holds(&grant.tick) {
                continue;
            }
            let is_mine_now = run.boot == Some(self.me.boot);
            let age = run.claimed_at.map(|at| now.duration_since(at));
            let is_fresh = is_mine_now && age.is_some_and(|age| age < ANSWER_PATIENCE);
            let is_unstarted =
                run.state == Phase::Claimed && (is_mine_now || self.journal == Journal::Whole);
            match self.known.contains_key(&grant.token) {
                _ if is_fresh => {}
                true => adoptable.push(grant),
                false if is_unstarted => self.return_unstarted(&grant, is_mine_now),
                false if self.journal == Journal::Unmet => {}
                // Once it is held, it is declared lost.
                false => adoptable.push(grant),
            }
        }
        self.adopt(adoptable);
        self.judge_unmatched(&unmatched);
    }

    /// What the runner knows and the store does not count as open: the runner may forget what has ended, unless the
    /// run was declared lost and can be corrected.
    fn judge_unmatched(&mut self, unmatched: &[Token]) {
        let is_over = |token| self.known.get(&token).is_some_and(is_over);
        let runs = unmatched.iter().filter(|&&token| !self.has(token));
        let runs: Vec<_> = runs
            .filter_map(|&token| Some((token, *self.known_ticks.get(&token)?, is_over(token))))
            .collect();
        if runs.is_empty() {
            return;
        }
        let store = self.hands.store.clone();
        self.ask_for(async move { judge_all(&store, runs).await });
    }

    /// Whether the attempt is held, or about to be.
    fn has(&self, token: Token) -> bool {
        self.attempts.contains_key(&token) || self.preparing.contains_key(&token)
    }

    /// Takes in what the store says of runs that the runner knows and the store does not count as open.
    pub(crate) async fn settle_unmatched(&mut self, correctable: Vec<Grant>, unwanted: Vec<Token>) {
        // An earlier comparison may have asked the same.
        let is_free = |token| self.known_ticks.contains_key(&token) && !self.has(token);
        let correctable = correctable.into_iter();
        let correctable: Vec<_> = correctable.filter(|grant| is_free(grant.token)).collect();
        let unwanted = unwanted.into_iter();
        let tokens: Vec<_> = unwanted.filter(|&token| is_free(token)).collect();
        self.adopt(correctable);
        if !tokens.is_empty() {
            for token in &tokens {
                self.known.remove(token);
                self.known_ticks.remove(token);
            }
            self.hands.link.send(Request::Ack { tokens }).await;
        }
    }

    /// Takes over runs that the runner knows. One question for all of them: an agent that comes back to hundreds must
    /// leave the store's connections to its claims.
    pub(crate) fn adopt(&mut self, grants: Vec<Grant>) {
        if grants.is_empty() {
            return;
        }
        let (store, claimant) = (self.hands.store.clone(), self.claimant());
        let tokens = grants.iter().map(|grant| (grant.token, grant.tick));
        self.preparing.extend(tokens);
        self.ask_for(async move { Message::Adopted(adopt_all(&store, claimant, grants).await) });
    }

    /// Holds the runs that are ours now. Of the others the next comparison tells.
    pub(crate) async fn hold_all_adopted(&mut self, adoptions: Vec<(Grant, Adoption)>) {
        let mut refused: BTreeMap<String, usize> = BTreeMap::new();
        for (grant, adoption) in adoptions {
            match adoption {
                Ok(story) => self.hold_adopted(grant, *story).await,
                Err(why) => {
                    self.preparing.remove(&grant.token);
                    *refused.entry(why).or_default() += 1;
                }
            }
        }
        for (why, runs) in refused {
            info!(runs, "runs of an earlier life are not adopted now: {why}");
        }
    }

    /// Holds an adopted run and takes in what the runner has said of it since.
    async fn hold_adopted(&mut self, grant: Grant, story: Story) {
        info!(run.id = %grant.tick, attempt = grant.attempt, "run adopted");
        self.preparing.remove(&grant.token);
        self.hold(grant, story);
        if let Some(attempt) = self.attempts.get_mut(&grant.token) {
            attempt.is_ordered = true;
        }
        self.tell(Event::Adopted(vec![(grant.tick, grant.token)]))
            .await;
        self.known_ticks.remove(&grant.token);
        match self.known.remove(&grant.token) {
            Some(AttemptState::Running { at, .. }) => self.hear_start(grant.token, at),
            Some(AttemptState::Ended { end }) => self.hear_end(grant.token, &end).await,
            Some(AttemptState::NotStarted { why, .. }) => self.hear_refusal(grant.token, why).await,
            Some(AttemptState::StartUnknown) => {
                self.declare_lost(grant.token, START_UNKNOWN).await;
            }
            Some(AttemptState::Unknown) | None => {
                self.declare_lost(grant.token, JOURNAL_GONE).await;
            }
            Some(AttemptState::Ordered) => {}
        }
    }

    /// Nobody can know more.
    pub(crate) async fn declare_lost(&mut self, token: Token, why: &str) {
        let (node, now, chance) = (self.node(), self.hands.clock.now(), self.draw());
        let Some(attempt) = self.attempts.get_mut(&token) else {
            return;
        };
        let mut ending = Conclusion::without_process(Outcome::Lost, Reason::NodeRestarted);
        ending.detail = Some(why.to_owned());
        let report = attempt.ended(node, now, ending, chance);
        let tick = attempt.grant.tick;
        warn!(run.id = %tick, "the run is lost: {why}");
        self.close(token, report, now).await;
    }

    /// Hands back a run that was never started.
    fn return_unstarted(&mut self, grant: &Grant, is_of_this_boot: bool) {
        let now = self.hands.clock.now();
        let until = self.offer_until(grant);
        let reason = match is_of_this_boot {
            true => Reason::ClaimUnknown,
            false => Reason::NodeRestarted,
        };
        info!(run.id = %grant.tick, reason = %reason, "claimed and never started, handed back");
        let news = match now < until {
            true => News::HandedBack { until, reason },
            false => News::Ended {
                started_at: None,
                at: now,
                ending: Conclusion::without_process(Outcome::Missed, reason),
            },
        };
        self.hands.outbox.report(Report {
            tick: grant.tick,
            token: grant.token,
            news,
        });
    }

    /// Keeps what the runner said of a run that is not held (yet).
    pub(crate) fn remember(&mut self, token: Token, state: AttemptState) {
        self.known.insert(token, state);
    }

    /// Keeps what the runner knew when it was met.
    pub(crate) fn remember_all(&mut self, attempts: Vec<Known>) {
        let tick = |known: &Known| {
            known
                .run
                .parse::<Tick>()
                .ok()
                .map(|tick| (known.token, tick))
        };
        self.known_ticks = attempts.iter().filter_map(tick).collect();
        self.known = attempts
            .into_iter()
            .map(|known| (known.token, known.state))
            .collect();
    }

    /// Loads what has changed.
    pub(crate) async fn load_jobs(&mut self, items: Vec<FeedItem>) {
        self.leftovers.add(items.len());
        let (mut plans, mut gone) = (Vec::new(), Vec::new());
        for item in items {
            let (job, trouble) = match item {
                FeedItem::Current(job) => match self.texts.load(&job) {
                    Ok(plan) => {
                        self.corrupt.remove(&plan.job);
                        plans.push(plan);
                        continue;
                    }
                    Err(error) => (job.id, Some(error.to_string())),
                },
                FeedItem::Gone(job) => (job, None),
                FeedItem::Corrupt { job, error, .. } => (job, Some(error.to_string())),
            };
            self.drop_job(job, trouble);
            gone.push(job);
        }
        if !gone.is_empty() {
            self.tell(Event::JobsRemoved(gone)).await;
        }
        self.tell(Event::JobsLoaded(plans)).await;
    }

    fn drop_job(&mut self, job: JobId, trouble: Option<String>) {
        self.texts.remove(job);
        match trouble {
            Some(why) => {
                warn!(job.id = %job, "left to others: {why}");
                self.corrupt.insert(job, why);
            }
            None => {
                self.corrupt.remove(&job);
            }
        }
    }
}

/// Asks for one after the other, for the same reason: which were declared lost and can be corrected, and of which the
/// runner may forget what it knows.
async fn judge_all(store: &Store, runs: Vec<(Token, Tick, bool)>) -> Message {
    let (mut correctable, mut unwanted) = (Vec::new(), Vec::new());
    for (token, tick, is_over) in runs {
        match store.run(tick).await {
            Ok(listed) if is_correctable(&listed.run, token) => {
                correctable.extend(grant_of(&listed.run));
            }
            Ok(_) | Err(StoreError::NotFound { .. }) if is_over => unwanted.push(token),
            Ok(_) => {}
            Err(error) => {
                debug!("the others wait for the next comparison: {error}");
                break;
            }
        }
    }
    Message::Judged {
        correctable,
        unwanted,
    }
}

/// Makes runs this agent's, and fetches what they execute: once for all runs of the same version of a job.
async fn adopt_all(
    store: &Store,
    claimant: Claimant,
    grants: Vec<Grant>,
) -> Vec<(Grant, Adoption)> {
    let mut adoptions = Vec::with_capacity(grants.len());
    let mut stories: HashMap<(JobId, i64), Box<Story>> = HashMap::new();
    for batch in grants.chunks(ADOPTIONS_MAX) {
        let runs: Vec<_> = batch
            .iter()
            .map(|grant| (grant.tick, grant.token))
            .collect();
        let adopted = store.adopt(claimant, &runs).await;
        let adopted = adopted.map_err(|error| error.to_string());
        for grant in batch {
            let version = (grant.tick.job, grant.version);
            // What a person gave a run is that run's alone.
            let is_common = grant.trigger != Trigger::Manual;
            let known = stories.get(&version).filter(|_| is_common);
            let story = match (&adopted, known) {
                (Err(why), _) => Err(why.clone()),
                (Ok(()), Some(story)) => Ok(story.clone()),
                (Ok(()), None) => match fetch_story(store, grant).await {
                    Some(story) => Ok(Box::new(story)),
                    None => Err("its job could not be read".to_owned()),
                },
            };
            if is_common && let Ok(story) = &story {
                stories.entry(version).or_insert_with(|| story.clone());
            }
            adoptions.push((*grant, story));
        }
    }
    adoptions
}

fn is_over(state: &AttemptState) -> bool {
    !matches!(state, AttemptState::Ordered | AttemptState::Running { .. })
}

/// Whether this owner may still say how a run ended that was declared lost.
fn is_correctable(run: &Run, token: Token) -> bool {
    run.outcome == Some(Outcome::Lost) && run.token == Some(token)
}

/// The right to a run that the store says somebody owns.
pub(crate) fn grant_of(run: &Run) -> Option<Grant> {
    Some(Grant {
        tick: run.tick,
        trigger: run.trigger,
        version: run.version,
        attempt: run.attempt,
        token: run.token?,
        asked_at: run.claimed_at.unwrap_or(Timestamp::MIN),
        start_at: run.not_before,
        start_until: run.start_until,
    })
}
