//! The command that tests give their jobs: it testifies that it ran.
//!
//! `witness FILE [--sleep SECONDS] [--exit CODE] [--output BYTES] [--alone] [--deaf]`
//!
//! With `--alone` it locks FILE as long as it lives, and exits with `Witness::IN_COMPANY` at once where another witness of that file does.
//! With `--deaf` it does not hear a polite request to end (SIGTERM).
//!
//! It appends one line at its start and one at its end, each in a single write to a file opened for
//! appending, so that lines of many processes never mix. What it knows comes from its environment
//! alone; it must not know anything else of the product, or it would not be a witness.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use carillon_testbed::{Witness, now_ns};
use tokio::signal::unix::{SignalKind, signal};

/// What identifies a start, in the order of the line.
const VARIABLES: [&str; 7] = [
    "CARILLON_JOB_ID",
    "CARILLON_FIRE_TIME",
    "CARILLON_TOKEN",
    "CARILLON_RUN_ID",
    "CARILLON_ATTEMPT",
    "CARILLON_NODE",
    "CARILLON_SLOT",
];

/// Bytes written to standard output at a time.
const BLOCK: usize = 64 * 1024;

struct Wishes {
    file: String,
    is_alone: bool,
    is_deaf: bool,
    sleep: Duration,
    exit_code: i32,
    output_bytes: usize,
}

fn main() -> Result<()> {
    let wishes = read_wishes()?;
    let mut file = File::options()
        .create(true)
        .append(true)
        .open(&wishes.file)
        .with_context(|| format!("opening {}", wishes.file))?;
    let is_in_company = wishes.is_alone && file.try_lock().is_err();
    testify(&mut file, "S", None)?;
    if is_in_company {
        testify(&mut file, "E", Some(Witness::IN_COMPANY))?;
        std::process::exit(Witness::IN_COMPANY);
    }
    if wishes.is_deaf {
        ignore_term()?;
    }
    write_output(wishes.output_bytes)?;
    std::thread::sleep(wishes.sleep);
    testify(&mut file, "E", Some(wishes.exit_code))?;
    std::process::exit(wishes.exit_code)
}

fn read_wishes() -> Result<Wishes> {
    let mut words = std::env::args().skip(1);
    let file = words
        .next()
        .context("usage: witness FILE [--sleep S] [--exit N] [--output N] [--alone] [--deaf]")?;
    let mut wishes = Wishes {
        file,
        is_alone: false,
        is_deaf: false,
        sleep: Duration::ZERO,
        exit_code: 0,
        output_bytes: 0,
    };
    while let Some(option) = words.next() {
        match option.as_str() {
            "--alone" => wishes.is_alone = true,
            "--deaf" => wishes.is_deaf = true,
            _ => read_value(&mut wishes, &option, words.next())?,
        }
    }
    Ok(wishes)
}

fn read_value(wishes: &mut Wishes, option: &str, value: Option<String>) -> Result<()> {
    let value = value.with_context(|| format!("{option} needs a value"))?;
    match option {
        "--sleep" => wishes.sleep = Duration::from_secs_f64(value.parse()?),
        "--exit" => wishes.exit_code = value.parse()?,
        "--output" => wishes.output_bytes = value.parse()?,
        _ => bail!("unknown option {option}"),
    }
    Ok(())
}

/// Appends `S <job> <fire_time> <token> <run> <attempt> <node> <slot> <pid> <realtime_ns>`, for an
/// end `E …` with the exit code as one more word.
fn testify(file: &mut File, kind: &str, exit_code: Option<i32>) -> Result<()> {
    let mut line = kind.to_owned();
    for variable in VARIABLES {
        let value = std::env::var(variable).unwrap_or_default();
        line.push(' ');
        line.push_str(if value.is_empty() { "-" } else { &value });
    }
    line.push_str(&format!(" {} {}", std::process::id(), now_ns()));
    if let Some(code) = exit_code {
        line.push_str(&format!(" {code}"));
    }
    line.push('\n');
    file.write_all(line.as_bytes())
        .context("appending to the file")
}

/// Has the polite signal handled by somebody who does nothing; what is handled once stays handled.
fn ignore_term() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("starting what hears signals")?;
    let _entered = runtime.enter();
    signal(SignalKind::terminate())
        .map(drop)
        .context("taking SIGTERM")
}

fn write_output(bytes: usize) -> Result<()> {
    let block = [b'w'; BLOCK];
    let mut output = std::io::stdout().lock();
    let mut left = bytes;
    while left > 0 {
        let part = left.min(BLOCK);
        output.write_all(&block[..part])?;
        left -= part;
    }
    Ok(output.flush()?)
}
