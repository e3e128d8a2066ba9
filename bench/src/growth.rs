//! What a start costs when there is ten times as much of something: nodes, or history.

use anyhow::Result;

use crate::cluster::{Cluster, Stores};
use crate::every_second::{Seen, watch};
use crate::history::{Size, build};
use crate::machine::load;
use crate::pen::Pen;
use crate::table::{Table, ms, show};

/// Jobs that have lived in a past; they are deleted when agents come.
const PAST_JOBS: usize = 10_000;

const HEAD: [&str; 10] = [
    "",
    "late p50 ms",
    "p99",
    "max",
    "lost",
    "doubled",
    "CPU µs/start: agents",
    "runners",
    "servers",
    "load",
];

/// Measures a rate for so many seconds on each of these numbers of nodes.
///
/// # Errors
/// When something does not come up.
pub async fn over_nodes(crowds: &[usize], rate: usize, seconds: i64) -> Result<Table> {
    let title = format!("More nodes, {rate} due every second, for {seconds} s");
    let mut table = Table::new(title, &HEAD);
    for &nodes in crowds {
        let load = load()?;
        let mut cluster = Cluster::start(Stores::MariaDbAndRedis, nodes).await?;
        let seen = watch(&mut cluster, rate, seconds).await?;
        table.add(row(format!("{nodes} × agent"), &seen, load));
    }
    show(&table);
    Ok(table)
}

/// Measures a rate for so many seconds on one node, over each of these numbers of runs that have ended.
///
/// # Errors
/// When something does not come up.
pub async fn over_histories(pasts: &[usize], rate: usize, seconds: i64) -> Result<Table> {
    let title = format!("More history, {rate} due every second, for {seconds} s");
    let mut table = Table::new(title, &HEAD);
    for &runs in pasts {
        let mut cluster = Cluster::found(Stores::MariaDbAndRedis).await?;
        let size = Size {
            jobs: PAST_JOBS,
            runs,
        };
        let house = build(&cluster.store, cluster.url(), size).await?;
        let mut pen = Pen::take(cluster.url()).await?;
        pen.write("update jobs set enabled = 0, deleted_at = 1 where deleted_at is null")
            .await?;
        let load = load()?;
        cluster.start_agents(1)?;
        let seen = watch(&mut cluster, rate, seconds).await?;
        table.add(row(format!("{} runs", house.sights.runs), &seen, load));
    }
    show(&table);
    Ok(table)
}

fn row(name: String, seen: &Seen, load: String) -> Vec<String> {
    let mut row = vec![name];
    row.extend([seen.late.p50, seen.late.p99, seen.late.max].map(ms));
    row.extend([seen.lost, seen.doubled].map(|count| count.to_string()));
    row.extend(seen.cpu_us.map(|us| format!("{us:.0}")));
    row.push(load);
    row
}
