//! What an overlap policy counts: the open runs of one job, or of all jobs of its group with the same concurrency key.
//!
//! A key has a row of its own, which whoever judges one of its jobs locks after the jobs' rows. So two jobs of one key
//! are judged one after another although each claim locks its own job alone. Jobs without a key cost nothing here.

use std::collections::HashMap;

use carillon_core::identity::JobId;
use carillon_core::job::JobDraft;
use carillon_core::tick::Tick;
use serde_json::{Value as Json, json};

use crate::claim_rules::{Gate, is_another};
use crate::error::StoreError;
use crate::link::{Change, Link};
use crate::row::args;
use crate::run::Run;
use crate::run_row::{RUN_COLUMNS_COUNT, job_batch, open_runs_of, read_run, run_columns};
use crate::statement::Statement;

/// The number of a concurrency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KeyId(pub(crate) i64);

/// Jobs whose runs are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Lane {
    Job(JobId),
    Key(KeyId),
}

/// The open runs of the jobs of one transaction, lane by lane.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    keys: HashMap<JobId, KeyId>,
    runs: HashMap<Lane, Vec<Run>>,
    /// What the jobs are called whose runs were open.
    names: HashMap<JobId, String>,
}

impl Lanes {
    /// Reads what is open beside these jobs. Only after the lock of [`lock_keys`].
    pub(crate) async fn read(
        link: &mut Link,
        gates: &HashMap<JobId, Gate>,
        jobs: &[JobId],
    ) -> Result<Self, StoreError> {
        let keys: HashMap<JobId, KeyId> = gates
            .iter()
            .filter_map(|(job, gate)| Some((*job, gate.key?)))
            .collect();
        let mut lanes = Lanes {
            keys,
            ..Lanes::default()
        };
        let has_no_key = |job: &&JobId| !lanes.keys.contains_key(job);
        let alone: Vec<JobId> = jobs.iter().filter(has_no_key).copied().collect();
        if !alone.is_empty() {
            let open = open_runs_of(link, &alone).await?;
            lanes.runs = open
                .into_iter()
                .map(|(job, runs)| (Lane::Job(job), runs))
                .collect();
        }
        lanes.read_shared(link).await?;
        Ok(lanes)
    }

    async fn read_shared(&mut self, link: &mut Link) -> Result<(), StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            run_columns!(),
            ", j.key_id, j.name
            from {batch(key_id)}
            {then} jobs j on j.key_id = batch.key_id
            {then} runs r on r.open_job = j.id"
        ));
        if self.keys.is_empty() {
            return Ok(());
        }
        let keys = key_batch(self.keys.values().copied());
        for row in &link.rows(&SELECT, args![keys]).await? {
            let run = read_run(row)?;
            let mut cells = row.cells_from(RUN_COLUMNS_COUNT);
            let (key, name) = (KeyId(cells.int()?), cells.text()?);
            self.keys.insert(run.tick.job, key);
            self.names.insert(run.tick.job, name);
            self.runs.entry(Lane::Key(key)).or_default().push(run);
        }
        Ok(())
    }

    /// The open runs that count for this job.
    pub(crate) fn of(&self, job: JobId) -> &[Run] {
        self.runs.get(&self.lane(job)).map_or(&[], Vec::as_slice)
    }

    /// As [`Lanes::of`], to be changed.
    pub(crate) fn of_mut(&mut self, job: JobId) -> &mut Vec<Run> {
        let lane = self.lane(job);
        self.runs.entry(lane).or_default()
    }

    /// Which other job's run is in the way of `tick`, for a person. None where only the job's own are.
    pub(crate) fn obstacle(&self, tick: Tick) -> Option<String> {
        let is_in_the_way = |run: &&Run| run.tick.job != tick.job && is_another(run.tick, tick);
        let mut others = self.of(tick.job).iter().filter(is_in_the_way);
        let live = others.clone().find(|run| run.is_live());
        let run = live.or_else(|| others.next())?;
        // A run of the same claim is not read back, so its job is known by its number alone.
        let job = match self.names.get(&run.tick.job) {
            Some(name) => name.clone(),
            None => run.tick.job.to_string(),
        };
        Some(format!(
            "run {} of job {job} has the same concurrency key",
            run.tick
        ))
    }

    fn lane(&self, job: JobId) -> Lane {
        match self.keys.get(&job) {
            Some(key) => Lane::Key(*key),
            None => Lane::Job(job),
        }
    }
}

/// Locks the keys of these jobs, in their order. After the jobs, never before: so nobody waits in a circle.
pub(crate) async fn lock_keys(
    change: &mut Change,
    gates: &HashMap<JobId, Gate>,
) -> Result<(), StoreError> {
    static LOCK: Statement = Statement::new(
        "select k.id
        from {batch(key_id)}
        {then} concurrency_keys k on k.id = batch.key_id
        {for update of k}",
    );
    let keys: Vec<KeyId> = gates.values().filter_map(|gate| gate.key).collect();
    if !keys.is_empty() {
        let keys = key_batch(keys.into_iter());
        change.rows(&LOCK, args![keys]).await?;
    }
    Ok(())
}

/// Whether a tick waits for somebody to take it, of a job that shares a key with one of these. Ask where one has a key.
pub(crate) async fn waits_beside(change: &mut Change, jobs: &[JobId]) -> Result<bool, StoreError> {
    static SELECT: Statement = Statement::new(
        "select r.open_job
        from {batch(job_id)}
        {then} jobs own on own.id = batch.job_id
        {then} jobs j on j.key_id = own.key_id
        {then} runs r on r.open_job = j.id and r.state = 'offered'
        limit 1",
    );
    Ok(change.row(&SELECT, args![job_batch(jobs)]).await?.is_some())
}

/// The number of a job's key, which is given one where it is new. Each group has keys of its own, so that nobody who
/// edits jobs of one ends runs of another.
pub(crate) async fn number_key(
    change: &mut Change,
    draft: &JobDraft,
) -> Result<Option<KeyId>, StoreError> {
    static SELECT: Statement =
        Statement::new("select id from concurrency_keys where group_id = ? and name = ?");
    static INSERT: Statement = Statement::new(
        "insert into concurrency_keys (group_id, name) values (?, ?) {or keep concurrency_keys.name}",
    );
    let Some(key) = &draft.spec.concurrency_key else {
        return Ok(None);
    };
    let values = || args![draft.group, key.as_str()];
    // A key that is there is only read: claims hold its lock.
    if change.row(&SELECT, values()).await?.is_none() {
        change.execute(&INSERT, values()).await?;
    }
    let row = change.only_row(&SELECT, values()).await?;
    Ok(Some(KeyId(row.cells().int()?)))
}

fn key_batch(keys: impl Iterator<Item = KeyId>) -> String {
    let mut keys: Vec<i64> = keys.map(|key| key.0).collect();
    keys.sort_unstable();
    keys.dedup();
    let rows: Vec<Json> = keys.into_iter().map(|key| json!([key])).collect();
    Json::from(rows).to_string()
}
