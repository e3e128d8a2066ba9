//! Bad weather over a cluster of real programs: agents, monitors, MariaDB and a mail server. Every real outage is mailed
//! once, and nothing else. `scripts/weather` runs it and says for how long; `scripts/test` leaves it out.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]
#![expect(clippy::print_stdout, reason = "the figures are the point")]

mod fleet;
mod plan;
mod verdict;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use carillon_testbed::{Database, Proxy, mariadb_database, wait_until_async};

use crate::fleet::Fleet;
use crate::plan::{Deed, Plan};
use crate::verdict::judge;
use crate::watch::Watcher;

/// After the last fault, everything that was begun is told within this time.
const SETTLING: Duration = Duration::from_secs(120);

fn number_of(variable: &str, otherwise: u64) -> u64 {
    let wanted = std::env::var(variable).ok();
    wanted.map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
#[ignore = "takes minutes: scripts/weather"]
fn every_outage_is_mailed_once_and_nothing_else() {
    let database = mariadb_database().unwrap();
    let place = database.url.rsplit_once('/').unwrap().0;
    let port = place.rsplit_once(':').unwrap().1;
    // It has a runtime of its own, and outlives ours.
    let proxy = Arc::new(Proxy::start(port.parse().unwrap()).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(live(database, Arc::clone(&proxy)));
}

async fn live(database: Database, proxy: Arc<Proxy>) {
    let seed = number_of("CARILLON_WEATHER_SEED", 7);
    let lasts = Duration::from_secs(60 * number_of("CARILLON_WEATHER_MINUTES", 3));
    let plan = Plan::roll(seed, lasts);
    println!(
        "seed {seed}, {} s, {} faults",
        lasts.as_secs(),
        plan.deeds.len()
    );
    let mut fleet = Fleet::launch(&plan, database, proxy).await;
    let watcher = Watcher::begin(&fleet);
    let started = Instant::now();

    for (at, deed) in &plan.deeds {
        tokio::time::sleep_until((started + *at).into()).await;
        println!("{:>5.1} s  {deed}", started.elapsed().as_secs_f64());
        fleet.perform(deed).await;
    }
    fleet.perform(&Deed::ClearUp).await;
    let store = fleet.store.clone();
    let settling = Instant::now();
    wait_until_async("every incident to end", SETTLING, async || {
        let open = store.open_incidents().await.ok()?;
        if settling.elapsed() > SETTLING - Duration::from_secs(2) {
            fleet.tell_of(&open);
        }
        open.is_empty().then_some(())
    })
    .await;
    fleet.summon_witness().await;

    let seen = watcher.end().await;
    judge(&plan, &fleet, &seen);
}
