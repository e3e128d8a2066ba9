//! Hears wake-ups through Redis and looks at once; without one it looks all the same, a little later.

use std::sync::Arc;
use std::time::Duration;

use carillon_redis::{CHANNEL, Place};
use futures_util::StreamExt;
use tokio::sync::{Notify, mpsc};
use tracing::debug;

use crate::message::Message;

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
    let mut subscription = Place::new(url)?.subscribe(CHANNEL).await?;
    let mut news = subscription.on_message();
    while news.next().await.is_some() {
        woken.notify_one();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use carillon_redis::WakeUp;
    use carillon_testbed::{Redis, wait_until_async};

    use super::*;

    #[tokio::test]
    async fn what_is_said_wakes() {
        let redis = Redis::start().unwrap();
        let woken = Arc::new(Notify::new());
        let (messages, inbox) = mpsc::channel(1);
        let listening = tokio::spawn(listen_for_wake_ups(
            redis.url(),
            Arc::clone(&woken),
            messages,
        ));

        let wake_up = WakeUp::new(&redis.url()).unwrap();
        // What is said before anybody listens is not heard.
        let limit = Duration::from_secs(60);
        wait_until_async("the agent to be woken", limit, async || {
            wake_up.say().await;
            let woken = tokio::time::timeout(Duration::from_millis(100), woken.notified());
            woken.await.ok()
        })
        .await;

        drop(inbox);
        listening.await.unwrap();
    }
}
