//! Wake-ups: whoever changes jobs, offers or commands says so, and agents look at once.
//!
//! A kindness, not a guarantee: an agent looks all the same when none comes.

use std::time::Duration;

use redis::RedisResult;
use tokio::sync::Mutex;
use tracing::debug;

use crate::{Connection, Place};

/// Where it is said that something has changed.
pub const CHANNEL: &str = "carillon:changed";

/// Saying it takes no longer, the connection with it; what was changed holds without it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The mouth of a program that changes things.
pub struct WakeUp {
    place: Place,
    connection: Mutex<Option<Connection>>,
}

impl std::fmt::Debug for WakeUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WakeUp").finish_non_exhaustive()
    }
}

impl WakeUp {
    /// Speaks at this URL, as [`Place`] reads it. Nothing is connected yet.
    ///
    /// # Errors
    /// When the URL is not understood.
    pub fn new(url: &str) -> RedisResult<Self> {
        Ok(WakeUp {
            place: Place::new(url)?,
            connection: Mutex::new(None),
        })
    }

    /// Says that something has changed. Where Redis does not answer soon, nothing is said.
    pub async fn say(&self) {
        let said = tokio::time::timeout(PATIENCE, self.publish()).await;
        let failure = match said {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        debug!(error = failure, "the wake-up could not be said");
        *self.connection.lock().await = None;
    }

    async fn publish(&self) -> RedisResult<()> {
        let mut connection = self.connection().await?;
        let mut command = redis::cmd("PUBLISH");
        command.arg(CHANNEL).arg("");
        command.query_async(&mut connection).await
    }

    async fn connection(&self) -> RedisResult<Connection> {
        let mut kept = self.connection.lock().await;
        if let Some(connection) = &*kept {
            return Ok(connection.clone());
        }
        let made = self.place.connect(PATIENCE).await?;
        *kept = Some(made.clone());
        Ok(made)
    }
}
