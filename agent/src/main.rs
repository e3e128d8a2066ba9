//! The `agent` program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    carillon_agent::cli::run(carillon_agent::cli::CommandLine::parse())
}
