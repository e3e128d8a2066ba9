//! Many jobs due in one second, once: until when all are claimed, when the last starts, and whether any is lost.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use carillon_core::run::Phase;
use carillon_store::{Run, RunFilter};
use jiff::{SignedDuration, Timestamp};

use crate::cluster::{Cluster, Stores, lateness_ms};
use crate::limit::{self, Way};
use crate::machine::{SECOND_NS, load, next_second, sleep_until_ns};
use crate::peer::{Deed, Peer};
use crate::spread::Spread;
use crate::table::{Table, ms, ratio, show};

/// After this long whatever has not started is lost.
const PATIENCE_S: i64 = 90;

/// Runs read at a time.
const PAGE: u32 = 1000;

const HEAD: [&str; 13] = [
    "seconds after it",
    "last claim",
    "median start",
    "last start",
    "last start × limit",
    "× limit-sh",
    "all recorded",
    "lost",
    "doubled",
    "CPU µs/start: agent",
    "runner",
    "servers",
    "load",
];

/// Measures these crowds on these stores with so many agents, beside these peers. A peer that loses or doubles starts in
/// one crowd is not asked for the next.
///
/// # Errors
/// When something does not come up or a bare command fails.
pub async fn compare(
    crowds: &[usize],
    clusters: &[(Stores, usize)],
    peers: &[Peer],
) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    let mut able = peers.to_vec();
    for &jobs in crowds {
        let mut table = Table::new(format!("{jobs} due in one second"), &HEAD);
        let measure = |way| -> Result<_> { Ok((way, load()?, limit::burst(way, jobs)?)) };
        let bare = [measure(Way::Direct)?, measure(Way::Shell)?];
        let limits = [bare[0].2.max, bare[1].2.max];
        for (way, load, spread) in bare {
            let mut row = vec![
                way.name().to_owned(),
                "–".to_owned(),
                s(spread.p50),
                s(spread.max),
            ];
            row.extend(limits.map(|limit| ratio(spread.max, limit)));
            row.extend(std::iter::repeat_n("–".to_owned(), 6));
            row.push(load);
            table.add(row);
        }
        let mut still_able = Vec::new();
        for peer in able {
            let load = load()?;
            let deed = peer.burst(jobs)?;
            table.add(tell(&peer, &deed, limits, load));
            if deed.lost == 0 && deed.doubled == 0 {
                still_able.push(peer);
            }
        }
        able = still_able;
        for &(stores, agents) in clusters {
            let load = load()?;
            let seen = watch(stores, agents, jobs).await?;
            let name = format!("{}, {agents} × agent", stores.name());
            let mut row = vec![
                name,
                s(seen.last_claim_ms),
                s(seen.late.p50),
                s(seen.late.max),
            ];
            row.extend(limits.map(|limit| ratio(seen.late.max, limit)));
            row.push(s(seen.all_recorded_ms));
            row.extend([seen.lost, seen.doubled].map(|count| count.to_string()));
            row.extend(seen.cpu_us.map(|us| format!("{us:.0}")));
            row.push(load);
            table.add(row);
        }
        show(&table);
        tables.push(table);
    }
    Ok(tables)
}

fn tell(peer: &Peer, deed: &Deed, limits: [f64; 2], load: String) -> Vec<String> {
    let none = || "–".to_owned();
    let mut row = vec![
        peer.name.to_owned(),
        none(),
        s(deed.late.p50),
        s(deed.late.max),
    ];
    row.extend(limits.map(|limit| ratio(deed.late.max, limit)));
    row.push(none());
    row.extend([deed.lost, deed.doubled].map(|count| count.to_string()));
    row.push(format!("{:.0}", deed.cpu_us));
    row.push(none());
    row.push(format!("{:.0}", deed.server_cpu_us));
    row.push(load);
    row
}

fn s(milliseconds: f64) -> String {
    ms(milliseconds / 1000.0)
}

struct Seen {
    late: Spread,
    last_claim_ms: f64,
    all_recorded_ms: f64,
    lost: usize,
    doubled: usize,
    cpu_us: [f64; 3],
}

async fn watch(stores: Stores, agents: usize, jobs: usize) -> Result<Seen> {
    let mut cluster = Cluster::start(stores, agents).await?;
    let lead_s = 10 + i64::try_from(jobs)? / 400;
    let second = next_second(lead_s);
    let fire_time = Timestamp::from_second(second)?;
    let expression = format!("@at {}", fire_time.strftime("%Y-%m-%dT%H:%M:%S"));
    cluster.add_jobs(&expression, jobs).await?;
    ensure!(
        next_second(0) < second,
        "loading {jobs} jobs took longer than {lead_s} s"
    );
    sleep_until_ns((second - 1) * SECOND_NS);
    let before = cluster.cpu()?;
    let until = second + PATIENCE_S;
    let runs = loop {
        std::thread::sleep(Duration::from_millis(500));
        let runs = match cluster.witness.starts()?.len() < jobs {
            true => Vec::new(),
            false => read_runs(&cluster, fire_time).await?,
        };
        let is_over = runs.len() == jobs && runs.iter().all(|run| run.state == Phase::Done);
        if is_over || next_second(0) > until {
            break read_runs(&cluster, fire_time).await?;
        }
    };
    let spent = cluster.cpu()?.since(before);
    let starts = cluster.witness.starts()?;
    let ticks: HashSet<_> = starts.iter().map(|start| &start.job).collect();
    let late: Result<Vec<f64>> = starts.iter().map(lateness_ms).collect();
    let since = |at: Timestamp| at.duration_since(fire_time).as_secs_f64() * 1000.0;
    let latest = |at: fn(&Run) -> Option<Timestamp>| {
        runs.iter().filter_map(at).max().map_or(f64::NAN, since)
    };
    let each = |us: u64| us as f64 / jobs as f64;
    Ok(Seen {
        late: Spread::of(late?)?,
        last_claim_ms: latest(|run| run.claimed_at),
        all_recorded_ms: latest(|run| run.ended_at),
        lost: jobs.saturating_sub(ticks.len()),
        doubled: starts.len() - ticks.len(),
        cpu_us: [spent.agents_us, spent.runners_us, spent.servers_us].map(each),
    })
}

/// Every run of this fire time.
async fn read_runs(cluster: &Cluster, fire_time: Timestamp) -> Result<Vec<Run>> {
    let mut filter = RunFilter {
        from: Some(fire_time),
        before: Some(fire_time + SignedDuration::from_secs(1)),
        ..RunFilter::default()
    };
    let mut runs = Vec::new();
    loop {
        let page = cluster.store.runs(&filter, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        runs.extend(page.into_iter().map(|listed| listed.run));
        filter.after = runs.last().map(|run: &Run| run.tick);
        if is_last {
            return Ok(runs);
        }
    }
}
