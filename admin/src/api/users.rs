//! `/api/v1/users`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use carillon_core::access::{Grant, Role, Scope};
use carillon_core::identity::UserId;
use carillon_store::{JobGroup, User};
use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::{Body, created, whole_list, wrong_field};
use crate::app::App;
use crate::faults::Fault;
use crate::moment::rfc3339;
use crate::viewer::Viewer;
use crate::{password, user_name};

fn write(user: &User, groups: &[JobGroup]) -> Value {
    let grant = |grant: &Grant| match grant.scope {
        Scope::Everywhere => json!({ "role": grant.role, "group": null }),
        Scope::Group(id) => {
            let group = groups.iter().find(|group| group.id == id);
            json!({ "role": grant.role, "group": group.map(|group| &group.name) })
        }
    };
    let everywhere = user
        .grants
        .iter()
        .find(|grant| grant.scope == Scope::Everywhere);
    json!({
        "id": user.id,
        "name": user.name,
        "role": everywhere.map(|grant| grant.role),
        "grants": user.grants.iter().map(grant).collect::<Vec<_>>(),
        "locked": user.locked_at.is_some(),
        "second_step": user.has_totp,
        "created_at": rfc3339(user.created_at),
        "signed_in_at": user.signed_in_at.map(rfc3339),
    })
}

/// A grant as programs write it; no group is everywhere.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantDocument {
    role: Role,
    #[serde(default)]
    group: Option<String>,
}

/// The grants of a body: `role` for everywhere, `grants` for all of them.
fn take_grants(body: &mut Body, groups: &[JobGroup]) -> Result<Option<Vec<Grant>>, Fault> {
    let role = body.take::<Role>("role")?;
    let grants = body.take::<Vec<GrantDocument>>("grants")?;
    if role.is_none() && grants.is_none() {
        return Ok(None);
    }
    let mut all: Vec<Grant> = role
        .map(|role| Grant {
            role,
            scope: Scope::Everywhere,
        })
        .into_iter()
        .collect();
    for grant in grants.unwrap_or_default() {
        let scope = match &grant.group {
            None => Scope::Everywhere,
            Some(name) => {
                let group = groups.iter().find(|group| group.name == *name);
                Scope::Group(
                    group
                        .ok_or_else(|| {
                            wrong_field("grants", format!("there is no group {name:?}"))
                        })?
                        .id,
                )
            }
        };
        all.push(Grant {
            role: grant.role,
            scope,
        });
    }
    Ok(Some(all))
}

/// Every account, by name.
pub(crate) async fn index(State(app): State<Arc<App>>) -> Result<Response, Fault> {
    let groups = app.store.groups().await?;
    let users = app.store.users().await?;
    Ok(whole_list(
        users.iter().map(|user| write(user, &groups)).collect(),
    ))
}

/// One account.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<UserId>,
) -> Result<Response, Fault> {
    let user = app.store.user(id).await?;
    Ok(Json(write(&user, &app.store.groups().await?)).into_response())
}

/// Passes when the caller may give or take every role that differs.
/// # Errors
/// With the fault that names the missing permission.
pub(crate) fn require_grantable(
    viewer: &Viewer,
    before: &[Grant],
    after: &[Grant],
) -> Result<(), Fault> {
    let taken = before.iter().filter(|grant| !after.contains(grant));
    let given = after.iter().filter(|grant| !before.contains(grant));
    taken
        .chain(given)
        .try_for_each(|grant| viewer.require_everywhere(grant.role.granted_by()))
}

/// Passes when the caller may act on an account with these grants: nobody locks who stands above him.
/// # Errors
/// With the fault that names the missing permission.
pub(crate) fn require_above(viewer: &Viewer, grants: &[Grant]) -> Result<(), Fault> {
    grants
        .iter()
        .try_for_each(|grant| viewer.require_everywhere(grant.role.granted_by()))
}

/// Makes an account.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    mut body: Body,
) -> Result<Response, Fault> {
    let groups = app.store.groups().await?;
    let name: String = body.take("name")?.unwrap_or_default();
    let given: String = body.take("password")?.unwrap_or_default();
    let grants = take_grants(&mut body, &groups)?.unwrap_or_default();
    body.require_empty()?;
    user_name::judge(&name).map_err(|error| wrong_field("name", error.to_string()))?;
    password::judge(&given, &name).map_err(|error| wrong_field("password", error.to_string()))?;
    require_grantable(&viewer, &[], &grants)?;
    let hash = app.passwords.hash(given).await;
    let id = app
        .store
        .create_user(&name, &hash, &grants, &viewer.editor())
        .await?;
    let user = app.store.user(id).await?;
    Ok(created(
        &format!("/api/v1/users/{id}"),
        &write(&user, &groups),
    ))
}

/// Changes an account's grants, password or lock.
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    Path(id): Path<UserId>,
    viewer: Viewer,
    mut body: Body,
) -> Result<Response, Fault> {
    let groups = app.store.groups().await?;
    let before = app.store.user(id).await?;
    let grants = take_grants(&mut body, &groups)?;
    let given: Option<String> = body.take("password")?;
    let locked: Option<bool> = body.take("locked")?;
    body.require_empty()?;
    require_above(&viewer, &before.grants)?;
    if let Some(given) = &given {
        password::judge(given, &before.name)
            .map_err(|error| wrong_field("password", error.to_string()))?;
    }
    let editor = viewer.editor();
    if let Some(grants) = grants {
        require_grantable(&viewer, &before.grants, &grants)?;
        app.store.set_grants(id, &grants, &editor).await?;
    }
    if let Some(given) = given {
        let hash = app.passwords.hash(given).await;
        app.store.set_password(id, &hash, None, &editor).await?;
    }
    match locked {
        Some(true) => app.store.lock_user(id, &editor).await?,
        Some(false) => app.store.unlock_user(id, &editor).await?,
        None => {}
    }
    Ok(Json(write(&app.store.user(id).await?, &groups)).into_response())
}
