//! A machine's own crontabs become jobs without a wrong line, paused, since they belong to the machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use carillon_testbed::{Folder, program};

/// A system crontab as Debian writes them: a shell, a path, users, a drawing in comments, and a test before each command.
const SYSTEM: &str = r#"# what the machine does by itself
SHELL=/bin/sh
# PATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin

# .---- minute
# |  .- hour
# m  h dom mon dow user command
17 *	* * *	root	cd / && run-parts --report /etc/cron.hourly
25 6	* * *	root	test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }
5-55/10 * * * * root command -v debian-sa1 > /dev/null && debian-sa1 1 1
57 0 * * 0 root if [ -x /usr/share/mdadm/checkarray ] && [ $(date +\%d) -le 7 ]; then /usr/share/mdadm/checkarray --cron; fi
@reboot logcheck  nice -n10 /usr/sbin/logcheck -R
"#;

/// `/etc/crontab` and the files of `/etc/cron.d` that cron reads.
fn machine_crontabs() -> Vec<PathBuf> {
    let is_read = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
        path.is_file() && name.chars().all(fits)
    };
    let folder = std::fs::read_dir("/etc/cron.d").into_iter().flatten();
    let mut files: Vec<_> = folder.flatten().map(|entry| entry.path()).collect();
    files.push(PathBuf::from("/etc/crontab"));
    files.retain(is_read);
    files.sort();
    files
}

fn admin(data: &Path, words: &[&str]) -> Output {
    Command::new(program("admin").expect("the admin is built"))
        .arg("--data")
        .arg(data)
        .args(words)
        .output()
        .expect("the admin's program starts")
}

#[track_caller]
fn succeed(data: &Path, words: &[&str]) -> String {
    let output = admin(data, words);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {errors}");
    assert_eq!(errors, "", "{words:?}");
    String::from_utf8(output.stdout).expect("the admin prints UTF-8")
}

#[test]
fn a_machines_own_crontabs_arrive_paused_and_once() {
    let folder = Folder::create().expect("the temporary folder can be written");
    let data = folder.join("data");
    std::fs::create_dir_all(&data).expect("the temporary folder can be written");
    let written = folder.join("system");
    std::fs::write(&written, SYSTEM).expect("the temporary folder can be written");
    let mut files = machine_crontabs();
    println!("crontabs of this machine: {files:?}");
    files.push(written);
    succeed(&data, &["migrate"]);

    for file in &files {
        let file = file.display().to_string();
        succeed(&data, &["import", "--system", "--paused", &file]);
    }
    let jobs = succeed(&data, &["export"]);
    for file in &files {
        let file = file.display().to_string();
        let again = succeed(&data, &["import", "--system", "--paused", &file]);
        assert!(again.contains(": 0 jobs imported, 0 edited"), "{again}");
    }

    let jobs: serde_json::Value = serde_json::from_str(&jobs).expect("the export is JSON");
    let jobs = jobs.as_array().expect("the export is a list");
    assert!(jobs.iter().all(|job| job["enabled"] == false));
    let checks = jobs.iter().find(|job| job["schedule"] == "57 0 * * 0");
    let command = checks.expect("the weekly line is a job")["command"].as_str();
    assert!(command.is_some_and(|command| command.contains("date +%d")));
    let users: Vec<_> = jobs.iter().map(|job| job["run_as"].as_str()).collect();
    assert!(users.contains(&Some("logcheck")) && users.contains(&Some("root")));
}

#[test]
fn an_edited_line_edits_its_job_and_a_lost_one_is_named() {
    let folder = Folder::create().expect("the temporary folder can be written");
    let data = folder.join("data");
    std::fs::create_dir_all(&data).expect("the temporary folder can be written");
    let tab = folder.join("tab");
    let name = tab.display().to_string();
    let write = |text: &str| std::fs::write(&tab, text).expect("the folder can be written");
    succeed(&data, &["migrate"]);
    write("# nightly\n0 3 * * * backup\n5 * * * * date\n* * * * * beat\n");
    succeed(&data, &["import", &name]);

    write("1 1 * * * new\n# nightly\n0 4 * * * backup\n6 * * * * date\n");
    let edited = admin(&data, &["import", &name]);

    let said = String::from_utf8_lossy(&edited.stdout).into_owned();
    assert!(said.contains("1 job imported, 2 edited"), "{said}");
    let warned = String::from_utf8_lossy(&edited.stderr).into_owned();
    assert!(
        warned.contains(&format!("{name}:4")) && warned.contains("is gone"),
        "{warned}"
    );
    let jobs: serde_json::Value = serde_json::from_str(&succeed(&data, &["export"])).expect("JSON");
    let jobs = jobs.as_array().expect("the export is a list");
    let mut schedules: Vec<_> = jobs
        .iter()
        .map(|job| job["schedule"].as_str().unwrap_or(""))
        .collect();
    schedules.sort_unstable();
    assert_eq!(
        schedules,
        ["* * * * *", "0 4 * * *", "1 1 * * *", "6 * * * *"]
    );
}
