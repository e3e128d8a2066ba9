//! Tells of the store's silence without the store: straight to the mail server, until every address has it.

use std::time::{Duration, Instant};

use carillon_core::announcement::Announcement;
use tracing::{error, info, warn};

use crate::delivering::with_causes;
use crate::letter;
use crate::mailer::{MailError, Mailer, pause_after};
use crate::options::MonitorOptions;

/// An announcement on its way past the store.
#[derive(Debug)]
pub(crate) struct Alarm {
    announcement: Announcement,
    identity: String,
    waiting: Vec<String>,
    attempts: u32,
    try_at: Instant,
}

impl Alarm {
    /// To everybody who is told when nothing else says so.
    pub(crate) fn new(announcement: Announcement, identity: String, to: &[String]) -> Self {
        Alarm {
            announcement,
            identity,
            waiting: to.to_vec(),
            attempts: 0,
            try_at: Instant::now(),
        }
    }

    /// Tries every address that waits, if it is time. True when nobody waits any more.
    pub(crate) async fn ring(&mut self, mailer: Option<&Mailer>, options: &MonitorOptions) -> bool {
        let Some(mailer) = mailer.filter(|_| !self.waiting.is_empty()) else {
            error!(
                "the store does not answer and nobody is told: set mail.smtp_url, mail.from and mail.to"
            );
            return true;
        };
        if Instant::now() < self.try_at {
            return false;
        }
        let letter = letter::write(
            &self.announcement,
            options.lang,
            options.public_url.as_deref(),
        );
        let mut still_waiting = Vec::new();
        for to in std::mem::take(&mut self.waiting) {
            let sent = mailer
                .send(&letter, &self.announcement, &self.identity, &to)
                .await;
            if !log(&sent) {
                still_waiting.push(to);
            }
        }
        self.waiting = still_waiting;
        self.attempts += 1;
        let pause =
            Duration::try_from(pause_after(self.attempts)).unwrap_or(Duration::from_secs(60));
        self.try_at = Instant::now() + pause;
        self.waiting.is_empty()
    }
}

/// Whether that was the last word on this address.
fn log(sent: &Result<String, MailError>) -> bool {
    match sent {
        Ok(_) => {
            info!("told that the store does not answer");
            true
        }
        Err(error) if error.is_passing() => {
            warn!(
                "nobody could be told that the store does not answer: {}",
                with_causes(error)
            );
            false
        }
        Err(error) => {
            error!(
                "an address cannot be told that the store does not answer: {}",
                with_causes(error)
            );
            true
        }
    }
}
