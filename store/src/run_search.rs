//! The newest runs that a filter admits. Nothing is counted, every list goes on from where it ended, and a page looks
//! at so many runs at most, however few of them it wants.

use carillon_core::identity::{GroupId, JobId};
use carillon_core::run::{Outcome, Phase, Trigger};
use carillon_core::tick::{Tick, TickKind};
use jiff::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::link::Link;
use crate::row::{Value, args};
use crate::run_list::{ListedRun, RunFilter, read_listed};
use crate::run_row::{kind_number, run_columns};
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

/// So many runs are looked at in each round, as long as a page is not full: what many runs are is found in the first.
const LOOKS: [u32; 3] = [1_000, 4_000, 15_000];

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

/// The time of the run that stands so many places further down; the index alone knows it.
macro_rules! further_down {
    ($access:literal, $time:literal) => {
        concat!(
            "select ",
            $time,
            " from runs r where ",
            $access,
            " and ",
            $time,
            " <= ? order by ",
            $time,
            " desc limit 1 offset ?"
        )
    };
}

/// The index by which runs are read in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    All,
    OfJob,
    OfNode,
    InTrouble,
    Open,
}

impl Way {
    fn to(filter: &RunFilter) -> Way {
        let asks_open = !filter.states.is_empty() && !filter.states.contains(&Phase::Done);
        let asks_trouble =
            !filter.outcomes.is_empty() && !filter.outcomes.contains(&Outcome::Succeeded);
        match filter.job {
            Some(_) => Way::OfJob,
            None if asks_open => Way::Open,
            // The server reads a node's runs from the newest on and does not stop at a time: only where all are wanted.
            None if filter.node.is_some() && wants_all(filter) => Way::OfNode,
            None if asks_trouble => Way::InTrouble,
            None => Way::All,
        }
    }

    fn list(self) -> &'static Statement {
        static ALL: Statement = Statement::new(filtered!("1 = 1", "r.fire_time"));
        static OF_JOB: Statement = Statement::new(filtered!("r.job_id = ?", "r.fire_time"));
        static OF_NODE: Statement = Statement::new(filtered!("r.node_id = ?", "r.fire_time"));
        // The index holds only what did not succeed, in the order of time.
        static IN_TROUBLE: Statement =
            Statement::new(filtered!("r.trouble_time is not null", "r.trouble_time"));
        static OPEN: Statement = Statement::new(filtered!("r.open_job > 0", "r.fire_time"));
        match self {
            Way::All => &ALL,
            Way::OfJob => &OF_JOB,
            Way::OfNode => &OF_NODE,
            Way::InTrouble => &IN_TROUBLE,
            Way::Open => &OPEN,
        }
    }

    fn further_down(self) -> &'static Statement {
        static ALL: Statement = Statement::new(further_down!("1 = 1", "r.fire_time"));
        static OF_JOB: Statement = Statement::new(further_down!("r.job_id = ?", "r.fire_time"));
        static OF_NODE: Statement = Statement::new(further_down!("r.node_id = ?", "r.fire_time"));
        static IN_TROUBLE: Statement = Statement::new(further_down!(
            "r.trouble_time is not null",
            "r.trouble_time"
        ));
        match self {
            // What is open is little, and is never asked for in rounds.
            Way::All | Way::Open => &ALL,
            Way::OfJob => &OF_JOB,
            Way::OfNode => &OF_NODE,
            Way::InTrouble => &IN_TROUBLE,
        }
    }

    /// What stands before all other values of both statements.
    fn key(self, filter: &RunFilter) -> Vec<Value> {
        match self {
            Way::OfJob => filter.job.map(Value::from).into_iter().collect(),
            Way::OfNode => filter.node.map(Value::from).into_iter().collect(),
            Way::All | Way::InTrouble | Way::Open => Vec::new(),
        }
    }

    /// Whether every run that the index shows is wanted, or all there are may be looked at.
    fn is_straight(self, filter: &RunFilter) -> bool {
        let node_is_key = filter.node.is_none() || self == Way::OfNode;
        self == Way::Open || (node_is_key && wants_all(filter))
    }
}

/// Whether nothing is asked of a run but whose it is and when.
fn wants_all(filter: &RunFilter) -> bool {
    filter.groups.is_none()
        && filter.states.is_empty()
        && filter.outcomes.is_empty()
        && filter.trigger.is_none()
}

impl Store {
    /// One page of the runs that `filter` admits, newest first, at most `limit`. Rows the domain refuses are left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn run_page(&self, filter: &RunFilter, limit: u32) -> Result<RunPage, StoreError> {
        let way = Way::to(filter);
        self.read(Store::TIMEOUT, |mut link| async move {
            let few = match &filter.groups {
                Some(groups) if way == Way::All => few_jobs_of(&mut link, groups).await?,
                _ => None,
            };
            if let Some(jobs) = few {
                let runs = merge_jobs(&mut link, (filter, &jobs), limit.saturating_add(1)).await?;
                return Ok(cut(runs, limit));
            }
            match way.is_straight(filter) {
                true => Ok(cut(
                    select(&mut link, way, filter, limit.saturating_add(1)).await?,
                    limit,
                )),
                false => look(&mut link, way, filter, limit).await,
            }
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
    way: Way,
    filter: &RunFilter,
    limit: u32,
) -> Result<RunPage, StoreError> {
    let mut filter = filter.clone();
    let from = filter.from;
    let mut runs: Vec<ListedRun> = Vec::new();
    for count in LOOKS {
        let bound = look_down(link, way, &filter, count).await?;
        let bound = bound.filter(|bound| from.is_none_or(|from| from < *bound));
        filter.from = bound.or(from);
        let found = u32::try_from(runs.len()).unwrap_or(limit);
        let missing = limit.saturating_add(1).saturating_sub(found);
        runs.extend(select(link, way, &filter, missing).await?);
        let Some(bound) = bound.filter(|_| runs.len() <= limit as usize) else {
            return Ok(cut(runs, limit));
        };
        // Before every run of that instant, since all of them were looked at.
        filter.after = Some(Tick {
            fire_time: bound,
            job: JobId(0),
            kind: TickKind::Scheduled,
            slot: 0,
        });
    }
    Ok(RunPage {
        runs,
        next: filter.after,
    })
}

/// Where the run stands that is so many places further down; none where there is none.
async fn look_down(
    link: &mut Link,
    way: Way,
    filter: &RunFilter,
    count: u32,
) -> Result<Option<Timestamp>, StoreError> {
    let mut values = way.key(filter);
    values.extend(args![until(filter), count]);
    let row = link.row(way.further_down(), values).await?;
    row.map(|row| row.cells().time()).transpose()
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
            ..filter.clone()
        };
        runs.extend(select(link, Way::OfJob, &filter, limit).await?);
    }
    runs.sort_unstable_by_key(|listed| std::cmp::Reverse(listed.run.tick));
    runs.truncate(limit as usize);
    Ok(runs)
}

async fn select(
    link: &mut Link,
    way: Way,
    filter: &RunFilter,
    limit: u32,
) -> Result<Vec<ListedRun>, StoreError> {
    let rows = link
        .rows(way.list(), filter_values(way, filter, limit))
        .await?;
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

fn filter_values(way: Way, filter: &RunFilter, limit: u32) -> Vec<Value> {
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
    values.extend(args![
        from,
        until(filter),
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
