//! Clocks that are wrong and clocks that are set, of a node and of the store.

use std::time::Duration;

use carillon_core::job::JobSpec;
use carillon_core::launch::LaunchSpec;
use carillon_core::overlap::Overlap;
use carillon_testbed::{MariaDb, MariaDbOptions, WallClock, wait_until};

use crate::laws::{self, Second, Window};
use crate::rig::{JobOfTheLab, Lab, machine_now, watched_seconds};
use crate::weather::{judge, little_broke, nothing_broke};

const JOBS: usize = 20;
const HOUR: i64 = 3_600;
const SOON: Duration = Duration::from_secs(60);

/// What the store has been told of the first node's clock, in seconds.
fn told_offset(lab: &Lab) -> i64 {
    let sql = "select clock_offset_us div 1000000 from nodes where name = 'n1'";
    lab.database.query(sql).unwrap().trim().parse().unwrap()
}

#[test]
fn e13_clock_of_a_node_jumps_by_hours_and_nothing_else_does() {
    let clock = WallClock::create().unwrap();
    clock.set(-5).unwrap();
    let mut lab = Lab::with_jobs(JOBS);
    lab.start_agents_and_one_by(&clock, 3);
    let window = lab.next_window();
    let part = watched_seconds() / 4;

    for (number, offset) in [(1, 5), (2, HOUR), (3, -HOUR)] {
        lab.wait_for_second(window.from + number * part);
        clock.set(offset).unwrap();
    }

    // What the node lacks to the store's time, and that with the clock's last setting: the jumps did happen.
    wait_until(
        "the node to tell what is wrong with its clock",
        SOON,
        || {
            ((HOUR - 1)..=(HOUR + 1))
                .contains(&told_offset(&lab))
                .then_some(())
        },
    );
    let (records, starts) = judge(&lab, window);
    little_broke(
        "every tick runs",
        laws::unsuccessful(&records),
        JOBS * watched_seconds().unsigned_abs() as usize,
    );
    let own = starts.iter().filter(|start| start.node == "n1");
    assert!(own.count() > 0, "the node with the wrong clock ran nothing");
}

/// A lab whose database goes by this clock.
fn lab_by(clock: &WallClock) -> Lab {
    let mariadb = MariaDb::start_with(MariaDbOptions {
        environment: clock.settings(),
        ..MariaDbOptions::default()
    });
    Lab::on(mariadb.unwrap(), |witness| {
        let spec = JobSpec {
            launch: LaunchSpec {
                command: witness.command(),
                ..LaunchSpec::default()
            },
            overlap: Overlap::Allow(60),
            ..JobSpec::default()
        };
        let job = |number| JobOfTheLab {
            name: format!("job {number}"),
            spec: spec.clone(),
        };
        (0..JOBS).map(job).collect()
    })
}

/// Fire times of which starts are told to have been before, by more than clocks may be apart.
fn early_by_the_store(lab: &Lab) -> usize {
    let sql = "select count(distinct fire_time) from runs where started_at < fire_time - 250000";
    lab.database.query(sql).unwrap().trim().parse().unwrap()
}

/// Lives through jumps of the store's clock by so many seconds and judges the store's seconds from the beginning to
/// the end.
fn live_through(jumps: &[i64], apart: Duration) {
    let clock = WallClock::create().unwrap();
    let mut lab = lab_by(&clock);
    lab.start_agents(3);
    let from: Second = lab.now() + 2;
    lab.wait_for_machine(machine_now() + 2);
    for &jump in jumps {
        lab.wait_for_machine(machine_now() + apart.as_secs().cast_signed());
        clock.set(jump).unwrap();
        wait_until("the store to go by its new clock", SOON, || {
            let offset = lab.now() - machine_now();
            ((jump - 1)..=(jump + 1)).contains(&offset).then_some(())
        });
    }
    lab.wait_for_machine(machine_now() + apart.as_secs().cast_signed());
    let furthest = jumps.iter().copied().max().unwrap_or(0);
    let last = jumps.last().copied().unwrap_or(0);
    // A clock that was set back passes the same seconds once more.
    let until = lab.now() + (furthest - last).max(0) + 10;

    let window = Window { from, until };
    let records = lab.closed_records(window);

    let all_starts = lab.witness.starts().unwrap();
    let starts = laws::starts_within(&all_starts, window);
    let ran = records
        .iter()
        .filter(|record| record.outcome == "succeeded");
    println!(
        "{} of {} ticks ran, the clock of the store was set by {jumps:?} s",
        ran.count(),
        JOBS as i64 * (until - from),
    );
    nothing_broke("no tick starts twice", laws::doubles(&all_starts));
    nothing_broke(
        "every tick is decided",
        laws::undecided(&records, &lab.job_ids(), window),
    );
    nothing_broke("no tick is decided twice", laws::decided_twice(&records));
    let inside: Vec<_> = records
        .iter()
        .filter(|record| record.first >= window.from)
        .cloned()
        .collect();
    nothing_broke("the store tells the truth", laws::lies(&inside, &starts));
    // What was claimed in the moment before the clock was set back begins by the clock that was.
    let set_back = jumps.windows(2).filter(|pair| pair[1] < pair[0]).count()
        + usize::from(jumps.first().is_some_and(|&first| first < 0));
    assert!(
        early_by_the_store(&lab) <= set_back,
        "ticks start early by the store's clock"
    );
}

#[test]
fn e14_clock_of_the_store_jumps_ahead_and_back() {
    live_through(&[30, 0], Duration::from_secs(8));
}

#[test]
fn e34_second_that_comes_twice_is_lived_once() {
    live_through(&[-1], Duration::from_secs(5));
}
