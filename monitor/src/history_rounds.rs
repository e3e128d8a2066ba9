//! What a round sees against a job's own history: runs that take longer, and successes that came sooner, than usual.

use std::collections::{BTreeMap, HashMap};

use carillon_core::evidence::Evidence;
use carillon_core::identity::JobId;
use carillon_core::incident::Sighting;
use carillon_core::rule::{Rule, Subject};
use carillon_core::run::Phase;
use carillon_core::usual::Usual;
use carillon_store::{OpenRun, PastSuccess, Store, StoreError};
use jiff::{SignedDuration, Timestamp};

use crate::ledger::Ledger;
use crate::limit_rounds::Watched;

/// The histories of so many jobs are read in one look, the others at the next ones in turn.
const READ_MAX: usize = 100;

/// What is known of one job.
#[derive(Debug, Default)]
struct History {
    /// What is usual by now.
    usual: Option<Usual>,
    /// The last success, and what was usual before it.
    last: Option<(PastSuccess, Usual)>,
}

impl History {
    fn of(successes: &[PastSuccess]) -> Self {
        let elapsed: Vec<SignedDuration> = successes.iter().map(PastSuccess::elapsed).collect();
        let before = elapsed.get(1..).and_then(Usual::of);
        History {
            usual: Usual::of(&elapsed),
            last: successes.first().copied().zip(before),
        }
    }
}

/// What is known of the jobs that are watched against their history.
#[derive(Debug, Default)]
pub(crate) struct Histories {
    known: BTreeMap<JobId, History>,
    /// The job that was read last.
    turn: Option<JobId>,
}

impl Histories {
    /// Reads what is next in turn.
    pub(crate) async fn read(
        &mut self,
        store: &Store,
        watched: &HashMap<JobId, Watched>,
    ) -> Result<(), StoreError> {
        let is_wanted = |job: &JobId| {
            watched
                .get(job)
                .is_some_and(|one| one.watch.needs_history())
        };
        self.known.retain(|job, _| is_wanted(job));
        for job in watched.keys().filter(|job| is_wanted(job)) {
            self.known.entry(*job).or_default();
        }
        let after = self.turn.unwrap_or(JobId(i64::MIN));
        let (early, late): (Vec<JobId>, Vec<JobId>) =
            self.known.keys().partition(|job| **job <= after);
        for job in late.into_iter().chain(early).take(READ_MAX) {
            let successes = store.successes(job).await?;
            self.known.insert(job, History::of(&successes));
            self.turn = Some(job);
        }
        Ok(())
    }

    /// Enters a run of the job that takes longer than usual, and a last success that came sooner.
    pub(crate) fn enter(
        &self,
        job: JobId,
        watched: &Watched,
        runs: &[OpenRun],
        ledger: &mut Ledger,
    ) {
        let Some(history) = self.known.get(&job) else {
            return;
        };
        let subject = Subject::job(job, &watched.name);
        let found = [
            (
                Rule::JobSlower,
                watched.watch.slower_times,
                slower(history, watched.watch.slower_times, runs, ledger.now),
            ),
            (
                Rule::JobFaster,
                watched.watch.faster_times,
                faster(history, watched.watch.faster_times),
            ),
        ];
        for (rule, times, evidence) in found {
            match evidence {
                Some((since_at, evidence)) => ledger.see_trouble(Sighting {
                    rule,
                    subject: subject.clone(),
                    since_at,
                    count: 1,
                    evidence,
                }),
                None if times.is_some() => ledger.see_well(rule, &subject),
                None => {}
            }
        }
    }
}

/// The run that has gone on longest, when that is longer than usual, and since when it runs.
fn slower(
    history: &History,
    times: Option<u32>,
    runs: &[OpenRun],
    now: Timestamp,
) -> Option<(Timestamp, Evidence)> {
    let (usual, times) = (history.usual?, times?);
    let limit = usual.slow_limit(times);
    let running = runs.iter().filter(|run| run.state == Phase::Running);
    let started = running.filter_map(|run| Some((run.started_at?, run)));
    let (started_at, run) = started.min_by_key(|(at, _)| *at)?;
    let elapsed = now.duration_since(started_at);
    (elapsed > limit).then(|| {
        let run = run.tick.to_string();
        (
            started_at,
            unusual(run, (started_at, elapsed), usual, limit),
        )
    })
}

/// The last success, when it came sooner than usual, and since when that is known.
fn faster(history: &History, times: Option<u32>) -> Option<(Timestamp, Evidence)> {
    let ((last, usual), times) = (history.last?, times?);
    let (limit, elapsed) = (usual.fast_limit(times), last.elapsed());
    (elapsed < limit).then(|| {
        let run = last.tick.to_string();
        (
            last.ended_at,
            unusual(run, (last.started_at, elapsed), usual, limit),
        )
    })
}

fn unusual(
    run: String,
    (started_at, elapsed): (Timestamp, SignedDuration),
    usual: Usual,
    limit: SignedDuration,
) -> Evidence {
    let ms = |span: SignedDuration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Evidence::Unusual {
        run,
        started_at,
        elapsed_ms: ms(elapsed),
        usual_ms: ms(usual.takes),
        successes: usual.successes,
        limit_ms: ms(limit),
    }
}
