//! What a user may be called: short, and nothing that could be mistaken in a log or an address.

use crate::words::{Words, fill};

/// The text is no user name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a user name has 1 to 64 letters, digits, or . _ - @; got {0:?}")]
pub(crate) struct UserNameError(String);

impl UserNameError {
    pub(crate) fn told(&self, words: &Words) -> String {
        fill(words.account.name_rule, &[&format!("“{}”", self.0)])
    }
}

/// Judges a user name.
/// # Errors
/// When it is empty, too long, or holds anything but letters, digits and `. _ - @`.
pub(crate) fn judge(name: &str) -> Result<(), UserNameError> {
    let length = name.chars().count();
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    if (1..=64).contains(&length) && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(UserNameError(name.chars().take(80).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_short_and_plain() {
        for name in ["ann", "ann.smith", "a@b.example", "王芳"] {
            assert!(judge(name).is_ok(), "{name}");
        }
        for name in ["", "a b", "<b>", "a\n", &"x".repeat(65)] {
            assert!(judge(name).is_err(), "{name:?}");
        }
    }
}
