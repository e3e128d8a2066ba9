//! Tick locks and claims a second, beside what Redis and the database do bare in the same run.
//!
//! `scripts/bench`, or `cargo build --release --workspace --bins && target/release/claims [--write docs/BENCH.md]`

use std::path::PathBuf;

use anyhow::{Context, Result};
use carillon_bench::document::with_part;
use carillon_bench::{claims, machine, tick_locks};
use carillon_testbed::{Folder, MariaDb};
use clap::Parser;

#[derive(Parser)]
struct Options {
    /// Ticks due in one second.
    #[arg(long, default_value_t = 10_000)]
    ticks: usize,
    /// Nodes that claim all of them at once.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// Writes the tables to this file too.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let machine = machine::describe()?;
    let extent = (options.ticks, options.nodes);
    let folder = Folder::create()?;
    let url = format!("sqlite:{}", folder.join("carillon.db").display());
    let mut tables = vec![tick_locks::measure(options.ticks).await?];
    tables.push(claims::measure("SQLite", &url, extent).await?);
    let server = MariaDb::start()?;
    let database = server.create_database()?;
    tables.push(claims::measure("MariaDB", &database.url, extent).await?);
    let Some(file) = options.write else {
        return Ok(());
    };
    let mut part = format!("## Locks and claims\n\n{OPENING}\n{machine}");
    for table in tables {
        part.push_str(&format!("\n{table}"));
    }
    let old = std::fs::read_to_string(&file).unwrap_or_default();
    std::fs::write(&file, with_part(&old, &part))
        .with_context(|| format!("writing {}", file.display()))
}

const OPENING: &str = "<!-- Written by `claims`, which `scripts/bench` calls. -->\n\n\
Each time is the best of three rounds. Locks are taken as an agent takes them, a batch in one round trip over one connection, beside\n\
`redis-benchmark` with the same command in pipelines of the same length. Claims and reports are made as an agent makes them, beside an\n\
insert of nothing but their rows, in as many transactions.\n";
