//! What an agent weighs that has jobs but nothing to do: memory and processor time.

use anyhow::Result;

use crate::cluster::{Cluster, Stores};
use crate::machine::{SECOND_NS, load, next_second, sleep_until_ns};
use crate::peer::Peer;
use crate::table::{Table, mib, show};

/// Measures an idle agent with so many jobs, over so many seconds, beside these peers.
///
/// # Errors
/// When something does not come up.
pub async fn measure(
    (crowds, seconds): (&[usize], i64),
    stores: &[Stores],
    peers: &[Peer],
) -> Result<Table> {
    let mut table = Table::new(
        format!("idle for {seconds} s"),
        &[
            "jobs loaded",
            "agent MiB",
            "of it its own",
            "runner MiB",
            "of it its own",
            "both MiB",
            "agent CPU %",
            "runner CPU %",
            "bytes/job",
            "loaded after s",
            "one more known after s",
            "load",
        ],
    );
    for &stores in stores {
        for &jobs in crowds {
            let load = load()?;
            let mut cluster = Cluster::start(stores, 1).await?;
            let (empty, _) = cluster.memory()?;
            let loaded_s = cluster.add_jobs("0 0 1 1 *", jobs).await?;
            let from = next_second(3);
            sleep_until_ns(from * SECOND_NS);
            let before = cluster.cpu()?;
            sleep_until_ns((from + seconds) * SECOND_NS);
            let spent = cluster.cpu()?.since(before);
            let (agent, runner) = cluster.memory()?;
            let one_more_s = cluster.add_jobs("0 0 1 1 *", 1).await?;
            let bytes_each =
                agent.anonymous_kib.saturating_sub(empty.anonymous_kib) * 1024 / jobs as u64;
            let percent = |us: u64| format!("{:.2}", us as f64 / 1e4 / seconds as f64);
            table.add([
                format!("{jobs}, {}", stores.name()),
                mib(agent.proportional_kib),
                mib(agent.anonymous_kib),
                mib(runner.proportional_kib),
                mib(runner.anonymous_kib),
                mib(agent.proportional_kib + runner.proportional_kib),
                percent(spent.agents_us),
                percent(spent.runners_us),
                bytes_each.to_string(),
                format!("{loaded_s:.2}"),
                format!("{one_more_s:.2}"),
                load,
            ]);
        }
    }
    add_peers(&mut table, (crowds, seconds), peers)?;
    show(&table);
    Ok(table)
}

fn add_peers(table: &mut Table, (crowds, seconds): (&[usize], i64), peers: &[Peer]) -> Result<()> {
    for peer in peers {
        for &jobs in crowds {
            let load = load()?;
            let (whole, share) = peer.idle(jobs, seconds)?;
            let mut row = vec![format!("{jobs}, {}", peer.name)];
            row.extend([whole.proportional_kib, whole.anonymous_kib].map(mib));
            row.extend(["–", "–"].map(str::to_owned));
            row.push(mib(whole.proportional_kib));
            row.push(format!("{:.2}", share * 100.0));
            row.extend(["–"; 4].map(str::to_owned));
            row.push(load);
            table.add(row);
        }
    }
    Ok(())
}
