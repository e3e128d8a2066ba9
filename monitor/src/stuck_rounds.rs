//! What a round sees of runs that stay where they are: claimed and not started, waiting for what is over, not ending.
//!
//! What the audit of ticks settles by itself comes before that and is told as missed or lost.

use std::collections::HashMap;

use carillon_core::evidence::Evidence;
use carillon_core::incident::Sighting;
use carillon_core::rule::{Rule, Subject};
use carillon_core::run::Phase;
use carillon_core::stuck::StuckStep;
use carillon_core::tick::Tick;
use carillon_store::{LingeringRun, LivingRun, Store, StoreError};
use jiff::{SignedDuration, Timestamp};

use crate::ledger::Ledger;

/// What is remembered of runs that may be stuck.
#[derive(Debug, Default)]
pub(crate) struct StuckRounds {
    /// Since when nothing is seen ahead of these queued runs.
    free_since: HashMap<Tick, Timestamp>,
    /// Since when living runs have been asked to end.
    kills: HashMap<Tick, Timestamp>,
    /// The last wish that was read.
    last_kill: i64,
}

/// A run that does not get beyond a step.
struct Stuck {
    tick: Tick,
    job_name: String,
    node: Option<String>,
    step: StuckStep,
    since_at: Timestamp,
}

impl Stuck {
    fn lingering(run: LingeringRun, since_at: Timestamp) -> Self {
        Stuck {
            tick: run.tick,
            job_name: run.job_name,
            node: run.node,
            step: match run.state {
                Phase::Claimed => StuckStep::Starting,
                Phase::Offered | Phase::Running | Phase::Done => StuckStep::Waiting,
            },
            since_at,
        }
    }
}

impl StuckRounds {
    /// Looks at every run that has not moved on for `stuck_after`, and enters the worst of each job.
    pub(crate) async fn look(
        &mut self,
        store: &Store,
        stuck_after: SignedDuration,
        ledger: &mut Ledger,
    ) -> Result<(), StoreError> {
        let before = ledger
            .now
            .saturating_sub(stuck_after)
            .unwrap_or(Timestamp::MIN);
        let unstarted = store.unstarted_runs(before).await?;
        let mut stuck: Vec<Stuck> = unstarted
            .into_iter()
            .map(|run| {
                let since_at = run.since_at;
                Stuck::lingering(run, since_at)
            })
            .collect();
        let queued = store.queued_behind_nothing().await?;
        stuck.extend(self.wait_for(queued, ledger.now));
        self.read_kills(store).await?;
        let living = store.living_runs(before).await?;
        stuck.extend(self.outlive(living, before));
        stuck.retain(|run| run.since_at < before);
        enter(stuck, stuck_after, ledger);
        Ok(())
    }

    /// The queued runs with nothing ahead of them, and since when that is seen.
    fn wait_for(&mut self, queued: Vec<LingeringRun>, now: Timestamp) -> Vec<Stuck> {
        let mut free_since = HashMap::new();
        let mut stuck = Vec::new();
        for run in queued {
            let since_at = *self.free_since.get(&run.tick).unwrap_or(&now);
            free_since.insert(run.tick, since_at);
            stuck.push(Stuck::lingering(run, since_at));
        }
        self.free_since = free_since;
        stuck
    }

    async fn read_kills(&mut self, store: &Store) -> Result<(), StoreError> {
        for kill in store.asked_kills(self.last_kill).await? {
            self.last_kill = kill.id;
            self.kills.entry(kill.tick).or_insert(kill.asked_at);
        }
        Ok(())
    }

    /// The commands that live although they were to be ended, and since when they should be gone.
    fn outlive(&mut self, living: Vec<LivingRun>, before: Timestamp) -> Vec<Stuck> {
        // What was asked longer ago, and is not among the living, has ended.
        let is_alive = |tick: &Tick| living.iter().any(|run| run.tick == *tick);
        self.kills
            .retain(|tick, asked_at| *asked_at >= before || is_alive(tick));
        let mut stuck = Vec::new();
        for run in living {
            let asked_at = self.kills.get(&run.tick).copied();
            let timed_out_at = run
                .timeout
                .and_then(|lasts| run.started_at.checked_add(lasts).ok());
            let to_end_at = asked_at.into_iter().chain(timed_out_at).min();
            let gone_at = to_end_at.and_then(|at| at.checked_add(run.kill_grace).ok());
            if let Some(since_at) = gone_at {
                stuck.push(Stuck {
                    tick: run.tick,
                    job_name: run.job_name,
                    node: run.node,
                    step: StuckStep::Ending,
                    since_at,
                });
            }
        }
        stuck
    }
}

/// Enters the run of each job that is stuck longest, and the jobs that have none any more.
fn enter(mut stuck: Vec<Stuck>, stuck_after: SignedDuration, ledger: &mut Ledger) {
    for incident in ledger.open_by(Rule::JobStuck) {
        if !stuck
            .iter()
            .any(|run| run.tick.job.0 == incident.subject.id)
        {
            ledger.see_well(Rule::JobStuck, &incident.subject);
        }
    }
    stuck.sort_by_key(|run| (run.tick.job, run.since_at));
    stuck.dedup_by_key(|run| run.tick.job);
    for run in stuck {
        ledger.see_trouble(Sighting {
            rule: Rule::JobStuck,
            subject: Subject::job(run.tick.job, &run.job_name),
            since_at: run.since_at,
            count: 1,
            evidence: Evidence::Stuck {
                run: run.tick.to_string(),
                step: run.step,
                since_at: run.since_at,
                limit_s: stuck_after.as_secs(),
                node: run.node,
            },
        });
    }
}
