//! Work that is claimed piece by piece and done a few pieces at a time.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::warn;

/// What rings when there may be work, and what ends it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bells {
    /// There may be work.
    pub(crate) work: Arc<Notify>,
    /// No more is claimed; what is at work goes on to its end.
    pub(crate) stop: Arc<Notify>,
}

/// Claims whenever the bell rings, and after each piece, and does up to `at_once` pieces at one time.
pub(crate) async fn work_off<Claiming, Piece>(
    bells: Bells,
    at_once: usize,
    claim: impl Fn() -> Claiming,
) where
    Claiming: Future<Output = Option<Piece>>,
    Piece: Future<Output = ()> + Send + 'static,
{
    let mut pieces: JoinSet<()> = JoinSet::new();
    let mut is_stopped = false;
    while !is_stopped || !pieces.is_empty() {
        tokio::select! {
            () = bells.work.notified(), if !is_stopped => {}
            () = bells.stop.notified(), if !is_stopped => is_stopped = true,
            Some(ended) = pieces.join_next() => {
                if let Err(error) = ended {
                    warn!("a piece of work ended unexpectedly: {error}; it is tried again");
                }
            }
        }
        while !is_stopped && pieces.len() < at_once {
            match claim().await {
                Some(piece) => {
                    pieces.spawn(piece);
                }
                None => break,
            }
        }
    }
}
