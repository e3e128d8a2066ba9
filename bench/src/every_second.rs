//! Jobs that are due every second: how late each start is, and what a start costs.

use std::collections::HashSet;

use anyhow::Result;
use carillon_testbed::Sighting;
use jiff::Timestamp;

use crate::cluster::{Cluster, Stores, lateness_ms};
use crate::limit::{self, Way};
use crate::machine::{SECOND_NS, load, next_second, sleep_until_ns};
use crate::peer::Peer;
use crate::spread::Spread;
use crate::table::{Table, ms, ratio, show};

/// Commands may end and be recorded this long after the last fire time, before they count as lost.
const AFTERMATH_S: i64 = 4;

const HEAD: [&str; 13] = [
    "late by, ms",
    "p50",
    "p99",
    "p99.9",
    "max",
    "p50 × limit-sh",
    "p99 × limit-sh",
    "lost",
    "doubled",
    "CPU µs/start: agent",
    "runner",
    "servers",
    "load",
];

/// Measures these rates for so many seconds each, on these stores with so many agents, beside these peers.
///
/// # Errors
/// When something does not come up or a bare command fails.
pub async fn compare(
    (rates, seconds): (&[usize], i64),
    clusters: &[(Stores, usize)],
    peers: &[Peer],
) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    for &rate in rates {
        let mut table = Table::new(format!("{rate} due every second, for {seconds} s"), &HEAD);
        let measure =
            |way| -> Result<_> { Ok((way, load()?, limit::every_second(way, rate, seconds)?)) };
        let bare = [measure(Way::Direct)?, measure(Way::Shell)?];
        let limit_sh = bare[1].2;
        for (way, load, late) in bare {
            add_row(&mut table, way.name(), (late, limit_sh), ["–"; 5], &load);
        }
        for peer in peers.iter().filter(|peer| peer.knows_seconds) {
            let load = load()?;
            let deed = peer.every_second(rate, seconds)?;
            let [lost, doubled] = [deed.lost, deed.doubled].map(|count| count.to_string());
            let [own, server] = [deed.cpu_us, deed.server_cpu_us].map(|us| format!("{us:.0}"));
            let rest = [&*lost, &*doubled, &*own, "–", &*server];
            add_row(&mut table, peer.name, (deed.late, limit_sh), rest, &load);
        }
        for &(stores, agents) in clusters {
            let load = load()?;
            let seen = watch(stores, agents, rate, seconds).await?;
            let name = format!("{}, {agents} × agent", stores.name());
            let [lost, doubled] = [seen.lost, seen.doubled].map(|count| count.to_string());
            let [agent, runner, servers] = seen.cpu_us.map(|us| format!("{us:.0}"));
            let rest = [&*lost, &*doubled, &*agent, &*runner, &*servers];
            add_row(&mut table, &name, (seen.late, limit_sh), rest, &load);
        }
        show(&table);
        tables.push(table);
    }
    Ok(tables)
}

fn add_row(
    table: &mut Table,
    name: &str,
    (late, limit_sh): (Spread, Spread),
    rest: [&str; 5],
    load: &str,
) {
    let mut row = vec![name.to_owned()];
    row.extend([late.p50, late.p99, late.p999, late.max].map(ms));
    row.push(ratio(late.p50, limit_sh.p50));
    row.push(ratio(late.p99, limit_sh.p99));
    row.extend(rest.map(str::to_owned));
    row.push(load.to_owned());
    table.add(row);
}

struct Seen {
    late: Spread,
    lost: usize,
    doubled: usize,
    /// Of agents, runners and servers, for each start.
    cpu_us: [f64; 3],
}

async fn watch(stores: Stores, agents: usize, rate: usize, seconds: i64) -> Result<Seen> {
    let mut cluster = Cluster::start(stores, agents).await?;
    cluster.add_jobs("* * * * * *", rate).await?;
    // The first seconds find cold caches and connections.
    let from = next_second(3);
    let until = from + seconds;
    sleep_until_ns(from * SECOND_NS - SECOND_NS / 2);
    let before = cluster.cpu()?;
    sleep_until_ns(until * SECOND_NS - SECOND_NS / 2);
    let spent = cluster.cpu()?.since(before);
    sleep_until_ns((until + AFTERMATH_S) * SECOND_NS);
    let starts = starts_within(&cluster.witness.starts()?, from, until);
    let ticks: HashSet<_> = starts
        .iter()
        .map(|start| (&start.job, &start.fire_time))
        .collect();
    let wanted = rate * usize::try_from(seconds)?;
    let late: Result<Vec<f64>> = starts.iter().map(lateness_ms).collect();
    let each = |us: u64| us as f64 / wanted as f64;
    Ok(Seen {
        late: Spread::of(late?)?,
        lost: wanted.saturating_sub(ticks.len()),
        doubled: starts.len() - ticks.len(),
        cpu_us: [spent.agents_us, spent.runners_us, spent.servers_us].map(each),
    })
}

fn starts_within(starts: &[Sighting], from: i64, until: i64) -> Vec<Sighting> {
    let is_within = |start: &&Sighting| {
        let fire_time = start.fire_time.parse::<Timestamp>();
        fire_time.is_ok_and(|at| (from..until).contains(&at.as_second()))
    };
    starts.iter().filter(is_within).cloned().collect()
}
