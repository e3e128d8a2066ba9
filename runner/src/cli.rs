//! The command line of the runner where it is a program of its own.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::{OutputSettings, RunnerOptions};

/// Starts, watches and ends the commands of this machine, and knows of them when the agent has gone.
///
/// The agent starts a runner by itself. Only where jobs name other users (`run_as`) is it started before, as root, by supervisord or systemd.
/// It ends on SIGTERM when its commands have ended.
#[derive(Debug, Parser)]
#[command(name = "runner", version, about)]
pub struct CommandLine {
    /// The data directory of the node: journal, lock and socket lie in it.
    #[arg(long = "data", value_name = "DIR")]
    data_dir: PathBuf,
    /// The configuration file, of which the parts `runner` and `output` are read, and read again when it changes.
    #[arg(long = "config", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// A user that commands may run as, beside those of the configuration; may be repeated.
    #[arg(long = "allow-user", value_name = "NAME")]
    allow_users: Vec<String>,
    /// Where this node's secrets lie, in place of what the configuration says.
    #[arg(long = "secrets", value_name = "DIR")]
    secrets_dir: Option<PathBuf>,
    /// How many seconds it lives without agent and commands.
    #[arg(long = "idle-exit", value_name = "SECONDS", default_value_t = 60)]
    idle_exit_s: u64,
}

impl From<CommandLine> for RunnerOptions {
    fn from(command_line: CommandLine) -> Self {
        // The runner leaves the directory in which it was started.
        let absolute = |path: Option<PathBuf>| path.and_then(|path| std::path::absolute(path).ok());
        RunnerOptions {
            data_dir: command_line.data_dir,
            config_file: absolute(command_line.config_file),
            allow_users: command_line.allow_users,
            secrets_dir: absolute(command_line.secrets_dir),
            output: OutputSettings::default(),
            idle_exit: Duration::from_secs(command_line.idle_exit_s),
        }
    }
}
