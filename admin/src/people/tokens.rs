//! One's tokens for programs: made here, shown once, revoked here.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_core::access::{Role, Verb};
use carillon_store::NewToken;
use jiff::SignedDuration;

use crate::app::App;
use crate::faults::Fault;
use crate::moment::Moment;
use crate::page::{Chrome, go, show as show_page};
use crate::posted::Posted;
use crate::viewer::Viewer;
use crate::words::Words;
use crate::{api_token, secret};

#[derive(Template)]
#[template(path = "people/tokens.html")]
struct TokensPage {
    chrome: Chrome,
    w: &'static Words,
    rows: Vec<TokenRow>,
    roles: &'static [Role],
    made: Option<String>,
    show_user: bool,
}

struct TokenRow {
    id: i64,
    name: String,
    user: String,
    scope: &'static str,
    created: Moment,
    used: Option<Moment>,
    expires: Option<Moment>,
}

async fn page(
    app: &App,
    viewer: &Viewer,
    chrome: Chrome,
    made: Option<String>,
) -> Result<Response, Fault> {
    let w = chrome.words;
    let is_all = viewer.rights.allows_everywhere(Verb::ManageUsers);
    let tokens = app.store.tokens((!is_all).then_some(viewer.user)).await?;
    let row = |token: carillon_store::TokenEntry| TokenRow {
        id: token.id,
        scope: token.scope.map_or(w.people.token_all, |role| w.role(role)),
        created: chrome.moments.at(token.created_at),
        used: token.used_at.map(|at| chrome.moments.since(at)),
        expires: token.expires_at.map(|at| chrome.moments.since(at)),
        name: token.name,
        user: token.user_name,
    };
    let status = if made.is_some() {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let page = TokensPage {
        rows: tokens.into_iter().map(row).collect(),
        roles: Role::ALL,
        show_user: is_all,
        w,
        chrome,
        made,
    };
    Ok((status, show_page(&page)?).into_response())
}

/// The list.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
) -> Result<Response, Fault> {
    page(&app, &viewer, chrome, None).await
}

/// Makes a token. The answer is the page itself, since the token must not travel in an address.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let name: String = posted.text("name").trim().chars().take(190).collect();
    let days: Option<i64> = posted
        .text("days")
        .parse()
        .ok()
        .filter(|days| (1..=3660).contains(days));
    let token = api_token::draw();
    let new = NewToken {
        secret_hash: secret::trace(&token),
        user: viewer.user,
        name: if name.is_empty() {
            "token".to_owned()
        } else {
            name
        },
        scope: posted.text("scope").parse().ok(),
        lasts: days.map(|days| SignedDuration::from_hours(24 * days)),
    };
    app.store.create_token(&new, &viewer.editor()).await?;
    page(&app, &viewer, chrome, Some(token)).await
}

/// Makes a token worthless.
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    viewer: Viewer,
    _: Posted,
) -> Result<Response, Fault> {
    let is_all = viewer.rights.allows_everywhere(Verb::ManageUsers);
    let visible = app.store.tokens((!is_all).then_some(viewer.user)).await?;
    if !visible.iter().any(|token| token.id == id) {
        return Err(Fault::not_found("token", &id.to_string()));
    }
    app.store.revoke_token(id, &viewer.editor()).await?;
    Ok(go("/tokens?note=token_revoked"))
}
