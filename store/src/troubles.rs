//! What the monitor asks about runs and jobs: news of bad ends, and whether all is well again.

use carillon_core::calendar::CalendarUse;
use carillon_core::evidence::RunEvidence;
use carillon_core::identity::JobId;
use carillon_core::job::{JobSpec, ScheduleText};
use carillon_core::run::{Outcome, Phase, Reason};
use carillon_core::tick::Tick;
use carillon_core::watch::Watch;
use jiff::Timestamp;
use serde_json::json;

use crate::Store;
use crate::error::{CorruptRow, StoreError};
use crate::link::Link;
use crate::row::{Cells, Origin, args};
use crate::run_row::{kind_number, read_tick};
use crate::statement::Statement;

/// A run that ended badly, as its notice and its rows tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// The notice's number.
    pub notice: i64,
    /// The run.
    pub tick: Tick,
    /// How it ended.
    pub outcome: Outcome,
    /// The job's name; none when the job has been deleted.
    pub job_name: Option<String>,
    /// When the job is due.
    pub schedule: Option<ScheduleText>,
    /// The calendar it keeps to.
    pub calendar: Option<CalendarUse>,
    /// What people want to be told about it.
    pub watch: Watch,
    /// The facts, but for output and next fire time.
    pub evidence: RunEvidence,
}

/// A page of news.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TroublePage {
    /// What can be told.
    pub troubles: Vec<Trouble>,
    /// Notices whose rows nobody understands; they are to be taken, and somebody should look at the rows.
    pub corrupt: Vec<(i64, CorruptRow)>,
}

/// Whether a job that was in trouble still matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobHealth {
    /// Nothing has changed.
    Unchanged,
    /// A later run succeeded.
    Succeeded,
    /// The job was deleted, or disabled since.
    Withdrawn,
}

/// A run that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRun {
    /// Which.
    pub tick: Tick,
    /// How far it has come.
    pub state: Phase,
    /// It should have started then.
    pub not_before: Timestamp,
    /// When its command started.
    pub started_at: Option<Timestamp>,
}

/// Runs that wait and no node takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingRuns {
    /// So many.
    pub waiting: i64,
    /// The oldest could have started then.
    pub oldest_at: Timestamp,
    /// Why one of them waits.
    pub reason: Option<Reason>,
}

/// The most notices of a page.
const NOTICES_MAX: i64 = 500;
/// The most bytes of output that are read for one letter.
const TAIL_BYTES_MAX: usize = 32 * 1024;
/// The most pieces of output that are read for one letter.
const TAIL_CHUNKS_MAX: i64 = 16;

