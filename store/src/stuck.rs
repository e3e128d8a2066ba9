//! Runs that may be stuck: what the monitor asks to find those that nothing moves on.

use carillon_core::launch::KILL_GRACE_MS;
use carillon_core::run::Phase;
use carillon_core::tick::Tick;
use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::error::StoreError;
use crate::link::Link;
use crate::row::{Cells, Origin, args};
use crate::run_row::read_tick;
use crate::statement::Statement;

/// A run that should have moved on, as far as its row tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LingeringRun {
    /// Which.
    pub tick: Tick,
    /// Its job's name.
    pub job_name: String,
    /// The node that has it.
    pub node: Option<String>,
    /// How far it has come.
    pub state: Phase,
    /// Since when it could have moved on.
    pub since_at: Timestamp,
}

/// A command that lives, with the time that its job gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LivingRun {
    /// Which.
    pub tick: Tick,
    /// Its job's name.
    pub job_name: String,
    /// The node that has it.
    pub node: Option<String>,
    /// When the command started.
    pub started_at: Timestamp,
    /// After this time it is ended; none is never.
    pub timeout: Option<SignedDuration>,
    /// Between the polite and the final signal.
    pub kill_grace: SignedDuration,
}

/// Somebody asked for a run to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedKill {
    /// The number of the wish; later ones have greater ones.
    pub id: i64,
    /// The run.
    pub tick: Tick,
    /// Since when.
    pub asked_at: Timestamp,
}

/// The most runs, and the most wishes, that are looked at.
const LOOK_MAX: i64 = 5000;

impl Store {
    /// Runs that a node has claimed and not started, or that wait for a node with their next attempt, since before
    /// `before`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn unstarted_runs(&self, before: Timestamp) -> Result<Vec<LingeringRun>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select r.fire_time, r.job_id, r.kind, r.slot, j.name, n.name, r.state,
                {greatest}(r.not_before, coalesce(r.claimed_at, r.not_before))
            from runs r
                join jobs j on j.id = r.job_id
                left join nodes n on n.id = r.node_id
            where r.open_job > 0 and r.not_before < ?
                and ((r.state = 'claimed' and r.claimed_at < ?)
                    or (r.state = 'offered' and r.reason = 'retrying'))
            limit ?",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, args![before, before, LOOK_MAX]).await?;
            rows.iter()
                .map(|row| read_lingering(&mut row.cells()))
                .collect()
        })
        .await
    }

    /// Runs that wait for the end of another one where none lives: of their job, or of one with the same concurrency
    /// key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn queued_behind_nothing(&self) -> Result<Vec<LingeringRun>, StoreError> {
        // A run between two attempts keeps its place: others wait for it.
        static SELECT: Statement = Statement::new(
            "select r.fire_time, r.job_id, r.kind, r.slot, j.name, cast(null as char), r.state, r.not_before
            from runs r
                join jobs j on j.id = r.job_id
            where r.open_job > 0 and r.state = 'offered' and r.reason = 'queued' and r.not_before < {now}
                and not exists (
                    select 1 from runs o
                    where o.open_job = r.open_job and (o.state <> 'offered' or o.attempt > 1))
                and (j.key_id is null or not exists (
                    select 1 from jobs k join runs o on o.open_job = k.id
                    where k.key_id = j.key_id and (o.state <> 'offered' or o.attempt > 1)))
            limit ?",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, args![LOOK_MAX]).await?;
            rows.iter()
                .map(|row| read_lingering(&mut row.cells()))
                .collect()
        })
        .await
    }

    /// Commands that live and started before `before`, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn living_runs(&self, before: Timestamp) -> Result<Vec<LivingRun>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select r.fire_time, r.job_id, r.kind, r.slot, j.name, n.name, r.started_at,
                cast(json_extract(v.spec, '$.launch.timeout_ms') as signed),
                cast(json_extract(v.spec, '$.run_timeout_ms') as signed),
                cast(json_extract(v.spec, '$.launch.kill_grace_ms') as signed)
            from runs r
                join jobs j on j.id = r.job_id
                left join job_versions v on v.job_id = r.job_id and v.version = r.job_version
                left join nodes n on n.id = r.node_id
            where r.open_job > 0 and r.state = 'running' and r.started_at < ?
            order by r.started_at
            limit ?",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, args![before, LOOK_MAX]).await?;
            rows.iter()
                .map(|row| read_living(&mut row.cells()))
                .collect()
        })
        .await
    }

    /// What was asked to be ended after the wish numbered `after`, the last of it, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn asked_kills(&self, after: i64) -> Result<Vec<AskedKill>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select id, run, asked_at
            from node_commands
            where id > ? and verb = 'kill'
            order by id desc
            limit ?",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, args![after, LOOK_MAX]).await?;
            let mut kills = Vec::with_capacity(rows.len());
            for row in rows.iter().rev() {
                let mut cells = row.cells();
                let (id, run, asked_at) = (cells.int()?, cells.text_or_none()?, cells.time()?);
                // What no agent understands either is not waited for.
                if let Some(Ok(tick)) = run.map(|run| run.parse()) {
                    kills.push(AskedKill { id, tick, asked_at });
                }
            }
            Ok(kills)
        })
        .await
    }
}

fn read_lingering(cells: &mut Cells<'_>) -> Result<LingeringRun, StoreError> {
    let tick = read_tick(cells)?;
    let origin = Origin {
        table: "runs",
        id: &tick,
    };
    Ok(LingeringRun {
        tick,
        job_name: cells.text()?,
        node: cells.text_or_none()?,
        state: origin.parse("state", &cells.text()?)?,
        since_at: cells.time()?,
    })
}

fn read_living(cells: &mut Cells<'_>) -> Result<LivingRun, StoreError> {
    let tick = read_tick(cells)?;
    let (job_name, node, started_at) = (cells.text()?, cells.text_or_none()?, cells.time()?);
    let limits = [cells.int_or_none()?, cells.int_or_none()?];
    let grace_ms = cells.int_or_none()?;
    let default_ms = i64::try_from(KILL_GRACE_MS).unwrap_or(i64::MAX);
    Ok(LivingRun {
        tick,
        job_name,
        node,
        started_at,
        timeout: limits
            .into_iter()
            .flatten()
            .min()
            .map(SignedDuration::from_millis),
        kill_grace: SignedDuration::from_millis(grace_ms.unwrap_or(default_ms)),
    })
}
