//! Tokens of programs: recognisable at a glance, so that one that leaks into a log or a repository is found.

use crate::secret;

/// A new token.
pub(crate) fn draw() -> String {
    format!("crl_{}", secret::draw())
}