impl Store {
    /// News of runs that ended badly, oldest first. It stays until a settlement takes it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn troubles(&self) -> Result<TroublePage, StoreError> {
        static SELECT: Statement = Statement::new(
            "select n.id, n.fire_time, n.job_id, n.kind, n.slot, n.outcome, r.reason, r.detail, r.exit_code,
                r.exit_signal, coalesce(r.attempt, 1), r.started_at, r.ended_at, coalesce(r.tick_count, 1),
                nodes.name, j.name, j.schedule, j.zone, j.dst, j.spec
            from notices as n
                left join runs as r on r.fire_time = n.fire_time and r.job_id = n.job_id
                    and r.kind = n.kind and r.slot = n.slot
                left join nodes on nodes.id = r.node_id
                left join jobs as j on j.id = n.job_id and j.deleted_at is null
            order by n.id
            limit ?",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, args![NOTICES_MAX]).await?;
            let mut page = TroublePage::default();
            for row in &rows {
                let mut cells = row.cells();
                let notice = cells.int()?;
                match read_trouble(notice, &mut cells) {
                    Ok(trouble) => page.troubles.push(trouble),
                    Err(StoreError::Corrupt(error)) => page.corrupt.push((notice, error)),
                    Err(error) => return Err(error),
                }
            }
            Ok(page)
        })
        .await
    }

    /// The outcomes of the job's last runs up to `fire_time`, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn last_outcomes(
        &self,
        job: JobId,
        fire_time: Timestamp,
        limit: u32,
    ) -> Result<Vec<Outcome>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select outcome
            from runs
            where job_id = ? and fire_time <= ? and state = 'done'
            order by fire_time desc
            limit ?",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, args![job, fire_time, limit]).await?;
            let mut outcomes = Vec::with_capacity(rows.len());
            for row in &rows {
                let origin = Origin {
                    table: "runs",
                    id: &job,
                };
                outcomes.push(origin.parse("outcome", &row.cells().text()?)?);
            }
            Ok(outcomes)
        })
        .await
    }

    /// The last bytes that the run's last attempt wrote, in the order they were written.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn output_tail(&self, tick: Tick, attempt: u32) -> Result<Vec<u8>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select content
            from run_outputs
            where fire_time = ? and job_id = ? and kind = ? and slot = ? and attempt = ?
            order by chunk desc
            limit ?",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let values = args![
                tick.fire_time,
                tick.job,
                kind_number(tick.kind),
                tick.slot,
                attempt,
                TAIL_CHUNKS_MAX,
            ];
            let rows = link.rows(&SELECT, values).await?;
            let mut tail = Vec::new();
            for row in rows.iter().rev() {
                tail.extend(row.cells().bytes()?);
            }
            let surplus = tail.len().saturating_sub(TAIL_BYTES_MAX);
            Ok(tail.split_off(surplus))
        })
        .await
    }

    /// Whether jobs that were in trouble with the tick of `fire_time` still matter, in the order asked.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn job_healths(
        &self,
        jobs: &[(JobId, Timestamp)],
    ) -> Result<Vec<JobHealth>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select batch.place,
                exists (
                    select 1 from runs as r
                    where r.job_id = batch.job_id and r.fire_time > batch.fire_time
                        and r.outcome = 'succeeded'
                    order by r.fire_time desc
                    limit 1),
                j.id is null or j.deleted_at is not null
                    or (j.enabled = 0 and j.updated_at > batch.fire_time)
            from {batch(place, job_id, fire_time)} left join jobs as j on j.id = batch.job_id",
        );
        let batch: Vec<_> = jobs
            .iter()
            .enumerate()
            .map(|(place, (job, at))| json!([place, job.0, at.as_microsecond()]))
            .collect();
        let batch = &json!(batch);
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, args![batch.clone()]).await?;
            let mut healths = vec![JobHealth::Unchanged; jobs.len()];
            for row in &rows {
                let mut cells = row.cells();
                let place = usize::try_from(cells.int()?).unwrap_or(usize::MAX);
                let (has_succeeded, is_withdrawn) = (cells.flag()?, cells.flag()?);
                if let Some(health) = healths.get_mut(place) {
                    *health = match (has_succeeded, is_withdrawn) {
                        (_, true) => JobHealth::Withdrawn,
                        (true, false) => JobHealth::Succeeded,
                        (false, false) => JobHealth::Unchanged,
                    };
                }
            }
            Ok(healths)
        })
        .await
    }

    /// When each of the jobs last succeeded after the instant beside it, in the order asked.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn last_successes(
        &self,
        jobs: &[(JobId, Timestamp)],
    ) -> Result<Vec<Option<Timestamp>>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select batch.place,
                (select r.ended_at from runs as r
                where r.job_id = batch.job_id and r.fire_time > batch.since_at and r.outcome = 'succeeded'
                order by r.fire_time desc
                limit 1)
            from {batch(place, job_id, since_at)}",
        );
        let batch: Vec<_> = jobs
            .iter()
            .enumerate()
            .map(|(place, (job, since))| json!([place, job.0, since.as_microsecond()]))
            .collect();
        let batch = &json!(batch);
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, args![batch.clone()]).await?;
            let mut successes = vec![None; jobs.len()];
            for row in &rows {
                let mut cells = row.cells();
                let place = usize::try_from(cells.int()?).unwrap_or(usize::MAX);
                if let Some(success) = successes.get_mut(place) {
                    *success = cells.time_or_none()?;
                }
            }
            Ok(successes)
        })
        .await
    }

    /// The runs of these jobs that have not ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn open_runs_of(&self, jobs: &[JobId]) -> Result<Vec<OpenRun>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select r.fire_time, r.job_id, r.kind, r.slot, r.state, r.not_before, r.started_at
            from {batch(job_id)} {then} runs as r on r.open_job = batch.job_id
            limit 10000",
        );
        let batch: Vec<_> = jobs.iter().map(|job| json!([job.0])).collect();
        let batch = &json!(batch);
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, args![batch.clone()]).await?;
            let mut runs = Vec::with_capacity(rows.len());
            for row in &rows {
                let mut cells = row.cells();
                let tick = read_tick(&mut cells)?;
                let origin = Origin {
                    table: "runs",
                    id: &tick,
                };
                runs.push(OpenRun {
                    tick,
                    state: origin.parse("state", &cells.text()?)?,
                    not_before: cells.time()?,
                    started_at: cells.time_or_none()?,
                });
            }
            Ok(runs)
        })
        .await
    }

    /// The runs that any node could have started before `since`, and none has. Runs that wait for their next attempt
    /// or for the last run of their job are not among them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn waiting_runs(&self, since: Timestamp) -> Result<Option<WaitingRuns>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select count(*), min(not_before), max(reason)
            from runs
            where open_job is not null and state = 'offered' and not_before < ?
                and (reason is null or reason not in ('queued', 'retrying'))",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let row = link.only_row(&SELECT, args![since]).await?;
            let mut cells = row.cells();
            let waiting = cells.int()?;
            let oldest_at = cells.time_or_none()?;
            let reason = cells.text_or_none()?.and_then(|word| word.parse().ok());
            Ok(oldest_at.map(|oldest_at| WaitingRuns {
                waiting,
                oldest_at,
                reason,
            }))
        })
        .await
    }
}

