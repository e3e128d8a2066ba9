//! `carillon man`: the manual as pages.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::program::Program;

/// Writes the manual pages of the five programs and of their verbs into a folder, such as `agent.1` and `agent-stop.1`.
///
/// `carillon man /usr/local/share/man/man1` puts them where `man agent` finds them.
#[derive(Args)]
pub(crate) struct Man {
    /// Where the pages go; it is made if there is none.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Man {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        self.write().map_err(Failure::Work)
    }

    fn write(&self) -> anyhow::Result<()> {
        let folder = self.folder.display();
        std::fs::create_dir_all(&self.folder).with_context(|| format!("making {folder}"))?;
        for program in Program::value_variants() {
            clap_mangen::generate_to(program.command_line(), &self.folder)
                .with_context(|| format!("writing manual pages into {folder}"))?;
        }
        Ok(())
    }
}
