//! Forgetting what is old, a little at a time, and never what the audit of ticks still needs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::error::StoreError;
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
    }
}

/// How long records are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// What runs wrote.
    pub output: Duration,
    /// Ended runs, and the commands to nodes.
    pub runs: Duration,
    /// Totals.
    pub totals: Duration,
}

impl Retention {
    /// What is older than this is dropped.
    pub fn bound(&self, kept: Kept, now: Timestamp) -> Timestamp {
        let age = match kept {
            Kept::Output => self.output,
            Kept::Runs | Kept::Commands => self.runs,
            Kept::Totals => self.totals,
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
    records: Statement::new("delete from run_totals where minute_time <= ?"),
    rest: [None, None],
};

static COMMANDS: Broom = Broom {
    oldest: Statement::new(
        "select max(old.id), count(*)
        from (
            select c.id from node_commands c where c.done_at < ? order by c.id limit ?
        ) old",
    ),
    records: Statement::new("delete from node_commands where id <= ? and done_at is not null"),
    rest: [None, None],
};

fn broom(kept: Kept) -> &'static Broom {
    match kept {
        Kept::Output => &OUTPUT,
        Kept::Runs => &RUNS,
        Kept::Totals => &TOTALS,
        Kept::Commands => &COMMANDS,
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
