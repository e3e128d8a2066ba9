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
fn file_of(pid: u32) -> Option<u64> {
    let exe = PathBuf::from(format!("/proc/{pid}/exe"));
    std::fs::metadata(exe).ok().map(|file| file.ino())
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
