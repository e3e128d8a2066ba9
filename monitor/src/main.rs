//! The monitor's program: a thin entry to its library.

use std::process::ExitCode;

use carillon_monitor::command::{CommonArgs, MonitorCommand, run};
use clap::Parser;

/// Tells the right people, once, when something of Carillon is not well.
#[derive(Debug, Parser)]
#[command(name = "monitor", version)]
struct Program {
    #[command(flatten)]
    common: CommonArgs,
    #[command(subcommand)]
    command: MonitorCommand,
}

#[tokio::main]
async fn main() -> ExitCode {
    let program = Program::parse();
    match run(program.command, &program.common).await {
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
