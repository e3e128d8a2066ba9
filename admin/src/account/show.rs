//! One's own account: what one may do, the password, the second step, and where one is signed in.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_core::access::Scope;
use carillon_store::SignIn;

use super::{browser, picture, totp};
use crate::app::App;
use crate::faults::Fault;
use crate::form::FieldErrors;
use crate::moment::Moment;
use crate::page::{Chrome, show as show_page};
use crate::secret;
use crate::viewer::{Credential, Viewer};
use crate::words::{Words, fill};

#[derive(Template)]
#[template(path = "account/show.html")]
struct AccountPage {
    chrome: Chrome,
    w: &'static Words,
    name: String,
    grants: Vec<(String, String)>,
    sessions: Vec<SessionRow>,
    totp: Totp,
    zones: Vec<&'static str>,
    errors: FieldErrors,
}

struct SessionRow {
    id: i64,
    program: String,
    /// All that it says of itself.
    browser: String,
    address: String,
    since: Moment,
    seen: Moment,
    is_this: bool,
}

enum Totp {
    On {
        codes_left: String,
    },
    Off {
        key: String,
        link: String,
        /// The link as a QR code.
        picture: Option<String>,
    },
}

/// The account.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
) -> Result<Response, Fault> {
    account_page(&app, &viewer, chrome, FieldErrors::default(), None).await
}

/// The page, with what was wrong in a form of it.
pub(super) async fn account_page(
    app: &App,
    viewer: &Viewer,
    chrome: Chrome,
    errors: FieldErrors,
    key: Option<&str>,
) -> Result<Response, Fault> {
    let w = chrome.words;
    let groups = app.store.groups().await?;
    let group_name = |scope| match scope {
        Scope::Everywhere => w.chrome.all_groups.to_owned(),
        Scope::Group(id) => groups
            .iter()
            .find(|group| group.id == id)
            .map_or_else(|| id.to_string(), |group| group.name.clone()),
    };
    let grants = viewer.rights.grants().iter();
    let facts = own_facts(app, viewer).await?;
    let totp = match facts.totp_key {
        Some(_) => {
            let left = app.store.recovery_codes_left(viewer.user).await?;
            Totp::On {
                codes_left: fill(w.account.recovery_left, &[&left]),
            }
        }
        None => {
            let key = key.map_or_else(totp::draw_key, str::to_owned);
            let link = totp::link(&key, &viewer.name);
            Totp::Off {
                picture: picture::draw(&link, w.account.totp_picture),
                link,
                key,
            }
        }
    };
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let page = AccountPage {
        name: viewer.name.clone(),
        grants: grants
            .map(|grant| (w.role(grant.role).to_owned(), group_name(grant.scope)))
            .collect(),
        sessions: session_rows(app, viewer, &chrome).await?,
        totp,
        zones: crate::zones::NAMES.to_vec(),
        errors,
        w,
        chrome,
    };
    Ok((status, show_page(&page)?).into_response())
}

async fn session_rows(
    app: &App,
    viewer: &Viewer,
    chrome: &Chrome,
) -> Result<Vec<SessionRow>, Fault> {
    let this = match &viewer.credential {
        Credential::Session(session) => secret::trace(session).to_vec(),
        Credential::Token => Vec::new(),
    };
    let sessions = app.store.sessions_of(viewer.user).await?;
    let row = |session: carillon_store::SessionEntry| SessionRow {
        id: session.id,
        program: browser::told(&session.browser),
        browser: session.browser,
        address: session.address.unwrap_or_default(),
        since: chrome.moments.at(session.created_at),
        seen: chrome.moments.since(session.seen_at),
        is_this: session.secret_hash == this,
    };
    Ok(sessions.into_iter().map(row).collect())
}

/// What signing in with the viewer's own account is judged by.
pub(super) async fn own_facts(app: &App, viewer: &Viewer) -> Result<SignIn, Fault> {
    let facts = app.store.sign_in_facts(&viewer.name).await?;
    facts.ok_or(Fault::SignInNeeded)
}
