//! The monitor's program: a thin entry to its library.

use std::process::ExitCode;

use carillon_monitor::cli::{CommandLine, run};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match run(CommandLine::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last words of a program")]
fn complain(error: &anyhow::Error) {
    eprintln!("{error:#}");
}
