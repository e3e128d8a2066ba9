//! After each request that may have changed something, agents are woken, so that they look at once.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;

/// Passes a request on, and says afterwards that something has changed; the answer does not wait for that.
pub(crate) async fn wake_agents(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let may_change = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let response = next.run(request).await;
    let status = response.status();
    if let Some(wake_up) = &app.wake_up
        && may_change
        && !(status.is_client_error() || status.is_server_error())
    {
        let wake_up = Arc::clone(wake_up);
        tokio::spawn(async move { wake_up.say().await });
    }
    response
}
