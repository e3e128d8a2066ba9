//! From the first signal to the last: run, drain, hurry.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

/// How a program should behave. It only ever moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Work.
    Running,
    /// Take nothing new, let what runs end, then stop.
    Draining,
    /// Stop as soon as nothing is lost by it.
    Hurrying,
}

/// Moves the stage forward; held by whoever may stop the program.
#[derive(Debug, Clone)]
pub struct ShutdownHandle(watch::Sender<Stage>);

/// Sees the stage; held by everyone who must react.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<Stage>);

impl Shutdown {
    /// A running program's pair.
    #[must_use]
    pub fn new() -> (ShutdownHandle, Self) {
        let (sender, receiver) = watch::channel(Stage::Running);
        (ShutdownHandle(sender), Self(receiver))
    }

    /// The stage of this moment.
    #[must_use]
    pub fn stage(&self) -> Stage {
        *self.0.borrow()
    }

    /// Returns when draining, or hurrying, has begun. For ever pending when nobody can begin it.
    pub async fn draining(&mut self) {
        self.reach(Stage::Draining).await;
    }

    /// Returns when hurrying has begun. For ever pending when nobody can begin it.
    pub async fn hurrying(&mut self) {
        self.reach(Stage::Hurrying).await;
    }

    async fn reach(&mut self, wanted: Stage) {
        if self.0.wait_for(|stage| *stage >= wanted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl ShutdownHandle {
    /// Begins draining, if it has not begun.
    pub fn drain(&self) {
        self.advance(Stage::Draining);
    }

    /// Begins hurrying.
    pub fn hurry(&self) {
        self.advance(Stage::Hurrying);
    }

    /// Another view of the same program.
    #[must_use]
    pub fn subscribe(&self) -> Shutdown {
        Shutdown(self.0.subscribe())
    }

    fn advance(&self, to: Stage) {
        self.0.send_if_modified(|stage| {
            let forward = *stage < to;
            *stage = to.max(*stage);
            forward
        });
    }
}

/// Turns SIGTERM and SIGINT into stages: the first drains, every further one hurries. Never
/// returns; the caller owns the task that runs it.
///
/// # Errors
/// When the signals cannot be caught.
pub async fn watch_signals(handle: ShutdownHandle) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        match handle.subscribe().stage() {
            Stage::Running => {
                info!("{name}: letting what runs end; once more to hurry");
                handle.drain();
            }
            Stage::Draining | Stage::Hurrying => {
                info!("{name} again: stopping at once");
                handle.hurry();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn first_signal_drains_and_second_hurries() {
        let (handle, mut shutdown) = Shutdown::new();
        let watcher = tokio::spawn(watch_signals(handle.clone()));
        // The handlers are in place once the task has been polled.
        tokio::task::yield_now().await;
        let me = rustix::process::getpid();

        rustix::process::kill_process(me, rustix::process::Signal::TERM).unwrap();
        shutdown.draining().await;
        assert_eq!(shutdown.stage(), Stage::Draining);

        rustix::process::kill_process(me, rustix::process::Signal::INT).unwrap();
        shutdown.hurrying().await;
        watcher.abort();
    }

    #[test]
    fn stage_never_goes_back() {
        let (handle, shutdown) = Shutdown::new();

        handle.hurry();
        handle.drain();

        assert_eq!(shutdown.stage(), Stage::Hurrying);
    }
}
