//! Which run starts first where a node has fewer places than runs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How much a run matters beside others: 0 to 9, the higher first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Priority(u8);

/// The number is no priority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no priority; write a number from 0 to 9, where 9 goes first and 5 is usual")]
pub struct PriorityError(String);

impl Priority {
    /// The highest.
    pub const MAX: Priority = Priority(9);
}

impl Default for Priority {
    /// In the middle, so that there is room on both sides.
    fn default() -> Self {
        Priority(5)
    }
}

impl TryFrom<i64> for Priority {
    type Error = PriorityError;

    fn try_from(number: i64) -> Result<Self, PriorityError> {
        u8::try_from(number)
            .ok()
            .map(Priority)
            .filter(|priority| *priority <= Priority::MAX)
            .ok_or_else(|| PriorityError(number.to_string()))
    }
}

impl From<Priority> for i64 {
    fn from(priority: Priority) -> i64 {
        priority.0.into()
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Priority {
    type Err = PriorityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse::<i64>();
        number.map_or_else(|_| Err(PriorityError(text.to_owned())), Priority::try_from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_is_a_number_from_0_to_9() {
        for number in 0..=9 {
            let priority = Priority::try_from(number).unwrap();
            assert_eq!(priority.to_string().parse(), Ok(priority));
            assert_eq!(serde_json::to_value(priority).unwrap(), number);
        }
        for text in ["10", "-1", "high", ""] {
            let error = text.parse::<Priority>().unwrap_err();
            assert!(error.to_string().contains("from 0 to 9"), "{error}");
        }
        assert!(serde_json::from_str::<Priority>("12").is_err());
    }
}
