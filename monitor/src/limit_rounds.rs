//! What a round sees against the clock: runs that wait or take too long, jobs without success, a backlog.
//! What is judged by a job's own history is judged beside it.

use std::collections::HashMap;
use std::sync::Arc;

use carillon_core::calendar::Blackouts;
use carillon_core::evidence::Evidence;
use carillon_core::identity::JobId;
use carillon_core::incident::Sighting;
use carillon_core::job::Job;
use carillon_core::rule::{Rule, Subject};
use carillon_core::run::Phase;
use carillon_core::watch::Watch;
use carillon_store::{FeedItem, JobCursor, OpenRun, Store, StoreError};
use jiff::{SignedDuration, Timestamp};

use crate::history_rounds::Histories;
use crate::ledger::Ledger;

/// Runs that any node could have started so long ago are a backlog.
const BACKLOG_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// The rules that a job's limits are about.
const LIMITS: [Rule; 5] = [
    Rule::JobLate,
    Rule::JobSlow,
    Rule::JobSlower,
    Rule::JobFaster,
    Rule::JobNoSuccess,
];

/// Changed jobs are read in pages of so many.
const PAGE: u32 = 1000;

/// A job that somebody set limits for.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) name: String,
    pub(crate) watch: Watch,
    /// Before then, it could not have succeeded.
    valid_from: Timestamp,
    /// When nobody expects it to run.
    blackouts: Option<Arc<Blackouts>>,
}

impl Watched {
    /// The instant since which it should have succeeded; none where no limit is set. Nobody waits for a success during
    /// a blackout.
    fn success_since(&self, now: Timestamp) -> Option<Timestamp> {
        let limit = SignedDuration::from_secs(self.watch.success_within_s?.into());
        Some(match &self.blackouts {
            Some(blackouts) => blackouts.open_since(now, limit),
            None => now.saturating_sub(limit).unwrap_or(Timestamp::MIN),
        })
    }
}

/// The jobs with limits, kept up to date from what changes.
#[derive(Debug, Default)]
pub(crate) struct LimitRounds {
    cursor: JobCursor,
    revision: Option<i64>,
    watched: HashMap<JobId, Watched>,
    histories: Histories,
}

impl LimitRounds {
    /// Looks at every limit and enters what is seen.
    pub(crate) async fn look(
        &mut self,
        store: &Store,
        jobs_revision: i64,
        ledger: &mut Ledger,
    ) -> Result<(), StoreError> {
        self.follow(store, jobs_revision).await?;
        self.histories.read(store, &self.watched).await?;
        if !self.watched.is_empty() {
            self.look_at_runs(store, ledger).await?;
            self.look_for_success(store, ledger).await?;
        }
        self.hush_unwatched(ledger);
        look_at_backlog(store, ledger).await
    }

    async fn follow(&mut self, store: &Store, jobs_revision: i64) -> Result<(), StoreError> {
        while self.revision != Some(jobs_revision) {
            let page = store.jobs_changed_since(self.cursor, PAGE).await?;
            for item in page.items {
                self.enter(item);
            }
            self.cursor = page.next;
            if page.is_last {
                self.revision = Some(jobs_revision);
            }
        }
        Ok(())
    }

    fn enter(&mut self, item: FeedItem) {
        match item {
            FeedItem::Current(job) if job.draft.enabled && job.draft.spec.watch.needs_clock() => {
                let Job {
                    id,
                    draft,
                    valid_from,
                    ..
                } = *job;
                let calendar = draft.spec.calendar.as_ref();
                let watched = Watched {
                    name: draft.name.to_string(),
                    blackouts: calendar.and_then(|calendar| calendar.blackouts().ok()),
                    watch: draft.spec.watch,
                    valid_from,
                };
                self.watched.insert(id, watched);
            }
            FeedItem::Current(job) => {
                self.watched.remove(&job.id);
            }
            FeedItem::Gone(job) | FeedItem::Corrupt { job, .. } => {
                self.watched.remove(&job);
            }
        }
    }

    async fn look_at_runs(&self, store: &Store, ledger: &mut Ledger) -> Result<(), StoreError> {
        let has_limit = |watched: &Watched| {
            let watch = &watched.watch;
            watch.late_after_s.is_some() || watch.slow_after_s.is_some() || watch.needs_history()
        };
        let jobs: Vec<JobId> = self
            .watched
            .iter()
            .filter(|(_, watched)| has_limit(watched))
            .map(|(job, _)| *job)
            .collect();
        if jobs.is_empty() {
            return Ok(());
        }
        let mut runs: HashMap<JobId, Vec<OpenRun>> = HashMap::new();
        for run in store.open_runs_of(&jobs).await? {
            runs.entry(run.tick.job).or_default().push(run);
        }
        for job in jobs {
            let watched = &self.watched[&job];
            let runs = runs.get(&job).map_or(&[][..], Vec::as_slice);
            for rule in [Rule::JobLate, Rule::JobSlow] {
                enter_overdue(rule, job, watched, runs, ledger);
            }
            self.histories.enter(job, watched, runs, ledger);
        }
        Ok(())
    }

