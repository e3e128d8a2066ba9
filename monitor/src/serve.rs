//! The monitor at work: a round every second, each one cheap question when all is quiet.

use std::sync::Arc;
use std::time::{Duration, Instant};

use carillon_lifecycle::shutdown::Shutdown;
use carillon_store::{SchemaError, StoreError};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::delivering::{Courier, deliver};
use crate::mailer::{MailError, Mailer};
use crate::options::MonitorOptions;
use crate::rounds::Rounds;

/// The pause between rounds.
const ROUND_EVERY: Duration = Duration::from_secs(1);

/// The monitor cannot work.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The tables are not those of this program.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The mail server's address is none.
    #[error(transparent)]
    Mail(#[from] MailError),
}

/// Watches and tells until `shutdown` drains; then what is on its way is handed over first. A store that does not
/// answer is waited for, and told of.
///
/// # Errors
/// When the store's tables belong to another version, or the mail server's address is none.
pub async fn serve(options: MonitorOptions, mut shutdown: Shutdown) -> Result<(), MonitorError> {
    if let Err(StoreError::Schema(error)) = options.store.check_schema().await {
        return Err(error.into());
    }
    if let Some(mail) = &options.mail {
        Mailer::new(mail, String::new())?;
    }
    log_start(&options);
    let mut rounds = Rounds::new(options.clone());
    let mut office: Option<Office> = None;
    let mut next_round = Instant::now();
    loop {
        tokio::select! {
            () = shutdown.draining() => break,
            () = tokio::time::sleep_until(next_round.into()) => {}
        }
        let is_due = rounds.go().await;
        if let (None, Some(mailer)) = (&office, rounds.mailer()) {
            office = Some(Office::open(options.clone(), mailer));
        }
        if let (Some(office), true) = (&office, is_due) {
            office.bell.notify_one();
        }
        next_round = (next_round + ROUND_EVERY).max(Instant::now());
    }
    if let Some(office) = office {
        office.close(&mut shutdown).await;
    }
    rounds.leave().await;
    Ok(())
}

fn log_start(options: &MonitorOptions) {
    let silent_after = options.patience.silent_after;
    info!(
        monitor.name = %options.name,
        "monitor {} watches {}; a node is silent after {silent_after:#}",
        options.name,
        options.store.url()
    );
    if !options.correction.is_empty() {
        warn!("{}", options.correction);
    }
    let problem = options.problem();
    if !problem.is_empty() {
        warn!("{problem}");
    }
}

/// Where deliveries leave from.
struct Office {
    bell: Arc<Notify>,
    stop: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Office {
    fn open(options: MonitorOptions, mailer: Option<Mailer>) -> Self {
        let bell = Arc::new(Notify::new());
        let stop = Arc::new(Notify::new());
        let courier = Arc::new(Courier { options, mailer });
        let task = tokio::spawn(deliver(courier, Arc::clone(&bell), Arc::clone(&stop)));
        Office { bell, stop, task }
    }

    async fn close(mut self, shutdown: &mut Shutdown) {
        self.stop.notify_one();
        tokio::select! {
            _ = &mut self.task => {}
            // What is cut off here is sent by another monitor, or by the next life of this one, when its lease ends.
            () = shutdown.hurrying() => self.task.abort(),
        }
    }
}
