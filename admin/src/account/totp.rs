//! The second step: a key in an authenticator, proved by a code, and recovery codes for when it is lost.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use totp_rs::{Builder, Secret, Totp};

use super::show::{account_page, own_facts};
use crate::app::App;
use crate::faults::Fault;
use crate::form::FieldErrors;
use crate::page::{Chrome, go, show};
use crate::posted::Posted;
use crate::secret;
use crate::viewer::Viewer;
use crate::words::Words;

/// Recovery codes given out at once.
const RECOVERY_CODES: usize = 10;

/// A new key, as people copy it.
pub(super) fn draw_key() -> String {
    base32(&secret::draw_bytes::<20>())
}

fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let mut bits = [0_u8; 8];
        bits[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(bits);
        let letters = (chunk.len() * 8).div_ceil(5);
        for place in 0..letters {
            let index = (bits >> (35 - 5 * place)) & 31;
            text.push(char::from(LETTERS[usize::try_from(index).unwrap_or(0)]));
        }
    }
    text
}

fn totp(key: &[u8], name: &str) -> Option<Totp> {
    let builder = Builder::new()
        .with_secret(key)
        .with_issuer(Some("Carillon"))
        .with_account_name(name);
    builder.build().ok()
}

/// The address that authenticators open.
pub(super) fn link(key: &str, name: &str) -> String {
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("otpauth://totp/Carillon:{name}?secret={key}&issuer=Carillon")
}

/// The time step in which the code is right, at most one step off.
pub(super) fn step_of(key: &[u8], code: &str, now: Timestamp) -> Option<i64> {
    let code: String = code.chars().filter(char::is_ascii_digit).collect();
    if code.len() != 6 {
        return None;
    }
    let seconds = u64::try_from(now.as_second()).ok()?;
    let step = totp(key, "account")?.check(&code, seconds)?;
    i64::try_from(step).ok()
}

#[derive(Template)]
#[template(path = "account/recovery.html")]
struct RecoveryPage {
    chrome: Chrome,
    w: &'static Words,
    codes: Vec<String>,
}

/// Turns the second step on, once a code has proved that the authenticator has the key.
pub(crate) async fn turn_on(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let key = Secret::try_from_base32(posted.text("key"));
    let key =
        key.map_err(|_| Fault::Malformed("the key of the second step is not base32".to_owned()))?;
    let key = key.as_ref().to_vec();
    let Some(step) = step_of(&key, posted.text("code"), app.now()) else {
        let mut errors = FieldErrors::default();
        errors.add("code", chrome.words.account.wrong_code);
        return account_page(&app, &viewer, chrome, errors, Some(posted.text("key"))).await;
    };
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| secret::draw_code()).collect();
    let hashes: Vec<_> = codes
        .iter()
        .map(|code| secret::trace(&secret::plain_code(code)))
        .collect();
    app.store
        .set_totp(viewer.user, Some(&key), &hashes, &viewer.editor())
        .await?;
    app.store.use_totp_step(viewer.user, step).await?;
    show(&RecoveryPage {
        w: chrome.words,
        chrome,
        codes,
    })
}

/// Turns it off, for whoever knows the password.
pub(crate) async fn turn_off(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let facts = own_facts(&app, &viewer).await?;
    let is_right = app
        .passwords
        .is_right(posted.text("current").to_owned(), Some(facts.password_hash));
    if !is_right.await {
        let mut errors = FieldErrors::default();
        errors.add("totp_current", chrome.words.account.wrong_password);
        return account_page(&app, &viewer, chrome, errors, None).await;
    }
    app.store
        .set_totp(viewer.user, None, &[], &viewer.editor())
        .await?;
    Ok(go("/account?note=totp_off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_right_for_its_step_and_the_ones_beside_it() {
        // RFC 6238, appendix B: at 59 s the code of this key ends in 287082.
        let key = b"12345678901234567890";
        let at = |second| Timestamp::from_second(second).unwrap();

        assert_eq!(step_of(key, "287 082", at(59)), Some(1));
        assert_eq!(step_of(key, "287082", at(89)), Some(1));
        assert_eq!(step_of(key, "287082", at(95)), None);
        assert_eq!(step_of(key, "28708", at(59)), None);
    }

    #[test]
    fn a_key_is_written_in_base32() {
        assert_eq!(
            base32(b"12345678901234567890"),
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        );
        assert_eq!(draw_key().len(), 32);
    }
}
