//! Faults that last for minutes: `scripts/lab long`.

use std::time::Duration;

use carillon_testbed::{Sighting, wait_until};

use crate::laws::{Record, Window};
use crate::rig::{Lab, machine_now};
use crate::weather::{judge, nothing_broke};

const JOBS: usize = 20;
const SOON: Duration = Duration::from_secs(60);

/// Lives a window of so many seconds before the fault, so many of it and so many after it.
fn live_through(
    seconds: (i64, i64, i64),
    begin: impl FnOnce(&mut Lab),
    end: impl FnOnce(&mut Lab),
) -> (Vec<Record>, Vec<Sighting>, Window) {
    let mut lab = Lab::with_jobs(JOBS);
    lab.start_agents(3);
    let from = machine_now() + 2;
    let window = Window {
        from,
        until: from + seconds.0 + seconds.1 + seconds.2,
    };
    lab.wait_for_machine(from + seconds.0);
    begin(&mut lab);
    lab.wait_for_machine(from + seconds.0 + seconds.1);
    end(&mut lab);
    lab.wait_for_machine(window.until);
    let (records, starts) = judge(&lab, window);
    (records, starts, window)
}

/// Ticks of these seconds that did not succeed.
fn unlucky(records: &[Record], from: i64, until: i64) -> Vec<String> {
    let unlucky = records
        .iter()
        .filter(|record| (from..until).contains(&record.first) && record.outcome != "succeeded");
    unlucky.map(|record| format!("{record:?}")).collect()
}

#[test]
#[ignore = "lasts three minutes: scripts/lab long"]
fn e12_agent_that_stands_still_for_a_minute_doubles_nothing() {
    let (records, _, window) = live_through(
        (10, 65, 25),
        |lab| lab.agents[0].process.pause(),
        |lab| lab.agents[0].process.resume(),
    );

    // Others take its ticks, all but those that it held when it was stopped.
    let (from, until) = (window.from + 15, window.until);
    nothing_broke("others take its ticks", unlucky(&records, from, until));
}

#[test]
#[ignore = "lasts five minutes: scripts/lab long"]
fn e19_database_that_is_gone_for_three_minutes_is_used_again() {
    let (records, starts, window) = live_through(
        (10, 180, 30),
        |lab| lab.mariadb.kill(),
        |lab| lab.mariadb.restart().expect("it comes up again"),
    );

    let after = window.until - 15;
    nothing_broke("all is well again", unlucky(&records, after, window.until));
    assert!(starts.len() >= JOBS * 20, "{} starts", starts.len());
    let missed = records.iter().filter(|record| record.outcome == "missed");
    let reasons: std::collections::BTreeSet<&str> =
        missed.map(|record| record.reason.as_str()).collect();
    assert!(reasons.contains("store_unavailable"), "{reasons:?}");
}

#[test]
#[ignore = "lasts three minutes: scripts/lab long"]
fn e20_database_that_stands_still_for_a_minute_is_used_again() {
    let (records, _, window) = live_through(
        (10, 60, 30),
        |lab| lab.mariadb.pause(),
        |lab| lab.mariadb.resume(),
    );

    let after = window.until - 15;
    nothing_broke("all is well again", unlucky(&records, after, window.until));
}

#[test]
#[ignore = "lasts two minutes: scripts/lab long"]
fn e25_jobs_that_a_stranger_locks_wait_and_are_decided() {
    let (records, _, window) = live_through(
        (10, 20, 30),
        |lab| {
            let sql = "begin; select id from jobs for update; do sleep(20); commit";
            lab.database.query(sql).expect("the stranger is let in");
        },
        |_| {},
    );

    let after = window.until - 15;
    nothing_broke("all is well again", unlucky(&records, after, window.until));
    let held = unlucky(&records, window.from + 12, window.from + 20);
    assert!(!held.is_empty(), "the lock held nothing");
}

#[test]
#[ignore = "lasts two minutes: scripts/lab long"]
fn e17_redis_without_room_refuses_every_lock_and_costs_no_tick() {
    let refuse = |lab: &mut Lab| {
        let told = lab.redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
        told.expect("Redis answers");
        let refused = lab.redis.command(&["SET", "anything", "at all"]);
        assert!(format!("{refused:?}").contains("OOM"), "{refused:?}");
    };

    let (records, _, window) = live_through((10, 30, 10), refuse, |lab| {
        let told = lab.redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
        told.expect("Redis answers");
    });

    nothing_broke(
        "every tick runs",
        unlucky(&records, window.from, window.until),
    );
}

#[test]
#[ignore = "lasts two minutes: scripts/lab long"]
fn e25_database_that_lets_few_in_is_borne() {
    let (records, _, window) = live_through(
        (10, 30, 30),
        |lab| {
            let user = &lab.database.user;
            let sql = format!("kill user {user}; set global max_connections = 10");
            lab.mariadb.query(&sql).expect("root is let in");
        },
        |lab| {
            // One place more is kept for whoever may change this, and a client may be in it at any moment.
            wait_until("root to be let in", SOON, || {
                let sql = "set global max_connections = 500";
                lab.mariadb.query(sql).ok()
            });
        },
    );

    let after = window.until - 15;
    nothing_broke("all is well again", unlucky(&records, after, window.until));
}
