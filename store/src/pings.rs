//! Pings that are owed to somebody outside: the end of a run is written with the run's end, its start by the monitor that
//! sees it. Each is claimed by a token with a lease, so that of two monitors one pings; those of one job go in their order.

use carillon_core::job::JobSpec;
use carillon_core::ping::{PingSignal, PingUrl};
use carillon_core::run::{Outcome, Phase};
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use crate::Store;
use crate::error::StoreError;
use crate::link::{Change, Link};
use crate::row::{Cells, Origin, args};
use crate::run::Run;
use crate::run_row::{kind_number, read_tick};
use crate::statement::Statement;

/// A ping older than this is no longer news, and is dropped.
pub const PING_AGE_MAX: SignedDuration = SignedDuration::from_hours(1);

/// A start that is seen later than this is not told any more: who measures from it would measure wrong.
const START_AGE_MAX: SignedDuration = SignedDuration::from_secs(60);

/// A ping that one monitor has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedPing {
    /// Its number.
    pub id: i64,
    /// The run.
    pub tick: Tick,
    /// What it says; nothing when that is no longer so: a start whose run has ended.
    pub signal: Option<PingSignal>,
    /// How the run ended.
    pub outcome: Option<Outcome>,
    /// When it was owed.
    pub made_at: Timestamp,
    /// How often it was tried, this time included.
    pub attempts: u32,
    /// Where to; none when the job has no such address any more.
    pub url: Option<PingUrl>,
}

/// How a ping went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PingEnd {
    /// Told; what the other side said.
    Told(String),
    /// Not now; try again after so long.
    Later(String, SignedDuration),
    /// Never.
    GivenUp(String),
    /// Nobody is to be told any more.
    Dropped,
}

/// How the last ping of a job went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastPing {
    /// The run, as its id.
    pub run: String,
    /// What was said.
    pub told: String,
    /// When it was tried last.
    pub ended_at: Timestamp,
    /// Whether it was heard.
    pub is_told: bool,
    /// After so many tries.
    pub attempts: u32,
    /// What the other side said.
    pub result: String,
}

/// Owes a ping for each of these runs that has ended, where its job has an address. A run that was called lost and ended
/// otherwise is told as it ended, if the first was not told yet.
pub(crate) async fn insert_pings(
    change: &mut Change,
    runs: impl Iterator<Item = &Run>,
) -> Result<(), StoreError> {
    static INSERT: Statement = Statement::of(
        "insert into pings (fire_time, job_id, kind, slot, event, outcome, exit_code, made_at, try_at)
        select batch.fire_time, batch.job_id, batch.kind, batch.slot, 'end', batch.outcome, batch.exit_code, {now}, {now}
        from {batch(fire_time, job_id, kind, slot, outcome text, exit_code)}
        {then} jobs j on j.id = batch.job_id
        where j.pings = 1
        on duplicate key update outcome = values(outcome), exit_code = values(exit_code)",
        "insert into pings (fire_time, job_id, kind, slot, event, outcome, exit_code, made_at, try_at)
        select batch.fire_time, batch.job_id, batch.kind, batch.slot, 'end', batch.outcome, batch.exit_code, {now}, {now}
        from {batch(fire_time, job_id, kind, slot, outcome text, exit_code)}
        {then} jobs j on j.id = batch.job_id
        where j.pings = 1
        on conflict (job_id, fire_time, kind, slot, event) do update set
            outcome = excluded.outcome, exit_code = excluded.exit_code",
    );
    let row = |run: &Run| {
        let outcome = run.outcome?;
        PingSignal::of_end(outcome, run.exit_code)?;
        let mut key = key(run.tick);
        key.extend([json!(outcome), json!(run.exit_code)]);
        Some(Json::Array(key))
    };
    let rows: Vec<Json> = runs.filter_map(row).collect();
    if !rows.is_empty() {
        change.execute(&INSERT, args![Json::Array(rows)]).await?;
    }
    Ok(())
}

fn key(tick: Tick) -> Vec<Json> {
    vec![
        json!(tick.fire_time.as_microsecond()),
        json!(tick.job.0),
        json!(kind_number(tick.kind)),
        json!(tick.slot),
    ]
}

