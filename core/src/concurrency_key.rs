//! A word that several jobs of a group share, so that the overlap policy of each counts the runs of all of them.

use std::fmt;
use std::str::FromStr;

/// The longest key, in characters.
pub const CONCURRENCY_KEY_LENGTH_MAX: usize = 100;

/// What jobs that must not run side by side have in common, e.g. the machine or the file that they work on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConcurrencyKey(String);

/// The text is no concurrency key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConcurrencyKeyError {
    /// Nothing but blanks.
    #[error("a concurrency key needs a word, e.g. backup; leave the field out for none")]
    Empty,
    /// Too long.
    #[error(
        "concurrency key has {length} characters, the limit is {CONCURRENCY_KEY_LENGTH_MAX}; shorten it"
    )]
    TooLong {
        /// Its length in characters.
        length: usize,
    },
    /// A character that would break lines or hide in a log.
    #[error("concurrency key holds the control character {0:?}; remove it")]
    ControlCharacter(char),
}

impl ConcurrencyKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConcurrencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ConcurrencyKey {
    type Err = ConcurrencyKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let length = text.chars().count();
        if length == 0 {
            return Err(ConcurrencyKeyError::Empty);
        }
        if length > CONCURRENCY_KEY_LENGTH_MAX {
            return Err(ConcurrencyKeyError::TooLong { length });
        }
        match text.chars().find(|c| c.is_control()) {
            Some(found) => Err(ConcurrencyKeyError::ControlCharacter(found)),
            None => Ok(ConcurrencyKey(text.to_owned())),
        }
    }
}

crate::text_serde!(ConcurrencyKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_key_says_what_is_wrong_with_it() {
        assert_eq!(
            " ".parse::<ConcurrencyKey>(),
            Err(ConcurrencyKeyError::Empty)
        );
        assert_eq!(
            "a".repeat(101).parse::<ConcurrencyKey>(),
            Err(ConcurrencyKeyError::TooLong { length: 101 })
        );
        assert_eq!(
            "a\tb".parse::<ConcurrencyKey>(),
            Err(ConcurrencyKeyError::ControlCharacter('\t'))
        );
        assert_eq!(
            " db 备份 ".parse::<ConcurrencyKey>().unwrap().as_str(),
            "db 备份"
        );
    }
}
