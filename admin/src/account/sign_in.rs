//! Signing in: name and password, then, where the account asks for it, a code.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use carillon_core::identity::UserId;
use carillon_store::{AuditVerb, Editor, NewSession, SignIn};
use serde::Deserialize;

use super::throttle::Places;
use crate::app::App;
use crate::cursor::query;
use crate::faults::Fault;
use crate::page::{Chrome, go, own_path, show};
use crate::posted::Posted;
use crate::session::{LONG_TERM, SHORT_TERM, Term};
use crate::viewer::Viewer;
use crate::words::{Words, fill};
use crate::{secret, session};

#[derive(Template)]
#[template(path = "account/sign_in.html")]
struct SignInPage {
    chrome: Chrome,
    w: &'static Words,
    name: String,
    next: String,
    is_expired: bool,
    wrong: Option<String>,
}

/// Where to go after signing in.
#[derive(Debug, Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
}

/// The form.
pub(crate) async fn form(
    State(app): State<Arc<App>>,
    viewer: Option<Viewer>,
    Query(Next { next }): Query<Next>,
    chrome: Chrome,
) -> Result<Response, Fault> {
    if viewer.is_some() {
        return Ok(go(own_path(&next)));
    }
    if !app.store.has_users().await? {
        return Ok(go("/setup"));
    }
    show(&SignInPage {
        w: chrome.words,
        chrome,
        name: String::new(),
        is_expired: !next.is_empty(),
        next,
        wrong: None,
    })
}

/// Who knocks, as far as the request tells.
#[derive(Debug, Clone)]
pub(super) struct Entrance {
    pub(super) address: Option<String>,
    pub(super) browser: String,
}

impl Entrance {
    pub(super) fn of(request: &Request) -> Self {
        let browser = request.headers().get(header::USER_AGENT);
        let browser = browser
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        Entrance {
            address: session::address(request),
            browser: browser.chars().take(200).collect(),
        }
    }
}

/// Judges name and password. The answer and its time are the same for an unknown name and a wrong password.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    chrome: Chrome,
    request: Request,
) -> Result<Response, Fault> {
    let entrance = Entrance::of(&request);
    let posted = Posted::read(&app, request).await?;
    let (name, next) = (posted.text("name").trim(), posted.text("next"));
    let places = Places::new(name, entrance.address.as_deref());
    let refused = |status: StatusCode, wrong: String, chrome: Chrome| {
        let page = SignInPage {
            w: chrome.words,
            chrome,
            name: name.to_owned(),
            next: next.to_owned(),
            is_expired: false,
            wrong: Some(wrong),
        };
        Ok((status, show(&page)?).into_response())
    };
    match places.require_no_pause(&app).await {
        Err(Fault::TooMany { wait_s }) => {
            let told = fill(chrome.words.account.throttled, &[&wait_s]);
            return refused(StatusCode::TOO_MANY_REQUESTS, told, chrome);
        }
        passed => passed?,
    }
    let Some(facts) = prove(&app, name, posted.text("password")).await? else {
        places.note_failure(&app).await?;
        tracing::warn!(address = entrance.address, "a sign-in failed");
        let told = chrome.words.account.wrong_credentials.to_owned();
        return refused(StatusCode::UNPROCESSABLE_ENTITY, told, chrome);
    };
    let term = posted.has("remember").then_some(LONG_TERM);
    if facts.totp_key.is_some() {
        // Until the code is right, this session is for a moment only.
        let path = code_path(next, term.is_some());
        return enter(&app, &entrance, facts.user, None, true, &path).await;
    }
    places.forget_failures(&app).await?;
    enter(&app, &entrance, facts.user, term, false, own_path(next)).await
}

/// The account of that name, when the password is right and it is not locked.
async fn prove(app: &App, name: &str, password: &str) -> Result<Option<SignIn>, Fault> {
    let facts = app
        .store
        .sign_in_facts(name)
        .await?
        .filter(|facts| !facts.is_locked);
    let stored = facts.as_ref().map(|facts| facts.password_hash.clone());
    let is_right = app.passwords.is_right(password.to_owned(), stored).await;
    Ok(facts.filter(|_| is_right))
}

/// Where the code is asked for. What the first form was told to remember goes along.
fn code_path(next: &str, remember: bool) -> String {
    let remember = if remember { "1" } else { "" };
    let parameters = [("next", own_path(next)), ("remember", remember)];
    query("/sign-in/code", &parameters)
}

/// Begins a session under a new secret and sends the browser on.
pub(super) async fn enter(
    app: &App,
    entrance: &Entrance,
    user: UserId,
    term: Option<Term>,
    is_code_owed: bool,
    path: &str,
) -> Result<Response, Fault> {
    let secret = secret::draw();
    let lasts = term.unwrap_or(SHORT_TERM);
    let session = NewSession {
        secret_hash: secret::trace(&secret),
        user,
        is_verified: !is_code_owed,
        address: entrance.address.clone(),
        browser: entrance.browser.clone(),
        idle: lasts.idle,
        absolute: lasts.absolute,
    };
    app.store.begin_session(&session).await?;
    if !is_code_owed {
        let editor = Editor {
            name: app.store.user(user).await?.name,
            address: entrance.address.clone(),
        };
        app.store
            .log_deed(&editor, AuditVerb::SignIn, &format!("user {user}"))
            .await?;
    }
    let cookie = session::set_cookie(&secret, term, app.is_https());
    Ok(([(header::SET_COOKIE, cookie)], go(path)).into_response())
}
