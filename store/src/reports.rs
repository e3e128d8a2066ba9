//! What owners tell of their runs. Applied while the token matches, so a report may be repeated and comes too late
//! without harm.

use std::collections::{BTreeSet, HashMap};

use carillon_core::identity::JobId;
use carillon_core::run::{Conclusion, News, Outcome, Phase, Preference, Reason, Report};
use carillon_core::tick::Tick;
use jiff::Timestamp;

use crate::Store;
use crate::attempts::{Attempt, insert_attempts};
use crate::claims::lock_jobs;
use crate::error::StoreError;
use crate::lanes::waits_beside;
use crate::link::Change;
use crate::notices::insert_notices;
use crate::pings::insert_pings;
use crate::row::args;
use crate::run::Run;
use crate::run_changes::write_reported;
use crate::run_row::{job_batch, lock_runs};
use crate::statement::Statement;
use crate::totals::Tally;

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportAnswer {
    /// It is recorded.
    Applied,
    /// It was recorded before.
    AlreadyApplied,
    /// The run is no longer the reporter's: nothing was changed and nothing needs to be repeated.
    NotYours,
}

/// Reports in one transaction.
const REPORT_BATCH_MAX: usize = 500;

impl Store {
    /// Records reports in their order and answers each.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer: some may be recorded; repeat all.
    pub async fn report(&self, reports: &[Report]) -> Result<Vec<ReportAnswer>, StoreError> {
        let mut answers = Vec::with_capacity(reports.len());
        for batch in reports.chunks(REPORT_BATCH_MAX) {
            let answered = self
                .write(Store::TIMEOUT, async || self.report_once(batch).await)
                .await?;
            answers.extend(answered);
        }
        Ok(answers)
    }

    async fn report_once(&self, reports: &[Report]) -> Result<Vec<ReportAnswer>, StoreError> {
        let mut change = self.begin().await?;
        let ending = lock_queues(&mut change, reports).await?;
        let runs = lock_runs(&mut change, reports.iter().map(|report| report.tick)).await?;
        let mut desk = Desk {
            runs,
            changed: BTreeSet::new(),
            attempts: Vec::new(),
            ended: Vec::new(),
            ending,
            offered: false,
            tally: Tally::default(),
        };
        let answers: Vec<_> = reports.iter().map(|report| desk.take(report)).collect();
        if desk.changed.is_empty() {
            change.roll_back().await?;
            return Ok(answers);
        }
        desk.write(&mut change).await?;
        change.commit().await?;
        Ok(answers)
    }
}

/// Locks the jobs whose end others may wait for: their own ticks, or those of a job with the same concurrency key. A
/// claim that still sees the run alive and queues behind it is then committed before this end looks for somebody to wake.
async fn lock_queues(change: &mut Change, reports: &[Report]) -> Result<EndingJobs, StoreError> {
    static SELECT: Statement = Statement::new(
        "select j.id, j.pings is not null,
            j.key_id is not null or (j.overlap <> 'skip' and j.overlap not like 'allow%')
        from {batch(job_id)}
        {then} jobs j on j.id = batch.job_id
        where j.key_id is not null or j.pings is not null
            or (j.overlap <> 'skip' and j.overlap not like 'allow%')",
    );
    let mut ending = EndingJobs::default();
    let jobs = ended_jobs(reports);
    if jobs.is_empty() {
        return Ok(ending);
    }
    for row in &change.rows(&SELECT, args![job_batch(&jobs)]).await? {
        let mut cells = row.cells();
        let (job, pings, queues) = (cells.job()?, cells.flag()?, cells.flag()?);
        ending.pinging.extend(pings.then_some(job));
        ending.sharing.extend(queues.then_some(job));
    }
    if !ending.sharing.is_empty() {
        let gates = lock_jobs(change, &ending.sharing).await?;
        let shares = |job: &JobId| gates.get(job).is_some_and(|gate| gate.key.is_some());
        ending.sharing.retain(shares);
    }
    Ok(ending)
}

/// What is to be known of jobs whose runs end.
#[derive(Debug, Default)]
struct EndingJobs {
    /// Those that share a concurrency key.
    sharing: Vec<JobId>,
    /// Those whose ends are told to somebody outside.
    pinging: Vec<JobId>,
}

fn ended_jobs(reports: &[Report]) -> Vec<JobId> {
    let ends = |report: &&Report| matches!(report.news, News::Ended { .. });
    reports
        .iter()
        .filter(ends)
        .map(|report| report.tick.job)
        .collect()
}

/// The locked runs of one batch of reports, and what the reports change.
struct Desk {
    runs: HashMap<Tick, Run>,
    changed: BTreeSet<Tick>,
    attempts: Vec<Attempt>,
    ended: Vec<JobId>,
    /// What is known of the jobs of the ends.
    ending: EndingJobs,
    offered: bool,
    tally: Tally,
}

