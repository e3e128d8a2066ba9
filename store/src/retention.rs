//! Forgetting what is old, a little at a time, and never what the audit of ticks still needs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::error::StoreError;
use crate::pings::PING_AGE_MAX;
use crate::row::args;
use crate::statement::Statement;

carillon_core::words! {
    /// What is kept for a while, in the order in which it is dropped.
    Kept, "kind of record" {
        /// What runs wrote; it goes before the runs do, since it is most of the room.
        Output = "output",
        /// Ended runs, with their attempts and output.
        Runs = "runs",
        /// Totals by minute and node.
        Totals = "totals",
        /// What operators asked of nodes, once it is done.
        Commands = "commands",
        /// Incidents that are over, once nobody is owed word of them.
        Incidents = "incidents",
        /// What was told of incidents, with its deliveries.
        Announcements = "announcements",
        /// Versions of jobs that others have replaced.
        Versions = "versions",
        /// Sessions that have ended.
        Sessions = "sessions",
        /// Pings that are no longer news, whatever is kept.
        Pings = "pings",
    }
}

/// How long records are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// What runs wrote.
    pub output: Duration,
    /// Ended runs, the commands to nodes, and ended sessions.
    pub runs: Duration,
    /// Totals.
    pub totals: Duration,
    /// Incidents, what was told of them, and replaced versions of jobs, which are never dropped before runs are.
    pub history: Duration,
}

impl Retention {
    /// What is older than this is dropped.
    pub fn bound(&self, kept: Kept, now: Timestamp) -> Timestamp {
        let age = match kept {
            Kept::Output => self.output,
            Kept::Runs | Kept::Commands | Kept::Sessions => self.runs,
            Kept::Totals => self.totals,
            Kept::Incidents | Kept::Announcements => self.history,
            Kept::Versions => self.history.max(self.runs),
            Kept::Pings => PING_AGE_MAX.unsigned_abs(),
        };
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        now.saturating_sub(age).unwrap_or(Timestamp::MIN)
    }
}

/// What one step has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dropped {
    /// How many records, without those that hang on them.
    pub rows: u64,
    /// Whether there is more to drop.
    pub is_more: bool,
}

/// The statements of one kind of record.
struct Broom {
    /// The last key of the oldest so many records older than a time, and how many those are.
    oldest: Statement,
    /// Deletes what hangs on the records up to that key, where it can only be found by them.
    before: Option<Statement>,
    /// Deletes the records up to that key.
    records: Statement,
    /// Deletes what hung on them.
    rest: [Option<Statement>; 2],
}

/// Deletes what belongs to a run that is gone.
macro_rules! delete_orphans {
    ($table:literal) => {
        Statement::new(concat!(
            "delete from ",
            $table,
            " where fire_time <= ? and not exists (
                select 1 from runs r
                where r.fire_time = ",
            $table,
            ".fire_time and r.job_id = ",
            $table,
            ".job_id and r.kind = ",
            $table,
            ".kind and r.slot = ",
            $table,
            ".slot)",
        ))
    };
}

static OUTPUT: Broom = Broom {
    oldest: Statement::new(
        "select max(old.fire_time), count(*)
        from (
            select o.fire_time
            from run_outputs o
            where o.fire_time < ?
                and not exists (
                    select 1 from runs r
                    where r.fire_time = o.fire_time and r.job_id = o.job_id
                        and r.kind = o.kind and r.slot = o.slot and r.state <> 'done'
                )
            order by o.fire_time
            limit ?
        ) old",
    ),
    before: None,
    records: Statement::new(
        "delete from run_outputs
        where fire_time <= ?
            and not exists (
                select 1 from runs r
                where r.fire_time = run_outputs.fire_time and r.job_id = run_outputs.job_id
                    and r.kind = run_outputs.kind and r.slot = run_outputs.slot
                    and r.state <> 'done'
            )",
    ),
    rest: [None, None],
};

