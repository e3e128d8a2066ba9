//! One line of a calendar: a range, and why.

use std::fmt;

use super::range::Range;

/// The longest name of a blackout, in characters.
pub const BLACKOUT_NAME_LENGTH_MAX: usize = 100;

/// A range in which jobs do not fire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blackout {
    /// When.
    pub range: Range,
    /// Why, for people.
    pub name: Option<String>,
}

impl fmt::Display for Blackout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.range.fmt(f)?;
        match &self.name {
            None => Ok(()),
            // A name that could be taken for a part of the range.
            Some(name) if looks_like_time(name) || name.starts_with(['"', '.']) => {
                write!(f, "  \"{name}\"")
            }
            Some(name) => write!(f, "  {name}"),
        }
    }
}

/// Whether the first word would be read as a time of the range before it.
pub(super) fn looks_like_time(name: &str) -> bool {
    let word = name.split_whitespace().next().unwrap_or_default();
    word.contains(':') && word.starts_with(|c: char| c.is_ascii_digit())
}
