//! The files in `supervisor/` are understood by the programs they are for.

use std::path::{Path, PathBuf};
use std::process::Command;

use carillon_testbed::Folder;

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

    for program in ["agent", "admin", "monitor"] {
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
