//! The `admin` program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    carillon_admin::cli::run(carillon_admin::cli::CommandLine::parse())
}