impl Store {
    /// Owes a ping for every command that has started lately, where its job has an address, once for each run.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn owe_starts(&self) -> Result<(), StoreError> {
        static SELECT: Statement = Statement::new(
            "select r.fire_time, r.job_id, r.kind, r.slot
            from jobs j
            {then} runs r on r.open_job = j.id
            left join pings p on p.job_id = r.job_id and p.fire_time = r.fire_time and p.kind = r.kind
                and p.slot = r.slot and p.event = 'start'
            where j.pings is not null and r.state = 'running' and r.started_at > {now} - ? and p.id is null
            limit 1000",
        );
        static INSERT: Statement = Statement::new(
            "insert into pings (fire_time, job_id, kind, slot, event, made_at, try_at)
            select fire_time, job_id, kind, slot, 'start', {now}, {now}
            from {batch(fire_time, job_id, kind, slot)}
            where true
            {or keep pings.event}",
        );
        let started: Vec<Json> = self
            .read(Store::TIMEOUT, |mut link: Link| async move {
                let rows = link.rows(&SELECT, args![START_AGE_MAX]).await?;
                let read =
                    |row: &crate::row::Row| Ok(Json::Array(key(read_tick(&mut row.cells())?)));
                rows.iter().map(read).collect()
            })
            .await?;
        if started.is_empty() {
            return Ok(());
        }
        let batch = &Json::Array(started);
        self.write(Store::TIMEOUT, || async {
            let mut link = self.writer().await?;
            link.execute(&INSERT, args![batch.clone()])
                .await
                .map(|_| ())
        })
        .await
    }

    /// Claims one ping that is due, for `lease`. Those of one job go one after the other: an end waits for what was owed
    /// before it, but not for a start that could not be told.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer; the lease ends by itself.
    pub async fn claim_ping(
        &self,
        token: Token,
        lease: SignedDuration,
    ) -> Result<Option<ClaimedPing>, StoreError> {
        static FIND: Statement = Statement::new(
            "select p.id
            from pings p
            where p.try_at <= {now}
                and not exists (
                    select 1 from pings q
                    where q.job_id = p.job_id and q.id < p.id and q.try_at is not null
                        and (q.event = 'end' or q.token is not null))
            order by p.try_at, p.id
            limit 1",
        );
        static CLAIM: Statement = Statement::new(
            "update pings
            set token = ?, attempts = attempts + 1, try_at = {now} + ?
            where id = ? and try_at <= {now}",
        );
        self.write(Store::TIMEOUT, || async {
            let mut link = self.writer().await?;
            let Some(row) = link.row(&FIND, Vec::new()).await? else {
                return Ok(None);
            };
            let id = row.cells().int()?;
            link.execute(&CLAIM, args![token, lease, id]).await?;
            read_claimed(&mut link, id, token).await
        })
        .await
    }

    /// Writes how it went with the ping that `token` has claimed, unless its lease has passed to somebody else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn end_ping(
        &self,
        ping: &ClaimedPing,
        token: Token,
        end: &PingEnd,
    ) -> Result<(), StoreError> {
        static LATER: Statement = Statement::new(
            "update pings set token = null, try_at = {now} + ? where id = ? and token = ? and try_at is not null",
        );
        // A start stays until it is old, so that it is not owed again.
        static KEEP: Statement = Statement::new(
            "update pings
            set token = null, try_at = null
            where id = ? and token = ? and event = 'start' and try_at is not null",
        );
        static DROP: Statement =
            Statement::new("delete from pings where id = ? and token = ? and event = 'end'");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let changed = match end {
                PingEnd::Later(_, delay) => {
                    let values = args![*delay, ping.id, token];
                    change.execute(&LATER, values).await?
                }
                PingEnd::Told(_) | PingEnd::GivenUp(_) | PingEnd::Dropped => {
                    change.execute(&KEEP, args![ping.id, token]).await?
                        + change.execute(&DROP, args![ping.id, token]).await?
                }
            };
            if changed > 0 {
                remember(&mut change, ping, end).await?;
            }
            change.commit().await
        })
        .await
    }

    /// How the last ping of the job went; none where none was tried.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn last_ping(
        &self,
        job: carillon_core::identity::JobId,
    ) -> Result<Option<LastPing>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select run, told, ended_at, is_told, attempts, result from job_pings where job_id = ?",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let Some(row) = link.row(&SELECT, args![job]).await? else {
                return Ok(None);
            };
            let mut cells = row.cells();
            Ok(Some(LastPing {
                run: cells.text()?,
                told: cells.text()?,
                ended_at: cells.time()?,
                is_told: cells.flag()?,
                attempts: cells.small()?,
                result: cells.text()?,
            }))
        })
        .await
    }
}

