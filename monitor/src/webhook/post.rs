//! One HTTP POST to an address that was judged before: no name is resolved here, no redirect followed, no answer
//! read for long.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Connecting, sending and reading together take no longer.
const POST_TIMEOUT: Duration = Duration::from_secs(20);
/// More of an answer is not read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Where to connect to.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) is_tls: bool,
    /// As the receiver calls itself.
    pub(crate) host: String,
    /// The same with the port, unless it is the usual one.
    pub(crate) authority: String,
    /// Judged before.
    pub(crate) addresses: Vec<SocketAddr>,
}

/// What is sent.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// The receiver does not have it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PostError {
    /// It leads where webhooks must not.
    #[error(
        "it leads to {0}, which is no public address; add its host to monitor.webhook_hosts if that is meant"
    )]
    Private(IpAddr),
    /// The name leads nowhere.
    #[error("its name has no address")]
    NoAddress,
    /// No connection, or it broke.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// Too slow.
    #[error("it did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// Not now.
    #[error("it answered {0}")]
    Unavailable(u16),
    /// No.
    #[error("refused: {0}")]
    Refused(String),
}

impl PostError {
    /// Whether the same news may be taken later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            PostError::Unreachable(_)
            | PostError::TimedOut(_)
            | PostError::Unavailable(_)
            | PostError::NoAddress => true,
            PostError::Private(_) | PostError::Refused(_) => false,
        }
    }
}

/// Posts `request`.
pub(crate) async fn post(place: &Place, request: &Request) -> Result<Answer, PostError> {
    match tokio::time::timeout(POST_TIMEOUT, connect_and_post(place, request)).await {
        Ok(done) => done,
        Err(_) => Err(PostError::TimedOut(POST_TIMEOUT)),
    }
}

async fn connect_and_post(place: &Place, request: &Request) -> Result<Answer, PostError> {
    let unreachable = |error: &dyn std::fmt::Display| PostError::Unreachable(error.to_string());
    let stream = TcpStream::connect(place.addresses.as_slice())
        .await
        .map_err(|error| unreachable(&error))?;
    if !place.is_tls {
        return exchange(stream, place, request).await;
    }
    let name = ServerName::try_from(place.host.clone()).map_err(|error| unreachable(&error))?;
    let stream = TlsConnector::from(tls())
        .connect(name, stream)
        .await
        .map_err(|error| unreachable(&error))?;
    exchange(stream, place, request).await
}

async fn exchange<S>(stream: S, place: &Place, request: &Request) -> Result<Answer, PostError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let broken = |error: hyper::Error| PostError::Unreachable(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let mut builder = hyper::Request::post(&request.target)
        .header("host", &place.authority)
        .header("content-type", "application/json; charset=utf-8")
        .header(
            "user-agent",
            concat!("carillon/", env!("CARGO_PKG_VERSION")),
        )
        // Also of nothing: some receivers refuse a POST that does not say how long it is.
        .header("content-length", request.body.len())
        .header("connection", "close");
    for (name, value) in &request.headers {
        builder = builder.header(*name, value);
    }
    let message = builder
        .body(Full::new(Bytes::from(request.body.clone())))
        .map_err(|error| PostError::Refused(error.to_string()))?;
    let talk = async {
        let answer = sender.send_request(message).await.map_err(broken)?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map(|body| body.to_bytes().to_vec())
            // What is said beyond the limit is not needed.
            .unwrap_or_default();
        Ok(Answer { status, body })
    };
    tokio::pin!(talk, connection);
    // The connection moves the bytes while the two sides talk; it ends first when the server hangs up.
    tokio::select! {
        said = &mut talk => said,
        _ = &mut connection => talk.await,
    }
}

fn tls() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    Arc::clone(CONFIG.get_or_init(|| {
        let roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring supports the versions that rustls calls safe")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }))
}
