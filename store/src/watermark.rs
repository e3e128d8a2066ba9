//! The audit of ticks: every fire time of the past gets its one outcome, also when nobody was there.
//!
//! The auditor first closes the span, so that no claim decides a tick in it any more, then reads what was decided,
//! settles what is absent under the same keys that claims use, and at last advances the watermark.

use std::collections::{HashMap, HashSet};

use carillon_core::run::{Outcome, Phase, Reason, Trigger};
use carillon_core::settlement::{Settlement, Verdict};
use carillon_core::tick::Tick;
use jiff::Timestamp;

use crate::Store;
use crate::claims::lock_jobs;
use crate::error::StoreError;
use crate::jobs::store_now;
use crate::link::{Change, Link};
use crate::notices::insert_notices;
use crate::pings::insert_pings;
use crate::reports::raise_offers_revision;
use crate::row::args;
use crate::run::Run;
use crate::run_row::{insert_absent_runs, key_batch, kind_number, read_tick};
use crate::statement::Statement;
use crate::totals::Tally;

/// A decided tick, as the auditor finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The tick.
    pub tick: Tick,
    /// The last fire time it stands for, when it stands for many.
    pub until: Option<Timestamp>,
}

/// What became of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is recorded.
    Made,
    /// The tick is decided: by somebody else, or by this settlement before.
    AlreadyDecided,
    /// Some of its ticks are decided and others are not: look again and settle around them.
    Contested,
}

/// Settlements in one transaction.
const SETTLE_BATCH_MAX: usize = 500;

impl Store {
    /// Lets no claim decide a tick up to `until` any more, and says up to where that holds now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn close_until(&self, until: Timestamp) -> Result<Timestamp, StoreError> {
        static UPDATE: Statement = Statement::new(
            "update cluster set closed_until = {greatest}(closed_until, ?) where id = 1",
        );
        static SELECT: Statement = Statement::new("select closed_until from cluster where id = 1");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            change.execute(&UPDATE, args![until]).await?;
            let row = change.only_row(&SELECT, Vec::new()).await?;
            let closed_until = row.cells().time()?;
            change.commit().await?;
            Ok(closed_until)
        })
        .await
    }

    /// The decided scheduled ticks after `from` up to `to`, in the order of their keys, at most `limit` of those after `after`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn found_ticks(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<Tick>,
        limit: u32,
    ) -> Result<Vec<Found>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select r.fire_time, r.job_id, r.kind, r.slot, r.until_time
            from runs r
            where r.fire_time >= ?
                and r.fire_time <= ?
                and r.kind = 0
                and (r.fire_time > ? or r.job_id > ? or (r.job_id = ? and r.slot > ?))
            order by r.fire_time, r.job_id, r.kind, r.slot
            limit ?",
        );
        let from = from.as_microsecond().saturating_add(1);
        let (begin, job, slot) = match after {
            Some(tick) => (tick.fire_time.as_microsecond(), tick.job.0, tick.slot),
            None => (from, i64::MIN, i64::MIN),
        };
        self.read(Store::TIMEOUT, |mut link| async move {
            let values = args![begin, to, begin, job, job, slot, limit];
            let rows = link.rows(&SELECT, values).await?;
            rows.iter()
                .map(|row| {
                    let mut cells = row.cells();
                    Ok(Found {
                        tick: read_tick(&mut cells)?,
                        until: cells.time_or_none()?,
                    })
                })
                .collect()
        })
        .await
    }

    /// Decides absent ticks, where they are still absent, and answers each.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer: some may be settled; repeat all.
    pub async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>, StoreError> {
        let mut answers = Vec::with_capacity(settlements.len());
        for batch in settlements.chunks(SETTLE_BATCH_MAX) {
            let settled = self
                .write(Store::TIMEOUT, || async { self.settle_once(batch).await })
                .await?;
            answers.extend(settled);
        }
        Ok(answers)
    }

    async fn settle_once(&self, settlements: &[Settlement]) -> Result<Vec<Settled>, StoreError> {
        let jobs: Vec<_> = settlements
            .iter()
            .map(|settlement| settlement.tick.job)
            .collect();
        let mut change = self.begin().await?;
        // Whoever decides a scheduled tick holds the lock of its job: what is absent now stays absent until the commit.
        lock_jobs(&mut change, &jobs).await?;
        let now = store_now(&mut change).await?;
        let mut decided = decided_ticks(&mut change, settlements).await?;
        let mut contested = contested_spans(&mut change, settlements).await?;
        contested.extend(covered_ticks(&mut change, settlements).await?);
        let mut made = Vec::new();
        let mut answers = Vec::with_capacity(settlements.len());
        for settlement in settlements {
            let key = (settlement.tick, settlement.until_time);
            let answer = match decided.get(&settlement.tick) {
                // The record of a shorter stretch leaves the rest of this one undecided.
                Some(until) if *until < settlement.until_time => Settled::Contested,
                Some(_) => Settled::AlreadyDecided,
                None if contested.contains(&key) => Settled::Contested,
                None => Settled::Made,
            };
            if answer == Settled::Made {
                decided.insert(settlement.tick, settlement.until_time);
                made.push(run_of(settlement, now));
            }
            answers.push(answer);
        }
        write_settled(&mut change, &made).await?;
        change.commit().await?;
        Ok(answers)
    }

    /// Says that every tick up to `to` has its outcome or an owner. Whether the watermark is there now: it is not when somebody
    /// else has moved it from `from` elsewhere.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn advance_watermark(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<bool, StoreError> {
        static UPDATE: Statement = Statement::new(
            "update cluster
            set audited_until = ?
            where id = 1 and audited_until = ? and closed_until >= ?",
        );
        static SELECT: Statement = Statement::new("select audited_until from cluster where id = 1");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            change.execute(&UPDATE, args![to, from, to]).await?;
            let row = change.only_row(&SELECT, Vec::new()).await?;
            let audited_until = row.cells().time()?;
            change.commit().await?;
            Ok(audited_until == to)
        })
        .await
    }
}