    async fn look_for_success(&self, store: &Store, ledger: &mut Ledger) -> Result<(), StoreError> {
        let now = ledger.now;
        let asked: Vec<(JobId, Timestamp)> = self
            .watched
            .iter()
            .filter_map(|(job, watched)| Some((*job, watched.success_since(now)?)))
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        let successes = store.last_successes(&asked).await?;
        for ((job, window_from), success) in asked.into_iter().zip(successes) {
            let watched = &self.watched[&job];
            let subject = Subject::job(job, &watched.name);
            if success.is_some() {
                ledger.see_well(Rule::JobNoSuccess, &subject);
            } else if watched.valid_from < window_from
                && !ledger.is_open(Rule::JobNoSuccess, &subject)
            {
                let last_success_at = last_success(store, job).await?;
                ledger.see_trouble(Sighting {
                    rule: Rule::JobNoSuccess,
                    subject,
                    since_at: last_success_at.unwrap_or(watched.valid_from.max(window_from)),
                    count: 1,
                    evidence: Evidence::NoSuccess {
                        last_success_at,
                        limit_s: watched.watch.success_within_s.unwrap_or(0).into(),
                    },
                });
            }
        }
        Ok(())
    }

    /// Incidents about limits that somebody has lifted since.
    fn hush_unwatched(&self, ledger: &mut Ledger) {
        for rule in LIMITS {
            for incident in ledger.open_by(rule) {
                let watch = self.watched.get(&JobId(incident.subject.id));
                let limit = watch.and_then(|watched| limit_of(rule, &watched.watch));
                if limit.is_none() {
                    ledger.hush(&incident);
                }
            }
        }
    }
}

/// The job's last success ever; asked once, when its lack is news.
async fn last_success(store: &Store, job: JobId) -> Result<Option<Timestamp>, StoreError> {
    let found = store.last_successes(&[(job, Timestamp::MIN)]).await?;
    Ok(found.into_iter().flatten().next())
}

fn limit_of(rule: Rule, watch: &Watch) -> Option<u32> {
    match rule {
        Rule::JobLate => watch.late_after_s,
        Rule::JobSlow => watch.slow_after_s,
        Rule::JobSlower => watch.slower_times,
        Rule::JobFaster => watch.faster_times,
        _ => watch.success_within_s,
    }
}

fn enter_overdue(rule: Rule, job: JobId, watched: &Watched, runs: &[OpenRun], ledger: &mut Ledger) {
    let Some(limit) = limit_of(rule, &watched.watch) else {
        return;
    };
    let now = ledger.now;
    let since = |run: &OpenRun| match (rule, run.state, run.started_at) {
        (Rule::JobLate, Phase::Offered | Phase::Claimed, _) => {
            Some(run.not_before).filter(|at| watched.watch.is_late(*at, now))
        }
        (Rule::JobSlow, Phase::Running, Some(at)) => {
            Some(at).filter(|at| watched.watch.is_slow(*at, now))
        }
        _ => None,
    };
    let overdue = runs
        .iter()
        .filter_map(|run| Some((since(run)?, run)))
        .min_by_key(|(since_at, _)| *since_at);
    let subject = Subject::job(job, &watched.name);
    match overdue {
        Some((since_at, run)) => ledger.see_trouble(Sighting {
            rule,
            subject,
            since_at,
            count: 1,
            evidence: Evidence::Overdue {
                run: run.tick.to_string(),
                since_at,
                limit_s: limit.into(),
            },
        }),
        None => ledger.see_well(rule, &subject),
    }
}

async fn look_at_backlog(store: &Store, ledger: &mut Ledger) -> Result<(), StoreError> {
    let subject = Subject::cluster();
    match store.waiting_runs(ledger.now - BACKLOG_AFTER).await? {
        Some(found) => ledger.see_trouble(Sighting {
            rule: Rule::Backlog,
            subject,
            since_at: found.oldest_at,
            count: 1,
            evidence: Evidence::Backlog {
                waiting: found.waiting,
                oldest_at: found.oldest_at,
                reason: found.reason,
            },
        }),
        None => ledger.see_well(Rule::Backlog, &subject),
    }
    Ok(())
}
