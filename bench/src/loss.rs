//! A machine is lost while jobs are due every second: what becomes of their ticks, and of what ran there.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use carillon_core::job::{Delivery, JobSpec};
use carillon_core::launch::LaunchSpec;
use carillon_core::retry::Retry;
use carillon_core::run::Outcome;
use carillon_testbed::{Sighting, wait_until};

use crate::cluster::{Cluster, Stores};
use crate::every_second::{judge, starts_within};
use crate::machine::{SECOND_NS, load, next_second, now_ns, sleep_until_ns};
use crate::spread::Spread;
use crate::table::{Table, ms, show};

/// Commands that run when the machine is lost, on all nodes together.
const LONG: usize = 30;

/// What is not taken up again after this long is not taken up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Has a cluster of so many nodes run `rate` jobs each second and some long ones, ends one node without a word, and tells of
/// so many seconds before and after.
///
/// # Errors
/// When something does not come up, or nobody takes up what ran on the lost node.
pub async fn measure(nodes: usize, rate: usize, seconds: i64) -> Result<Vec<Table>> {
    let load = load()?;
    let mut cluster = Cluster::start(Stores::MariaDbAndRedis, nodes).await?;
    start_long_ones(&mut cluster).await?;
    cluster.add_jobs("* * * * * *", rate).await?;
    let from = next_second(3);
    let lost_at = (from + seconds) * SECOND_NS + SECOND_NS / 2;
    let until = from + 2 * seconds;
    sleep_until_ns(lost_at);
    cluster.lose_first_node()?;
    let lost_at = now_ns();
    sleep_until_ns((until + 4) * SECOND_NS);
    let again = wait_until("what ran there to begin again", PATIENCE, || {
        let starts = cluster.witness.starts().ok()?;
        let waits = taken_up(&starts, lost_at);
        (waits.len() >= on_first_node(&starts)).then_some(waits)
    });
    let starts = cluster.witness.starts()?;
    let mut ticks = Table::new(
        format!("One of {nodes} machines is lost, {rate} due every second"),
        &[
            "late by, ms",
            "ticks",
            "p50",
            "p99",
            "p99.9",
            "max",
            "lost",
            "doubled",
            "load",
        ],
    );
    let wanted = rate * usize::try_from(seconds)?;
    for (name, from) in [("before it", from), ("after it", from + seconds)] {
        let seen = judge(&starts_within(&starts, from, from + seconds), wanted)?;
        let mut row = vec![format!("the {seconds} s {name}"), wanted.to_string()];
        row.extend([seen.late.p50, seen.late.p99, seen.late.p999, seen.late.max].map(ms));
        row.extend([seen.lost, seen.doubled].map(|count| count.to_string()));
        row.push(load.clone());
        ticks.add(row);
    }
    show(&ticks);
    let count = again.len();
    let waits = Spread::of(again)?;
    let mut runs = Table::new(
        "What ran on it begins again elsewhere",
        &["seconds after the loss", "runs", "p50", "max", "load"],
    );
    let s = |milliseconds: f64| ms(milliseconds / 1000.0);
    runs.add([
        "jobs that may start twice".to_owned(),
        count.to_string(),
        s(waits.p50),
        s(waits.max),
        load,
    ]);
    show(&runs);
    Ok(vec![ticks, runs])
}

/// Jobs that begin once, in a second of their own, and would run for an hour.
async fn start_long_ones(cluster: &mut Cluster) -> Result<()> {
    let spec = JobSpec {
        launch: LaunchSpec {
            command: format!("{} --sleep 3600", cluster.witness.command()),
            ..LaunchSpec::default()
        },
        delivery: Delivery::AtLeastOnce,
        retry: Retry {
            max_attempts: 2,
            delay_s: 0.0,
            on: vec![Outcome::Lost],
            ..Retry::default()
        },
        ..JobSpec::default()
    };
    let at = jiff::Timestamp::from_second(next_second(5))?;
    let expression = format!("@at {}", at.strftime("%Y-%m-%dT%H:%M:%S"));
    cluster.add_jobs_of(spec, &expression, LONG).await?;
    let starts = cluster.witness.wait_for_starts(LONG, PATIENCE);
    let nodes: BTreeSet<&str> = starts.iter().map(|start| &*start.node).collect();
    ensure!(
        on_first_node(&starts) > 0,
        "no long job began on the first node, but on {nodes:?}"
    );
    Ok(())
}

/// How many of the long jobs began on the node that is lost.
fn on_first_node(starts: &[Sighting]) -> usize {
    let long = starts.iter().take(LONG);
    long.filter(|start| start.node == "n1").count()
}

/// How long after the loss each second attempt began, in milliseconds.
fn taken_up(starts: &[Sighting], lost_at: i64) -> Vec<f64> {
    let again = starts.iter().filter(|start| start.attempt == "2");
    again
        .map(|start| (start.at_ns - i128::from(lost_at)) as f64 / 1e6)
        .collect()
}
