//! Language, theme and time zone: kept by the browser, since they are no secret and concern nobody else.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use jiff::tz::TimeZone;

use crate::faults::Fault;
use crate::page::{go, own_path};
use crate::posted::Posted;

/// A year, in seconds.
const KEPT_S: u32 = 365 * 24 * 3600;

/// Keeps what was chosen and goes back.
pub(crate) async fn submit(posted: Posted) -> Result<Response, Fault> {
    let is_known = |name: &str, value: &str| match name {
        "lang" => matches!(value, "en" | "zh"),
        "theme" => matches!(value, "auto" | "light" | "dark"),
        _ => TimeZone::get(value).is_ok(),
    };
    let chosen = ["lang", "theme", "zone"]
        .into_iter()
        .filter(|name| posted.has(name));
    let mut cookies: Vec<(HeaderName, HeaderValue)> = Vec::new();
    for name in chosen {
        let value = posted.text(name);
        if !is_known(name, value) {
            return Err(Fault::Invalid(format!(
                "{value:?} is no {name}; choose one that is offered"
            )));
        }
        let cookie = format!("carillon_{name}={value}; Path=/; Max-Age={KEPT_S}; SameSite=Lax");
        let cookie =
            HeaderValue::from_str(&cookie).map_err(|error| Fault::Internal(error.into()))?;
        cookies.push((header::SET_COOKIE, cookie));
    }
    Ok((AppendHeaders(cookies), go(own_path(posted.text("back")))).into_response())
}
