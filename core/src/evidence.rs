//! What is known about trouble when it is told: plain facts, kept as JSON beside the incident.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::run::{Outcome, Reason};
use crate::silence::Cause;
use crate::stuck::StuckStep;

/// The facts of one incident. Words for them are found where they are told.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Evidence {
    /// Nothing beyond the rule and the subject.
    #[default]
    None,
    /// A silent node.
    Silence {
        /// Its last beat.
        last_beat_at: Timestamp,
        /// What probably happened.
        cause: Cause,
        /// Commands that ran there at the last beat.
        running: u32,
    },
    /// A run that ended badly.
    Run(Box<RunEvidence>),
    /// A clock that is off.
    Clock {
        /// Store clock minus node clock, in microseconds.
        offset_us: i64,
        /// The truth lies within this much of it, in microseconds.
        uncertainty_us: i64,
    },
    /// A release that differs from most.
    Release {
        /// What this one has.
        own: String,
        /// What most have.
        most: String,
    },
    /// A node that claims nothing.
    NotClaiming {
        /// Why, in its own words.
        reason: String,
    },
    /// A run that waits or takes too long.
    Overdue {
        /// The run's id.
        run: String,
        /// When it was due, or when it started.
        since_at: Timestamp,
        /// The limit it broke, in seconds.
        limit_s: i64,
    },
    /// A run that stays where it is.
    Stuck {
        /// The run's id.
        run: String,
        /// What it does not get beyond.
        step: StuckStep,
        /// Since when it should have.
        since_at: Timestamp,
        /// How long that was borne, in seconds.
        limit_s: i64,
        /// The node that has it, if one has.
        node: Option<String>,
    },
    /// A run that took, or takes, longer or shorter than the job usually does.
    Unusual {
        /// The run's id.
        run: String,
        /// When it started.
        started_at: Timestamp,
        /// How long it had taken when that was seen, in milliseconds.
        elapsed_ms: i64,
        /// The median of the last successes, in milliseconds.
        usual_ms: i64,
        /// Of so many of them.
        successes: u32,
        /// What lies beyond this is news, in milliseconds.
        limit_ms: i64,
    },
    /// A disk that is nearly full.
    Disk {
        /// Bytes that are free.
        available: i64,
        /// Bytes that there are.
        total: i64,
        /// So many percent should be free.
        percent_min: u32,
    },
    /// Redis does not answer these nodes.
    Redis {
        /// Their names.
        nodes: Vec<String>,
        /// Of so many that live.
        watched: u32,
        /// What the first of them says.
        problem: String,
    },
    /// A token that ends soon.
    Expiry {
        /// From when on it does not work.
        expires_at: Timestamp,
        /// When it was last used.
        used_at: Option<Timestamp>,
    },
    /// A certificate that ends soon, or has ended.
    Certificate {
        /// Nobody takes it from then on.
        expires_at: Timestamp,
        /// Who says that it is right; empty when it does not say.
        issuer: String,
    },
    /// No success for too long.
    NoSuccess {
        /// The last one, if any.
        last_success_at: Option<Timestamp>,
        /// The longest time that was allowed, in seconds.
        limit_s: i64,
    },
    /// Runs that no node takes.
    Backlog {
        /// So many.
        waiting: i64,
        /// The oldest was due then.
        oldest_at: Timestamp,
        /// Why it waits, if known.
        reason: Option<Reason>,
    },
    /// The store did not answer.
    Store {
        /// It answered last.
        last_seen_at: Option<Timestamp>,
        /// What it said instead.
        error: String,
    },
    /// A monitor that no longer beats.
    Monitor {
        /// Its last beat.
        last_beat_at: Timestamp,
    },
}

/// The facts of a run that ended badly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEvidence {
    /// The run's id.
    pub run: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in the closed set.
    pub reason: Option<Reason>,
    /// Why, for a person.
    pub detail: Option<String>,
    /// The code it ended with.
    pub exit_code: Option<i32>,
    /// The signal it was ended by.
    pub signal: Option<i32>,
    /// Where it ran.
    pub node: Option<String>,
    /// Which attempt that was, counted from 1.
    pub attempt: u32,
    /// Of so many.
    pub attempts_max: u32,
    /// When it was due.
    pub fire_time: Timestamp,
    /// When the command started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// One record for so many ticks.
    pub tick_count: i64,
    /// When the job is due next.
    pub next_time: Option<Timestamp>,
    /// The zone that people of this job think in.
    pub zone: String,
    /// The last lines it wrote; bytes that were no text are replaced.
    pub output: Vec<String>,
}

impl RunEvidence {
    /// How long the command ran.
    pub fn elapsed(&self) -> Option<SignedDuration> {
        Some(self.ended_at?.duration_since(self.started_at?))
    }
}

/// The most lines of output a mail shows.
pub const OUTPUT_LINES_MAX: usize = 40;
/// The longest line a mail shows, in characters.
pub const OUTPUT_LINE_LENGTH_MAX: usize = 300;

/// The last lines of what a command wrote, as text that is safe to show: no control characters, no endless lines.
pub fn last_lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(OUTPUT_LINES_MAX);
    lines[first..].iter().copied().map(show_line).collect()
}

fn show_line(line: &str) -> String {
    // What a terminal would have overwritten is not shown: progress bars return the carriage.
    let line = line.trim_end_matches('\r');
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut shown: String = strip_escapes(line)
        .chars()
        .take(OUTPUT_LINE_LENGTH_MAX)
        .collect();
    if line.chars().count() > OUTPUT_LINE_LENGTH_MAX {
        shown.push('…');
    }
    shown
}

/// Drops terminal sequences whole and shows every other control character as a blank sign.
fn strip_escapes(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\t' => shown.push_str("    "),
            c if c.is_control() || is_reordering(c) => shown.push('\u{fffd}'),
            c => shown.push(c),
        }
    }
    shown
}

fn skip_escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    if rest.next_if_eq(&'[').is_none() {
        rest.next();
        return;
    }
    // Parameters, up to and with the letter that ends the sequence.
    while rest.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
}

/// Characters that make a line read other than it is written.
fn is_reordering(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let text: String = (0..100).map(|n| format!("line {n}\n")).collect();

        let lines = last_lines(text.as_bytes());

        assert_eq!(lines.len(), OUTPUT_LINES_MAX);
        assert_eq!(lines.last().unwrap(), "line 99");
    }

    #[test]
    fn output_cannot_play_tricks() {
        assert_eq!(
            last_lines(b"\x1b[31mred\x1b[0m\x07"),
            ["red\u{fffd}".to_owned()]
        );
        assert_eq!(last_lines(b"10%\r20%\r100%\r\n"), ["100%".to_owned()]);
        assert_eq!(last_lines(b"\xff\xfe"), ["\u{fffd}\u{fffd}".to_owned()]);
        assert_eq!(
            last_lines("a\u{202e}b".as_bytes()),
            ["a\u{fffd}b".to_owned()]
        );
        assert!(last_lines("x".repeat(10_000).as_bytes())[0].chars().count() <= 301);
    }

    #[test]
    fn evidence_reads_back_from_its_json() {
        let evidence = Evidence::Silence {
            last_beat_at: Timestamp::from_second(5).unwrap(),
            cause: Cause::Unknown,
            running: 3,
        };

        let json = serde_json::to_string(&evidence).unwrap();

        assert_eq!(serde_json::from_str::<Evidence>(&json).unwrap(), evidence);
    }
}
