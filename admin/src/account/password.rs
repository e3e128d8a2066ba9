//! Changing one's own password, which ends all other sessions.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::show::{account_page, own_facts};
use super::throttle::Places;
use crate::app::App;
use crate::faults::Fault;
use crate::form::FieldErrors;
use crate::page::{Chrome, go};
use crate::posted::Posted;
use crate::viewer::{Credential, Viewer};
use crate::{password, secret};

/// Changes the password of whoever knows the current one.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let places = Places::new(&viewer.name, viewer.address.as_deref());
    places.require_no_pause(&app).await?;
    let mut errors = FieldErrors::default();
    let facts = own_facts(&app, &viewer).await?;
    let is_right = app
        .passwords
        .is_right(posted.text("current").to_owned(), Some(facts.password_hash));
    if !is_right.await {
        places.note_failure(&app).await?;
        errors.add("current", chrome.words.account.wrong_password);
    }
    let new = posted.text("new");
    errors.check("new", password::judge(new, &viewer.name), |error| {
        error.told(chrome.words)
    });
    if !errors.is_empty() {
        return account_page(&app, &viewer, chrome, errors, None).await;
    }
    let hash = app.passwords.hash(new.to_owned()).await;
    let kept = match &viewer.credential {
        Credential::Session(session) => Some(secret::trace(session)),
        Credential::Token => None,
    };
    app.store
        .set_password(viewer.user, &hash, kept.as_ref(), &viewer.editor())
        .await?;
    Ok(go("/account?note=password_changed"))
}
