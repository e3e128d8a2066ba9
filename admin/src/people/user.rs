//! The page of one account: its roles, its lock, a new password.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_core::access::{Grant, Role, Scope};
use carillon_core::identity::{GroupId, UserId};
use carillon_store::JobGroup;

use super::users::lock_badge;
use crate::api::users::{require_above, require_grantable};
use crate::app::App;
use crate::badge::Badge;
use crate::faults::Fault;
use crate::form::FieldErrors;
use crate::moment::Moment;
use crate::page::{Chrome, go, show as show_page};
use crate::password;
use crate::posted::Posted;
use crate::viewer::Viewer;
use crate::words::Words;

#[derive(Template)]
#[template(path = "people/user.html")]
struct UserPage {
    chrome: Chrome,
    w: &'static Words,
    id: UserId,
    name: String,
    badge: Badge,
    is_locked: bool,
    everywhere: Option<Role>,
    rows: Vec<(JobGroup, Option<Role>)>,
    roles: &'static [Role],
    created: Moment,
    signed_in: Option<Moment>,
    errors: FieldErrors,
}

async fn page(
    app: &App,
    id: UserId,
    chrome: Chrome,
    errors: FieldErrors,
) -> Result<Response, Fault> {
    let user = app.store.user(id).await?;
    let role_in = |scope| {
        user.grants
            .iter()
            .find(|grant| grant.scope == scope)
            .map(|grant| grant.role)
    };
    let groups = app.store.groups().await?;
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let page = UserPage {
        badge: lock_badge(&user, chrome.words),
        is_locked: user.locked_at.is_some(),
        everywhere: role_in(Scope::Everywhere),
        rows: groups
            .into_iter()
            .map(|group| {
                let role = role_in(Scope::Group(group.id));
                (group, role)
            })
            .collect(),
        roles: Role::ALL,
        created: chrome.moments.at(user.created_at),
        signed_in: user.signed_in_at.map(|at| chrome.moments.since(at)),
        w: chrome.words,
        name: user.name,
        chrome,
        id,
        errors,
    };
    Ok((status, show_page(&page)?).into_response())
}

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<UserId>,
    chrome: Chrome,
) -> Result<Response, Fault> {
    page(&app, id, chrome, FieldErrors::default()).await
}

/// Gives the account the chosen roles and no other.
pub(crate) async fn set_grants(
    State(app): State<Arc<App>>,
    Path(id): Path<UserId>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    let before = app.store.user(id).await?;
    let mut grants = Vec::new();
    if let Ok(role) = posted.text("everywhere").parse() {
        grants.push(Grant {
            role,
            scope: Scope::Everywhere,
        });
    }
    for group in app.store.groups().await? {
        if let Ok(role) = posted.text(&format!("group_{}", group.id)).parse() {
            grants.push(Grant {
                role,
                scope: Scope::Group(GroupId(group.id.0)),
            });
        }
    }
    require_grantable(&viewer, &before.grants, &grants)?;
    app.store.set_grants(id, &grants, &viewer.editor()).await?;
    Ok(go(&format!("/users/{id}?note=user_saved")))
}

/// Locks the account, which ends its sessions.
pub(crate) async fn lock(
    State(app): State<Arc<App>>,
    Path(id): Path<UserId>,
    viewer: Viewer,
    _: Posted,
) -> Result<Response, Fault> {
    require_above(&viewer, &app.store.user(id).await?.grants)?;
    app.store.lock_user(id, &viewer.editor()).await?;
    Ok(go(&format!("/users/{id}?note=user_locked")))
}

/// Lets people sign in with the account again.
pub(crate) async fn unlock(
    State(app): State<Arc<App>>,
    Path(id): Path<UserId>,
    viewer: Viewer,
    _: Posted,
) -> Result<Response, Fault> {
    require_above(&viewer, &app.store.user(id).await?.grants)?;
    app.store.unlock_user(id, &viewer.editor()).await?;
    Ok(go(&format!("/users/{id}?note=user_unlocked")))
}

/// Gives the account another password, which ends its sessions.
pub(crate) async fn set_password(
    State(app): State<Arc<App>>,
    Path(id): Path<UserId>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let user = app.store.user(id).await?;
    require_above(&viewer, &user.grants)?;
    let given = posted.text("password");
    let mut errors = FieldErrors::default();
    errors.check("password", password::judge(given, &user.name), |error| {
        error.told(chrome.words)
    });
    if !errors.is_empty() {
        return page(&app, id, chrome, errors).await;
    }
    let hash = app.passwords.hash(given.to_owned()).await;
    app.store
        .set_password(id, &hash, None, &viewer.editor())
        .await?;
    Ok(go(&format!("/users/{id}?note=user_saved")))
}
