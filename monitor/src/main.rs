//! The `monitor` program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    carillon_monitor::cli::run(carillon_monitor::cli::CommandLine::parse())
}
