//! How a subcommand ends when it cannot do what was asked.

use std::io;
use std::process::ExitCode;

/// The exit code for what makes no sense.
pub(crate) const USAGE_CODE: u8 = 2;

/// Why a subcommand stopped; decides the exit code.
pub(crate) enum Failure {
    /// What was asked for makes no sense: exit code 2.
    Usage(anyhow::Error),
    /// It made sense and could not be done: exit code 1.
    Work(anyhow::Error),
}

impl Failure {
    /// A refused argument.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Failure {
        Failure::Usage(error.into())
    }

    /// Says it in one line on standard error and yields the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Failure::Usage(error) => {
                eprintln!("error: {error:#}");
                ExitCode::from(USAGE_CODE)
            }
            Failure::Work(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        }
    }
}

/// A reader who has seen enough (`| head`) is no failure; anything else is.
pub(crate) fn finish_output(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Work(
            anyhow::Error::new(error).context("writing to standard output"),
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}
