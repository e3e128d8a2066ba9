//! Random secrets and their traces: what is handed out once, and what is stored instead.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// 256 random bits as text that fits cookies, headers and forms.
/// # Panics
/// When the operating system has no randomness: nothing secure can be done then.
pub(crate) fn draw() -> String {
    URL_SAFE_NO_PAD.encode(draw_bytes::<32>())
}

/// Random bytes of the operating system.
pub(crate) fn draw_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// What is stored of a secret of 256 random bits: guessing it back is hopeless, so no slow hash is needed.
pub(crate) fn trace(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// A short code for people to copy by hand, e.g. `K7QW-3MZX-9HTA-RC42`: 80 random bits, no look-alikes.
pub(crate) fn draw_code() -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let bytes = draw_bytes::<16>();
    let groups = bytes.chunks(4).map(|chunk| {
        let letters = chunk
            .iter()
            .map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
        letters.collect::<String>()
    });
    groups.collect::<Vec<_>>().join("-")
}

/// A code as it is compared: without blanks and dashes, in capitals.
pub(crate) fn plain_code(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_uppercase())
        .collect()
}

/// The proof that a form was served to the session that sends it.
pub(crate) fn form_token(session: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(session.as_bytes())
        .expect("a key of any length makes a MAC");
    mac.update(b"carillon form");
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

/// Compares without telling by its duration where the first difference is.
pub(crate) fn is_same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_never_the_same() {
        assert_eq!(draw().len(), 43);
        assert_ne!(draw(), draw());
        assert_ne!(draw_code(), draw_code());
    }

    #[test]
    fn a_code_is_the_same_however_it_is_typed() {
        assert_eq!(plain_code("k7qw-3mzx 9hta"), "K7QW3MZX9HTA");
        assert_eq!(plain_code(&draw_code()).len(), 16);
    }

    #[test]
    fn a_form_belongs_to_its_session() {
        assert_eq!(form_token("a"), form_token("a"));
        assert_ne!(form_token("a"), form_token("b"));
        assert!(is_same("x", "x") && !is_same("x", "y") && !is_same("x", ""));
    }
}
