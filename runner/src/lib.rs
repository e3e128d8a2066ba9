//! The runner of Carillon: the small process on each host which alone journals, starts, watches, ends and captures commands.
//!
//! It knows no network, no SQL and no schedule. The agent talks to it over a unix socket through [`client`], in the words of [`protocol`].
//! A process becomes the runner by [`run`]. Inside, `runner` is the loop that owns everything, `commit` the journal's thread and `starter` the threads that start.

mod account;
mod accounts;
mod agent_link;
mod attempt;
mod birth;
mod capture;
pub mod cli;
pub mod client;
mod clock;
mod commit;
pub mod containment;
mod detach;
mod ending;
mod environment;
pub mod frame;
mod group;
mod hardening;
mod journal;
mod keeper;
mod keeping;
mod kept_stream;
mod life;
mod mailbox;
mod node_config;
mod orders;
mod output_folder;
mod own_group;
mod pipe;
mod poller;
mod prepare;
mod process_table;
pub mod protocol;
mod reap;
mod record;
mod recover;
mod runner;
mod secret;
mod shipping;
mod spawn;
mod starter;
mod timers;
mod tree;
mod watch;

use std::path::{Path, PathBuf};

pub use life::{RunnerError, RunnerOptions, run};
pub use node_config::OutputSettings;

/// What a runner writes to standard output when it listens.
pub const READY_LINE: &str = "ready";

/// Where the runner of this data directory listens.
pub fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("runner.sock")
}
