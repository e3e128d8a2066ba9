//! `/api/v1/tokens`. A token's secret is in the answer that makes it, and nowhere else.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_core::access::{Role, Verb};
use carillon_store::{NewToken, TokenEntry};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::reply::{Body, created, whole_list, wrong_field};
use crate::app::App;
use crate::faults::Fault;
use crate::moment::rfc3339;
use crate::viewer::Viewer;
use crate::{api_token, secret};

fn write(token: &TokenEntry) -> Value {
    json!({
        "id": token.id,
        "user": token.user_name,
        "name": token.name,
        "scope": token.scope,
        "created_at": rfc3339(token.created_at),
        "used_at": token.used_at.map(rfc3339),
        "expires_at": token.expires_at.map(rfc3339),
    })
}

/// Whose tokens the caller may see: all of them, or his own.
async fn visible(app: &App, viewer: &Viewer) -> Result<Vec<TokenEntry>, Fault> {
    let is_all = viewer.rights.allows_everywhere(Verb::ManageUsers);
    Ok(app.store.tokens((!is_all).then_some(viewer.user)).await?)
}

/// The tokens the caller may see, newest first.
pub(crate) async fn index(State(app): State<Arc<App>>, viewer: Viewer) -> Result<Response, Fault> {
    let tokens = visible(&app, &viewer).await?;
    Ok(whole_list(tokens.iter().map(write).collect()))
}

/// Makes a token for the caller's own account. A token never makes one that may do more than itself.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    mut body: Body,
) -> Result<Response, Fault> {
    let name: String = body.take("name")?.unwrap_or_default();
    let scope: Option<Role> = body.take("scope")?;
    let expires_s: Option<i64> = body.take("expires_s")?;
    body.require_empty()?;
    if name.trim().is_empty() || name.chars().count() > 190 {
        return Err(wrong_field(
            "name",
            "say what the token is for, in 1 to 190 characters",
        ));
    }
    if expires_s.is_some_and(|seconds| !(1..=10 * 366 * 86_400).contains(&seconds)) {
        return Err(wrong_field(
            "expires_s",
            "a token works for 1 second to 10 years; leave it out for no end",
        ));
    }
    let scope = narrower(viewer.rights.ceiling(), scope)?;
    let token = api_token::draw();
    let new = NewToken {
        secret_hash: secret::trace(&token),
        user: viewer.user,
        name,
        scope,
        lasts: expires_s.map(SignedDuration::from_secs),
    };
    let id = app.store.create_token(&new, &viewer.editor()).await?;
    let tokens = app.store.tokens(Some(viewer.user)).await?;
    let mut document = tokens
        .iter()
        .find(|entry| entry.id == id)
        .map_or_else(|| json!({}), write);
    document["token"] = json!(token);
    Ok(created(&format!("/api/v1/tokens/{id}"), &document))
}

/// The scope of a token made by a caller with that ceiling.
fn narrower(ceiling: Option<Role>, wanted: Option<Role>) -> Result<Option<Role>, Fault> {
    let Some(ceiling) = ceiling else {
        return Ok(wanted);
    };
    let wanted = wanted.unwrap_or(ceiling);
    match Verb::ALL
        .iter()
        .all(|verb| !wanted.allows(*verb) || ceiling.allows(*verb))
    {
        true => Ok(Some(wanted)),
        false => Err(wrong_field(
            "scope",
            format!("this token may do what {ceiling} may, and {wanted} may do more"),
        )),
    }
}

/// Makes a token worthless.
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    viewer: Viewer,
) -> Result<Response, Fault> {
    if !visible(&app, &viewer)
        .await?
        .iter()
        .any(|token| token.id == id)
    {
        return Err(Fault::not_found("token", &id.to_string()));
    }
    app.store.revoke_token(id, &viewer.editor()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
