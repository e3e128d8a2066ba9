//! Two releases side by side: a cluster of an older one is upgraded as OPERATING says, while it works.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use carillon_testbed::{MariaDb, Process, SightingKind, free_port, leashed, program, wait_until};

use crate::laws::{self, Second, Window};
use crate::rig::{Lab, watched_seconds};
use crate::upgrade::file_of;
use crate::weather::{judge, nothing_broke};

const LIMIT: Duration = Duration::from_secs(90);

/// Jobs of every second, whose commands end before the next.
const SHORT: usize = 40;

/// Jobs of every twentieth second, whose commands live on while an agent is replaced.
const LONG: usize = 6;

/// Where `scripts/two-releases` has put the programs of the older release.
fn older(name: &str) -> PathBuf {
    let folder = std::env::var_os("CARILLON_OLDER");
    Path::new(&folder.expect("scripts/two-releases sets CARILLON_OLDER")).join(name)
}

fn newer(name: &str) -> PathBuf {
    program(name).expect("the programs are built")
}

/// Where admin and monitor live, and what they are told.
struct Office {
    folder: PathBuf,
    settings: [(&'static str, String); 3],
}

impl Office {
    fn of(lab: &Lab) -> Self {
        let listen = format!("127.0.0.1:{}", free_port().expect("a port is free"));
        Office {
            folder: lab.folder.path().to_owned(),
            settings: [
                ("CARILLON_DATABASE__URL", lab.database.url.clone()),
                ("CARILLON_REDIS__URL", lab.redis.url()),
                ("CARILLON_ADMIN__LISTEN", listen),
            ],
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = leashed(program);
        command
            .current_dir(&self.folder)
            .envs(self.settings.iter().cloned());
        command
    }

    #[track_caller]
    fn follow(&self, program: &Path, words: &[&str]) {
        let output = self.command(program).args(words).output();
        let output = output.expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}");
    }

    fn serve(&self, program: &Path) -> Process {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let mut command = self.command(program);
        command.arg("start");
        let log = self.folder.join(format!("{name}.log"));
        Process::start(&name, command, &log).expect("it starts")
    }
}

/// The crontab of the cluster: what an older release understands, too.
fn write_crontab(lab: &Lab) -> String {
    let witness = lab.witness.command();
    let line = |number| match number {
        0..SHORT => format!("# bell {number}\n* * * * * * {witness} --sleep 0.3\n"),
        _ => format!("# bell {number}\n*/20 * * * * * {witness} --sleep 9\n"),
    };
    let file = lab.folder.join("crontab");
    std::fs::write(&file, (0..SHORT + LONG).map(line).collect::<String>())
        .expect("the folder can be written");
    file.display().to_string()
}

/// Each agent becomes the new program, some time after the one before it; then their runners are new, too.
fn replace_agents(lab: &mut Lab, from: Second, apart: i64) {
    lab.install_agent();
    let old_runners: Vec<_> = lab.agents.iter().map(|agent| agent.runner_pid()).collect();
    for (number, agent) in (0..).zip(&lab.agents) {
        lab.wait_for_second(from + number * apart);
        let (code, _, said) = agent.call(&["restart"]);
        assert_eq!(code, 0, "{}: {said}", agent.name);
    }
    for (agent, old) in lab.agents.iter().zip(old_runners) {
        wait_until("the runner to be the new one", LIMIT, || {
            let pid = agent.runner_pid()?;
            (Some(pid) != old && file_of(pid).is_some()).then_some(())
        });
    }
}

/// Commands that began and did not come to their end.
fn interrupted(lab: &Lab, window: Window) -> Vec<String> {
    let sightings = lab.witness.read().expect("only witnesses write the file");
    let ended: BTreeSet<&str> = sightings
        .iter()
        .filter(|sighting| sighting.kind != SightingKind::Start)
        .map(|sighting| sighting.token.as_str())
        .collect();
    let begun = sightings.iter().filter(|sighting| {
        sighting.kind == SightingKind::Start && laws::fire_second(sighting) < window.until
    });
    begun
        .filter(|start| !ended.contains(start.token.as_str()))
        .map(|start| format!("job {} of {} did not end", start.job, start.fire_time))
        .collect()
}

#[test]
#[ignore = "scripts/two-releases builds the older programs first"]
fn rolling_upgrade_from_an_older_release_loses_doubles_and_interrupts_nothing() {
    let mut lab = Lab::empty(MariaDb::start().expect("MariaDB starts"));
    lab.jobs = SHORT;
    let office = Office::of(&lab);
    let level = |lab: &Lab| {
        let level = lab
            .database
            .query("select max(version) from _sqlx_migrations");
        level.expect("the database answers").trim().to_owned()
    };
    office.follow(&older("admin"), &["migrate"]);
    office.follow(&older("admin"), &["import", &write_crontab(&lab)]);
    let allow =
        "update jobs set overlap = 'allow(60)', spec = json_set(spec, '$.overlap', 'allow(60)')";
    lab.database.query(allow).expect("the database answers");
    let old_others = ["admin", "monitor"].map(|name| office.serve(&older(name)));
    lab.install_agent_of(&older("agent"));
    lab.start_agents(3);
    let window = lab.next_window();
    let apart = watched_seconds() / 8;
    lab.wait_for_second(window.from + apart);

    office.follow(&older("admin"), &["backup", "before.json"]);
    let old_level = level(&lab);
    office.follow(&newer("admin"), &["migrate"]);
    println!(
        "schema {old_level} became {} beside three older agents",
        level(&lab)
    );
    replace_agents(&mut lab, window.from + 2 * apart, apart);
    for mut other in old_others {
        other.terminate();
        assert!(other.wait_for_exit(LIMIT).success(), "{}", other.log());
    }
    let mut others = ["admin", "monitor"].map(|name| office.serve(&newer(name)));

    let (records, _) = judge(&lab, window);
    nothing_broke("every tick runs", laws::unsuccessful(&records));
    nothing_broke("nothing is interrupted", interrupted(&lab, window));
    for other in &mut others {
        assert!(other.exit_status().is_none(), "{}", other.log());
    }
}
