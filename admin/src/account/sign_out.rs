//! Signing out: the session ends in the store, not only in the browser.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::faults::Fault;
use crate::page::go;
use crate::posted::Posted;
use crate::{secret, session};

/// Ends the session.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Fault> {
    let session = session::secret_of(request.headers(), app.is_https());
    Posted::read(&app, request).await?;
    if let Some(session) = session {
        app.store.end_session(&secret::trace(&session)).await?;
    }
    let cookie = session::clear_cookie(app.is_https());
    Ok((
        [(header::SET_COOKIE, cookie)],
        go("/sign-in?note=signed_out"),
    )
        .into_response())
}
