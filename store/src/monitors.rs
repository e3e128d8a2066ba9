//! The watchmen: their beats, and the one question they ask when all is quiet.

use carillon_core::token::Token;
use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::error::StoreError;
use crate::link::Link;
use crate::row::args;
use crate::statement::Statement;

/// A monitor beats at least this often.
pub const MONITOR_BEAT_INTERVAL: SignedDuration = SignedDuration::from_secs(5);

/// A monitor that has not beaten for so long is silent.
pub const MONITOR_SILENT_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// What a monitor says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonitorBeat {
    /// What people call it.
    pub name: String,
    /// This life of it.
    pub boot: Token,
    /// The program's version.
    pub version: String,
    /// What keeps it from telling; empty when nothing does.
    pub problem: String,
}

/// A monitor as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watchman {
    /// Its number.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// This life of it.
    pub boot: Token,
    /// The program's version.
    pub version: String,
    /// When it came up.
    pub booted_at: Timestamp,
    /// Its last beat.
    pub last_beat_at: Timestamp,
    /// What keeps it from telling; empty when nothing does.
    pub problem: String,
}

/// What there is to do for a monitor, found by one question that touches nothing but the ends of indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// The store's clock.
    pub now: Timestamp,
    /// Whether runs have ended in trouble.
    pub has_notices: bool,
    /// Since when somebody is owed a word.
    pub owed_at: Option<Timestamp>,
    /// How many incidents are open.
    pub open_incidents: i64,
    /// When the next delivery may be tried.
    pub try_at: Option<Timestamp>,
    /// Whether somebody outside is told of starts and ends of a job.
    pub has_pings: bool,
    /// When the next ping of a job may be tried.
    pub ping_at: Option<Timestamp>,
    /// When the cluster was made: tells it from any other.
    pub cluster_made_at: Timestamp,
    /// Counts the edits of jobs.
    pub jobs_revision: i64,
}

impl Store {
    /// What there is to do.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn monitor_pulse(&self) -> Result<Pulse, StoreError> {
        static SELECT: Statement = Statement::new(
            "select {now},
                exists (select 1 from notices),
                (select min(owed_at) from incidents where owed_at is not null),
                (select count(*) from incidents where open_key is not null),
                (select min(try_at) from deliveries where try_at is not null),
                exists (select 1 from jobs where pings is not null),
                (select min(try_at) from pings where try_at is not null),
                created_at, jobs_revision
            from cluster",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let row = link.only_row(&SELECT, Vec::new()).await?;
            let mut cells = row.cells();
            Ok(Pulse {
                now: cells.time()?,
                has_notices: cells.flag()?,
                owed_at: cells.time_or_none()?,
                open_incidents: cells.int()?,
                try_at: cells.time_or_none()?,
                has_pings: cells.flag()?,
                ping_at: cells.time_or_none()?,
                cluster_made_at: cells.time()?,
                jobs_revision: cells.int()?,
            })
        })
        .await
    }

    /// Says that a monitor lives. Its first beat takes the place of silent ones of its name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn beat_monitor(&self, beat: &MonitorBeat) -> Result<(), StoreError> {
        static UPDATE: Statement = Statement::new(
            "update monitors set last_beat_at = {now}, problem = ? where boot_id = ?",
        );
        static REPLACE: Statement =
            Statement::new("delete from monitors where name = ? and last_beat_at < {now} - ?");
        static INSERT: Statement = Statement::new(
            "insert into monitors (name, boot_id, version, booted_at, last_beat_at, problem)
            select ?, ?, ?, t.us, t.us, ? from (select {now} as us) as t",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let values = args![&beat.problem, beat.boot];
            if change.execute(&UPDATE, values).await? == 0 {
                change
                    .execute(&REPLACE, args![&beat.name, MONITOR_SILENT_AFTER])
                    .await?;
                let values = args![&beat.name, beat.boot, &beat.version, &beat.problem];
                change.execute(&INSERT, values).await?;
            }
            change.commit().await
        })
        .await
    }

    /// A monitor ends in order: nobody need look for it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn leave_monitor(&self, boot: Token) -> Result<(), StoreError> {
        static DELETE: Statement = Statement::new("delete from monitors where boot_id = ?");
        self.write(Store::TIMEOUT, || async {
            let mut link = self.writer().await?;
            link.execute(&DELETE, args![boot]).await.map(|_| ())
        })
        .await
    }

    /// Every monitor, by name. A life of it that ended without a word is left out as soon as another of its name came up
    /// after it; not before it, since two monitors on one machine may share a name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn monitors(&self) -> Result<Vec<Watchman>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select m.id, m.name, m.boot_id, m.version, m.booted_at, m.last_beat_at, m.problem
            from monitors as m
            where not exists (
                select 1 from monitors as o
                where o.name = m.name and o.id > m.id and o.booted_at > m.last_beat_at)
            order by m.name, m.id
            limit 100",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, Vec::new()).await?;
            rows.iter()
                .map(|row| {
                    let mut cells = row.cells();
                    Ok(Watchman {
                        id: cells.int()?,
                        name: cells.text()?,
                        boot: cells.token_or_none()?.unwrap_or(Token::from_bytes([0; 16])),
                        version: cells.text()?,
                        booted_at: cells.time()?,
                        last_beat_at: cells.time()?,
                        problem: cells.text()?,
                    })
                })
                .collect()
        })
        .await
    }
}
