//! The program around the pages: its state, its clock, and the layers a request passes, in order.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use axum::middleware::{from_fn_with_state, map_response_with_state};
use axum::response::Response;
use carillon_core::identity::GroupId;
use carillon_redis::WakeUp;
use carillon_store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::timeout::TimeoutLayer;

use crate::faults::show_faults;
use crate::living_parts::Shared;
use crate::overview::Seen;
use crate::password::Passwords;
use crate::roster::Roster;
use crate::runs::feed::Feeds;
use crate::viewer::identify;
use crate::wake_up::wake_agents;
use crate::words::Words;
use crate::{routes, watch};

/// The largest body of a request: a crontab of ten thousand lines.
pub(crate) const BODY_SIZE_MAX: usize = 1 << 20;
/// Readers of living output at once.
const STREAMS_MAX: usize = 500;
/// The longest time for an answer to begin.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What all requests share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    /// How agents are told to look, where there is Redis.
    pub(crate) wake_up: Option<Arc<WakeUp>>,
    /// How people reach the pages, when that is known.
    pub(crate) public_url: Option<String>,
    /// Lets the first owner in; nobody has it once there is an account.
    pub(crate) setup_code: String,
    pub(crate) passwords: Passwords,
    /// The health of the fleet, looked at now and then.
    pub(crate) watch: watch::Watch,
    pub(crate) started_at: Timestamp,
    /// Readers of living output, so that they never take everything.
    pub(crate) streams: Arc<Semaphore>,
    /// Living runs that somebody looks at.
    pub(crate) feeds: Feeds,
    /// What overviews show, by the groups that their viewers may see.
    pub(crate) overviews: Shared<Option<Vec<GroupId>>, Seen>,
    /// All jobs, for lists.
    pub(crate) roster: Roster,
    /// How long a proof of identity counts for sensitive acts.
    pub(crate) proof_lasts: SignedDuration,
}

impl App {
    /// The state of a program over `store`.
    pub(crate) fn new(
        store: Store,
        public_url: Option<String>,
        setup_code: String,
        wake_up: Option<Arc<WakeUp>>,
        proof_lasts: SignedDuration,
    ) -> Arc<Self> {
        Arc::new(App {
            store,
            wake_up,
            public_url,
            setup_code,
            passwords: Passwords::new(),
            watch: watch::Watch::default(),
            started_at: now(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            feeds: Feeds::default(),
            overviews: Shared::default(),
            roster: Roster::default(),
            proof_lasts,
        })
    }

    /// The time, for pages: what decides anything is stamped by the store.
    pub(crate) fn now(&self) -> Timestamp {
        now()
    }

    /// Brings the list of jobs up to date.
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn refresh_roster(&self) -> Result<(), StoreError> {
        self.roster.refresh(&self.store, self.now()).await
    }

    /// Whether browsers reach us by https.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url
            .as_deref()
            .is_some_and(|url| url.starts_with("https://"))
    }

    /// How many readers of living output there are.
    pub(crate) fn streams_open(&self) -> usize {
        STREAMS_MAX - self.streams.available_permits()
    }

    /// What is wrong with the scheduler itself, for the top of every page.
    pub(crate) fn ribbon(&self, words: &Words) -> Vec<String> {
        self.watch.alarms(words)
    }
}

fn now() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "requests begin here; everything below is told the time"
    )]
    Timestamp::now()
}

/// The whole program as a service.
pub(crate) fn service(app: &Arc<App>) -> Router {
    routes::router(app)
        .layer(from_fn_with_state(Arc::clone(app), wake_agents))
        .layer(from_fn_with_state(Arc::clone(app), show_faults))
        .layer(from_fn_with_state(Arc::clone(app), identify))
        .layer(from_fn_with_state(Arc::clone(app), show_faults))
        .layer(csrf(app))
        .layer(DefaultBodyLimit::max(BODY_SIZE_MAX))
        .layer(CompressionLayer::new().gzip(true))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            ANSWER_TIMEOUT,
        ))
        .layer(map_response_with_state(
            app.is_https(),
            add_security_headers,
        ))
        .layer(tower_http::trace::TraceLayer::new_for_http().make_span_with(span))
}

fn span<B>(request: &Request<B>) -> tracing::Span {
    tracing::debug_span!("request", method = %request.method(), path = request.uri().path())
}

/// Browsers say where a request comes from; what comes from another site is refused.
fn csrf(app: &App) -> CsrfLayer {
    let layer = CsrfLayer::new();
    let origin = app
        .public_url
        .as_deref()
        .and_then(|text| url::Url::parse(text).ok());
    match origin.map(|url| url.origin().ascii_serialization()) {
        Some(origin) => layer.clone().add_trusted_origin(&origin).unwrap_or(layer),
        None => layer,
    }
}

const SECURITY_HEADERS: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types carillon",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    ("cache-control", "no-store"),
];

async fn add_security_headers(State(is_https): State<bool>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    if is_https {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(HeaderName::from_static("strict-transport-security"), year);
    }
    for (name, value) in SECURITY_HEADERS {
        headers
            .entry(HeaderName::from_static(name))
            .or_insert(HeaderValue::from_static(value));
    }
    response
}
