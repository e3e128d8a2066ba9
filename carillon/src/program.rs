//! The five programs and their command lines.

use clap::{CommandFactory, ValueEnum};

use crate::CommandLine;

/// A program of Carillon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Program {
    Carillon,
    Agent,
    Admin,
    Monitor,
    Runner,
}

impl Program {
    /// What it can be told.
    pub(crate) fn command_line(self) -> clap::Command {
        match self {
            Program::Carillon => CommandLine::command(),
            Program::Agent => carillon_agent::cli::CommandLine::command(),
            Program::Admin => carillon_admin::cli::CommandLine::command(),
            Program::Monitor => carillon_monitor::cli::CommandLine::command(),
            Program::Runner => carillon_runner::cli::CommandLine::command(),
        }
    }
}
