//! The files in `supervisor/` are understood by the programs they are for.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot arrange its world has failed"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use carillon_testbed::{
    Folder, Process, Signal, free_port, leashed, program, require, send_signal, wait_until,
};

const PROGRAMS: [&str; 3] = ["agent", "admin", "monitor"];

/// Longer than supervisord and any of the programs needs on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

fn supervisor_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../supervisor")
        .join(name)
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        println!("skipped: systemd-analyze is not installed");
        return;
    }
    let folder = Folder::create().unwrap();

    for program in PROGRAMS.into_iter().chain(["runner"]) {
        // Neither program nor user exist where tests run, and both would be complained about.
        let unit = std::fs::read_to_string(supervisor_file(&format!("carillon-{program}.service")));
        let unit = unit
            .unwrap()
            .replace(&format!("/opt/carillon/bin/{program}"), "/bin/true")
            .replace("User=carillon", "User=root")
            .replace("Group=carillon", "Group=root");
        let copy = folder.join(format!("carillon-{program}.service"));
        std::fs::write(&copy, unit).unwrap();

        let output = Command::new("systemd-analyze")
            .arg("verify")
            .arg(&copy)
            .output()
            .unwrap();

        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success() && said.is_empty(),
            "{program}: {said}"
        );
    }
}

/// A supervisord of its own over the files of `supervisor/`, with the paths and the user of this test.
struct Supervisor {
    folder: Folder,
    _daemon: Process,
}

impl Supervisor {
    fn start(programs: &[&str]) -> Self {
        let folder = Folder::create().expect("the temporary folder can be written");
        configure_carillon(&folder);
        let supervisord =
            require("supervisord", &["supervisor"]).expect("supervisord is installed");
        let mut config = format!(
            "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile={home}/supervisord.pid\n\
             [unix_http_server]\nfile={home}/supervisor.sock\n\
             [supervisorctl]\nserverurl=unix://{home}/supervisor.sock\n\
             [rpcinterface:supervisor]\n\
             supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n",
            home = folder.path().display()
        );
        for name in programs {
            config += &adapted(name, &folder);
        }
        let path = folder.join("supervisord.conf");
        std::fs::write(&path, config).expect("the temporary folder can be written");
        let mut command = leashed(supervisord);
        command.arg("-c").arg(&path);
        let daemon = Process::start("supervisord", command, &folder.join("supervisord.log"));
        Self {
            _daemon: daemon.expect("supervisord starts"),
            folder,
        }
    }

    fn control(&self, words: &[&str]) -> String {
        let output = Command::new(require("supervisorctl", &["supervisor"]).unwrap())
            .arg("-c")
            .arg(self.folder.join("supervisord.conf"))
            .args(words)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// The process of a program once it has run for as long as its file demands.
    fn pid_when_running(&self, name: &str) -> u32 {
        wait_until(&format!("{name} to run"), LIMIT, || {
            let status = self.control(&["status", &format!("carillon-{name}")]);
            let (_, rest) = status.split_once("RUNNING   pid ")?;
            rest.split(',').next()?.parse().ok()
        })
    }
}

/// What the programs need to live: an embedded database and a port nobody uses.
fn configure_carillon(folder: &Folder) {
    let home = folder.path().display();
    let port = free_port().expect("a port is free");
    let config = format!(
        "[database]\nurl = \"sqlite:{home}/carillon.db\"\n[node]\nname = \"n1\"\ndata_dir = \"{home}/agent\"\n\
         [admin]\nlisten = \"127.0.0.1:{port}\"\n"
    );
    let file = folder.join("carillon.toml");
    std::fs::write(&file, config).expect("the temporary folder can be written");
    let migrated = Command::new(program("admin").expect("the admin is built"))
        .args(["migrate", "--config"])
        .arg(&file)
        .status();
    assert!(migrated.expect("the admin starts").success());
}

/// A file of `supervisor/` with this test's places. Its user does not exist where tests run.
fn adapted(name: &str, folder: &Folder) -> String {
    let built = program(name).expect("the programs are built");
    let home = folder.path().display().to_string();
    std::fs::read_to_string(supervisor_file(&format!("{name}.conf")))
        .expect("the file is there")
        .replace(
            &format!("/opt/carillon/bin/{name}"),
            &built.display().to_string(),
        )
        .replace("/etc/carillon", &home)
        .replace("/var/lib/carillon", &home)
        .replace("/var/log/carillon", &home)
        .replace("user=carillon\n", "")
        .replace("user=root\n", "")
}

#[test]
fn supervisord_keeps_a_runner_without_an_agent() {
    let supervisor = Supervisor::start(&["runner"]);
    let socket = supervisor.folder.join("runner.sock");

    let pid = supervisor.pid_when_running("runner");
    wait_until("the runner to listen", LIMIT, || {
        socket.exists().then_some(())
    });
    kill(pid);
    wait_until("another runner", LIMIT, || {
        (supervisor.pid_when_running("runner") != pid).then_some(())
    });
    supervisor.control(&["stop", "all"]);

    assert!(supervisor.control(&["status"]).contains("STOPPED"));
    assert!(!socket.exists(), "it went without a word");
}

fn kill(pid: u32) {
    assert!(send_signal(pid, Signal::KILL));
}

fn agent_is_well(supervisor: &Supervisor) -> bool {
    let stats = Command::new(program("agent").unwrap())
        .args(["stats", "--config"])
        .arg(supervisor.folder.join("carillon.toml"))
        .output();
    stats.unwrap().status.success()
}

#[test]
fn supervisord_starts_the_programs_again_and_stops_them() {
    let supervisor = Supervisor::start(&PROGRAMS);

    for name in PROGRAMS {
        let pid = supervisor.pid_when_running(name);
        kill(pid);
        wait_until(&format!("another {name}"), LIMIT, || {
            (supervisor.pid_when_running(name) != pid).then_some(())
        });
    }
    wait_until("the agent to answer", LIMIT, || {
        agent_is_well(&supervisor).then_some(())
    });
    supervisor.control(&["stop", "all"]);

    let status = supervisor.control(&["status"]);
    assert_eq!(status.matches("STOPPED").count(), 3, "{status}");
    assert!(!agent_is_well(&supervisor));
    for name in PROGRAMS {
        let log = std::fs::read_to_string(supervisor.folder.join(format!("{name}.log")));
        let log = log.expect("each program has its log");
        assert!(!log.contains("error:"), "{name}: {log}");
    }
}