async fn remember(
    change: &mut Change,
    ping: &ClaimedPing,
    end: &PingEnd,
) -> Result<(), StoreError> {
    static REMEMBER: Statement = Statement::of(
        "insert into job_pings (job_id, run, told, ended_at, is_told, attempts, result)
        values (?, ?, ?, {now}, ?, ?, ?)
        on duplicate key update run = values(run), told = values(told), ended_at = values(ended_at),
            is_told = values(is_told), attempts = values(attempts), result = values(result)",
        "insert into job_pings (job_id, run, told, ended_at, is_told, attempts, result)
        values (?, ?, ?, {now}, ?, ?, ?)
        on conflict (job_id) do update set run = excluded.run, told = excluded.told,
            ended_at = excluded.ended_at, is_told = excluded.is_told, attempts = excluded.attempts,
            result = excluded.result",
    );
    let (is_told, result) = match end {
        PingEnd::Told(said) => (true, said),
        PingEnd::Later(why, _) | PingEnd::GivenUp(why) => (false, why),
        PingEnd::Dropped => return Ok(()),
    };
    let Some(signal) = ping.signal else {
        return Ok(());
    };
    let result: String = result.chars().take(500).collect();
    let values = args![
        ping.tick.job,
        ping.tick.to_string(),
        signal.word(),
        is_told,
        ping.attempts,
        result,
    ];
    change.execute(&REMEMBER, values).await.map(|_| ())
}

async fn read_claimed(
    link: &mut Link,
    id: i64,
    token: Token,
) -> Result<Option<ClaimedPing>, StoreError> {
    static READ: Statement = Statement::new(
        "select p.fire_time, p.job_id, p.kind, p.slot, p.outcome, p.exit_code, p.made_at, p.attempts, r.state, j.spec
        from pings p
            left join runs r on r.fire_time = p.fire_time and r.job_id = p.job_id and r.kind = p.kind
                and r.slot = p.slot
            left join jobs j on j.id = p.job_id and j.pings = 1
        where p.id = ? and p.token = ?",
    );
    let row = link.row(&READ, args![id, token]).await?;
    row.map(|row| read_ping(id, &mut row.cells())).transpose()
}

fn read_ping(id: i64, cells: &mut Cells<'_>) -> Result<ClaimedPing, StoreError> {
    let tick = read_tick(cells)?;
    let origin = Origin {
        table: "pings",
        id: &id,
    };
    let outcome: Option<Outcome> = origin.parse_or_none("outcome", cells.text_or_none()?)?;
    let exit_code = cells.small_or_none()?;
    let (made_at, attempts) = (cells.time()?, cells.small()?);
    let state: Option<Phase> = origin.parse_or_none("state", cells.text_or_none()?)?;
    // A spec that is not understood has no address; the agents say what is wrong with it.
    let spec = cells.text_or_none()?;
    let spec = spec.and_then(|spec| serde_json::from_str::<JobSpec>(&spec).ok());
    Ok(ClaimedPing {
        id,
        tick,
        signal: match outcome {
            Some(outcome) => PingSignal::of_end(outcome, exit_code),
            None => (state == Some(Phase::Running)).then_some(PingSignal::Start),
        },
        outcome,
        made_at,
        attempts,
        url: spec.and_then(|spec| spec.ping_url),
    })
}
