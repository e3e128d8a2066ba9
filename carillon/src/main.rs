//! `carillon`: every role in one program.
//!
//! Composes the other crates and owns nothing: each subcommand is one file with its arguments and
//! one function, and one line in [`Command`].

mod bench;
mod completions;
mod crontab_import;
mod describe;
mod failure;
mod man;
mod next;
mod program;
mod run_feed;
mod up;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use carillon_agent::cli::RunnerArguments;
use failure::{Failure, USAGE_CODE};

/// A cron scheduler for many machines.
#[derive(Parser)]
#[command(version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Up(up::Up),
    Bench(bench::Bench),
    Next(next::Next),
    Describe(describe::Describe),
    Completions(completions::Completions),
    Man(man::Man),
    /// Becomes the runner of a data directory; `up` starts it by itself.
    #[command(hide = true)]
    Runner(RunnerArguments),
}

fn main() -> ExitCode {
    let command_line = match CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(error) => return refuse_command_line(&error),
    };
    let done = match command_line.command {
        Command::Up(up) => up.run(),
        Command::Bench(bench) => bench.run(),
        Command::Runner(runner) => runner.run().map_err(Failure::Work),
        Command::Next(next) => next.run(),
        Command::Describe(describe) => describe.run(),
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Prints help as it is, and what was wrong with the command line as one line.
fn refuse_command_line(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Nothing is left to be done when even the help cannot be printed.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.render().to_string();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        eprint!("{text}");
        return ExitCode::from(USAGE_CODE);
    }
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    eprintln!("{line}; try --help");
    ExitCode::from(USAGE_CODE)
}
