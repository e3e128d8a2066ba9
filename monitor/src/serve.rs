//! The monitor at work: a round every second, each one cheap question when all is quiet.

use std::sync::Arc;
use std::time::Instant;

use carillon_lifecycle::shutdown::Shutdown;
use carillon_store::{SchemaError, SchemaFit, StoreError};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::delivering::{Courier, SENDING_MAX, claim_errand};
use crate::mailer::{MailError, Mailer};
use crate::options::{Channels, MonitorOptions};
use crate::pinging::{PINGING_MAX, PingDesk, claim_ping};
use crate::rounds::{Due, Rounds};
use crate::work_queue::{Bells, work_off};

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
    match options.store.check_schema().await {
        Err(StoreError::Schema(error)) => return Err(error.into()),
        Ok(fit @ SchemaFit::Newer { .. }) => warn!("{fit}"),
        Ok(SchemaFit::Own) | Err(_) => {}
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
        let due = rounds.go().await;
        if let (None, Some(equipment)) = (&office, rounds.equipment()) {
            office = Some(Office::open(options.clone(), equipment));
        }
        if let Some(office) = &office {
            office.ring(due);
        }
        next_round = (next_round + options.pace.round_every).max(Instant::now());
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

/// Where deliveries and pings leave from.
struct Office {
    deliveries: Bells,
    pings: Bells,
    tasks: [JoinHandle<()>; 2],
}

impl Office {
    fn open(mut options: MonitorOptions, (mailer, cluster): (Option<Mailer>, String)) -> Self {
        let (deliveries, pings) = (Bells::default(), Bells::default());
        let desk = Arc::new(PingDesk {
            options: options.clone(),
            cluster,
        });
        options.limit.spared = Channels::of(&options).programs;
        let courier = Arc::new(Courier { options, mailer });
        let claim = move || claim_errand(Arc::clone(&courier));
        let delivering = tokio::spawn(work_off(deliveries.clone(), SENDING_MAX, claim));
        let claim = move || claim_ping(Arc::clone(&desk));
        let pinging = tokio::spawn(work_off(pings.clone(), PINGING_MAX, claim));
        Office {
            deliveries,
            pings,
            tasks: [delivering, pinging],
        }
    }

    fn ring(&self, due: Due) {
        if due.deliveries {
            self.deliveries.work.notify_one();
        }
        if due.pings {
            self.pings.work.notify_one();
        }
    }

    async fn close(self, shutdown: &mut Shutdown) {
        for bells in [&self.deliveries, &self.pings] {
            bells.stop.notify_one();
        }
        for mut task in self.tasks {
            tokio::select! {
                _ = &mut task => {}
                // What is cut off here is sent by another monitor, or by the next life of this one, when its lease ends.
                () = shutdown.hurrying() => task.abort(),
            }
        }
    }
}
