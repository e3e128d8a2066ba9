//! What the `check` verbs print: one line for each thing that they looked at, the same in every program, for people to read and for scripts to search.

use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

/// What was found of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// As it should be.
    Good,
    /// It works; somebody should know.
    Weak,
    /// It does not work.
    Bad,
}

impl Grade {
    /// Begins the line; all are of one width.
    fn word(self) -> &'static str {
        match self {
            Grade::Good => "ok     ",
            Grade::Weak => "warning",
            Grade::Bad => "BAD    ",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Grade::Good => "\x1b[32m",
            Grade::Weak => "\x1b[33m",
            Grade::Bad => "\x1b[1;31m",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was found.
    pub grade: Grade,
    /// What was looked at and, where it is not good, what to do.
    pub about: String,
}

impl Verdict {
    /// A verdict.
    pub fn new(grade: Grade, about: impl Into<String>) -> Self {
        let about = about.into();
        Verdict { grade, about }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.grade.word(), self.about)
    }
}

/// Prints verdicts as they are found, and remembers how many are bad.
#[derive(Debug)]
pub struct Verdicts {
    bad: usize,
    is_coloured: bool,
}

impl Verdicts {
    /// None yet. The words have colours on a terminal, unless `$NO_COLOR` asks for none.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "it looks at the terminal, which a default should not"
    )]
    pub fn new() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Verdicts {
            bad: 0,
            is_coloured: !unwanted && std::io::stdout().is_terminal(),
        }
    }

    /// Prints one. A reader who has seen enough is no failure: the exit code tells the rest.
    pub fn tell(&mut self, verdict: &Verdict) {
        self.bad += usize::from(verdict.grade == Grade::Bad);
        let mut out = std::io::stdout();
        let _ = if self.is_coloured {
            let Verdict { grade, about } = verdict;
            let (colour, word) = (grade.colour(), grade.word());
            writeln!(out, "{colour}{word}\x1b[0m {about}")
        } else {
            writeln!(out, "{verdict}")
        };
    }

    /// As it should be.
    pub fn good(&mut self, about: impl Into<String>) {
        self.tell(&Verdict::new(Grade::Good, about));
    }

    /// It works; somebody should know.
    pub fn weak(&mut self, about: impl Into<String>) {
        self.tell(&Verdict::new(Grade::Weak, about));
    }

    /// It does not work.
    pub fn bad(&mut self, about: impl Into<String>) {
        self.tell(&Verdict::new(Grade::Bad, about));
    }

    /// 0 where nothing is bad, 1 otherwise.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self.bad {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_begins_in_one_column() {
        let of = |grade| Verdict::new(grade, "redis").to_string();

        assert_eq!(of(Grade::Good), "ok      redis");
        assert_eq!(of(Grade::Weak), "warning redis");
        assert_eq!(of(Grade::Bad), "BAD     redis");
    }
}
