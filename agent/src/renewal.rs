//! A runner whose program has been replaced, by an upgrade, is replaced too: when nothing runs that it would have to hand over.
//!
//! Until then it goes on. What an order says and it does not understand it refuses, and other nodes take that.

use carillon_runner::protocol::{Request, ShutdownWhen};
use tracing::info;

use crate::pump::Pump;

/// Whether the runner is to be replaced. Once in an agent's life: a program that does not become another one by it is left alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// Nothing is known to be wrong with it.
    #[default]
    Unneeded,
    /// When nothing runs.
    Wanted,
    /// It has been tried.
    Tried,
}

impl Renewal {
    /// A runner answers.
    pub(crate) fn meet(&mut self, is_outdated: bool) {
        if *self != Renewal::Tried {
            *self = match is_outdated {
                true => Renewal::Wanted,
                false => Renewal::Unneeded,
            };
        }
    }
}

impl Pump {
    /// Has an outdated runner end while nothing runs; the link starts the new one.
    pub(crate) async fn renew_runner(&mut self) {
        let is_idle = self.attempts.is_empty() && self.preparing.is_empty();
        if self.renewal != Renewal::Wanted || !is_idle {
            return;
        }
        self.renewal = Renewal::Tried;
        info!(
            "the runner's program has been replaced, and nothing runs: the runner is replaced too"
        );
        let when = ShutdownWhen::Idle;
        self.hands.link.send(Request::Shutdown { when }).await;
    }
}
