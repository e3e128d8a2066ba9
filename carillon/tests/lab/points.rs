//! Chosen instants: agents and runners end before one of their system calls, and before the next one in their next life, so
//! that each step of a tick's journey is met; and a disk fails. A debugger does it (strace), not a switch of the programs.

use std::time::Duration;

use carillon_testbed::{Folder, Process, Witness, leashed, program, require, wait_until};

use crate::agent::Agent;
use crate::embedded::{end_and_judge, start_up, write_crontab};
use crate::laws::{self, Window};
use crate::rig::{Lab, machine_now};
use crate::weather::judge;

const SOON: Duration = Duration::from_secs(60);

/// How many calls are met, one life each; more with `CARILLON_LAB_POINTS`.
fn points() -> u32 {
    let wanted = std::env::var("CARILLON_LAB_POINTS").ok();
    wanted.and_then(|points| points.parse().ok()).unwrap_or(40)
}

/// What an agent says to its stores and its runner, and hears of them.
const TALK: &str = "sendto,recvfrom,sendmsg,recvmsg,write,writev";

/// What a runner writes down, starts, hears and tells.
const DEEDS: &str = "pwrite64,fdatasync,clone,clone3,vfork,sendto,recvfrom,wait4,waitid";

/// What the embedded database does to its file.
const WRITES: &str = "pwrite64,fdatasync,fsync,ftruncate";

/// Lets a process meet `fault` (`signal=KILL:when=7`) at these calls; gone when this is dropped.
fn attach(pid: u32, calls: &str, fault: &str, folder: &Folder) -> Process {
    let strace = require("strace", &["strace"]).expect("strace is there");
    let mut command = leashed(strace);
    command
        .args(["-f", "-o", "/dev/null", "-e"])
        .arg(format!("trace={calls}"))
        .arg("-e")
        .arg(format!("inject={calls}:{fault}"))
        .args(["-p", &pid.to_string()]);
    let log = folder.join(format!("strace {pid} {fault}"));
    let process = Process::start("strace", command, &log).expect("strace starts");
    wait_until("strace to be attached", SOON, || {
        process.log().contains("attached").then_some(())
    });
    process
}

/// A start of a tick that lies ahead, on this node.
fn wait_for_start_on(lab: &Lab, node: &str) {
    let now = machine_now();
    wait_until("a start of the node", SOON, || {
        let starts = lab.witness.starts().expect("only witnesses write the file");
        let is_new = |start: &carillon_testbed::Sighting| {
            start.node == node && laws::fire_second(start) > now
        };
        starts.iter().any(is_new).then_some(())
    });
}

/// One life after the other of a process of the first agent, each ended before a later call.
fn end_at_each_call(calls: &str, victim: impl Fn(&mut Agent) -> u32, after: impl Fn(&mut Agent)) {
    let folder = Folder::create().unwrap();
    let mut lab = Lab::with_jobs(6);
    lab.start_agents(2);
    let mut window = lab.next_window();
    let node = lab.agents[0].name.clone();
    for point in 1..=points() {
        wait_for_start_on(&lab, &node);
        let pid = victim(&mut lab.agents[0]);
        let fault = format!("signal=KILL:when={point}");
        let mut strace = attach(pid, calls, &fault, &folder);
        strace.wait_for_exit(SOON);
        after(&mut lab.agents[0]);
    }
    wait_for_start_on(&lab, &node);
    window.until = machine_now() + 2;

    let (records, starts) = judge(&lab, window);

    let other = |outcome: &str| {
        records
            .iter()
            .filter(|record| record.outcome == outcome)
            .count()
    };
    println!(
        "{} lives ended: {} starts, {} succeeded, {} interrupted, {} lost, {} missed",
        points(),
        starts.len(),
        other("succeeded"),
        other("interrupted"),
        other("lost"),
        other("missed"),
    );
    let lives = usize::try_from(points()).unwrap();
    // Each end may cost what was under way on one node, and no more.
    assert!(
        laws::unsuccessful(&records).len() <= lives * lab.jobs * 3,
        "{:?}",
        laws::unsuccessful(&records)
    );
}

#[test]
#[ignore = "lasts minutes: scripts/lab points"]
fn e01_agent_ends_before_each_of_its_calls_and_nothing_is_doubled_or_undecided() {
    end_at_each_call(
        TALK,
        |agent| agent.process.pid(),
        |agent| {
            agent.process.wait_for_exit(SOON);
            agent.start_again();
        },
    );
}

#[test]
#[ignore = "lasts minutes: scripts/lab points"]
fn e05_runner_ends_before_each_of_its_calls_and_nothing_is_doubled_or_undecided() {
    end_at_each_call(
        DEEDS,
        |agent| agent.runner_pid().expect("it has a runner"),
        |agent| agent.expect_alive(),
    );
}

#[test]
#[ignore = "lasts minutes: scripts/lab points"]
fn e37_runner_whose_disk_fails_starts_nothing_and_goes_on_when_it_works() {
    let folder = Folder::create().unwrap();
    let mut lab = Lab::with_jobs(4);
    lab.start_agents(1);
    let window = lab.next_window();
    let node = lab.agents[0].name.clone();
    wait_for_start_on(&lab, &node);

    let runner = lab.agents[0].runner_pid().unwrap();
    let mut strace = attach(runner, "pwrite64,fdatasync", "error=EIO", &folder);
    let from = machine_now() + 2;
    lab.wait_for_machine(from + 8);
    let until = machine_now();
    strace.terminate();
    strace.wait_for_exit(SOON);
    wait_for_start_on(&lab, &node);
    let window = Window {
        until: machine_now() + 2,
        ..window
    };

    let (records, starts) = judge(&lab, window);
    let meanwhile = |second| (from..until).contains(&second);
    let started = starts
        .iter()
        .map(laws::fire_second)
        .filter(|&second| meanwhile(second));
    assert_eq!(started.count(), 0, "started without a journal");
    let told = records.iter().filter(|record| meanwhile(record.first));
    let told: Vec<_> = told
        .map(|record| (&*record.outcome, &*record.reason))
        .collect();
    println!("{told:?}");
    assert!(
        !told.is_empty()
            && told
                .iter()
                .all(|(outcome, reason)| *outcome != "succeeded" && *reason != "-")
    );
    lab.agents[0].expect_alive();
}

#[test]
#[ignore = "lasts minutes: scripts/lab points"]
fn e46_one_machine_ends_before_each_write_of_its_database() {
    const JOBS: usize = 4;
    let folder = Folder::create().unwrap();
    let witness = Witness::create().unwrap();
    let (data, crontab) = (folder.join("data"), folder.join("crontab"));
    write_crontab(&crontab, &witness, JOBS, "");
    program("carillon").unwrap();
    let mut from = None;
    for point in 1..=points() {
        let seen = witness.starts().unwrap().len();
        let mut up = start_up(&data, &crontab);
        witness.wait_for_starts(seen + JOBS, SOON);
        from.get_or_insert(machine_now() + 1);
        let fault = format!("signal=KILL:when={point}");
        attach(up.pid(), WRITES, &fault, &folder).wait_for_exit(SOON);
        up.wait_for_exit(SOON);
    }
    let up = start_up(&data, &crontab);
    let seen = witness.starts().unwrap().len();
    witness.wait_for_starts(seen + 2 * JOBS, SOON);
    let window = Window {
        from: from.unwrap(),
        until: machine_now(),
    };

    let (records, starts) = end_and_judge(up, &data, &witness, (window, JOBS));
    println!(
        "{} lives ended: {} starts, {} records",
        points(),
        starts.len(),
        records.len()
    );
}
