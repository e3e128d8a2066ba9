//! Numbers that name things in the store. They are never reused, and no two kinds can be confused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map($name)
            }
        }
    };
}

identity!(
    /// A job, for as long as it exists; `H` and `~` in schedules hash this number.
    JobId
);
identity!(
    /// A group of jobs: the unit that permissions are given on.
    GroupId
);
identity!(
    /// A machine that runs the agent.
    NodeId
);
identity!(
    /// A person who signs in.
    UserId
);
identity!(
    /// A named set of blackouts.
    CalendarId
);
