//! When the store did not answer this node: the reason why ticks were missed.

use std::sync::{Arc, Mutex, PoisonError};

use carillon_core::run::Reason;
use carillon_core::settlement::Obstacle;
use jiff::Timestamp;

/// So many outages of the store are remembered.
const OUTAGES_MAX: usize = 100;

/// All that this agent has seen, shared by whoever asks the store and whoever wants to know.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outages(Arc<Mutex<OutageLog>>);

#[derive(Debug, Default)]
struct OutageLog {
    ended: Vec<Obstacle>,
    last_answer_at: Option<Timestamp>,
    is_out: bool,
}

impl Outages {
    /// The store answered.
    pub(crate) fn note_answer(&self, now: Timestamp) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if log.is_out
            && let Some(from) = log.last_answer_at
        {
            if log.ended.len() == OUTAGES_MAX {
                log.ended.remove(0);
            }
            log.ended.push(Obstacle {
                from,
                until: now,
                reason: Reason::StoreUnavailable,
            });
        }
        log.is_out = false;
        log.last_answer_at = Some(now);
    }

    /// The store did not answer.
    pub(crate) fn note_silence(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_out = true;
    }

    /// Those that are over.
    pub(crate) fn ended(&self) -> Vec<Obstacle> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ended
            .clone()
    }
}
