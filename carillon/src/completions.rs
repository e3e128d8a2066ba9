//! `carillon completions`: what a shell offers when Tab is pressed.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use clap_complete::{Shell, generate};

use crate::failure::{Failure, finish_output};
use crate::program::Program;

/// Prints what a shell needs to complete the words after each of the five programs.
///
/// For this shell alone: `source <(carillon completions bash)`, the same with zsh, and in fish `carillon completions fish | source`.
/// For good: a file for each program where the shell looks for it, such as
/// `carillon completions bash agent > /usr/share/bash-completion/completions/agent`.
#[derive(Args)]
pub(crate) struct Completions {
    /// The shell it is for.
    #[arg(value_enum, value_name = "SHELL")]
    shell: CompletedShell,
    /// The program whose words are completed; without, all five.
    #[arg(value_enum, value_name = "PROGRAM")]
    program: Option<Program>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CompletedShell {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let shell = match self.shell {
            CompletedShell::Bash => Shell::Bash,
            CompletedShell::Zsh => Shell::Zsh,
            CompletedShell::Fish => Shell::Fish,
        };
        let programs = match &self.program {
            Some(program) => std::slice::from_ref(program),
            None => Program::value_variants(),
        };
        let mut script = Vec::new();
        for program in programs {
            let mut command_line = program.command_line();
            let name = command_line.get_name().to_owned();
            generate(shell, &mut command_line, name, &mut script);
        }
        finish_output(io::stdout().write_all(&script))
    }
}