impl Desk {
    fn take(&mut self, report: &Report) -> ReportAnswer {
        let Some(mut run) = self.runs.remove(&report.tick) else {
            return ReportAnswer::NotYours;
        };
        let answer = match run.token == Some(report.token) {
            true => self.apply(&mut run, &report.news),
            false => ReportAnswer::NotYours,
        };
        if answer == ReportAnswer::Applied {
            self.changed.insert(report.tick);
        }
        self.runs.insert(report.tick, run);
        answer
    }

    fn apply(&mut self, run: &mut Run, news: &News) -> ReportAnswer {
        let is_lost = run.outcome == Some(Outcome::Lost);
        let is_mine = matches!(run.state, Phase::Claimed | Phase::Running) || is_lost;
        // The token stays with a run that was offered or ended by its owner: so a repeated report is recognised.
        if !is_mine || (run.state == Phase::Running && matches!(news, News::Started { .. })) {
            return ReportAnswer::AlreadyApplied;
        }
        if is_lost && is_loss(news) {
            return ReportAnswer::AlreadyApplied;
        }
        if run.state == Phase::Running && matches!(news, News::HandedBack { .. }) {
            // What was started is not handed back, whoever says so.
            return ReportAnswer::NotYours;
        }
        if is_lost {
            self.tally.uncount(run);
            run.outcome = None;
            run.ended_at = None;
            run.reason = None;
            run.detail = None;
        }
        match news {
            News::Started { at } => {
                run.state = Phase::Running;
                run.started_at = Some(*at);
            }
            News::Ended {
                started_at,
                at,
                ending,
            } => self.end(run, started_at.or(run.started_at), *at, ending),
            News::Retrying { .. } => self.retry(run, news),
            News::HandedBack { until, reason } => {
                run.state = Phase::Offered;
                run.reason = Some(*reason);
                run.start_until = *until;
                if run.preference == Preference::Any
                    && let Some(node) = run.node
                {
                    run.preference = Preference::RatherNot(node);
                }
                run.claimed_at = None;
                self.offered = true;
            }
        }
        ReportAnswer::Applied
    }

    fn end(
        &mut self,
        run: &mut Run,
        started_at: Option<Timestamp>,
        at: Timestamp,
        ending: &Conclusion,
    ) {
        run.started_at = started_at;
        run.end(at, ending);
        self.tally.count(run);
        self.ended.push(run.tick.job);
    }

    fn retry(&mut self, run: &mut Run, news: &News) {
        let News::Retrying {
            started_at,
            at,
            ending,
            not_before,
            until,
            node,
        } = news
        else {
            return;
        };
        run.started_at = started_at.or(run.started_at);
        run.end(*at, ending);
        self.attempts.push(Attempt::of(run));
        run.state = Phase::Offered;
        run.outcome = None;
        run.reason = Some(Reason::Retrying);
        run.detail = None;
        run.attempt += 1;
        run.not_before = *not_before;
        run.start_until = *until;
        run.preference = *node;
        run.claimed_at = None;
        run.started_at = None;
        run.ended_at = None;
        run.exit_code = None;
        run.signal = None;
        self.offered = true;
    }

    async fn write(self, change: &mut Change) -> Result<(), StoreError> {
        let changed: Vec<&Run> = self
            .changed
            .iter()
            .filter_map(|tick| self.runs.get(tick))
            .collect();
        write_reported(change, &changed).await?;
        insert_attempts(change, &self.attempts).await?;
        insert_notices(change, &changed).await?;
        if !self.ending.pinging.is_empty() {
            let has_address = |run: &&&Run| self.ending.pinging.contains(&run.tick.job);
            insert_pings(change, changed.iter().filter(has_address).copied()).await?;
        }
        self.tally.write(change).await?;
        if self.offered || waits_any(change, &self.ended, &self.ending.sharing).await? {
            raise_offers_revision(change).await?;
        }
        Ok(())
    }
}

fn is_loss(news: &News) -> bool {
    matches!(news, News::Ended { ending, .. } if ending.outcome == Outcome::Lost)
}

/// Whether a tick waits for somebody to take it, of these jobs or of one with the same concurrency key as one of `sharing`.
pub(crate) async fn waits_any(
    change: &mut Change,
    jobs: &[JobId],
    sharing: &[JobId],
) -> Result<bool, StoreError> {
    static SELECT: Statement = Statement::new(
        "select r.open_job
        from {batch(job_id)}
        {then} runs r on r.open_job = batch.job_id and r.state = 'offered'
        limit 1",
    );
    if jobs.is_empty() {
        return Ok(false);
    }
    let is_own = change.row(&SELECT, args![job_batch(jobs)]).await?.is_some();
    Ok(is_own || (!sharing.is_empty() && waits_beside(change, sharing).await?))
}

/// Tells every agent to look at the offers.
pub(crate) async fn raise_offers_revision(change: &mut Change) -> Result<(), StoreError> {
    static RAISE: Statement =
        Statement::new("update cluster set offers_revision = offers_revision + 1 where id = 1");
    change.execute(&RAISE, Vec::new()).await?;
    Ok(())
}