fn read_trouble(notice: i64, cells: &mut Cells<'_>) -> Result<Trouble, StoreError> {
    let tick = read_tick(cells)?;
    let origin = Origin {
        table: "runs",
        id: &tick,
    };
    let outcome: Outcome = origin.parse("outcome", &cells.text()?)?;
    let mut evidence = RunEvidence {
        run: tick.to_string(),
        outcome,
        reason: origin.parse_or_none("reason", cells.text_or_none()?)?,
        detail: cells.text_or_none()?.filter(|detail| !detail.is_empty()),
        exit_code: cells.small_or_none()?,
        signal: cells.small_or_none()?,
        attempt: cells.small()?,
        attempts_max: 1,
        fire_time: tick.fire_time,
        started_at: cells.time_or_none()?,
        ended_at: cells.time_or_none()?,
        tick_count: cells.int()?,
        node: cells.text_or_none()?,
        next_time: None,
        zone: "UTC".to_owned(),
        output: Vec::new(),
    };
    let job_name = cells.text_or_none()?;
    let schedule = match (
        cells.text_or_none()?,
        cells.text_or_none()?,
        cells.text_or_none()?,
    ) {
        (Some(expression), Some(zone), Some(dst)) => Some(ScheduleText {
            expression,
            zone,
            dst: origin.parse("dst", &dst)?,
        }),
        _ => None,
    };
    let spec: Option<JobSpec> = cells
        .text_or_none()?
        .and_then(|spec| serde_json::from_str(&spec).ok());
    if let Some(schedule) = &schedule {
        evidence.zone.clone_from(&schedule.zone);
    }
    let spec = spec.unwrap_or_default();
    evidence.attempts_max = spec.retry.max_attempts.max(evidence.attempt);
    Ok(Trouble {
        notice,
        tick,
        outcome,
        job_name,
        schedule,
        calendar: spec.calendar,
        watch: spec.watch,
        evidence,
    })
}
