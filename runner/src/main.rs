//! The runner as a program of its own: `runner --data DIR [--config FILE] [--allow-user NAME]… [--idle-exit SECONDS]`.

use std::process::ExitCode;
use std::time::Duration;

use carillon_runner::{RunnerError, RunnerOptions, run};

/// Wrong arguments.
const USAGE: u8 = 2;
/// Another runner lives there.
const OCCUPIED: u8 = 3;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let options = match read_arguments(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(USAGE);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            let is_occupied = matches!(error, RunnerError::Occupied(_));
            if is_occupied {
                ExitCode::from(OCCUPIED)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn read_arguments(mut arguments: impl Iterator<Item = String>) -> Result<RunnerOptions, String> {
    let usage =
        "usage: runner --data DIR [--config FILE] [--allow-user NAME]... [--idle-exit SECONDS]";
    let mut options = RunnerOptions::new("");
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .ok_or_else(|| format!("{name} needs a value; {usage}"))?;
        match name.as_str() {
            "--data" => options.data_dir = value.into(),
            "--config" => options.config_file = Some(value.into()),
            "--allow-user" => options.allow_users.push(value),
            "--idle-exit" => {
                let seconds = value.parse().map_err(|_| {
                    format!("--idle-exit {value:?} is no number of seconds; {usage}")
                })?;
                options.idle_exit = Duration::from_secs(seconds);
            }
            _ => return Err(format!("unknown argument {name:?}; {usage}")),
        }
    }
    options.config_file = options
        .config_file
        .and_then(|path| std::path::absolute(path).ok());
    Ok(options)
}
