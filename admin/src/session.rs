//! The session cookie: 256 random bits, of which the store keeps only a hash.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderValue};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use jiff::SignedDuration;

/// How long a session lasts at most, and how long it may be idle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Term {
    pub(crate) absolute: SignedDuration,
    pub(crate) idle: SignedDuration,
}

/// A session of a browser that was not told to remember.
pub(crate) const SHORT_TERM: Term = Term {
    absolute: SignedDuration::from_hours(12),
    idle: SignedDuration::from_hours(2),
};

/// A session of a browser that was told to remember.
pub(crate) const LONG_TERM: Term = Term {
    absolute: SignedDuration::from_hours(30 * 24),
    idle: SignedDuration::from_hours(7 * 24),
};

/// The name binds the cookie to this host and to https, where the pages are served by https.
fn cookie_name(is_https: bool) -> &'static str {
    if is_https {
        "__Host-carillon_session"
    } else {
        "carillon_session"
    }
}

/// The secret in the request's cookie.
pub(crate) fn secret_of(headers: &HeaderMap, is_https: bool) -> Option<String> {
    let jar = CookieJar::from_headers(headers);
    jar.get(cookie_name(is_https))
        .map(|cookie| cookie.value().to_owned())
}

/// The header that hands the secret to the browser. Without a term it ends with the browser.
pub(crate) fn set_cookie(secret: &str, term: Option<Term>, is_https: bool) -> HeaderValue {
    let mut cookie = Cookie::build((cookie_name(is_https), secret.to_owned()))
        .path("/")
        .http_only(true)
        .secure(is_https)
        .same_site(SameSite::Lax)
        .build()
        .to_string();
    if let Some(term) = term {
        cookie.push_str(&format!("; Max-Age={}", term.absolute.as_secs()));
    }
    HeaderValue::from_str(&cookie).expect("a secret is made of header characters")
}

/// The header that takes the cookie back.
pub(crate) fn clear_cookie(is_https: bool) -> HeaderValue {
    let expired = Term {
        absolute: SignedDuration::ZERO,
        idle: SignedDuration::ZERO,
    };
    set_cookie("", Some(expired), is_https)
}

/// The address the request came from. Headers that anybody can write are not asked.
pub(crate) fn address(request: &Request) -> Option<String> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(address)| address.ip().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_closed_to_scripts_and_other_sites() {
        let plain = set_cookie("x", None, false);
        let secure = set_cookie("x", Some(LONG_TERM), true);

        assert_eq!(plain, "carillon_session=x; HttpOnly; SameSite=Lax; Path=/");
        assert_eq!(
            secure,
            "__Host-carillon_session=x; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000"
        );
    }
}
