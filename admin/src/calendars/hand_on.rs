//! Jobs follow an edited calendar: the first ones before the editor is answered, so that a small edit is in force at
//! once, the others by a task that also takes up what a program left behind that died.

use std::sync::Arc;
use std::time::Duration;

use carillon_core::identity::CalendarId;
use carillon_store::{Editor, Store, StoreError};

use crate::app::App;

/// Batches before the answer; some 2,000 jobs.
const BATCHES_AT_ONCE: usize = 8;

/// How often somebody looks whether jobs are behind their calendar.
const INTERVAL: Duration = Duration::from_secs(2);

/// Hands an edit on, as far as one may wait for it; how many jobs are still behind.
/// # Errors
/// When the store does not answer; the task goes on later.
pub(crate) async fn hand_on_at_once(
    store: &Store,
    id: CalendarId,
    editor: &Editor,
) -> Result<u64, StoreError> {
    let mut behind = 0;
    for _ in 0..BATCHES_AT_ONCE {
        behind = store.hand_on_calendar(id, editor).await?.behind;
        if behind == 0 {
            break;
        }
    }
    Ok(behind)
}

/// Hands an edit on to every job, however long that takes; how many followed.
/// # Errors
/// When the store does not answer; the task of an admin goes on later.
pub(crate) async fn hand_on_all(
    store: &Store,
    id: CalendarId,
    editor: &Editor,
) -> Result<u64, StoreError> {
    let mut followed = 0;
    loop {
        let handed = store.hand_on_calendar(id, editor).await?;
        followed += handed.followed;
        if handed.behind == 0 || handed.followed == 0 {
            return Ok(followed);
        }
    }
}

/// Hands on what is left, for ever; the caller owns the task. Several admins may do so at once.
pub(crate) async fn keep_handing_on(app: Arc<App>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = hand_on_rest(&app).await {
            tracing::debug!("calendars could not be handed on: {error}");
        }
    }
}

async fn hand_on_rest(app: &App) -> Result<(), StoreError> {
    for calendar in app.store.calendars_to_hand_on().await? {
        // The edit was his, whoever carries it out.
        let editor = Editor {
            name: calendar.edited_by,
            address: None,
        };
        let followed = hand_on_all(&app.store, calendar.id, &editor).await?;
        if let Some(wake_up) = &app.wake_up {
            wake_up.say().await;
        }
        tracing::info!(calendar.id = %calendar.id, followed, "{followed} jobs follow an edited calendar");
    }
    Ok(())
}
