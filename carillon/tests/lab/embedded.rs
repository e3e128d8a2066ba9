//! One program, one folder: `carillon up` rings a real crontab of sixty jobs a second.

use std::path::Path;
use std::time::Duration;

use carillon_core::run::Phase;
use carillon_store::{ListedRun, RunFilter, Store};
use carillon_testbed::{Folder, Process, Sighting, Witness, leashed, program, wait_until};
use jiff::Timestamp;

use crate::laws::{self, Record, Window};
use crate::rig::{machine_now, watched_seconds};
use crate::weather::{little_broke, nothing_broke};

const JOBS: usize = 60;

/// More than the program needs to build its tables, start, decide the last tick, or end.
const LIMIT: Duration = Duration::from_secs(90);

/// A crontab of so many lines of every second, whose witnesses get these arguments.
pub(crate) fn write_crontab(path: &Path, witness: &Witness, jobs: usize, arguments: &str) {
    let command = format!("{} {arguments}", witness.command());
    let lines = (0..jobs).map(|job| format!("# bell {job}\n* * * * * * {}\n", command.trim_end()));
    std::fs::write(path, lines.collect::<String>()).expect("the temporary folder can be written");
}

pub(crate) fn start_up(data: &Path, crontab: &Path) -> Process {
    let mut command = leashed(program("carillon").expect("carillon is built"));
    command
        .args(["up", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .arg(crontab);
    Process::start("carillon up", command, &data.with_extension("log")).expect("carillon starts")
}

/// The runs whose ticks touch the window.
fn records(runtime: &tokio::runtime::Runtime, store: &Store, window: Window) -> Vec<Record> {
    let second = |second| Timestamp::from_second(second).expect("a second of these days");
    let filter = RunFilter {
        from: Some(second(window.from)),
        before: Some(second(window.until)),
        ..RunFilter::default()
    };
    let runs = runtime.block_on(store.runs(&filter, 100_000));
    runs.expect("the database answers")
        .iter()
        .map(record)
        .collect()
}

fn record(listed: &ListedRun) -> Record {
    let run = &listed.run;
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    Record {
        job: run.tick.job.to_string(),
        first: run.tick.fire_time.as_second(),
        last: run.until.unwrap_or(run.tick.fire_time).as_second(),
        state: if run.state == Phase::Done {
            "done"
        } else {
            "open"
        }
        .to_owned(),
        outcome: text(run.outcome.map(|outcome| outcome.to_string())),
        reason: text(run.reason.map(|reason| reason.to_string())),
    }
}

/// Waits until every tick of the window is closed, ends the program, and judges by the laws that hold in every weather.
pub(crate) fn end_and_judge(
    mut up: Process,
    data: &Path,
    witness: &Witness,
    (window, jobs): (Window, usize),
) -> (Vec<Record>, Vec<Sighting>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let address = format!("sqlite:{}", data.join("carillon.db").display());
    let store = runtime.block_on(async { Store::new(address.parse().expect("it is an address")) });
    let jobs: Vec<String> = (1..=jobs).map(|job| job.to_string()).collect();
    let records = wait_until("every tick to be closed", 2 * LIMIT, || {
        assert!(up.exit_status().is_none(), "{}", up.log());
        let records = records(&runtime, &store, window);
        let is_open = records.iter().any(|record| record.state != "done");
        (!is_open && laws::undecided(&records, &jobs, window).is_empty()).then_some(records)
    });
    up.terminate();
    assert!(up.wait_for_exit(LIMIT).success(), "{}", up.log());
    let all_starts = witness.starts().expect("only witnesses write the file");
    let starts = laws::starts_within(&all_starts, window);
    nothing_broke("no tick starts twice", laws::doubles(&all_starts));
    nothing_broke("no tick starts early", laws::early(&all_starts));
    nothing_broke("no tick is decided twice", laws::decided_twice(&records));
    nothing_broke("the store tells the truth", laws::lies(&records, &starts));
    (records, starts)
}

#[test]
fn sixty_lines_of_a_crontab_ring_every_second() {
    let folder = Folder::create().expect("the temporary folder can be written");
    let witness = Witness::create().expect("the witness is built");
    let (data, crontab) = (folder.join("data"), folder.join("crontab"));
    write_crontab(&crontab, &witness, JOBS, "");
    let up = start_up(&data, &crontab);
    witness.wait_for_starts(JOBS, LIMIT);

    let from = machine_now() + 2;
    let window = Window {
        from,
        until: from + watched_seconds(),
    };
    let limit = LIMIT + Duration::from_secs(watched_seconds().unsigned_abs());
    wait_until("the end of the window", limit, || {
        (machine_now() >= window.until).then_some(())
    });
    let (records, starts) = end_and_judge(up, &data, &witness, (window, JOBS));
    let (p50, p99, max) = laws::lateness_ms(&starts);
    println!(
        "{} starts; late by {p50:.1} ms p50, {p99:.1} ms p99, {max:.1} ms at most",
        starts.len()
    );
    // Lines of a crontab do not overlap: a busy machine may skip a few, and says so.
    little_broke("ticks succeed", laws::unsuccessful(&records), records.len());
}
