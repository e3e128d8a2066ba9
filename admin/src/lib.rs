//! The pages and the API: everything a person or a program may see and do, and nothing he may not.
//!
//! Responsible for identity, permissions, forms, pages and the JSON API over the store. Must not know how ticks
//! are decided or commands are run; it never talks to an agent but through the store.

mod account;
mod api;
mod api_token;
mod app;
mod assets;
mod badge;
mod calendars;
mod charts;
pub mod cli;
pub mod crontab_import;
mod cursor;
mod declaration;
mod difference;
mod faults;
mod forecast;
mod form;
mod guard;
mod job_texts;
mod jobs;
mod living_parts;
mod moment;
mod needle;
mod nodes;
mod overview;
mod page;
mod password;
mod people;
mod posted;
mod roster;
pub mod routes;
mod runs;
mod secret;
mod session;
mod shortened;
mod system;
mod user_name;
mod viewer;
mod views;
mod wake_up;
mod watch;
mod words;
mod zones;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use carillon_lifecycle::shutdown::Shutdown;
use carillon_redis::WakeUp;
use carillon_store::Store;
use jiff::SignedDuration;
use tokio::net::TcpListener;

use app::App;

pub use account::step_up::{Act, PROOF_LASTS, Proof};
pub use guard::{Medium, Need};
pub use routes::Listed;

/// What a program decides about its pages.
#[derive(Debug, Clone)]
pub struct AdminOptions {
    /// Where everything is kept; its schema is current.
    pub store: Store,
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: String,
    /// How people reach the pages, e.g. `https://cron.example.org`: decides about cookies and trusted origins.
    pub public_url: Option<String>,
    /// Where agents listen for wake-ups; without it they look a little later.
    pub redis_url: Option<String>,
    /// The one-time code for the first visit; drawn at random when absent.
    pub setup_code: Option<String>,
    /// How long a proof of identity counts for sensitive acts: [`PROOF_LASTS`], but in tests.
    pub proof_lasts: SignedDuration,
}

/// Why an address cannot be listened on, and what to do about it.
fn unbound(address: &str, error: &io::Error) -> String {
    let cure = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program is there, perhaps another admin or `carillon up`; stop it, or choose another address"
        }
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 are for root; choose another, and let a proxy listen there"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; 127.0.0.1 is for this machine alone, 0.0.0.0 for all"
        }
        _ => "write ADDRESS:PORT, such as 127.0.0.1:7878",
    };
    format!("the pages cannot be served at {address}: {error}; {cure} (--listen, admin.listen)")
}

/// The pages, bound to their address and not yet served.
#[derive(Debug)]
pub struct Admin {
    app: Arc<App>,
    listener: TcpListener,
}

impl Admin {
    /// Binds the address.
    /// # Errors
    /// When the address is taken or not ours.
    pub async fn bind(options: AdminOptions) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(&options.listen)
            .await
            .map_err(|error| anyhow::anyhow!(unbound(&options.listen, &error)))?;
        let code = options.setup_code.unwrap_or_else(secret::draw_code);
        let wake_up = options.redis_url.as_deref().map(WakeUp::new).transpose();
        let wake_up = wake_up.context("redis.url cannot be used")?.map(Arc::new);
        let app = App::new(
            options.store,
            options.public_url,
            code,
            wake_up,
            options.proof_lasts,
        );
        Ok(Admin { app, listener })
    }

    /// Where it listens.
    /// # Errors
    /// When the operating system does not say.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// The address for people: the configured one, else where it listens.
    /// # Errors
    /// As [`Admin::address`].
    pub fn url(&self) -> anyhow::Result<String> {
        match &self.app.public_url {
            Some(url) => Ok(url.clone()),
            None => Ok(format!("http://{}", self.address()?)),
        }
    }

    /// The one-time code for the first visit, while there is no account.
    /// # Errors
    /// When the store does not answer.
    pub async fn setup_code(&self) -> anyhow::Result<Option<String>> {
        let has_users = self.app.store.has_users().await?;
        Ok((!has_users).then(|| self.app.setup_code.clone()))
    }

    /// Serves until the program drains; then lets requests end, but not for ever.
    /// # Errors
    /// When the listener breaks.
    pub async fn serve(self, mut shutdown: Shutdown) -> anyhow::Result<()> {
        let url = self.url()?;
        if let Some(code) = self.setup_code().await? {
            tracing::info!("no account yet: open {url}/setup and enter the set-up code {code}");
        }
        tracing::info!(%url, "pages are served at {url}");
        let watch = tokio::spawn(watch::keep_watch(Arc::clone(&self.app)));
        let hand_on = tokio::spawn(calendars::hand_on::keep_handing_on(Arc::clone(&self.app)));
        let service = app::service(&self.app).into_make_service_with_connect_info::<SocketAddr>();
        let mut drained = shutdown.clone();
        let served = axum::serve(self.listener, service)
            .with_graceful_shutdown(async move { drained.draining().await });
        // Open streams (live output) have no end of their own, so the drain has a deadline.
        let deadline = async {
            shutdown.draining().await;
            tokio::select! {
                () = tokio::time::sleep(DRAIN_TIMEOUT) => {}
                () = shutdown.hurrying() => {}
            }
        };
        let served = tokio::select! {
            served = served => served.context("serving pages"),
            () = deadline => Ok(()),
        };
        watch.abort();
        hand_on.abort();
        served
    }
}

/// How long requests may take to end once the program drains.
const DRAIN_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(3);

/// Serves the pages until the program drains.
/// # Errors
/// As [`Admin::bind`] and [`Admin::serve`].
pub async fn serve(options: AdminOptions, shutdown: Shutdown) -> anyhow::Result<()> {
    Admin::bind(options).await?.serve(shutdown).await
}
