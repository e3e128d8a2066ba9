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
///
/// Begin with `carillon up CRONTAB` and open the address that it prints. On many machines there are an agent on each, and admin and monitor
/// on some.
#[derive(Parser)]
#[command(version, after_help = OTHER_PROGRAMS)]
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

const OTHER_PROGRAMS: &str = "\
The programs `agent`, `admin` and `monitor` are in this one, too: `carillon admin --data DIR user list`.";

/// The program whose name is the first word, if that is another than this.
fn other_program() -> Option<ExitCode> {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    match words.first()?.to_str()? {
        "agent" => Some(carillon_agent::cli::run(Parser::parse_from(words))),
        "admin" => Some(carillon_admin::cli::run(Parser::parse_from(words))),
        "monitor" => Some(carillon_monitor::cli::run(Parser::parse_from(words))),
        _ => None,
    }
}

fn main() -> ExitCode {
    if let Some(code) = other_program() {
        return code;
    }
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
    // What is wrong and, where clap has one, what was perhaps meant.
    let told = text
        .split("\n\n")
        .take_while(|paragraph| !paragraph.starts_with("Usage:"));
    let told: Vec<_> = told
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    eprintln!("{}; try --help", told.join("; "));
    ExitCode::from(USAGE_CODE)
}