static RUNS: Broom = Broom {
    oldest: Statement::new(
        "select max(old.fire_time), count(*)
        from (
            select r.fire_time
            from runs r
            where r.state = 'done'
                and r.fire_time < ?
                and r.fire_time < (select c.audited_until from cluster c where c.id = 1)
            order by r.fire_time
            limit ?
        ) old",
    ),
    before: None,
    records: Statement::new("delete from runs where fire_time <= ? and state = 'done'"),
    rest: [
        Some(delete_orphans!("attempts")),
        Some(delete_orphans!("run_outputs")),
    ],
};

static TOTALS: Broom = Broom {
    oldest: Statement::new(
        "select max(old.minute_time), count(*)
        from (
            select t.minute_time from run_totals t where t.minute_time < ? order by t.minute_time limit ?
        ) old",
    ),
    before: None,
    records: Statement::new("delete from run_totals where minute_time <= ?"),
    rest: [None, None],
};

static COMMANDS: Broom = Broom {
    oldest: Statement::new(
        "select max(old.done_at), count(*)
        from (
            select c.done_at from node_commands c where c.done_at < ? order by c.done_at limit ?
        ) old",
    ),
    before: None,
    records: Statement::new("delete from node_commands where done_at <= ?"),
    rest: [None, None],
};

static INCIDENTS: Broom = Broom {
    oldest: Statement::new(
        "select max(old.resolved_at), count(*)
        from (
            select i.resolved_at
            from incidents i
            where i.resolved_at < ? and i.owed is null
            order by i.resolved_at
            limit ?
        ) old",
    ),
    before: Some(Statement::of(
        "delete a from incidents i
        straight_join announced_incidents a on a.incident_id = i.id
        where i.resolved_at <= ? and i.owed is null",
        "delete from announced_incidents
        where incident_id in (select i.id from incidents i where i.resolved_at <= ? and i.owed is null)",
    )),
    records: Statement::new("delete from incidents where resolved_at <= ? and owed is null"),
    rest: [None, None],
};

/// By number, which grows with the time: what hangs on an announcement knows its number alone.
static ANNOUNCEMENTS: Broom = Broom {
    oldest: Statement::new(
        "select max(old.id), count(*)
        from (
            select a.id
            from announcements a
            where a.made_at < ?
                and not exists (
                    select 1 from deliveries d
                    where d.announcement_id = a.id and d.try_at is not null
                )
            order by a.made_at
            limit ?
        ) old",
    ),
    before: None,
    records: Statement::new(
        "delete from announcements
        where id <= ?
            and not exists (
                select 1 from deliveries d
                where d.announcement_id = announcements.id and d.try_at is not null
            )",
    ),
    rest: [
        Some(Statement::new(
            "delete from deliveries
            where announcement_id <= ?
                and not exists (
                    select 1 from announcements a where a.id = deliveries.announcement_id
                )",
        )),
        Some(Statement::new(
            "delete from announced_incidents
            where announcement_id <= ?
                and not exists (
                    select 1 from announcements a where a.id = announced_incidents.announcement_id
                )",
        )),
    ],
};

/// A version stays while the audit of ticks may ask for it, while a run of it is open, and while it is what a line was
/// imported as.
static VERSIONS: Broom = Broom {
    oldest: Statement::new(
        "select max(old.valid_until), count(*)
        from (
            select v.valid_until
            from job_versions v
            where v.valid_until < ?
                and v.valid_until < (select c.audited_until from cluster c where c.id = 1)
                and not exists (
                    select 1 from jobs j where j.id = v.job_id and j.import_version = v.version
                )
                and not exists (
                    select 1 from runs r where r.open_job = v.job_id and r.job_version = v.version
                )
            order by v.valid_until
            limit ?
        ) old",
    ),
    before: None,
    records: Statement::new(
        "delete from job_versions
        where valid_until <= ?
            and not exists (
                select 1 from jobs j
                where j.id = job_versions.job_id and j.import_version = job_versions.version
            )
            and not exists (
                select 1 from runs r
                where r.open_job = job_versions.job_id and r.job_version = job_versions.version
            )",
    ),
    rest: [None, None],
};

