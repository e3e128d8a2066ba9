//! Runs whose owner is gone, and offers that nobody took in time.

use carillon_core::claim::Claimant;
use carillon_core::identity::NodeId;
use carillon_core::offer::Offer;
use carillon_core::run::{Outcome, Phase, Reason};
use carillon_core::settlement::Verdict;
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::claims::lock_jobs;
use crate::error::StoreError;
use crate::jobs::store_now;
use crate::link::Change;
use crate::notices::insert_notices;
use crate::offers::{keep_last_ending, offer_of};
use crate::pings::insert_pings;
use crate::reports::{raise_offers_revision, waits_any};
use crate::row::{Row, args};
use crate::run::Run;
use crate::run_row::{lock_runs, read_run, run_columns, write_back};
use crate::statement::Statement;
use crate::totals::Tally;

impl Store {
    /// The runs that this node holds according to the store, at most `limit` of them: what a new agent compares with its
    /// runner's journal.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn runs_held_by(&self, node: NodeId, limit: u32) -> Result<Vec<Run>, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            run_columns!(),
            " from runs r
            where r.open_job > 0 and r.state in ('claimed', 'running') and r.node_id = ?
            limit ?"
        ));
        self.read(Store::TIMEOUT, |mut link| async move {
            readable(&link.rows(&SELECT, args![node, limit]).await?)
        })
        .await
    }

    /// Makes runs of an earlier life of this node's agent the claimant's, where the token matches: it has found them in its
    /// runner's journal.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn adopt(
        &self,
        claimant: Claimant,
        runs: &[(Tick, Token)],
    ) -> Result<(), StoreError> {
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let mut locked = lock_runs(&mut change, runs.iter().map(|(tick, _)| *tick)).await?;
            let mut adopted = Vec::new();
            for (tick, token) in runs {
                let Some(mut run) = locked.remove(tick) else {
                    continue;
                };
                let is_mine = run.token == Some(*token) && run.node == Some(claimant.node);
                if is_mine && matches!(run.state, Phase::Claimed | Phase::Running) {
                    run.boot = Some(claimant.boot);
                    adopted.push(run);
                }
            }
            write_back(&mut change, &adopted.iter().collect::<Vec<_>>()).await?;
            change.commit().await
        })
        .await
    }

    /// Claimed and running runs, at most `limit`, whose owner has been silent or replaced for `silent_after`, or which should
    /// have started that long ago and did not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn stranded_runs(
        &self,
        silent_after: SignedDuration,
        limit: u32,
    ) -> Result<Vec<Run>, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            run_columns!(),
            " from runs r
            left join nodes n on n.id = r.node_id
            where r.open_job > 0
                and r.state in ('claimed', 'running')
                and (n.id is null
                    or n.last_beat_at < {now} - ?
                    or (n.boot_id <> r.boot_id and n.replaced_boot_at < {now} - ?)
                    or (r.state = 'claimed' and r.start_until < {now} - ?))
            limit ?"
        ));
        let silent_us = i64::try_from(silent_after.as_micros()).unwrap_or(i64::MAX);
        self.read(Store::TIMEOUT, |mut link| async move {
            let values = args![silent_us, silent_us, silent_us, limit];
            readable(&link.rows(&SELECT, values).await?)
        })
        .await
    }

    /// Offered runs as the audit judges them, at most `limit`: those that wait for the end of another run only once their
    /// time is over.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn offers_to_judge(&self, limit: u32) -> Result<Vec<Offer>, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            run_columns!(),
            " from runs r
            where r.open_job > 0 and r.state = 'offered'
                and (r.reason is null or r.reason <> 'queued' or r.start_until <= {now})
            order by r.start_until
            limit ?"
        ));
        self.read(Store::TIMEOUT, |mut link| async move {
            let runs = readable(&link.rows(&SELECT, args![limit]).await?)?;
            Ok(runs.iter().map(offer_of).collect())
        })
        .await
    }

    /// Ends offers as they were judged, where they are still on offer for the same attempt. Returns how many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn close_offers(&self, judged: &[(Offer, Verdict)]) -> Result<usize, StoreError> {
        self.write(Store::TIMEOUT, || async {
            let jobs: Vec<_> = judged.iter().map(|(offer, _)| offer.tick.job).collect();
            let mut change = self.begin().await?;
            lock_jobs(&mut change, &jobs).await?;
            let now = store_now(&mut change).await?;
            let ticks = judged.iter().map(|(offer, _)| offer.tick);
            let mut locked = lock_runs(&mut change, ticks).await?;
            let mut ended = Vec::new();
            for (offer, verdict) in judged {
                let Some(mut run) = locked.remove(&offer.tick) else {
                    continue;
                };
                if run.state == Phase::Offered && run.attempt == offer.attempt {
                    close(&mut change, &mut run, *verdict, now).await?;
                    ended.extend((run.state == Phase::Done).then_some(run));
                }
            }
            write_ended(&mut change, &ended).await?;
            change.commit().await?;
            Ok(ended.len())
        })
        .await
    }
}

async fn close(
    change: &mut Change,
    run: &mut Run,
    verdict: Verdict,
    now: Timestamp,
) -> Result<(), StoreError> {
    match (verdict, run.reason) {
        // The verdict is about a run that is still wanted.
        (Verdict::Offer { .. }, _) => {}
        (Verdict::EndAsBefore, _) => {
            run.settle(now, Outcome::Missed, Reason::DeadlinePassed);
            keep_last_ending(change, run).await?;
        }
        (_, Some(Reason::Queued)) => run.settle(now, Outcome::Skipped, Reason::Overlap),
        (Verdict::Skip(reason), _) => run.settle(now, Outcome::Skipped, reason),
        (Verdict::Miss(reason), _) => run.settle(now, Outcome::Missed, reason),
    }
    Ok(())
}

/// The rows the domain understands; the others are logged and left alone.
pub(crate) fn readable(rows: &[Row]) -> Result<Vec<Run>, StoreError> {
    let mut runs = Vec::with_capacity(rows.len());
    for row in rows {
        match read_run(row) {
            Ok(run) => runs.push(run),
            Err(StoreError::Corrupt(corrupt)) => tracing::warn!("{corrupt}"),
            Err(error) => return Err(error),
        }
    }
    Ok(runs)
}

/// Writes ended runs with everything that hangs on an end.
pub(crate) async fn write_ended(change: &mut Change, ended: &[Run]) -> Result<(), StoreError> {
    let runs: Vec<&Run> = ended.iter().collect();
    write_back(change, &runs).await?;
    insert_notices(change, &runs).await?;
    insert_pings(change, ended.iter()).await?;
    let mut tally = Tally::default();
    ended.iter().for_each(|run| tally.count(run));
    tally.write(change).await?;
    let jobs: Vec<_> = ended.iter().map(|run| run.tick.job).collect();
    if waits_any(change, &jobs, &jobs).await? {
        raise_offers_revision(change).await?;
    }
    Ok(())
}
