//! Attempts whose job wants all of its output kept on the node: when its files begin, and that an end waits for them, but not for long.

use carillon_core::token::Token;
use jiff::Timestamp;

use crate::attempt::{Keeping, State};
use crate::clock::{MS, boottime_ns};
use crate::keeper::KeptFile;
use crate::protocol::{Kept, Moment};
use crate::runner::Runner;

/// How long the end of an attempt waits for its files. A disk that hangs holds up nothing for longer.
const PATIENCE_NS: i64 = 2_000 * MS;
/// Characters of a run's id in the name of a file.
const RUN_LENGTH_MAX: usize = 80;

impl Runner {
    /// Begins the files of an attempt that runs, or goes on in those of an earlier runner.
    pub(crate) fn begin_keeping(&mut self, number: u64) {
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return;
        };
        let State::Running(running) = &attempt.state else {
            return;
        };
        if !attempt.facts.keep_output || attempt.keeping.is_some() {
            return;
        }
        let file = KeptFile {
            day: day_of(running.process.at),
            name: name_of(&attempt.facts.run, attempt.token),
            is_continued: running.adopted,
        };
        attempt.keeping = Some(Keeping::Writing);
        self.keeper.open(number, file);
    }

    /// Whether nothing of the attempt is waited for any more. The first who asks has the rest written.
    pub(crate) fn has_kept(&mut self, number: u64) -> bool {
        let now = boottime_ns();
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return true;
        };
        match attempt.keeping {
            None | Some(Keeping::Done(_)) => true,
            Some(Keeping::Writing) => {
                let until_ns = now + PATIENCE_NS;
                attempt.keeping = Some(Keeping::Finishing { until_ns });
                self.keeper.finish(number);
                self.timers.add(until_ns, number);
                false
            }
            Some(Keeping::Finishing { until_ns }) if now < until_ns => false,
            Some(Keeping::Finishing { .. }) => {
                attempt.keeping = Some(Keeping::Done(Kept {
                    path: None,
                    lost_bytes: attempt.capture.totals().iter().sum(),
                    why: Some(
                        "the disk did not take it in time; up to so much is missing".to_owned(),
                    ),
                }));
                true
            }
        }
    }

    /// The files are complete.
    pub(crate) fn note_kept(&mut self, number: u64, kept: Kept) {
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return;
        };
        if let Some(Keeping::Finishing { .. }) = attempt.keeping {
            attempt.keeping = Some(Keeping::Done(kept));
            self.settle_end(number);
        }
    }
}

/// The day of the start, by the host's own clock.
fn day_of(at: Moment) -> String {
    let at = Timestamp::from_microsecond(at.realtime_us).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%d").to_string()
}

/// A name that leads nowhere else, whatever the agent calls the run; the token tells its attempts apart.
fn name_of(run: &str, token: Token) -> String {
    let fits = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '-';
    let run: String = run.chars().filter(fits).take(RUN_LENGTH_MAX).collect();
    format!("{run}-{token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_file_cannot_lead_elsewhere() {
        let token = Token::from_bytes([0xab; 16]);

        assert_eq!(
            name_of("7-20261121T030000Z-s0", token),
            format!("7-20261121T030000Z-s0-{token}")
        );
        assert_eq!(name_of("../../etc/x\0", token), format!("etcx-{token}"));
        assert_eq!(name_of(&"a".repeat(300), token).len(), 113);
    }

    #[test]
    fn day_is_that_of_the_start() {
        let at = Moment {
            boottime_ns: 0,
            realtime_us: 1_795_219_199_999_999,
        };

        assert_eq!(day_of(at), "2026-11-20");
    }
}
