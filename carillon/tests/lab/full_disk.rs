//! The database's disk is full for a while: what could not be recorded did not start, and all of it is told afterwards.

use std::time::Duration;

use carillon_store::Store;
use carillon_testbed::{Folder, SmallDisk, Witness, wait_until};

use crate::embedded::{records, start_up, write_crontab};
use crate::laws::{self, Window};
use crate::rig::machine_now;
use crate::weather::nothing_broke;

const JOBS: usize = 10;

/// Room for the programs' files, and some more.
const ROOM: u64 = 24 << 20;

const LIMIT: Duration = Duration::from_secs(120);

/// The disk stays full until the ticks of so many seconds can only be missed.
const FULL_SECONDS: i64 = 8;

#[test]
fn ticks_of_a_full_disk_are_missed_and_told_and_the_others_run() {
    let folder = Folder::create().unwrap();
    let witness = Witness::create().unwrap();
    let (data, crontab) = (folder.join("data"), folder.join("crontab"));
    std::fs::create_dir(&data).unwrap();
    let disk = match SmallDisk::mount(&data, ROOM) {
        Ok(disk) => disk,
        Err(why) => return println!("skipped: {why}"),
    };
    write_crontab(&crontab, &witness, JOBS, "--output 5000");
    let mut up = start_up(&data, &crontab);
    witness.wait_for_starts(JOBS, LIMIT);
    let from = machine_now() + 1;

    disk.fill();
    wait_until("somebody to say that the disk is full", LIMIT, || {
        up.log().contains("disk is full").then_some(())
    });
    let until = machine_now() + FULL_SECONDS;
    wait_until("ticks to be missed", LIMIT, || {
        (machine_now() >= until).then_some(())
    });
    disk.free();
    let freed = machine_now();
    wait_until("starts of later ticks", LIMIT, || {
        let starts = witness.starts().unwrap();
        let after = |start| laws::fire_second(start) > freed + 2;
        (starts.iter().filter(|start| after(start)).count() >= 3 * JOBS).then_some(())
    });

    let window = Window {
        from,
        until: machine_now(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let address = format!("sqlite:{}", data.join("carillon.db").display());
    let store = runtime.block_on(async { Store::new(address.parse().unwrap()) });
    let jobs: Vec<String> = (1..=JOBS).map(|job| job.to_string()).collect();
    let records = wait_until("every tick to be closed", LIMIT, || {
        assert!(up.exit_status().is_none(), "{}", up.log());
        let records = records(&runtime, &store, window);
        let is_open = records.iter().any(|record| record.state != "done");
        (!is_open && laws::undecided(&records, &jobs, window).is_empty()).then_some(records)
    });
    up.terminate();
    assert!(up.wait_for_exit(LIMIT).success(), "{}", up.log());

    let all_starts = witness.starts().unwrap();
    let starts = laws::starts_within(&all_starts, window);
    let missed = records.iter().filter(|record| record.outcome == "missed");
    println!(
        "{} starts in {} seconds, {} records of missed ticks",
        starts.len(),
        window.until - window.from,
        missed.clone().count()
    );
    assert!(missed.count() > 0, "the disk was not full for long enough");
    nothing_broke("no tick starts twice", laws::doubles(&all_starts));
    nothing_broke("no tick starts early", laws::early(&all_starts));
    nothing_broke("no tick is decided twice", laws::decided_twice(&records));
    nothing_broke("the store tells the truth", laws::lies(&records, &starts));
}
