//! Heartbeats, and the one row that every agent watches.

use carillon_core::claim::Claimant;
use carillon_core::node::ClockOffset;
use jiff::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::link::Link;
use crate::row::args;
use crate::statement::Statement;

/// What the cluster's row says. An agent that reads the counters it knows has nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bulletin {
    /// The store's clock.
    pub now: Timestamp,
    /// Raised by every edit of a job.
    pub jobs_revision: i64,
    /// Raised when a run is offered or may go on.
    pub offers_revision: i64,
    /// Raised when a node is asked for something.
    pub commands_revision: i64,
    /// Every tick up to here has its outcome or an owner.
    pub audited_until: Timestamp,
    /// No tick up to here is claimed any more.
    pub closed_until: Timestamp,
}

/// What an agent says of itself every few seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    /// Whether it claims.
    pub is_claiming: bool,
    /// Why not, for people.
    pub not_claiming_reason: String,
    /// How many commands it runs.
    pub running: u32,
    /// The most it runs at once.
    pub running_max: u32,
    /// Its clock, where known.
    pub clock: Option<ClockOffset>,
    /// The load average of a minute, in thousandths.
    pub load_milli: i64,
    /// Its memory in bytes.
    pub memory_total: i64,
    /// What of it is free, in bytes.
    pub memory_available: i64,
    /// The disk of its data directory in bytes; 0 where the kernel does not say.
    pub disk_total: i64,
    /// What of it is free, in bytes.
    pub disk_available: i64,
    /// What keeps it from Redis; empty when nothing does, or it uses none.
    pub redis_problem: String,
}

/// What it hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeatAnswer {
    /// How many beats of this boot the store has counted, this one included. When it is not more than last time, the store has
    /// lost a commit that it had acknowledged.
    pub beat_count: i64,
    /// The cluster's row.
    pub bulletin: Bulletin,
}

impl Store {
    /// The cluster's row and the store's clock: one short question, fit for measuring the clock's offset.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn bulletin(&self) -> Result<Bulletin, StoreError> {
        self.read(Store::TIMEOUT, |mut link| async move {
            select_bulletin(&mut link).await
        })
        .await
    }

    /// Records that the agent lives.
    ///
    /// # Errors
    /// [`StoreError::BootReplaced`] when a newer agent has taken the node, [`StoreError::Unavailable`] without an answer.
    pub async fn beat(&self, claimant: Claimant, beat: &Beat) -> Result<BeatAnswer, StoreError> {
        static UPDATE: Statement = Statement::new(
            "update nodes
            set beat_count = beat_count + 1, last_beat_at = {now}, left_at = null, is_claiming = ?,
                not_claiming_reason = ?, running = ?, running_max = ?, clock_offset_us = coalesce(?, clock_offset_us),
                clock_uncertainty_us = coalesce(?, clock_uncertainty_us), load_milli = ?,
                memory_total = ?, memory_available = ?, disk_total = ?, disk_available = ?, redis_problem = ?
            where id = ? and boot_id = ?",
        );
        static COUNT: Statement =
            Statement::new("select beat_count from nodes where id = ? and boot_id = ?");
        self.write(Store::TIMEOUT, || async {
            let micros = |duration: jiff::SignedDuration| {
                i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
            };
            let values = args![
                beat.is_claiming,
                beat.not_claiming_reason
                    .chars()
                    .take(500)
                    .collect::<String>(),
                beat.running,
                beat.running_max,
                beat.clock.map(|clock| micros(clock.offset)),
                beat.clock.map(|clock| micros(clock.uncertainty)),
                beat.load_milli,
                beat.memory_total,
                beat.memory_available,
                beat.disk_total,
                beat.disk_available,
                beat.redis_problem.chars().take(190).collect::<String>(),
                claimant.node,
                claimant.boot.0,
            ];
            let mut change = self.begin().await?;
            change.execute(&UPDATE, values).await?;
            let row = change
                .row(&COUNT, args![claimant.node, claimant.boot.0])
                .await?;
            let beat_count = row.ok_or(StoreError::BootReplaced)?.cells().int()?;
            let bulletin = select_bulletin(&mut change).await?;
            change.commit().await?;
            Ok(BeatAnswer {
                beat_count,
                bulletin,
            })
        })
        .await
    }
}

async fn select_bulletin(link: &mut Link) -> Result<Bulletin, StoreError> {
    static SELECT: Statement = Statement::new(
        "select {now}, jobs_revision, offers_revision, commands_revision, audited_until, closed_until
        from cluster
        where id = 1",
    );
    let row = link.only_row(&SELECT, Vec::new()).await?;
    let mut cells = row.cells();
    Ok(Bulletin {
        now: cells.time()?,
        jobs_revision: cells.int()?,
        offers_revision: cells.int()?,
        commands_revision: cells.int()?,
        audited_until: cells.time()?,
        closed_until: cells.time()?,
    })
}
