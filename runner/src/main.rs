//! The runner as a program of its own.

use std::process::ExitCode;

use carillon_runner::cli::CommandLine;
use carillon_runner::{RunnerError, run};
use clap::Parser;

/// Another runner lives there.
const OCCUPIED: u8 = 3;

fn main() -> ExitCode {
    let options = CommandLine::parse().into();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            let is_occupied = matches!(error, RunnerError::Occupied(_));
            if is_occupied {
                ExitCode::from(OCCUPIED)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
