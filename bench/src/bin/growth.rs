//! What a start costs as nodes and history grow, and what the loss of a machine does.
//!
//! `scripts/bench`, or `cargo build --release --workspace --bins && target/release/growth [--write docs/BENCH.md]`

use std::path::PathBuf;

use anyhow::{Context, Result};
use carillon_bench::document::with_part;
use carillon_bench::{growth, loss, machine};
use clap::Parser;

/// How far things grow; a list of none leaves a part out.
#[derive(Parser)]
struct Options {
    /// Nodes.
    #[arg(long, value_delimiter = ',', default_value = "1,3,10", num_args = 0..)]
    nodes: Vec<usize>,
    /// Runs that have ended.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000", num_args = 0..)]
    runs: Vec<usize>,
    /// Nodes of which one is lost.
    #[arg(long, value_delimiter = ',', default_value = "3", num_args = 0..)]
    loss: Vec<usize>,
    /// Jobs due every second.
    #[arg(long, default_value_t = 50)]
    rate: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 10)]
    seconds: i64,
    /// Writes the tables to this file too.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let machine = machine::describe()?;
    let (rate, seconds) = (options.rate, options.seconds);
    let mut tables = Vec::new();
    if !options.nodes.is_empty() {
        tables.push(growth::over_nodes(&options.nodes, rate, seconds).await?);
    }
    if !options.runs.is_empty() {
        tables.push(growth::over_histories(&options.runs, rate, seconds).await?);
    }
    for &nodes in &options.loss {
        tables.extend(loss::measure(nodes, rate, seconds).await?);
    }
    let Some(file) = options.write else {
        return Ok(());
    };
    let mut part = format!("## Growth and loss\n\n{OPENING}\n{machine}");
    for table in tables {
        part.push_str(&format!("\n{table}"));
    }
    let old = std::fs::read_to_string(&file).unwrap_or_default();
    std::fs::write(&file, with_part(&old, &part))
        .with_context(|| format!("writing {}", file.display()))
}

const OPENING: &str = "<!-- Written by `growth`, which `scripts/bench` calls. -->\n\n\
All on MariaDB and Redis. With more nodes each asks for its share of the ticks and beats for itself; what a start costs\n\
may grow by that and no more. With more history nothing may grow: claims and reports touch the newest end of an index. The lost machine\n\
is one whose agent, runner and commands are killed at one instant, in the middle of a second.\n";