/// The last fire time that each decided tick stands for.
async fn decided_ticks(
    link: &mut Link,
    settlements: &[Settlement],
) -> Result<HashMap<Tick, Timestamp>, StoreError> {
    static SELECT: Statement = Statement::new(
        "select r.fire_time, r.job_id, r.kind, r.slot, coalesce(r.until_time, r.fire_time)
        from {batch(fire_time, job_id, kind, slot)}
        {then} runs r
            on r.fire_time = batch.fire_time and r.job_id = batch.job_id
            and r.kind = batch.kind and r.slot = batch.slot",
    );
    let keys = key_batch(settlements.iter().map(|settlement| settlement.tick));
    let rows = link.rows(&SELECT, args![keys]).await?;
    rows.iter()
        .map(|row| {
            let mut cells = row.cells();
            Ok((read_tick(&mut cells)?, cells.time()?))
        })
        .collect()
}

/// A settlement's first and last tick.
type Span = (Tick, Timestamp);

/// The spans of many ticks in which one is decided.
async fn contested_spans(
    link: &mut Link,
    settlements: &[Settlement],
) -> Result<HashSet<Span>, StoreError> {
    static SELECT: Statement = Statement::new(
        "select 1 from runs r
        where r.job_id = ? and r.fire_time > ? and r.fire_time <= ? and r.kind = ? and r.slot = ?
        limit 1",
    );
    let mut contested = HashSet::new();
    for settlement in settlements {
        if settlement.tick_count == 1 {
            continue;
        }
        let (tick, until) = (settlement.tick, settlement.until_time);
        let kind = kind_number(tick.kind);
        let values = args![tick.job, tick.fire_time, until, kind, tick.slot];
        if link.row(&SELECT, values).await?.is_some() {
            contested.insert((tick, until));
        }
    }
    Ok(contested)
}

/// The spans that begin within a stretch that another audit has recorded. Such records lie above the watermark.
async fn covered_ticks(
    link: &mut Link,
    settlements: &[Settlement],
) -> Result<HashSet<Span>, StoreError> {
    static SELECT: Statement = Statement::new(
        "select batch.fire_time, batch.job_id, batch.kind, batch.slot
        from {batch(fire_time, job_id, kind, slot)}
        {then} runs r
            on r.job_id = batch.job_id and r.fire_time < batch.fire_time
            and r.fire_time > (select c.audited_until from cluster c where c.id = 1)
            and r.kind = batch.kind and r.slot = batch.slot
            and r.until_time >= batch.fire_time",
    );
    let keys = key_batch(settlements.iter().map(|settlement| settlement.tick));
    let mut covered = HashSet::new();
    for row in &link.rows(&SELECT, args![keys]).await? {
        covered.insert(read_tick(&mut row.cells())?);
    }
    let spans = settlements.iter().filter(|one| covered.contains(&one.tick));
    Ok(spans.map(|one| (one.tick, one.until_time)).collect())
}

fn run_of(settlement: &Settlement, now: Timestamp) -> Run {
    let mut run = Run::new(settlement.tick, Trigger::Schedule, settlement.version, now);
    match settlement.verdict {
        Verdict::Offer { trigger, until } => {
            run.trigger = trigger;
            run.start_until = until;
            run.reason = Some(Reason::WaitingForNode);
        }
        Verdict::Skip(reason) => run.settle(now, Outcome::Skipped, reason),
        Verdict::Miss(reason) => run.settle(now, Outcome::Missed, reason),
        // A tick without a run has no attempt to end as.
        Verdict::EndAsBefore => run.settle(now, Outcome::Missed, Reason::NotClaimed),
    }
    if settlement.tick_count > 1 {
        run.until = Some(settlement.until_time);
        run.tick_count = i64::try_from(settlement.tick_count).unwrap_or(i64::MAX);
    }
    run
}

async fn write_settled(change: &mut Change, made: &[Run]) -> Result<(), StoreError> {
    let runs: Vec<&Run> = made.iter().collect();
    insert_absent_runs(change, &runs).await?;
    insert_notices(change, &runs).await?;
    insert_pings(change, made.iter()).await?;
    let mut tally = Tally::default();
    made.iter().for_each(|run| tally.count(run));
    tally.write(change).await?;
    if made.iter().any(|run| run.state == Phase::Offered) {
        raise_offers_revision(change).await?;
    }
    Ok(())
}