static SESSIONS: Broom = Broom {
    oldest: Statement::new(
        "select max(old.ends_at), count(*)
        from (
            select s.ends_at from sessions s where s.ends_at < ? order by s.ends_at limit ?
        ) old",
    ),
    before: None,
    records: Statement::new("delete from sessions where ends_at <= ?"),
    rest: [None, None],
};

static PINGS: Broom = Broom {
    oldest: Statement::new(
        "select max(old.made_at), count(*)
        from (
            select p.made_at from pings p where p.made_at < ? order by p.made_at limit ?
        ) old",
    ),
    before: None,
    records: Statement::new("delete from pings where made_at <= ?"),
    rest: [None, None],
};

fn broom(kept: Kept) -> &'static Broom {
    match kept {
        Kept::Output => &OUTPUT,
        Kept::Runs => &RUNS,
        Kept::Totals => &TOTALS,
        Kept::Commands => &COMMANDS,
        Kept::Incidents => &INCIDENTS,
        Kept::Announcements => &ANNOUNCEMENTS,
        Kept::Versions => &VERSIONS,
        Kept::Sessions => &SESSIONS,
        Kept::Pings => &PINGS,
    }
}

impl Store {
    /// Records that one step of dropping what is old may take: few enough that no tick waits for it.
    pub const DROP_STEP: u32 = 500;

    /// Whether it is this caller's turn to drop what is old: nobody's began in the last `every`. Two turns at once would
    /// do no harm but work.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer: leave it to the next turn.
    pub async fn take_retention_turn(&self, every: SignedDuration) -> Result<bool, StoreError> {
        static UPDATE: Statement = Statement::new(
            "update cluster set retention_at = {now} where id = 1 and retention_at <= {now} - ?",
        );
        let every_us = i64::try_from(every.as_micros()).unwrap_or(i64::MAX);
        self.write(Store::TIMEOUT, || async {
            let mut link = self.writer().await?;
            Ok(link.execute(&UPDATE, args![every_us]).await? == 1)
        })
        .await
    }

    /// Drops about `limit` of the oldest records of one kind that are older than `before`. Runs that have not ended stay with
    /// their output, and so does every run above the watermark.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn drop_old(
        &self,
        kept: Kept,
        before: Timestamp,
        limit: u32,
    ) -> Result<Dropped, StoreError> {
        let broom = broom(kept);
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let row = change.only_row(&broom.oldest, args![before, limit]).await?;
            let mut cells = row.cells();
            let (key, count) = (cells.int_or_none()?, cells.int()?);
            let Some(key) = key else {
                change.roll_back().await?;
                return Ok(Dropped::default());
            };
            if let Some(delete) = &broom.before {
                change.execute(delete, args![key]).await?;
            }
            let rows = change.execute(&broom.records, args![key]).await?;
            for delete in broom.rest.iter().flatten() {
                change.execute(delete, args![key]).await?;
            }
            change.commit().await?;
            Ok(Dropped {
                rows,
                is_more: count >= i64::from(limit),
            })
        })
        .await
    }

    /// How many records of one kind are older than `before`, at most `limit`: what [`Store::drop_old`] would drop, uncounted
    /// beyond the limit so that nobody reads all of a large table.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn count_old(
        &self,
        kept: Kept,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let broom = broom(kept);
        self.read(Store::TIMEOUT, |mut link| async move {
            let row = link.only_row(&broom.oldest, args![before, limit]).await?;
            let mut cells = row.cells();
            cells.int_or_none()?;
            Ok(cells.int()?.unsigned_abs())
        })
        .await
    }
}
