//! The first visit: whoever has the code from the program's log makes the first account.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_core::access::{Grant, Role, Scope};

use super::sign_in::{Entrance, enter};
use super::throttle::Places;
use crate::app::App;
use crate::faults::Fault;
use crate::form::FieldErrors;
use crate::page::{Chrome, go, show};
use crate::posted::Posted;
use crate::words::Words;
use crate::{password, secret, session, user_name};

#[derive(Template)]
#[template(path = "account/set_up.html")]
struct SetUpPage {
    chrome: Chrome,
    w: &'static Words,
    code: String,
    name: String,
    errors: FieldErrors,
}

/// The form, as long as there is no account.
pub(crate) async fn form(State(app): State<Arc<App>>, chrome: Chrome) -> Result<Response, Fault> {
    if app.store.has_users().await? {
        return Ok(go("/sign-in"));
    }
    show(&SetUpPage {
        w: chrome.words,
        chrome,
        code: String::new(),
        name: "owner".to_owned(),
        errors: FieldErrors::default(),
    })
}

/// Makes the owner and signs him in.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    chrome: Chrome,
    request: Request,
) -> Result<Response, Fault> {
    let entrance = Entrance::of(&request);
    let posted = Posted::read(&app, request).await?;
    let (name, new) = (posted.text("name").trim(), posted.text("password"));
    let places = Places::new("set-up", entrance.address.as_deref());
    places.require_no_pause(&app).await?;
    let mut errors = FieldErrors::default();
    if !secret::is_same(
        &secret::plain_code(posted.text("code")),
        &secret::plain_code(&app.setup_code),
    ) {
        places.note_failure(&app).await?;
        errors.add("code", chrome.words.account.wrong_setup_code);
    }
    errors.check("name", user_name::judge(name), |error| {
        error.told(chrome.words)
    });
    errors.check("password", password::judge(new, name), |error| {
        error.told(chrome.words)
    });
    if !errors.is_empty() {
        let page = SetUpPage {
            w: chrome.words,
            chrome,
            code: posted.text("code").to_owned(),
            name: name.to_owned(),
            errors,
        };
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, show(&page)?).into_response());
    }
    let hash = app.passwords.hash(new.to_owned()).await;
    let owner = Grant {
        role: Role::Owner,
        scope: Scope::Everywhere,
    };
    let user = app.store.create_first_user(name, &hash, &[owner]).await?;
    tracing::info!(
        user = name,
        "the first account was made; the set-up code is worth nothing now"
    );
    enter(&app, &entrance, user, Some(session::SHORT_TERM), false, "/").await
}
