//! Runs as people look at them: one, the newest that a filter admits, the latest of many jobs. Nothing is counted,
//! and every list goes on from where it ended.

use carillon_core::identity::{GroupId, JobId, NodeId};
use carillon_core::run::{Outcome, Phase, Trigger};
use carillon_core::tick::Tick;
use jiff::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::link::Link;
use crate::row::{Row, Value, args};
use crate::run::Run;
use crate::run_row::{RUN_COLUMNS_COUNT, kind_number, read_run, run_columns};
use crate::statement::Statement;

/// A run with the names that people know.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedRun {
    /// The run.
    pub run: Run,
    /// The job's present name; none when there is no such job.
    pub job_name: Option<String>,
    /// The job's group.
    pub group: Option<GroupId>,
    /// The node's name.
    pub node_name: Option<String>,
}

/// Which runs to show. What is empty admits all.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Only of this job.
    pub job: Option<JobId>,
    /// Only of jobs in these groups; none admits every group, and an empty list no run at all.
    pub groups: Option<Vec<GroupId>>,
    /// Only in these states.
    pub states: Vec<Phase>,
    /// Only with these outcomes.
    pub outcomes: Vec<Outcome>,
    /// Only on this node.
    pub node: Option<NodeId>,
    /// Only of this trigger.
    pub trigger: Option<Trigger>,
    /// Fire times from here on.
    pub from: Option<Timestamp>,
    /// Fire times before this.
    pub before: Option<Timestamp>,
    /// Only runs after this one in the list: older, by the order of the keys.
    pub after: Option<Tick>,
}

/// Up to so many jobs are looked at one by one.
const FEW_JOBS_MAX: u32 = 100;

macro_rules! listed {
    ($rest:literal) => {
        concat!(
            "select ",
            run_columns!(),
            ", j.name, j.group_id, n.name
            from runs r
            left join jobs j on j.id = r.job_id
            left join nodes n on n.id = r.node_id
            where ",
            $rest
        )
    };
}

// The order is that of the index, key included, so that nothing is sorted. The group is compared so that a missing job
// compares, too: else the optimizer begins with the jobs and reads all of their runs.
macro_rules! filtered {
    ($access:literal, $time:literal) => {
        concat!(
            "select ",
            run_columns!(),
            ", j.name, j.group_id, n.name
            from runs r
            left join jobs j on j.id = r.job_id
            left join nodes n on n.id = r.node_id
            where ",
            $access,
            " and ",
            $time,
            " >= ? and ",
            $time,
            " <= ?
                and (",
            $time,
            " < ? or r.job_id < ? or (r.job_id = ? and (r.kind < ? or (r.kind = ? and r.slot < ?))))
                and (? is null or instr(?, concat(',', coalesce(j.group_id, 0), ',')) > 0)
                and (? is null or instr(?, concat(',', r.state, ',')) > 0)
                and (? is null or instr(?, concat(',', r.outcome, ',')) > 0)
                and (? is null or r.node_id = ?)
                and (? is null or r.run_trigger = ?)
            order by ",
            $time,
            " desc, r.fire_time desc, r.job_id desc, r.kind desc, r.slot desc
            limit ?"
        )
    };
}

impl Store {
    /// One run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Corrupt`], or [`StoreError::Unavailable`] without an answer.
    pub async fn run(&self, tick: Tick) -> Result<ListedRun, StoreError> {
        static SELECT: Statement = Statement::new(listed!(
            "r.fire_time = ? and r.job_id = ? and r.kind = ? and r.slot = ?"
        ));
        self.read(Store::TIMEOUT, |mut link| async move {
            let values = args![tick.fire_time, tick.job, kind_number(tick.kind), tick.slot];
            let row = link.row(&SELECT, values).await?;
            let row = row.ok_or_else(|| StoreError::NotFound {
                what: "run",
                id: tick.to_string(),
            })?;
            read_listed(&row)
        })
        .await
    }

    /// The runs that `filter` admits, newest first, at most `limit`. Rows the domain refuses are left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn runs(&self, filter: &RunFilter, limit: u32) -> Result<Vec<ListedRun>, StoreError> {
        static ALL: Statement = Statement::new(filtered!("1 = 1", "r.fire_time"));
        static OF_JOB: Statement = Statement::new(filtered!("r.job_id = ?", "r.fire_time"));
        // The index holds only what did not succeed, in the order of time.
        static IN_TROUBLE: Statement =
            Statement::new(filtered!("r.trouble_time is not null", "r.trouble_time"));
        static OPEN: Statement = Statement::new(filtered!("r.open_job > 0", "r.fire_time"));
        let asks_trouble =
            !filter.outcomes.is_empty() && !filter.outcomes.contains(&Outcome::Succeeded);
        let asks_open = !filter.states.is_empty() && !filter.states.contains(&Phase::Done);
        let statement = match filter.job {
            Some(_) => &OF_JOB,
            None if asks_open => &OPEN,
            None if asks_trouble => &IN_TROUBLE,
            None => &ALL,
        };
        let is_wide = filter.job.is_none() && !asks_open && !asks_trouble;
        self.read(Store::TIMEOUT, |mut link| async move {
            let jobs = match &filter.groups {
                Some(groups) if is_wide => few_jobs_of(&mut link, groups).await?,
                _ => None,
            };
            match jobs {
                Some(jobs) => merge_jobs(&mut link, &OF_JOB, (filter, &jobs), limit).await,
                None => select_listed(&mut link, statement, filter, limit).await,
            }
        })
        .await
    }

    /// The latest runs of each of these jobs, at most 100 jobs and `each` runs a job, newest first within a job.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] for more jobs, [`StoreError::Unavailable`] without an answer.
    pub async fn latest_runs(&self, jobs: &[JobId], each: u32) -> Result<Vec<Run>, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            run_columns!(),
            " from runs r where r.job_id = ? order by r.fire_time desc, r.kind desc, r.slot desc limit ?"
        ));
        if jobs.len() > 100 {
            return Err(StoreError::Rejected(format!(
                "latest runs of {} jobs, the limit is 100; ask for a page",
                jobs.len()
            )));
        }
        self.read(Store::TIMEOUT, |mut link| async move {
            let mut runs = Vec::new();
            for job in jobs {
                let rows = link.rows(&SELECT, args![*job, each]).await?;
                runs.extend(crate::reaper::readable(&rows)?);
            }
            Ok(runs)
        })
        .await
    }
}

