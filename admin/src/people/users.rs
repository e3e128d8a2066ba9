//! The list of accounts, what each role may do, and the form for a new account.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_core::access::{Grant, Role, Scope, Verb};
use carillon_core::identity::{GroupId, UserId};
use carillon_store::{JobGroup, StoreError, User};

use crate::api::users::require_grantable;
use crate::app::App;
use crate::badge::Badge;
use crate::faults::Fault;
use crate::form::FieldErrors;
use crate::jobs::show::group_name;
use crate::moment::Moment;
use crate::page::{Chrome, go, show as show_page};
use crate::posted::Posted;
use crate::viewer::Viewer;
use crate::words::{Words, fill};
use crate::{password, user_name};

#[derive(Template)]
#[template(path = "people/users.html")]
struct UsersPage {
    chrome: Chrome,
    w: &'static Words,
    rows: Vec<UserRow>,
    groups: Vec<JobGroup>,
    roles: &'static [Role],
    verbs: &'static [Verb],
    name: String,
    chosen: (String, String),
    errors: FieldErrors,
}

struct UserRow {
    id: UserId,
    name: String,
    badge: Badge,
    grants: String,
    second_step: bool,
    signed_in: Option<Moment>,
}

/// The state of an account.
pub(crate) fn lock_badge(user: &User, w: &Words) -> Badge {
    match user.locked_at {
        None => Badge::new("on", w.people.usable),
        Some(_) => Badge::new("off", w.people.locked),
    }
}

/// Grants in a sentence.
pub(crate) fn grants_told(grants: &[Grant], groups: &[JobGroup], w: &Words) -> String {
    let told = grants.iter().map(|grant| match grant.scope {
        Scope::Everywhere => fill(w.people.in_all, &[&w.role(grant.role)]),
        Scope::Group(id) => fill(
            w.people.in_group,
            &[&w.role(grant.role), &group_name(groups, id)],
        ),
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        w.people.no_role.to_owned()
    } else {
        told.join(", ")
    }
}

async fn page(
    app: &App,
    chrome: Chrome,
    posted: &Posted,
    errors: FieldErrors,
) -> Result<Response, Fault> {
    let w = chrome.words;
    let groups = app.store.groups().await?;
    let row = |user: &User| UserRow {
        id: user.id,
        name: user.name.clone(),
        badge: lock_badge(user, w),
        grants: grants_told(&user.grants, &groups, w),
        second_step: user.has_totp,
        signed_in: user.signed_in_at.map(|at| chrome.moments.since(at)),
    };
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let page = UsersPage {
        rows: app.store.users().await?.iter().map(row).collect(),
        roles: Role::ALL,
        verbs: Verb::ALL,
        name: posted.text("name").to_owned(),
        chosen: (
            posted.text("role").to_owned(),
            posted.text("group").to_owned(),
        ),
        errors,
        w,
        chrome,
        groups,
    };
    Ok((status, show_page(&page)?).into_response())
}

/// The list.
pub(crate) async fn list(State(app): State<Arc<App>>, chrome: Chrome) -> Result<Response, Fault> {
    page(&app, chrome, &Posted::default(), FieldErrors::default()).await
}

/// Makes an account.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let w = chrome.words;
    let (name, given) = (posted.text("name").trim(), posted.text("password"));
    let mut errors = FieldErrors::default();
    errors.check("name", user_name::judge(name), |error| error.told(w));
    errors.check("password", password::judge(given, name), |error| {
        error.told(w)
    });
    let role = errors.check("role", posted.text("role").parse::<Role>(), |error| {
        error.to_string()
    });
    let grant = role.map(|role| Grant {
        role,
        scope: read_scope(posted.text("group")),
    });
    let grants: Vec<Grant> = grant.into_iter().collect();
    require_grantable(&viewer, &[], &grants)?;
    if !errors.is_empty() {
        return page(&app, chrome, &posted, errors).await;
    }
    let hash = app.passwords.hash(given.to_owned()).await;
    match app
        .store
        .create_user(name, &hash, &grants, &viewer.editor())
        .await
    {
        Ok(id) => Ok(go(&format!("/users/{id}?note=user_created"))),
        Err(StoreError::NameTaken(_)) => {
            errors.add("name", w.people.name_taken);
            page(&app, chrome, &posted, errors).await
        }
        Err(error) => Err(error.into()),
    }
}

/// A group's number, or nothing for everywhere.
pub(crate) fn read_scope(text: &str) -> Scope {
    text.parse()
        .map_or(Scope::Everywhere, |id| Scope::Group(GroupId(id)))
}
