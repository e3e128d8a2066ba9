//! What to do when the last run of a job still lives. The store decides it in the claim, for the whole cluster.

use std::fmt;
use std::str::FromStr;

use crate::placement::counted;

/// The overlap policy of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// The new tick is skipped.
    #[default]
    Skip,
    /// That many runs may live at once; one more is skipped.
    Allow(u16),
    /// That many ticks wait their turn; one more is skipped.
    Queue(u16),
    /// The old run is ended, then the new one starts.
    Replace,
}

impl Overlap {
    /// How many runs may live at once.
    pub fn live_max(self) -> u16 {
        match self {
            Overlap::Skip | Overlap::Queue(_) | Overlap::Replace => 1,
            Overlap::Allow(runs) => runs,
        }
    }

    /// How many ticks may wait.
    pub fn waiting_max(self) -> u16 {
        match self {
            Overlap::Skip | Overlap::Allow(_) => 0,
            Overlap::Queue(ticks) => ticks,
            Overlap::Replace => 1,
        }
    }
}

/// The text is no overlap policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no overlap policy; write skip, allow(1) to allow(65535), queue(1) to queue(1000), or replace"
)]
pub struct OverlapError(String);

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Overlap::Skip => f.write_str("skip"),
            Overlap::Allow(runs) => write!(f, "allow({runs})"),
            Overlap::Queue(ticks) => write!(f, "queue({ticks})"),
            Overlap::Replace => f.write_str("replace"),
        }
    }
}

impl FromStr for Overlap {
    type Err = OverlapError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allow = || {
            counted(text, "allow")
                .filter(|&runs| runs > 0)
                .map(Overlap::Allow)
        };
        let queue = || {
            counted(text, "queue")
                .filter(|ticks| (1..=1000).contains(ticks))
                .map(Overlap::Queue)
        };
        match text {
            "skip" => Ok(Overlap::Skip),
            "replace" => Ok(Overlap::Replace),
            _ => allow()
                .or_else(queue)
                .ok_or_else(|| OverlapError(text.to_owned())),
        }
    }
}

crate::text_serde!(Overlap);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlap_policy_reads_back_from_its_text() {
        for text in ["skip", "allow(2)", "queue(10)", "replace"] {
            assert_eq!(text.parse::<Overlap>().unwrap().to_string(), text);
        }
        for text in ["allow", "allow(0)", "queue(1001)", "Skip", ""] {
            assert!(text.parse::<Overlap>().is_err(), "{text}");
        }
    }
}
