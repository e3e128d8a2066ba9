//! Language, theme and time zone: kept by the browser, since they are no secret and concern nobody else.

use axum::http::{HeaderValue, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use jiff::tz::TimeZone;

use crate::faults::Fault;
use crate::page::{go, own_path};
use crate::posted::Posted;

/// A year, in seconds.
const KEPT_S: u32 = 365 * 24 * 3600;

/// Keeps what was chosen and goes back.
pub(crate) async fn submit(posted: Posted) -> Result<Response, Fault> {
    let chosen = ["lang", "theme", "zone"]
        .into_iter()
        .filter(|name| posted.has(name));
    let cookies: Result<Vec<_>, _> = chosen
        .map(|name| cookie(name, posted.text(name)).map(|cookie| (header::SET_COOKIE, cookie)))
        .collect();
    Ok((AppendHeaders(cookies?), go(own_path(posted.text("back")))).into_response())
}

/// The cookie that keeps a choice, for as long as browsers keep one.
/// # Errors
/// When there is no such choice.
pub(super) fn cookie(name: &str, value: &str) -> Result<HeaderValue, Fault> {
    let is_known = match name {
        "lang" => matches!(value, "en" | "zh"),
        "theme" => matches!(value, "auto" | "light" | "dark"),
        _ => TimeZone::get(value).is_ok(),
    };
    if !is_known {
        return Err(Fault::Invalid(format!(
            "{value:?} is no {name}; choose one that is offered"
        )));
    }
    let cookie = format!("carillon_{name}={value}; Path=/; Max-Age={KEPT_S}; SameSite=Lax");
    HeaderValue::from_str(&cookie).map_err(|error| Fault::Internal(error.into()))
}
