//! The claim: one node decides ticks, for the whole cluster.
//!
//! The jobs' rows are locked first. Whoever judges a job (claims, taking of offers, settling of ticks) holds that
//! lock, so version, switch and overlap are judged one after another; what is read after the lock is what the last
//! holder committed. The run's key remains the proof: a taken key fails the whole transaction.

use std::collections::HashMap;

use carillon_core::claim::{CLAIM_BATCH_MAX, ClaimAnswer, ClaimRequest, Claimant, Replacement};
use carillon_core::identity::JobId;
use carillon_core::tick::Tick;
use jiff::Timestamp;

use crate::Store;
use crate::claim_rules::{Board, Decided, Gate, Seen};
use crate::error::StoreError;
use crate::kills::ask_kills;
use crate::lanes::{KeyId, Lanes, lock_keys};
use crate::link::{Change, Link};
use crate::row::{Origin, args};
use crate::run::Run;
use crate::run_changes::insert_claims;
use crate::run_row::{job_batch, key_batch, write_back};
use crate::seats::{Seats, read_seat};
use crate::statement::Statement;
use crate::totals::Tally;

/// What became of the requests of one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// One answer for each request, in their order.
    pub answers: Vec<ClaimAnswer>,
    /// Runs that have been asked to end, since a newer tick of their job waits for it (overlap policy *replace*).
    pub replacements: Vec<Replacement>,
}

impl Store {
    /// Decides ticks for `claimant`. Asked again with the same tokens it gives the same answers.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] for more than [`CLAIM_BATCH_MAX`] requests. [`StoreError::Unavailable`] without an answer: each tick may
    /// have been decided or not; ask again with the same tokens.
    pub async fn claim(
        &self,
        claimant: Claimant,
        requests: &[ClaimRequest],
    ) -> Result<Claimed, StoreError> {
        if requests.len() > CLAIM_BATCH_MAX {
            return Err(StoreError::Rejected(format!(
                "{} ticks in one claim, the limit is {CLAIM_BATCH_MAX}; split it",
                requests.len()
            )));
        }
        self.write(Store::CLAIM_TIMEOUT, || async {
            self.claim_once(claimant, requests).await
        })
        .await
    }

    async fn claim_once(
        &self,
        claimant: Claimant,
        requests: &[ClaimRequest],
    ) -> Result<Claimed, StoreError> {
        let jobs: Vec<_> = requests.iter().map(|request| request.tick.job).collect();
        let mut change = self.begin().await?;
        let gates = lock_jobs(&mut change, &jobs).await?;
        let board = Board {
            seen: see(&mut change, claimant, requests).await?,
            open: Lanes::read(&mut change, &gates, &jobs).await?,
            gates,
            new: Vec::new(),
            changed: Vec::new(),
            replacements: Vec::new(),
        };
        let now = board.seen.now;
        let judged = board.judge_all(claimant, requests);
        if judged.new.is_empty() {
            change.roll_back().await?;
        } else {
            insert_claims(&mut change, claimant, now, &judged.new).await?;
            // The many are made without a detail; the few that have one get it afterwards.
            let told = judged.new.iter().filter(|run| run.detail.is_some());
            let changed: Vec<_> = judged.changed.iter().chain(told).collect();
            write_back(&mut change, &changed).await?;
            let mut tally = Tally::default();
            let decided = judged.new.iter().chain(&judged.changed);
            decided.for_each(|run| tally.count(run));
            tally.write(&mut change).await?;
            ask_kills(&mut change, &judged.replaced, "overlap policy replace").await?;
            change.commit().await?;
        }
        Ok(judged.claimed)
    }
}

/// Locks the rows of these jobs, in their order, then those of their concurrency keys in theirs, and reads what claims
/// are judged by.
pub(crate) async fn lock_jobs(
    change: &mut Change,
    jobs: &[JobId],
) -> Result<HashMap<JobId, Gate>, StoreError> {
    static LOCK: Statement = Statement::new(
        "select j.id, j.version, j.enabled, j.deleted_at, j.valid_from, j.overlap, j.key_id
        from {batch(job_id)}
        {then} jobs j on j.id = batch.job_id
        {for update of j}",
    );
    let rows = change.rows(&LOCK, args![job_batch(jobs)]).await?;
    let mut gates = HashMap::with_capacity(rows.len());
    for row in &rows {
        let mut cells = row.cells();
        let job = cells.job()?;
        let (version, enabled) = (cells.int()?, cells.flag()?);
        let is_deleted = cells.int_or_none()?.is_some();
        let valid_from = cells.time()?;
        let origin = Origin {
            table: "jobs",
            id: &job,
        };
        // A job whose policy is not understood is no job: its ticks are refused, the rest goes on.
        let overlap = origin.parse("overlap", &cells.text()?);
        let key = cells.int_or_none()?.map(KeyId);
        let Ok(overlap) = overlap else {
            continue;
        };
        let gate = Gate {
            version,
            is_enabled: enabled && !is_deleted,
            is_deleted,
            valid_from,
            overlap,
            key,
        };
        gates.insert(job, gate);
    }
    lock_keys(change, &gates).await?;
    Ok(gates)
}

/// Reads what else the requests are judged by. Only after the lock: a statement that waits for a lock sees the rows
/// of others as they were before the wait.
async fn see(
    link: &mut Link,
    claimant: Claimant,
    requests: &[ClaimRequest],
) -> Result<Seen, StoreError> {
    static CONTEXT: Statement = Statement::new(
        "select {now}, c.closed_until,
            (select count(*) from nodes n where n.id = ? and n.boot_id = ?)
        from cluster c
        where c.id = 1",
    );
    let row = link
        .only_row(&CONTEXT, args![claimant.node, claimant.boot.0])
        .await?;
    let mut cells = row.cells();
    let (now, closed_until): (Timestamp, Timestamp) = (cells.time()?, cells.time()?);
    let is_boot_current = cells.flag()?;
    let (decided, seats) = read_decided(link, claimant, requests).await?;
    Ok(Seen {
        now,
        closed_until,
        is_boot_current,
        decided,
        seats,
    })
}

/// What is decided of the requests, and what the claimant has of the same occurrences.
async fn read_decided(
    link: &mut Link,
    claimant: Claimant,
    requests: &[ClaimRequest],
) -> Result<(HashMap<Tick, Decided>, Seats), StoreError> {
    static SELECT: Statement = Statement::new(
        "select r.fire_time, r.job_id, r.kind, r.slot, r.state, r.outcome, r.attempt, r.token, r.node_id
        from {batch(fire_time, job_id, kind, slot)}
        {then} runs r
            on r.fire_time = batch.fire_time and r.job_id = batch.job_id and r.kind = batch.kind
            and (r.slot = batch.slot or r.node_id = ?)",
    );
    let keys = key_batch(requests.iter().map(|request| request.tick));
    let mut decided = HashMap::new();
    let mut seats = Seats::default();
    for row in &link.rows(&SELECT, args![keys, claimant.node]).await? {
        let mut cells = row.cells();
        let seat = read_seat(&mut cells)?;
        let token = cells.token_or_none()?;
        let is_mine = cells.node_or_none()? == Some(claimant.node);
        if is_mine && seat.is_taken {
            seats.insert(seat.tick);
        }
        decided.insert(seat.tick, (token, seat.state, seat.outcome));
    }
    Ok((decided, seats))
}

/// What the judge hands back.
pub(crate) struct Judged {
    pub(crate) claimed: Claimed,
    pub(crate) new: Vec<Run>,
    pub(crate) changed: Vec<Run>,
    pub(crate) replaced: Vec<Run>,
}
