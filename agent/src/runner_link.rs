//! The connection to the runner: made, lost, made again. What the reports mean is the pump's business.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use carillon_runner::client::{ClientError, Reports, Requests, RunnerCommand, connect_or_start};
use carillon_runner::protocol::{Attempt, Hello, Report, Request};
use tokio::sync::{Notify, mpsc};
use tracing::{debug, error, info};

/// The pause before the next try to reach a runner that does not answer.
const RECONNECT_AFTER: Duration = Duration::from_millis(500);

/// Requests that may wait for the socket.
const REQUESTS_MAX: usize = 1024;

/// What the link tells the pump.
#[derive(Debug)]
pub enum LinkNews {
    /// A runner answers; these are all the attempts it has not been acknowledged for.
    Up {
        /// Who answers.
        hello: Hello,
        /// What it knows.
        attempts: Vec<Attempt>,
        /// Whether its program has been replaced since it started.
        is_outdated: bool,
    },
    /// It does not answer any more.
    Down,
    /// It reports.
    Reported(Report),
}

/// The pump's end of the link.
#[derive(Debug, Clone)]
pub struct RunnerLink {
    requests: mpsc::Sender<Request>,
    again: Arc<Notify>,
}

impl RunnerLink {
    /// Connects anew: the runner then tells again all that was not acknowledged.
    pub(crate) fn reconnect(&self) {
        self.again.notify_one();
    }

    /// Sends a request, or drops it when no runner answers: after the next [`LinkNews::Up`] the pump knows what is missing.
    pub async fn send(&self, request: Request) {
        if self.requests.send(request).await.is_err() {
            debug!("the link to the runner has ended, a request is dropped");
        }
    }
}

/// Keeps a runner connected and sends what it says to `news`, until `news` is closed.
pub(crate) fn keep_linked(
    data_dir: PathBuf,
    command: RunnerCommand,
    news: mpsc::Sender<LinkNews>,
) -> (RunnerLink, impl Future<Output = ()>) {
    let (requests, mut waiting) = mpsc::channel(REQUESTS_MAX);
    let again = Arc::new(Notify::new());
    let wanted_again = Arc::clone(&again);
    let task = async move {
        let mut is_first_failure = true;
        loop {
            match connect_or_start(&data_dir, &command).await {
                Ok(connection) => {
                    is_first_failure = true;
                    let is_outdated = is_outdated(connection.0.pid, &command.program);
                    let served = serve(connection, is_outdated, &mut waiting, &news, &wanted_again);
                    match served.await {
                        Ok(()) => return,
                        Err(error) => info!("the runner is gone: {error}"),
                    }
                    while waiting.try_recv().is_ok() {}
                }
                Err(error) if is_first_failure => {
                    error!("{error}");
                    is_first_failure = false;
                }
                Err(error) => debug!("{error}"),
            }
            tokio::select! {
                () = tokio::time::sleep(RECONNECT_AFTER) => {}
                () = news.closed() => return,
            }
        }
    };
    (RunnerLink { requests, again }, task)
}

/// Serves one connection. Ends well when the pump has ended.
async fn serve(
    (hello, mut requests, mut reports): (Hello, Requests, Reports),
    is_outdated: bool,
    waiting: &mut mpsc::Receiver<Request>,
    news: &mpsc::Sender<LinkNews>,
    again: &Notify,
) -> Result<(), ClientError> {
    let attempts = read_snapshot(&mut reports).await?;
    let up = LinkNews::Up {
        hello,
        attempts,
        is_outdated,
    };
    if news.send(up).await.is_err() {
        return Ok(());
    }
    let outcome = loop {
        tokio::select! {
            report = reports.receive() => match report {
                Ok(report) => if news.send(LinkNews::Reported(report)).await.is_err() {
                    return Ok(());
                },
                Err(error) => break error,
            },
            () = again.notified() => break ClientError::Closed,
            request = waiting.recv() => match request {
                Some(request) => if let Err(error) = requests.send(&request).await {
                    break error;
                },
                None => return Ok(()),
            },
        }
    };
    if news.send(LinkNews::Down).await.is_err() {
        return Ok(());
    }
    Err(outcome)
}

/// Whether the file that would be executed now is another one than this process executes. Where nobody can tell, it is not.
fn is_outdated(pid: u32, program: &Path) -> bool {
    let file = |path: &Path| std::fs::metadata(path).map(|it| (it.dev(), it.ino()));
    // The kernel keeps the way to a file that has been replaced.
    let own = file(Path::new(&format!("/proc/{pid}/exe")));
    match (own, file(program)) {
        (Ok(own), Ok(there)) => own != there,
        _ => false,
    }
}

async fn read_snapshot(reports: &mut Reports) -> Result<Vec<Attempt>, ClientError> {
    let mut all = Vec::new();
    loop {
        if let Report::Snapshot { attempts, last } = reports.receive().await? {
            all.extend(attempts);
            if last {
                return Ok(all);
            }
        }
    }
}