/// The jobs of these groups, unless they are many: among the runs of all jobs those of few are hard to find.
async fn few_jobs_of(
    link: &mut Link,
    groups: &[GroupId],
) -> Result<Option<Vec<JobId>>, StoreError> {
    static SELECT: Statement = Statement::new(
        "select j.id
        from {batch(group_id)}
        {then} jobs j on j.group_id = batch.group_id
        limit ?",
    );
    let batch: Vec<_> = groups.iter().map(|group| [group.0]).collect();
    let values = args![serde_json::json!(batch), FEW_JOBS_MAX + 1];
    let rows = link.rows(&SELECT, values).await?;
    if rows.len() > FEW_JOBS_MAX as usize {
        return Ok(None);
    }
    let jobs: Result<_, _> = rows.iter().map(|row| row.cells().job()).collect();
    jobs.map(Some)
}

/// Job by job, each by its own index, and the newest of all.
async fn merge_jobs(
    link: &mut Link,
    of_job: &'static Statement,
    (filter, jobs): (&RunFilter, &[JobId]),
    limit: u32,
) -> Result<Vec<ListedRun>, StoreError> {
    let mut runs = Vec::new();
    for job in jobs {
        let filter = RunFilter {
            job: Some(*job),
            ..filter.clone()
        };
        runs.extend(select_listed(link, of_job, &filter, limit).await?);
    }
    runs.sort_unstable_by_key(|listed| std::cmp::Reverse(listed.run.tick));
    runs.truncate(limit as usize);
    Ok(runs)
}

async fn select_listed(
    link: &mut Link,
    statement: &'static Statement,
    filter: &RunFilter,
    limit: u32,
) -> Result<Vec<ListedRun>, StoreError> {
    let rows = link.rows(statement, filter_values(filter, limit)).await?;
    let mut runs = Vec::with_capacity(rows.len());
    for row in &rows {
        match read_listed(row) {
            Ok(run) => runs.push(run),
            Err(StoreError::Corrupt(corrupt)) => tracing::warn!("{corrupt}"),
            Err(error) => return Err(error),
        }
    }
    Ok(runs)
}

fn filter_values(filter: &RunFilter, limit: u32) -> Vec<Value> {
    let words = |words: Vec<&str>| (!words.is_empty()).then(|| format!(",{},", words.join(",")));
    let groups = filter.groups.as_ref().map(|groups| {
        let groups: Vec<_> = groups.iter().map(ToString::to_string).collect();
        format!(",{},", groups.join(","))
    });
    let states = words(filter.states.iter().map(|state| state.word()).collect());
    let outcomes = words(
        filter
            .outcomes
            .iter()
            .map(|outcome| outcome.word())
            .collect(),
    );
    let trigger = filter.trigger.map(Trigger::word);
    let from = filter.from.map_or(i64::MIN, Timestamp::as_microsecond);
    let before = filter
        .before
        .map_or(i64::MAX, |before| before.as_microsecond() - 1);
    let (time, job, kind, slot) = match filter.after {
        Some(tick) => (
            tick.fire_time.as_microsecond(),
            tick.job.0,
            kind_number(tick.kind),
            tick.slot,
        ),
        None => (i64::MAX, i64::MAX, 0, 0),
    };
    let mut values: Vec<Value> = filter.job.map(Value::from).into_iter().collect();
    values.extend(args![
        from,
        before.min(time),
        time,
        job,
        job,
        kind,
        kind,
        slot,
        groups.clone(),
        groups,
        states.clone(),
        states,
        outcomes.clone(),
        outcomes,
        filter.node,
        filter.node,
        trigger,
        trigger,
        limit,
    ]);
    values
}

fn read_listed(row: &Row) -> Result<ListedRun, StoreError> {
    let run = read_run(row)?;
    let mut cells = row.cells_from(RUN_COLUMNS_COUNT);
    Ok(ListedRun {
        run,
        job_name: cells.text_or_none()?,
        group: cells.int_or_none()?.map(GroupId),
        node_name: cells.text_or_none()?,
    })
}
