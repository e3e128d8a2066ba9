//! What people call a calendar.

use std::fmt;
use std::str::FromStr;

/// The longest name of a calendar, in characters.
pub const CALENDAR_NAME_LENGTH_MAX: usize = 100;

/// The name of a calendar. Unique.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalendarName(String);

/// The text is no name of a calendar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarNameError {
    /// Nothing but blanks.
    #[error("a calendar needs a name; say what it holds, e.g. public holidays")]
    Empty,
    /// Too long.
    #[error(
        "calendar name has {length} characters, the limit is {CALENDAR_NAME_LENGTH_MAX}; shorten it"
    )]
    TooLong {
        /// Its length in characters.
        length: usize,
    },
    /// A character that would break lines, hide in a log or cut an address in two.
    #[error("calendar name holds {0:?}; remove it")]
    ForbiddenCharacter(char),
}

impl CalendarName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CalendarName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CalendarName {
    type Err = CalendarNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let length = text.chars().count();
        if length == 0 {
            return Err(CalendarNameError::Empty);
        }
        if length > CALENDAR_NAME_LENGTH_MAX {
            return Err(CalendarNameError::TooLong { length });
        }
        // The name is a part of the API's addresses.
        let is_forbidden = |c: &char| c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '%');
        match text.chars().find(is_forbidden) {
            Some(found) => Err(CalendarNameError::ForbiddenCharacter(found)),
            None => Ok(CalendarName(text.to_owned())),
        }
    }
}

crate::text_serde!(CalendarName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_name_says_what_is_wrong_with_it() {
        let judged = |text: &str| text.parse::<CalendarName>();

        assert_eq!(judged(" "), Err(CalendarNameError::Empty));
        let too_long = Err(CalendarNameError::TooLong { length: 101 });
        assert_eq!(judged(&"a".repeat(101)), too_long);
        assert_eq!(
            judged("a/b"),
            Err(CalendarNameError::ForbiddenCharacter('/'))
        );
        assert_eq!(
            judged(" Feiertage 节假日 ").unwrap().as_str(),
            "Feiertage 节假日"
        );
    }
}
