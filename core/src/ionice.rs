//! How much a command's reading and writing matters beside that of other processes, as `ionice` sets it.

use std::fmt;
use std::str::FromStr;

use crate::placement::counted;

/// The class of a command's reading and writing, with its level from 0 (first) to 7 where the class has levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ionice {
    /// Before everything else. Only a privileged runner can give it.
    Realtime(IoLevel),
    /// As everybody.
    BestEffort(IoLevel),
    /// Only while nobody else reads or writes.
    Idle,
}

/// A level within a class, 0 (first) to 7 (last).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IoLevel(u8);

/// The text says no class or level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no ionice; write idle, best_effort(0) to best_effort(7), or realtime(0) to realtime(7), where 0 goes first"
)]
pub struct IoniceError(String);

impl Ionice {
    /// As the kernel counts: class in the upper bits, level in the lower.
    pub fn kernel_value(self) -> i32 {
        let (class, level) = match self {
            Ionice::Realtime(level) => (1, level.0),
            Ionice::BestEffort(level) => (2, level.0),
            Ionice::Idle => (3, 0),
        };
        (class << 13) | i32::from(level)
    }
}

impl fmt::Display for Ionice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ionice::Realtime(level) => write!(f, "realtime({})", level.0),
            Ionice::BestEffort(level) => write!(f, "best_effort({})", level.0),
            Ionice::Idle => f.write_str("idle"),
        }
    }
}

impl FromStr for Ionice {
    type Err = IoniceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let level = |word| counted(text, word).and_then(|level| u8::try_from(level).ok());
        let level = |word| level(word).filter(|level| *level <= 7).map(IoLevel);
        if text == "idle" {
            return Ok(Ionice::Idle);
        }
        level("best_effort")
            .map(Ionice::BestEffort)
            .or_else(|| level("realtime").map(Ionice::Realtime))
            .ok_or_else(|| IoniceError(text.to_owned()))
    }
}

crate::text_serde!(Ionice);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ionice_reads_back_from_its_text() {
        for text in ["idle", "best_effort(0)", "best_effort(7)", "realtime(4)"] {
            assert_eq!(text.parse::<Ionice>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_bad_ionice_says_what_to_write() {
        for text in [
            "",
            "idle(1)",
            "best_effort",
            "best_effort(8)",
            "realtime(-1)",
            "best",
            "Idle",
        ] {
            let error = text.parse::<Ionice>().unwrap_err().to_string();
            assert!(
                error.contains("best_effort(7)") && error.contains(text),
                "{error}"
            );
        }
    }
}
