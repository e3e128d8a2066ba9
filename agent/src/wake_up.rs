//! Wake-ups through Redis: whoever changes jobs, offers or commands says so, and agents look at once.
//!
//! A kindness, not a guarantee: an agent looks all the same when none comes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{Notify, mpsc};
use tracing::debug;

use crate::message::Message;

/// Where it is said that something has changed.
pub const CHANNEL: &str = "carillon:changed";

/// The pause before the next try to listen.
const RECONNECT_AFTER: Duration = Duration::from_secs(5);

/// Notifies `woken` at each wake-up, until the pump has ended.
pub async fn listen_for_wake_ups(url: String, woken: Arc<Notify>, messages: mpsc::Sender<Message>) {
    while !messages.is_closed() {
        tokio::select! {
            ended = listen(&url, &woken) => if let Err(error) = ended {
                debug!("wake-ups cannot be heard: {error}");
            },
            () = messages.closed() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(RECONNECT_AFTER) => {}
            () = messages.closed() => return,
        }
    }
}

async fn listen(url: &str, woken: &Notify) -> redis::RedisResult<()> {
    let client = redis::Client::open(url)?;
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(CHANNEL).await?;
    let mut news = subscription.on_message();
    while news.next().await.is_some() {
        woken.notify_one();
    }
    Ok(())
}
