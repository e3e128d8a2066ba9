//! The database's disk is full for a while: what could not be recorded did not start, and all of it is told afterwards.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use carillon_testbed::{Folder, SmallDisk, Witness, wait_until};

use crate::embedded::{end_and_judge, start_up, write_crontab};
use crate::laws::{self, Window};
use crate::rig::{Lab, machine_now};
use crate::weather::judge;

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
    let up = start_up(&data, &crontab);
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
    let (records, starts) = end_and_judge(up, &data, &witness, (window, JOBS));
    let missed = records.iter().filter(|record| record.outcome == "missed");
    println!(
        "{} starts in {} seconds, {} records of missed ticks",
        starts.len(),
        window.until - window.from,
        missed.clone().count()
    );
    assert!(missed.count() > 0, "the disk was not full for long enough");
}

/// Moves the tables of the lab to a disk of their own, with room for what they are and some more.
fn move_tables(lab: &mut Lab) -> Result<SmallDisk, String> {
    let tables = lab.mariadb.folder().join("data").join(&lab.database.name);
    let aside = lab.mariadb.folder().join("aside");
    lab.mariadb.kill();
    let copy = |from: &Path, to: &Path| {
        let done = Command::new("cp").arg("-a").arg(from).arg(to).status();
        assert!(done.unwrap().success());
    };
    copy(&tables.join("."), &aside);
    let disk = SmallDisk::mount(&tables, ROOM)?;
    copy(&aside.join("."), &tables);
    let owner = std::fs::metadata(&aside).unwrap();
    std::os::unix::fs::chown(&tables, Some(owner.uid()), Some(owner.gid())).unwrap();
    lab.mariadb.restart().unwrap();
    Ok(disk)
}

/// MariaDB can add no page to a table: it refuses what would need one, and goes on with the rest.
#[test]
#[ignore = "lasts two minutes: scripts/lab long"]
fn e24_tables_without_room_cost_ticks_that_are_told_and_double_none() {
    let mut lab = Lab::with_jobs(60);
    let disk = match move_tables(&mut lab) {
        Ok(disk) => disk,
        Err(why) => return println!("skipped: {why}"),
    };
    lab.start_agents(2);
    lab.witness.wait_for_starts(60, LIMIT);
    let window = lab.next_window();

    lab.wait_for_machine(window.from + 2);
    disk.fill();
    wait_until("the database to be without room", LIMIT, || {
        let log = lab.mariadb.process().log();
        let agents = lab.agents.iter().map(|agent| agent.process.log());
        agents
            .chain([log])
            .any(|log| log.contains("full"))
            .then_some(())
    });
    let until = machine_now() + FULL_SECONDS;
    lab.wait_for_machine(until);
    disk.free();
    let freed = machine_now();
    wait_until("starts of later ticks", LIMIT, || {
        let starts = lab.witness.starts().unwrap();
        let after = |start| laws::fire_second(start) > freed + 2;
        (starts.iter().filter(|start| after(start)).count() >= 120).then_some(())
    });

    let window = Window {
        until: machine_now() + 2,
        ..window
    };
    let (records, _) = judge(&lab, window);
    let missed = records.iter().filter(|record| record.outcome == "missed");
    println!("{} records of missed ticks", missed.clone().count());
    assert!(missed.count() > 0, "the disk was not full for long enough");
    for agent in &mut lab.agents {
        agent.expect_alive();
    }
}
