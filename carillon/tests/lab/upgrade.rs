//! Programs that are replaced while jobs run.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use carillon_testbed::wait_until;

use crate::laws;
use crate::rig::{Lab, ROOMY, watched_seconds};
use crate::weather::{judge, little_broke};

const SOON: Duration = Duration::from_secs(60);
const JOBS: usize = 10;

/// So much of each second is busy: an agent that looks for an idle moment at its heartbeats alone may find none, since
/// those keep their distance from the second.
const BUSY: &str = "--sleep 0.5";

/// The file that a process executes, also one that has been replaced.
pub(crate) fn file_of(pid: u32) -> Option<u64> {
    let exe = PathBuf::from(format!("/proc/{pid}/exe"));
    std::fs::metadata(exe).ok().map(|file| file.ino())
}

/// What `admin migrate` of the next release does to a running cluster: columns and a table that this program does not know,
/// and the word that it knows enough.
const NEXT_RELEASE: [&str; 5] = [
    "alter table runs add column colour varchar(20) not null default ''",
    "alter table nodes add column colour varchar(20)",
    "create table colours (id int primary key)",
    "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'colours', true, x'00', 0)",
    "insert into schema_levels (level, least_known) select 9999, max(version) from _sqlx_migrations where version < 9999",
];

#[test]
fn agents_of_this_release_start_again_on_the_tables_of_the_next_and_lose_no_tick() {
    let mut lab = Lab::with_overlap(JOBS, BUSY, ROOMY);
    lab.start_agents(2);
    let window = lab.next_window();
    lab.wait_for_second(window.from + 3);

    for step in NEXT_RELEASE {
        lab.database.query(step).unwrap();
    }
    let (code, _, said) = lab.agents[0].call(&["restart"]);
    assert_eq!(code, 0, "{said}");
    lab.agents[1].kill();
    lab.agents[1].start_again();

    let (records, _) = judge(&lab, window);
    let ticks = JOBS * watched_seconds().unsigned_abs() as usize;
    little_broke("every tick runs", laws::unsuccessful(&records), ticks);
    for agent in &lab.agents {
        let told = "has schema 9999";
        assert!(
            agent.process.log().contains(told),
            "{}",
            agent.process.log()
        );
    }
    let (code, checked, _) = lab.agents[0].call(&["check"]);
    assert!(
        code == 0 && checked.contains("warning database"),
        "{checked}"
    );
}

#[test]
fn upgraded_agents_and_runners_lose_no_tick() {
    let mut lab = Lab::with_overlap(JOBS, BUSY, ROOMY);
    lab.install_agent();
    lab.start_agents(2);
    let met = || lab.agents[0].runner_pid();
    let before = wait_until("the runner to answer", SOON, met);
    let old_file = file_of(before).unwrap();
    let window = lab.next_window();
    lab.wait_for_second(window.from + 3);

    lab.install_agent();
    for agent in &lab.agents {
        let (code, _, said) = agent.call(&["restart"]);
        assert_eq!(code, 0, "{said}");
    }

    // While nothing runs: between two seconds.
    let pid = wait_until("the runner to be the new one", SOON, || {
        let pid = lab.agents[0].runner_pid()?;
        (file_of(pid)? != old_file).then_some(pid)
    });
    let (records, _) = judge(&lab, window);
    let ticks = JOBS * watched_seconds().unsigned_abs() as usize;
    little_broke("every tick runs", laws::unsuccessful(&records), ticks);
    assert_eq!(lab.agents[0].runner_pid(), Some(pid), "it is replaced once");
}
