//! Writes down what is known when a schedule is over: the store's records, the witness's file, and what is still there.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use carillon_testbed::wait_until;

use super::history::{FILES, NODES, ROWS, Role, VERSIONS};
use super::journal::Journal;
use crate::laws::Window;
use crate::rig::Lab;

/// Every tick is closed so long after the end, on a machine that is busy.
const CLOSE_LIMIT: Duration = Duration::from_secs(240);

/// `agent stop` returns when the commands have ended, and the runner ends after it.
const STOP_LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Evidence {
    pub(crate) folder: PathBuf,
}

impl Evidence {
    /// An empty folder for this seed.
    pub(crate) fn begin(seed: u64) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("nemesis/seed-{seed}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("the target folder can be written");
        Self { folder }
    }

    /// Waits until everything is decided, ends the agents, and writes all but the faults.
    pub(crate) fn take(&self, mut lab: Lab, window: Window, roles: &[Role], journal: &Journal) {
        // Kept as they are if what follows does not end well.
        self.write_faults(journal);
        self.await_the_last_decision(&lab, window);
        let mut left = Vec::new();
        stop_agents(&mut lab, &mut left);
        let [
            in_window,
            jobs,
            versions,
            nodes,
            runs,
            witness,
            _,
            left_over,
        ] = FILES;
        let from_database = |sql: &str| lab.database.query(sql).expect("the database answers");
        self.write(in_window, &format!("{}\t{}\n", window.from, window.until));
        let ids = lab.jobs_made.iter().zip(roles);
        self.write(
            jobs,
            &ids.map(|(id, role)| format!("{id}\t{role}\n"))
                .collect::<String>(),
        );
        self.write(versions, &from_database(VERSIONS));
        self.write(nodes, &from_database(NODES));
        self.write(
            runs,
            &from_database(&format!("{ROWS} and {}", touching(window))),
        );
        std::fs::copy(lab.witness.path(), self.folder.join(witness)).expect("it is copied");
        for agent in &lab.agents {
            let log = agent.process.log();
            let panics = log.lines().filter(|line| line.contains("panicked at"));
            left.extend(panics.map(|line| format!("{}: {line}", agent.name)));
            std::fs::write(self.folder.join(format!("{}.log", agent.name)), log)
                .expect("it is written");
        }
        left.extend(
            lab.witness
                .living()
                .iter()
                .map(|line| format!("still there: {line}")),
        );
        self.write(
            left_over,
            &left
                .iter()
                .map(|line| format!("{line}\n"))
                .collect::<String>(),
        );
    }

    pub(crate) fn write_faults(&self, journal: &Journal) {
        self.write(FILES[6], &journal.lines());
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).expect("the target folder can be written");
    }

    /// Or until it has taken too long: then a law says so.
    fn await_the_last_decision(&self, lab: &Lab, window: Window) {
        let until_us = window.until * 1_000_000;
        let open = format!(
            "select (select count(*) from runs where kind = 0 and state <> 'done' and {}) \
             + (select count(*) from cluster where audited_until < {until_us})",
            touching(window)
        );
        let begun = Instant::now();
        let mut asked = Instant::now();
        wait_until("every tick to be decided", CLOSE_LIMIT * 2, || {
            if asked.elapsed() < Duration::from_millis(500) {
                return None;
            }
            asked = Instant::now();
            let count = lab.database.query(&open).expect("the database answers");
            (count.trim() == "0" || begun.elapsed() > CLOSE_LIMIT).then_some(())
        });
    }
}

fn touching(window: Window) -> String {
    let (from, until) = (window.from - 60, window.until);
    format!("fire_time < {until} * 1000000 and coalesce(until_time, fire_time) >= {from} * 1000000")
}

fn stop_agents(lab: &mut Lab, left: &mut Vec<String>) {
    std::thread::scope(|scope| {
        let stops = lab
            .agents
            .iter()
            .map(|agent| scope.spawn(|| (agent.name.clone(), agent.stop_within(STOP_LIMIT))));
        for stop in stops.collect::<Vec<_>>() {
            let (name, (code, said)) = stop.join().expect("a stop does not panic");
            if code != 0 {
                left.push(format!("{name} did not stop ({code}): {said}"));
            }
        }
    });
    let begun = Instant::now();
    // Runners end when their agents have gone; what is a process of theirs has its witness's file in its command line.
    wait_until("everything to end", STOP_LIMIT * 2, || {
        (lab.witness.living().is_empty() || begun.elapsed() > STOP_LIMIT).then_some(())
    });
}
