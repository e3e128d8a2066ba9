//! `admin diagnostics` tells what a helper asks, and never a secret.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot arrange its world has failed"
)]

use std::process::Command;
use std::time::Duration;

use carillon_testbed::{Folder, leashed, program, wait_until};

/// Longer than an agent needs to start and a job to fail on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

/// What must never be told.
const SECRET: &str = "sesame";

fn command(folder: &Folder, name: &str, words: &[&str]) -> Command {
    let mut command = leashed(program(name).unwrap());
    command
        .args(words)
        .current_dir(folder.path())
        .env("CARILLON_CONFIG", folder.join("carillon.toml"));
    command
}

fn succeed(folder: &Folder, name: &str, words: &[&str]) -> String {
    let output = command(folder, name, words).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {words:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// A configuration with a secret wherever one can be, and this database.
fn configure(folder: &Folder, database: &str) {
    let home = folder.path().display();
    let config = format!(
        "[database]\nurl = \"{database}\"\n[redis]\nurl = \"redis://:{SECRET}@127.0.0.1:1/0\"\n\
         [node]\nname = \"n1\"\ndata_dir = \"{home}/node\"\n\
         [monitor]\nwebhooks = [\"slack https://hooks.example.org/{SECRET}\"]\n\
         ping_url = \"https://ping.example.org/{SECRET}\"\n\
         [mail]\nsmtp_url = \"smtp://me:{SECRET}@mail.example.org\"\nfrom = \"a@example.org\"\n"
    );
    std::fs::write(folder.join("carillon.toml"), config).unwrap();
}

#[test]
fn diagnostics_tell_of_a_job_that_fails_and_keep_its_secrets() {
    let folder = Folder::create().unwrap();
    configure(
        &folder,
        &format!("sqlite:{}/carillon.db", folder.path().display()),
    );
    let crontab = format!(
        "KEY={SECRET}\n# leaky bell\n* * * * * * echo {SECRET}; echo {SECRET} >&2; exit 3\n\
         # bell that is not there\n* * * * * * /no/{SECRET}\n"
    );
    std::fs::write(folder.join("crontab"), crontab).unwrap();
    succeed(&folder, "admin", &["migrate"]);
    succeed(&folder, "admin", &["import", "crontab"]);
    succeed(&folder, "agent", &["start", "--daemon"]);
    wait_until("both bells to fail", LIMIT, || {
        let failed = ["runs", "--outcome", "failed,could_not_start"];
        let runs = succeed(&folder, "admin", &failed);
        (runs.contains("leaky bell") && runs.contains("bell that is not there")).then_some(())
    });

    let told = succeed(&folder, "admin", &["diagnostics", "-"]);
    succeed(&folder, "admin", &["diagnostics", "file.txt"]);
    succeed(&folder, "agent", &["stop"]);

    for word in [
        "carillon 0",
        "redis://:***@127.0.0.1:1/0",
        "has the schema of this program",
        "n1 Active",
        "leaky bell",
        "exit Some(3)",
        "agent registered",
    ] {
        assert!(told.contains(word), "{word:?} is missing in:\n{told}");
    }
    let file = std::fs::read_to_string(folder.join("file.txt")).unwrap();
    assert!(!told.contains(SECRET) && !file.contains(SECRET), "{told}");
}

#[test]
fn diagnostics_are_told_without_a_database_too() {
    for database in [
        format!("mysql://me:{SECRET}@127.0.0.1:1/carillon"),
        format!("mysql://me:{SECRET}?{SECRET}@127.0.0.1:1/carillon"),
    ] {
        let folder = Folder::create().unwrap();
        configure(&folder, &database);

        let output = command(&folder, "admin", &["diagnostics", "-"])
            .output()
            .unwrap();

        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!told.contains(SECRET), "{told}");
        let is_address = !database.contains('?');
        assert_eq!(output.status.success(), is_address, "{told}");
        assert_eq!(told.contains("BAD     database"), is_address, "{told}");
    }
}
