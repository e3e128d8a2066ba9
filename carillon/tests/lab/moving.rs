//! From one machine to three, by doing what OPERATING says, word for word.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use carillon_core::run::Outcome;
use carillon_store::{ListedRun, RunFilter, Store};
use carillon_testbed::{Folder, Process, Redis, leashed, mariadb_database, program, wait_until};
use jiff::Timestamp;

use crate::rig::machine_now;

/// Longer than any of the programs needs to start, work or end on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

/// The blocks of code under a heading of OPERATING, without their fences.
fn blocks_under(heading: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/OPERATING.md");
    let text = std::fs::read_to_string(path).unwrap();
    let section = text.split("\n## ").find(|part| part.starts_with(heading));
    let section = section.expect("OPERATING has this section");
    let blocks = section.split("```").skip(1).step_by(2);
    let unfenced = blocks.map(|block| block.split_once('\n').map_or(block, |(_, rest)| rest));
    unfenced
        .map(|block| {
            block
                .lines()
                .map(|line| format!("{}\n", line.trim_start()))
                .collect()
        })
        .collect()
}

/// One machine: its own folder in place of `/var/lib/carillon`, its own name, the configuration that all share.
struct Machine<'w> {
    name: &'static str,
    world: &'w Folder,
}

impl Machine<'_> {
    fn data_dir(&self) -> std::path::PathBuf {
        self.world.join(self.name)
    }

    /// A shell on this machine, where the programs are found by their names.
    fn shell(&self, script: &str) -> Command {
        let folder = self.data_dir().display().to_string();
        let programs = program("agent").unwrap();
        for other in ["admin", "carillon"] {
            program(other).unwrap();
        }
        let path = format!(
            "{}:{}",
            programs.parent().unwrap().display(),
            std::env::var("PATH").unwrap()
        );
        let mut command = leashed("sh");
        command
            .args(["-euc", &script.replace("/var/lib/carillon", &folder)])
            .current_dir(self.world.path())
            .env("PATH", path)
            .env("CARILLON_CONFIG", self.world.join("carillon.toml"))
            .env("CARILLON_NODE__NAME", self.name)
            .env("CARILLON_NODE__DATA_DIR", folder);
        command
    }

    fn follow(&self, script: &str) -> String {
        let output = self.shell(script).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {script}: {said}", self.name);
        String::from_utf8(output.stdout).unwrap()
    }
}

fn runs(url: &str) -> Vec<ListedRun> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::new(url.parse().unwrap());
        store.runs(&RunFilter::default(), 10_000).await.unwrap()
    })
}

/// What the section begins with: everything on one machine, which rings and is then ended.
fn live_alone(machine: &Machine<'_>) {
    let crontab = machine.world.join("crontab");
    std::fs::write(&crontab, "# bell\n* * * * * * true\n").unwrap();
    let up = "exec carillon up --listen 127.0.0.1:0 --data /var/lib/carillon crontab";
    let log = machine.world.join("up.log");
    let mut up = Process::start("carillon up", machine.shell(up), &log).unwrap();
    let url = format!(
        "sqlite:{}",
        machine.data_dir().join("carillon.db").display()
    );
    wait_until("the bell to ring", LIMIT, || {
        assert!(up.exit_status().is_none(), "{}", up.log());
        (up.log().contains("pages at") && runs(&url).len() > 3).then_some(())
    });
    up.terminate();
    assert!(up.wait_for_exit(LIMIT).success(), "{}", up.log());
}

#[test]
fn from_one_machine_to_three_by_the_document() {
    let world = Folder::create().unwrap();
    let (database, redis) = (mariadb_database().unwrap(), Redis::start().unwrap());
    let config = format!(
        "[database]\nurl = \"{}\"\n[redis]\nurl = \"{}\"\n",
        database.url,
        redis.url()
    );
    std::fs::write(world.join("carillon.toml"), "").unwrap();
    let machines = ["one", "two", "three"].map(|name| Machine {
        name,
        world: &world,
    });
    live_alone(&machines[0]);
    let embedded = format!(
        "sqlite:{}",
        machines[0].data_dir().join("carillon.db").display()
    );
    let before = runs(&embedded);
    let blocks = blocks_under("From one machine to three");
    let [take, bring, check_and_start] = blocks.as_slice() else {
        panic!("{blocks:?}")
    };

    machines[0].follow(take);
    std::fs::write(world.join("carillon.toml"), config).unwrap();
    let fire_times = before.iter().map(|run| run.run.tick.fire_time);
    let last_rang = fire_times.max().unwrap();
    wait_until("bells to fall due during the move", LIMIT, || {
        (machine_now() > last_rang.as_second() + 3).then_some(())
    });
    machines[0].follow(bring);
    let moved = runs(&database.url);
    for machine in &machines {
        machine.follow(check_and_start);
    }

    assert_eq!(
        format!("{before:?}"),
        format!("{moved:?}"),
        "history moves as it was"
    );
    await_three_that_ring(&database.url, last_rang);
    for machine in &machines {
        machine.follow("agent stop");
    }
}

/// Waits until all three have rung and nothing is missing since the one machine rang last.
fn await_three_that_ring(url: &str, last_rang: Timestamp) {
    let what = "three machines to ring, and every second to have its record";
    wait_until(what, LIMIT, || {
        let newer = runs(url);
        let is_new =
            |run: &&ListedRun| run.run.tick.fire_time > last_rang && run.run.outcome.is_some();
        let newer: Vec<_> = newer.iter().filter(is_new).collect();
        let rang = newer
            .iter()
            .filter(|run| run.run.outcome == Some(Outcome::Succeeded));
        let nodes: BTreeSet<_> = rang.map(|run| run.run.node).collect();
        (nodes.len() == 3 && seconds_without_record(last_rang, &newer).is_empty()).then_some(())
    });
}

/// The seconds from the last one that rang on the one machine on that nobody has recorded, those of the move included.
fn seconds_without_record(after: Timestamp, runs: &[&ListedRun]) -> Vec<i64> {
    let spans = runs.iter().map(|listed| {
        let first = listed.run.tick.fire_time;
        (
            first.as_second(),
            listed.run.until.unwrap_or(first).as_second(),
        )
    });
    let spans: Vec<_> = spans.collect();
    let last = spans.iter().map(|(_, last)| *last).max().unwrap_or(0);
    let is_recorded = |second: &i64| {
        spans
            .iter()
            .any(|(first, until)| (first..=until).contains(&second))
    };
    (after.as_second() + 1..last)
        .filter(|second| !is_recorded(second))
        .collect()
}
