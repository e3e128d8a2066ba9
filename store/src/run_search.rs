//! The newest runs that a filter admits. Nothing is counted, every list goes on from where it ended, and a page looks
//! at so many runs at most, however few of them it wants.

use carillon_core::identity::{GroupId, JobId};
use carillon_core::run::Trigger;
use carillon_core::tick::Tick;
use jiff::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::link::Link;
use crate::row::{Value, args};
use crate::run_list::{ListedRun, RunFilter, read_listed};
use crate::run_row::{kind_number, read_tick};
use crate::run_way::Way;
use crate::statement::Statement;

/// One page of a list of runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunPage {
    /// The runs, newest first.
    pub runs: Vec<ListedRun>,
    /// After which the list goes on; none at its end. A page may be short and go on all the same.
    pub next: Option<Tick>,
}

/// Up to so many jobs are looked at one by one.
const FEW_JOBS_MAX: u32 = 100;

impl Store {
    /// One page of the runs that `filter` admits, newest first, at most `limit`. Rows the domain refuses are left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn run_page(&self, filter: &RunFilter, limit: u32) -> Result<RunPage, StoreError> {
        let way = Way::to(filter);
        self.read(Store::TIMEOUT, |mut link| async move {
            let is_straight = way.is_straight(filter);
            let one_more = limit.saturating_add(1);
            match &filter.groups {
                None if is_straight => {
                    let runs = select(&mut link, (way, filter), one_more, one_more).await?;
                    return Ok(cut(runs, limit));
                }
                Some(groups) if is_straight && way == Way::All => {
                    if let Some(jobs) = few_jobs_of(&mut link, groups).await? {
                        let runs = merge_jobs(&mut link, (filter, &jobs), one_more).await?;
                        return Ok(cut(runs, limit));
                    }
                }
                _ => {}
            }
            look(&mut link, (way, filter), limit).await
        })
        .await
    }

    /// The runs that `filter` admits, newest first, at most `limit`, however long it takes to find them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn runs(&self, filter: &RunFilter, limit: u32) -> Result<Vec<ListedRun>, StoreError> {
        let mut filter = filter.clone();
        let mut runs: Vec<ListedRun> = Vec::new();
        loop {
            let missing = limit.saturating_sub(u32::try_from(runs.len()).unwrap_or(limit));
            let page = self.run_page(&filter, missing).await?;
            runs.extend(page.runs);
            match page.next {
                Some(next) if runs.len() < limit as usize => filter.after = Some(next),
                _ => return Ok(runs),
            }
        }
    }
}

/// A page of what was found, which is one more than fits where the list goes on.
fn cut(mut runs: Vec<ListedRun>, limit: u32) -> RunPage {
    let has_more = runs.len() > limit as usize;
    runs.truncate(limit as usize);
    let next = runs.last().filter(|_| has_more).map(|last| last.run.tick);
    RunPage { runs, next }
}

/// Looks further and further down until the page is full, the list ends, or it has looked at enough.
async fn look(
    link: &mut Link,
    (way, filter): (Way, &RunFilter),
    limit: u32,
) -> Result<RunPage, StoreError> {
    let mut filter = filter.clone();
    let mut runs: Vec<ListedRun> = Vec::new();
    for count in way.looks(&filter).iter().copied() {
        let found = u32::try_from(runs.len()).unwrap_or(limit);
        let missing = limit.saturating_add(1).saturating_sub(found);
        runs.extend(select(link, (way, &filter), count, missing).await?);
        if runs.len() > limit as usize {
            return Ok(cut(runs, limit));
        }
        let Some(last) = look_down(link, way, &filter, count).await? else {
            return Ok(cut(runs, limit));
        };
        filter.after = Some(last);
    }
    Ok(RunPage {
        runs,
        next: filter.after,
    })
}

/// The last of so many runs further down; none where there are not so many.
async fn look_down(
    link: &mut Link,
    way: Way,
    filter: &RunFilter,
    count: u32,
) -> Result<Option<Tick>, StoreError> {
    let mut values = key_values(way, filter);
    values.extend(args![count.saturating_sub(1)]);
    let row = link.row(way.questions().further_down, values).await?;
    row.map(|row| read_tick(&mut row.cells())).transpose()
}

/// The latest time that the filter admits.
fn until(filter: &RunFilter) -> i64 {
    let after = filter
        .after
        .map_or(i64::MAX, |tick| tick.fire_time.as_microsecond());
    filter
        .before
        .map_or(i64::MAX, |before| before.as_microsecond() - 1)
        .min(after)
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
    (filter, jobs): (&RunFilter, &[JobId]),
    limit: u32,
) -> Result<Vec<ListedRun>, StoreError> {
    let mut runs = Vec::new();
    for job in jobs {
        let filter = RunFilter {
            job: Some(*job),
            groups: None,
            ..filter.clone()
        };
        runs.extend(select(link, (Way::OfJob, &filter), limit, limit).await?);
    }
    runs.sort_unstable_by_key(|listed| std::cmp::Reverse(listed.run.tick));
    runs.truncate(limit as usize);
    Ok(runs)
}

/// Those that are wanted of so many runs, at most `limit`.
async fn select(
    link: &mut Link,
    (way, filter): (Way, &RunFilter),
    looks: u32,
    limit: u32,
) -> Result<Vec<ListedRun>, StoreError> {
    let questions = way.questions();
    let mut values = key_values(way, filter);
    values.extend(args![looks]);
    if way == Way::OfJobInTrouble {
        values.extend(args![looks]);
    }
    let statement = match &filter.groups {
        None => questions.all,
        Some(groups) => {
            let batch: Vec<_> = groups.iter().map(|group| [group.0]).collect();
            let keys_max = if way.is_straight(filter) {
                limit
            } else {
                looks
            };
            values.extend(args![serde_json::json!(batch), keys_max]);
            questions.of_groups
        }
    };
    values.extend(wanted_values(filter));
    values.extend(args![limit]);
    let rows = link.rows(statement, values).await?;
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

/// Where keys begin and end.
fn key_values(way: Way, filter: &RunFilter) -> Vec<Value> {
    let from = filter.from.map_or(i64::MIN, Timestamp::as_microsecond);
    let (time, job, kind, slot) = match filter.after {
        Some(tick) => (
            tick.fire_time.as_microsecond(),
            tick.job.0,
            kind_number(tick.kind),
            tick.slot,
        ),
        None => (i64::MAX, i64::MAX, 0, 0),
    };
    let mut values = way.key(filter);
    values.extend(args![from, until(filter), time, job, job, kind, kind, slot]);
    values
}

/// What is asked of each run.
fn wanted_values(filter: &RunFilter) -> Vec<Value> {
    let words = |words: Vec<&str>| (!words.is_empty()).then(|| format!(",{},", words.join(",")));
    let states = words(filter.states.iter().map(|state| state.word()).collect());
    let outcomes = filter.outcomes.iter().map(|outcome| outcome.word());
    let outcomes = words(outcomes.collect());
    let trigger = filter.trigger.map(Trigger::word);
    args![
        states.clone(),
        states,
        outcomes.clone(),
        outcomes,
        filter.node,
        filter.node,
        trigger,
        trigger,
    ]
}
