//! The command that tests give their jobs: it testifies that it ran.
//!
//! `witness FILE [--sleep SECONDS] [--exit CODE] [--output BYTES] [--alone]`
//!
//! With `--alone` it locks FILE as long as it lives, and exits with `Witness::IN_COMPANY` at once where another witness of that file does.
//!
//! It appends one line at its start and one at its end, each in a single write to a file opened for
//! appending, so that lines of many processes never mix. What it knows comes from its environment
//! alone; it must not know anything else of the product, or it would not be a witness.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use carillon_testbed::Witness;
use rustix::time::{ClockId, clock_gettime};

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
    write_output(wishes.output_bytes)?;
    std::thread::sleep(wishes.sleep);
    testify(&mut file, "E", Some(wishes.exit_code))?;
    std::process::exit(wishes.exit_code)
}

fn read_wishes() -> Result<Wishes> {
    let mut words = std::env::args().skip(1);
    let file = words
        .next()
        .context("usage: witness FILE [--sleep S] [--exit N] [--output N] [--alone]")?;
    let mut wishes = Wishes {
        file,
        is_alone: false,
        sleep: Duration::ZERO,
        exit_code: 0,
        output_bytes: 0,
    };
    while let Some(option) = words.next() {
        if option == "--alone" {
            wishes.is_alone = true;
            continue;
        }
        let value = words
            .next()
            .with_context(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--sleep" => wishes.sleep = Duration::from_secs_f64(value.parse()?),
            "--exit" => wishes.exit_code = value.parse()?,
            "--output" => wishes.output_bytes = value.parse()?,
            _ => bail!("unknown option {option}"),
        }
    }
    Ok(wishes)
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
    let now = clock_gettime(ClockId::Realtime);
    let nanoseconds = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec);
    line.push_str(&format!(" {} {nanoseconds}", std::process::id()));
    if let Some(code) = exit_code {
        line.push_str(&format!(" {code}"));
    }
    line.push('\n');
    file.write_all(line.as_bytes())
        .context("appending to the file")
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
