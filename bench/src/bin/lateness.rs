//! How late commands start, what a start costs and what an agent weighs, beside the bare limit of this machine in the same run.
//!
//! `scripts/bench`, or `cargo build --release --workspace --bins && target/release/lateness [--write docs/BENCH.md]`

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::path::PathBuf;

use anyhow::{Context, Result};
use carillon_bench::cluster::Stores;
use carillon_bench::document::with_opening;
use carillon_bench::{burst, capture, every_second, machine, peer, programs, weight};
use clap::Parser;
use jiff::Timestamp;

/// What to measure; a list of none leaves a part out.
#[derive(Parser)]
struct Options {
    /// Jobs due every second.
    #[arg(long, value_delimiter = ',', default_value = "1,50,200", num_args = 0..)]
    rates: Vec<usize>,
    /// Seconds for each rate.
    #[arg(long, default_value_t = 10)]
    seconds: i64,
    /// Jobs due in one second.
    #[arg(long, value_delimiter = ',', default_value = "2000,10000", num_args = 0..)]
    bursts: Vec<usize>,
    /// Jobs an idle agent has loaded.
    #[arg(long, value_delimiter = ',', default_value = "1000", num_args = 0..)]
    idle: Vec<usize>,
    /// Agents in the larger cluster.
    #[arg(long, default_value_t = 3)]
    agents: usize,
    /// Leaves MariaDB and Redis out.
    #[arg(long)]
    only_sqlite: bool,
    /// Leaves out what keeping output costs.
    #[arg(long)]
    no_output: bool,
    /// The folder where `scripts/peers` has installed other schedulers, to be measured beside.
    #[arg(long, value_name = "FOLDER")]
    peers: Option<PathBuf>,
    /// Writes the tables to this file too.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let mut stores = vec![Stores::Sqlite];
    if !options.only_sqlite {
        stores.push(Stores::MariaDbAndRedis);
    }
    let mut clusters: Vec<_> = stores.iter().map(|&stores| (stores, 1)).collect();
    if !options.only_sqlite && options.agents > 1 {
        clusters.push((Stores::MariaDbAndRedis, options.agents));
    }
    let peers = options.peers.as_deref().map(peer::installed);
    let peers = peers.unwrap_or_default();
    let machine = machine::describe()?;
    println!("{machine}");
    let mut tables =
        every_second::compare((&options.rates, options.seconds), &clusters, &peers).await?;
    tables.extend(burst::compare(&options.bursts, &clusters, &peers).await?);
    if !options.idle.is_empty() {
        let extent = (&*options.idle, options.seconds);
        tables.push(weight::measure(extent, &stores, &peers).await?);
        tables.push(programs::measure().await?);
    }
    if !options.no_output {
        tables.push(capture::compare().await?);
    }
    let Some(file) = options.write else {
        return Ok(());
    };
    let today = Timestamp::from_nanosecond(machine::now_ns().into())?
        .strftime("%Y-%m-%d")
        .to_string();
    let mut text = format!(
        "{OPENING}\nMeasured on {today}, release {}:\n\n{machine}",
        env!("CARGO_PKG_VERSION")
    );
    for table in tables {
        text.push_str(&format!("\n{table}"));
    }
    let text = with_opening(&std::fs::read_to_string(&file).unwrap_or_default(), &text);
    std::fs::write(&file, text).with_context(|| format!("writing {}", file.display()))
}

const OPENING: &str = "# How fast\n\n\
<!-- Written by `scripts/bench`. -->\n\n\
Every figure stands beside the bare limit of the same machine in the same run, since machines are noisy and ratios are less so.\n\
*limit* is one thread that sleeps until the second and spawns the same program in a loop, with nothing recorded; *limit-sh* does the\n\
same through `sh -c`, as most schedulers do. Lateness is told by the command itself: the first thing it does is to read the clock and\n\
write the time down. Agents claim, journal, record and keep the output of every run; MariaDB flushes every commit to its disk.\n\
The other schedulers record and keep nothing. They tell their commands no fire time, so each start counts for the second in which it\n\
began, and one that is more than a second late flatters them. Their processor time stands in the column of the agent; how each\n\
is configured stands in `bench/peers`. Debian's cron knows minutes, and takes part where one minute is enough.\n";
