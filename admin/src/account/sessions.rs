//! Ending one's sessions elsewhere.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::faults::Fault;
use crate::page::go;
use crate::posted::Posted;
use crate::secret;
use crate::viewer::{Credential, Viewer};

/// Ends one session of the viewer, or all but this one.
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    match (posted.text("session").parse::<i64>(), &viewer.credential) {
        (Ok(id), _) => {
            app.store.end_session_of(viewer.user, id).await?;
        }
        (Err(_), Credential::Session(session)) => {
            app.store
                .end_other_sessions(viewer.user, &secret::trace(session))
                .await?;
        }
        (Err(_), Credential::Token) => {}
    }
    Ok(go("/account?note=session_revoked"))
}
