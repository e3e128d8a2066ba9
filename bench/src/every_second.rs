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
            let mut cluster = Cluster::start(stores, agents).await?;
            let seen = watch(&mut cluster, rate, seconds).await?;
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

/// What was seen of jobs that are due every second.
pub struct Seen {
    /// How late they began.
    pub late: Spread,
    /// Ticks that did not begin at all.
    pub lost: usize,
    /// Starts beyond the first of a tick.
    pub doubled: usize,
    /// Processor time of agents, runners and servers for each start, in microseconds.
    pub cpu_us: [f64; 3],
}

/// Watches a cluster without jobs run so many each second, for so many seconds.
///
/// # Errors
/// When a job is not made, or nothing starts.
pub async fn watch(cluster: &mut Cluster, rate: usize, seconds: i64) -> Result<Seen> {
    cluster.add_jobs("* * * * * *", rate).await?;
    // The first seconds find cold caches and connections.
    let from = next_second(3);
    let until = from + seconds;
    sleep_until_ns(from * SECOND_NS - SECOND_NS / 2);
    let before = cluster.cpu()?;
    sleep_until_ns(until * SECOND_NS - SECOND_NS / 2);
    let spent = cluster.cpu()?.since(before);
    sleep_until_ns((until + AFTERMATH_S) * SECOND_NS);
    let starts = cluster.witness.starts()?;
    let wanted = rate * usize::try_from(seconds)?;
    let each = |us: u64| us as f64 / wanted as f64;
    let cpu_us = [spent.agents_us, spent.runners_us, spent.servers_us].map(each);
    let seen = judge(&starts_within(&starts, from, until), wanted)?;
    Ok(Seen { cpu_us, ..seen })
}

/// What these starts say of so many ticks; processor time is not theirs to tell.
///
/// # Errors
/// When there are none.
pub fn judge(starts: &[&Sighting], wanted: usize) -> Result<Seen> {
    let tick = |start: &&Sighting| (start.job.clone(), start.fire_time.clone());
    let ticks: HashSet<_> = starts.iter().map(tick).collect();
    let late: Result<Vec<f64>> = starts.iter().map(|start| lateness_ms(start)).collect();
    Ok(Seen {
        late: Spread::of(late?)?,
        lost: wanted.saturating_sub(ticks.len()),
        doubled: starts.len() - ticks.len(),
        cpu_us: [f64::NAN; 3],
    })
}

/// The starts of ticks from one second up to another.
pub fn starts_within(starts: &[Sighting], from: i64, until: i64) -> Vec<&Sighting> {
    let is_within = |start: &&Sighting| {
        let fire_time = start.fire_time.parse::<Timestamp>();
        fire_time.is_ok_and(|at| (from..until).contains(&at.as_second()))
    };
    starts.iter().filter(is_within).collect()
}
