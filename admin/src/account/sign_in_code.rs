//! The second step of signing in: a code of the authenticator, or a recovery code.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_store::SignIn;

use super::sign_in::{Entrance, enter};
use super::throttle::Places;
use super::totp;
use crate::app::App;
use crate::faults::Fault;
use crate::page::{Chrome, go, own_path, show};
use crate::posted::Posted;
use crate::session::LONG_TERM;
use crate::words::{Words, fill};
use crate::{secret, session};

#[derive(Template)]
#[template(path = "account/sign_in_code.html")]
struct CodePage {
    chrome: Chrome,
    w: &'static Words,
    next: String,
    remember: bool,
    wrong: Option<String>,
}

/// The form.
pub(crate) async fn form(
    Query(query): Query<Vec<(String, String)>>,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let value = |wanted: &str| {
        let found = query.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    show(&CodePage {
        w: chrome.words,
        chrome,
        next: value("next"),
        remember: !value("remember").is_empty(),
        wrong: None,
    })
}

/// Judges the code; the session that only knew the password is replaced by one that knows both.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    chrome: Chrome,
    request: Request,
) -> Result<Response, Fault> {
    let entrance = Entrance::of(&request);
    let Some(pending) = session::secret_of(request.headers(), app.is_https()) else {
        return Ok(go("/sign-in"));
    };
    let posted = Posted::read(&app, request).await?;
    let hash = secret::trace(&pending);
    let Some(waiting) = app
        .store
        .session(&hash)
        .await?
        .filter(|session| !session.is_verified)
    else {
        return Ok(go("/sign-in"));
    };
    let Some(facts) = app.store.sign_in_facts(&waiting.user_name).await? else {
        return Ok(go("/sign-in"));
    };
    let places = Places::new(&waiting.user_name, entrance.address.as_deref());
    let wrong = match places.require_no_pause(&app).await {
        Err(Fault::TooMany { wait_s }) => Some(fill(chrome.words.account.throttled, &[&wait_s])),
        passed => {
            passed?;
            let is_right = is_right(&app, &facts, posted.text("code")).await?;
            (!is_right).then(|| chrome.words.account.wrong_code.to_owned())
        }
    };
    if wrong.is_some() {
        places.note_failure(&app).await?;
        let page = CodePage {
            w: chrome.words,
            chrome,
            next: posted.text("next").to_owned(),
            remember: posted.has("remember"),
            wrong,
        };
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, show(&page)?).into_response());
    }
    places.forget_failures(&app).await?;
    app.store.end_session(&hash).await?;
    enter(
        &app,
        &entrance,
        waiting.user,
        posted.has("remember").then_some(LONG_TERM),
        false,
        own_path(posted.text("next")),
    )
    .await
}

/// Whether a code of the authenticator or a recovery code is right; it is used up with that.
pub(super) async fn is_right(app: &App, facts: &SignIn, code: &str) -> Result<bool, Fault> {
    let Some(key) = &facts.totp_key else {
        return Ok(false);
    };
    if let Some(step) = totp::step_of(key, code, app.now()) {
        return Ok(app.store.use_totp_step(facts.user, step).await?);
    }
    let recovery = secret::trace(&secret::plain_code(code));
    Ok(app.store.use_recovery_code(facts.user, &recovery).await?)
}
