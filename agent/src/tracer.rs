//! Tells a collector of OpenTelemetry of every attempt that is over. It is nobody's duty: what cannot be told is dropped
//! and counted, and nothing waits for it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

use crate::spans::TracedAttempt;

/// So many attempts wait for the collector; of more, the newest are dropped.
const WAITING_MAX: usize = 4096;
/// So many attempts are told at once.
const TOLD_MAX: usize = 256;
/// What ends within so long is told together.
const GATHER: Duration = Duration::from_secs(1);
/// Connecting, sending and reading together take no longer.
const POST_TIMEOUT: Duration = Duration::from_secs(5);
/// A collector that did not take something is asked again after this long, twice as long each time.
const REPEAT_AFTER: Duration = Duration::from_secs(1);
/// So often.
const REPEATS_MAX: u32 = 3;
/// An agent that ends, or becomes another program, waits no longer for the collector.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Where traces go: `http://HOST[:PORT][/PATH]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector {
    host: String,
    port: u16,
    path: String,
}

impl Collector {
    /// Reads `node.traces_url`. Without a path, it is that of the protocol, `/v1/traces`.
    ///
    /// # Errors
    /// When it is no such address.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let uri: Uri = text
            .parse()
            .with_context(|| format!("node.traces_url is {text:?}; write http://127.0.0.1:4318"))?;
        let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host()) else {
            bail!(
                "node.traces_url is {text:?}: an agent speaks to a collector on its own machine or network, over http://; \
                 write http://127.0.0.1:4318"
            );
        };
        let path = match uri.path() {
            "" | "/" => "/v1/traces".to_owned(),
            path => path.to_owned(),
        };
        Ok(Collector {
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(4318),
            path,
        })
    }

    /// Tells it of nothing, to see whether it listens.
    ///
    /// # Errors
    /// When it does not take it.
    pub async fn ping(&self) -> anyhow::Result<()> {
        self.post(&json!({ "resourceSpans": [] })).await
    }

    async fn post(&self, body: &Value) -> anyhow::Result<()> {
        tokio::time::timeout(POST_TIMEOUT, self.exchange(body.to_string()))
            .await
            .with_context(|| format!("no answer within {} s", POST_TIMEOUT.as_secs()))?
    }

    async fn exchange(&self, body: String) -> anyhow::Result<()> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, self.port))
            .await
            .with_context(|| format!("connecting to {}:{}", self.host, self.port))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::post(&self.path)
            .header("host", format!("{}:{}", self.host, self.port))
            .header("content-type", "application/json")
            .header("content-length", body.len())
            .header("connection", "close")
            .body(Full::new(Bytes::from(body)))?;
        let talk = sender.send_request(request);
        tokio::pin!(talk, connection);
        let answer = tokio::select! {
            answer = &mut talk => answer,
            _ = &mut connection => talk.await,
        }?;
        ensure!(
            answer.status().is_success(),
            "it answered {}",
            answer.status()
        );
        Ok(())
    }
}

/// Takes what is to be told.
#[derive(Debug, Clone)]
pub struct Tracer {
    attempts: mpsc::Sender<TracedAttempt>,
    dropped: Arc<AtomicU64>,
    /// Whoever holds the other end hears when the last tracer is gone.
    _alive: Arc<oneshot::Sender<Infallible>>,
}

impl Tracer {
    /// A tracer, and the work of telling `collector`; it ends soon after every clone of the tracer is gone.
    pub(crate) fn open(collector: Collector) -> (Self, impl Future<Output = ()>) {
        let (attempts, waiting) = mpsc::channel(WAITING_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let (alive, gone) = oneshot::channel();
        let telling = tell_all(collector, waiting, Arc::clone(&dropped));
        let work = async {
            tokio::select! {
                () = telling => {}
                () = last_words(gone) => {}
            }
        };
        let tracer = Tracer {
            attempts,
            dropped,
            _alive: Arc::new(alive),
        };
        (tracer, work)
    }

    pub(crate) fn tell(&self, attempt: TracedAttempt) {
        if self.attempts.try_send(attempt).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn last_words(gone: oneshot::Receiver<Infallible>) {
    if gone.await.is_err() {
        tokio::time::sleep(LAST_WORDS).await;
    }
}

async fn tell_all(
    collector: Collector,
    mut waiting: mpsc::Receiver<TracedAttempt>,
    dropped: Arc<AtomicU64>,
) {
    let mut is_down = false;
    let mut attempts = Vec::new();
    while waiting.recv_many(&mut attempts, TOLD_MAX).await > 0 {
        if attempts.len() < TOLD_MAX && !waiting.is_closed() {
            tokio::time::sleep(GATHER).await;
            while attempts.len() < TOLD_MAX
                && let Ok(attempt) = waiting.try_recv()
            {
                attempts.push(attempt);
            }
        }
        match tell(&collector, &request(&attempts)).await {
            Ok(()) => {
                let lost = dropped.swap(0, Ordering::Relaxed);
                if is_down || lost > 0 {
                    info!(
                        attempts = lost,
                        "the collector of traces answers again; so many were not told"
                    );
                }
                is_down = false;
            }
            Err(error) => {
                dropped.fetch_add(attempts.len() as u64, Ordering::Relaxed);
                if !is_down {
                    warn!(
                        "traces are dropped until the collector (node.traces_url) takes them: {error:#}"
                    );
                }
                is_down = true;
            }
        }
        attempts.clear();
    }
}

async fn tell(collector: &Collector, request: &Value) -> anyhow::Result<()> {
    let mut pause = REPEAT_AFTER;
    for _ in 0..REPEATS_MAX {
        match collector.post(request).await {
            Ok(()) => return Ok(()),
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause *= 2;
    }
    collector.post(request).await
}

fn request(attempts: &[TracedAttempt]) -> Value {
    let spans: Vec<Value> = attempts.iter().flat_map(TracedAttempt::spans).collect();
    let text = |key, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let node = attempts.first().map_or("", |attempt| &attempt.node);
    json!({
        "resourceSpans": [{
            "resource": { "attributes": [
                text("service.name", "carillon-agent"),
                text("service.version", env!("CARGO_PKG_VERSION")),
                text("service.instance.id", node),
                text("host.name", node),
            ] },
            "scopeSpans": [{ "scope": { "name": "carillon" }, "spans": spans }],
        }]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spans::tests::{attempt, end};

    /// A full queue is sixteen posts, and a collector that takes connections and says nothing is asked four times for each.
    #[tokio::test]
    async fn agent_that_ends_does_not_wait_for_a_deaf_collector() {
        let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", deaf.local_addr().unwrap());
        let (tracer, work) = Tracer::open(Collector::parse(&url).unwrap());
        let work = tokio::spawn(work);
        for _ in 0..WAITING_MAX {
            tracer.tell(attempt(1, end(true)));
        }

        drop(tracer);
        work.await.unwrap();

        deaf.set_nonblocking(true).unwrap();
        let asked = deaf.incoming().take_while(Result::is_ok).count();
        assert_eq!(asked, 1);
    }

    #[test]
    fn address_of_a_collector_is_read_or_refused_by_name() {
        let read = |text| Collector::parse(text).unwrap();
        let (short, long) = ("http://127.0.0.1", "http://127.0.0.1:4318/v1/traces");
        assert_eq!(read(short), read(long));
        for text in ["https://otel.example.org", "127.0.0.1:4318", "", "http://"] {
            let refused = Collector::parse(text).unwrap_err().to_string();
            assert!(
                refused.contains("node.traces_url") && refused.contains(text),
                "{refused}"
            );
        }
    }
}
