//! Dropping what is old: any agent, one at a time, in small steps with pauses, so that no tick waits for it.

use std::time::Duration;

use carillon_store::{Kept, Retention, Store, StoreError, SurplusRound};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, info};

use crate::message::Message;

/// An agent asks this often whether it is its turn.
const ASK_EVERY: Duration = Duration::from_mins(1);

/// Turns begin this far apart.
const TURN_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// And end after this long, whatever is left.
const TURN_MAX: Duration = Duration::from_mins(2);

/// After each step it rests so many times as long as the step took.
const REST: u32 = 4;

/// And no shorter than this.
const REST_MIN: Duration = Duration::from_millis(20);

/// Drops what is older than `retention` until the pump has ended.
pub(crate) async fn drop_what_is_old(
    store: Store,
    retention: Retention,
    messages: mpsc::Sender<Message>,
) {
    let mut round = SurplusRound::default();
    let work = async {
        loop {
            if let Err(error) = take_turn(&store, &retention, &mut round, &messages).await {
                debug!("what is old stays until the next turn: {error}");
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = messages.closed() => {}
    }
}

async fn take_turn(
    store: &Store,
    retention: &Retention,
    round: &mut SurplusRound,
    messages: &mpsc::Sender<Message>,
) -> Result<(), StoreError> {
    if !store.take_retention_turn(TURN_EVERY).await? {
        return Ok(());
    }
    let (now, ends_at) = (store.now().await?, Instant::now() + TURN_MAX);
    for &kept in Kept::ALL {
        let rows = drop_old(store, kept, retention.bound(kept, now), ends_at).await?;
        if rows > 0 {
            info!(kept = %kept, rows, "{rows} old records of {kept} are dropped");
            if messages.send(Message::Forgotten(rows)).await.is_err() {
                debug!("the pump has ended");
            }
        }
    }
    let rows = drop_surplus(store, round, ends_at).await?;
    if rows > 0 {
        info!(
            rows,
            "{rows} runs that their groups do not keep are dropped"
        );
        if messages.send(Message::Forgotten(rows)).await.is_err() {
            debug!("the pump has ended");
        }
    }
    Ok(())
}

/// Job after job of the groups that keep less than the cluster. A turn that ends in mid-round leaves the rest to the next.
async fn drop_surplus(
    store: &Store,
    round: &mut SurplusRound,
    ends_at: Instant,
) -> Result<u64, StoreError> {
    let mut rows = 0;
    while Instant::now() < ends_at
        && let Some(job) = round.next_job(store).await?
    {
        loop {
            let begun_at = Instant::now();
            let dropped = store.drop_surplus(job, Store::DROP_STEP).await?;
            rows += dropped.rows;
            let rest = begun_at.elapsed() * REST;
            // A job with nothing to drop costs a look at an index; there may be many.
            let is_idle = dropped.rows == 0;
            tokio::time::sleep(if is_idle { rest } else { rest.max(REST_MIN) }).await;
            if !dropped.is_more || Instant::now() >= ends_at {
                break;
            }
        }
    }
    Ok(rows)
}

async fn drop_old(
    store: &Store,
    kept: Kept,
    before: Timestamp,
    ends_at: Instant,
) -> Result<u64, StoreError> {
    let mut rows = 0;
    while Instant::now() < ends_at {
        let begun_at = Instant::now();
        let dropped = store.drop_old(kept, before, Store::DROP_STEP).await?;
        rows += dropped.rows;
        if !dropped.is_more {
            break;
        }
        tokio::time::sleep((begun_at.elapsed() * REST).max(REST_MIN)).await;
    }
    Ok(rows)
}
