//! `admin apply` and `admin export`: a declaration is compared, shown, carried out, and read back as it was.

use std::process::{Command, Output};

use carillon_core::access::{Role, Scope};
use serde_json::json;

use crate::support::Site;

const DECLARED: &str = "\
groups:
- name: ops
  description: night shift
  keep_runs: 50
  mail_to: ops@example.org
  quiet_hours: 22:00 .. 07:00
calendars:
- name: holidays
  zone: Europe/Berlin
  text: |
    # by order
    12-25  Christmas
jobs:
- name: backup
  group: ops
  command: |
    set -e
    backup --all
  schedule: 15 3 * * *
  zone: Europe/Berlin
  calendar: holidays
  env: {LEVEL: \"9\"}
- name: report
  group: ops
  command: report
  schedule: \"@daily\"
";

fn admin(site: &Site, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_admin"));
    command.arg("--data").arg(site.folder()).args(arguments);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complained(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Writes a declaration beside the database; its path.
fn file(site: &Site, text: &str) -> String {
    let path = site.folder().join("declared.yaml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn apply(site: &Site, text: &str, arguments: &[&str]) -> Output {
    let file = file(site, text);
    let arguments: Vec<&str> = ["apply", &file].iter().chain(arguments).copied().collect();
    admin(site, &arguments)
}

#[test]
fn what_is_declared_is_made_once_and_reads_back() {
    let site = Site::owned();

    let checked = apply(&site, DECLARED, &["--check"]);
    let applied = apply(&site, DECLARED, &["--yes"]);
    let again = apply(&site, DECLARED, &["--check", "--prune"]);
    let exported = said(&admin(&site, &["export", "--format", "yaml"]));
    let round = apply(&site, &exported, &["--check", "--prune"]);
    let listed = said(&admin(&site, &["export"]));
    let listed = apply(&site, &listed, &["--check", "--prune"]);

    assert_eq!(checked.status.code(), Some(3), "{}", complained(&checked));
    assert!(
        said(&checked).contains("4 to create, 0 to change, 0 to delete"),
        "{}",
        said(&checked)
    );
    assert!(
        said(&checked).contains("+ job ops/backup"),
        "{}",
        said(&checked)
    );
    assert!(applied.status.success(), "{}", complained(&applied));
    for unchanged in [&again, &round, &listed] {
        assert_eq!(
            unchanged.status.code(),
            Some(0),
            "{exported}\n{}{}",
            said(unchanged),
            complained(unchanged)
        );
        assert!(said(unchanged).contains("0 to create, 0 to change, 0 to delete"));
    }
    assert!(
        exported.contains("  command: |\n    set -e\n    backup --all\n"),
        "{exported}"
    );
    let groups = site.program("owner").get("/api/v1/groups").json();
    assert_eq!(groups["items"][1]["keep_runs"], 50, "{groups}");
}

#[test]
fn edits_are_shown_field_by_field_and_what_is_not_named_goes_only_when_asked() {
    let site = Site::owned();
    apply(&site, DECLARED, &["--yes"]);
    let edited = DECLARED
        .replace("15 3 * * *", "15 4 * * *")
        .replace("12-25  Christmas", "12-25 .. 12-26  Christmas")
        .replace("- name: report", "- name: weekly report");

    let kept = apply(&site, &edited, &["--dry-run"]);
    let pruned = apply(&site, &edited, &["--yes", "--prune"]);
    let after = apply(&site, &edited, &["--check", "--prune"]);

    let plan = said(&kept);
    assert!(
        plan.contains("~ job ops/backup\n    schedule: \"15 3 * * *\" -> \"15 4 * * *\""),
        "{plan}"
    );
    assert!(
        plan.contains("      - 12-25  Christmas\n      + 12-25 .. 12-26  Christmas"),
        "{plan}"
    );
    assert!(
        plan.contains("1 to create, 2 to change, 0 to delete, 1 as declared already"),
        "{plan}"
    );
    assert!(pruned.status.success(), "{}", complained(&pruned));
    assert!(
        said(&pruned).contains("- job ops/report"),
        "{}",
        said(&pruned)
    );
    assert_eq!(after.status.code(), Some(0), "{}", said(&after));
    let mut owner = site.program("owner");
    let jobs = owner.get("/api/v1/jobs?group=ops").json();
    let names: Vec<_> = jobs["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["name"].clone())
        .collect();
    assert_eq!(names, ["backup", "weekly report"]);
    let audit = owner.get("/api/v1/audit").text();
    for deed in [
        "edit job",
        "delete job",
        "import jobs",
        "edit calendar",
        "create group",
    ] {
        assert!(audit.contains(deed), "{deed}: {audit}");
    }
}

#[test]
fn a_job_keeps_its_switch_unless_the_file_says_it() {
    let site = Site::owned();
    apply(&site, DECLARED, &["--yes"]);
    let mut owner = site.program("owner");
    let jobs = owner.get("/api/v1/jobs?group=ops&name=report").json();
    let path = format!("/api/v1/jobs/{}", jobs["items"][0]["id"]);
    let paused = owner.send_json("PATCH", &path, &json!({"enabled": false, "version": 1}));
    assert_eq!(paused.status, 200, "{}", paused.text());

    let silent = apply(&site, DECLARED, &["--check"]);
    let told = apply(&site, &format!("{DECLARED}  enabled: true\n"), &["--yes"]);

    assert_eq!(silent.status.code(), Some(0), "{}", said(&silent));
    assert!(told.status.success(), "{}", complained(&told));
    assert_eq!(owner.get(&path).json()["enabled"], true);
}

#[test]
fn mistakes_are_told_by_line_and_nothing_happens() {
    let site = Site::owned();
    let wrong = DECLARED
        .replace("15 3 * * *", "61 3 * * *")
        .replace("LEVEL: \"9\"", "LEVEL: 9");

    let refused = apply(&site, &wrong, &["--yes"]);
    let unasked = apply(&site, DECLARED, &[]);

    assert_eq!(refused.status.code(), Some(1));
    let told = complained(&refused);
    assert!(
        told.contains("declared.yaml:19: job ops/backup: schedule: "),
        "{told}"
    );
    assert!(
        told.contains("declared.yaml:22: job ops/backup: env: "),
        "{told}"
    );
    assert!(told.contains("2 mistakes, nothing was changed"), "{told}");
    assert_eq!(unasked.status.code(), Some(1));
    assert!(
        complained(&unasked).contains("say --yes"),
        "{}",
        complained(&unasked)
    );
    let jobs = site.program("owner").get("/api/v1/jobs").json();
    assert_eq!(jobs["items"], json!([]));
}

#[test]
fn programs_apply_what_they_may_and_see_the_plan_first() {
    let site = Site::owned();
    let ops = site.group("ops");
    site.person("editor", Role::Editor, Scope::Group(ops));
    let mut owner = site.program("owner");
    let mut editor = site.program("editor");
    let jobs = "jobs:\n- {name: a, group: ops, command: x, schedule: '@daily'}\n";
    let post = |who: &mut crate::support::Browser, query: &str, text: &str| {
        let path = format!("/api/v1/apply{query}");
        who.send(
            "POST",
            &path,
            &[("content-type", "application/yaml")],
            text.as_bytes(),
        )
    };

    let planned = post(&mut editor, "?dry_run=true", jobs);
    let nothing = owner.get("/api/v1/jobs").json();
    let applied = post(&mut editor, "", jobs);
    let wrong = post(&mut editor, "", "jobs:\n- name: b\n  group: ops\n");
    let hidden = post(&mut editor, "", &jobs.replace("ops", "default"));
    let foreign = post(&mut editor, "", "groups: [{name: mine}]\n");
    let as_root = post(
        &mut editor,
        "",
        &jobs.replace("command: x", "command: x, run_as: root"),
    );
    let pruned = post(&mut owner, "?prune=true", "groups: [{name: ops}]\n");

    assert_eq!(
        planned.json()["steps"][0]["name"],
        "ops/a",
        "{}",
        planned.text()
    );
    assert_eq!(
        (&planned.json()["applied"], &nothing["items"]),
        (&json!(false), &json!([]))
    );
    assert_eq!(applied.json()["applied"], true, "{}", applied.text());
    assert_eq!((wrong.status, hidden.status), (422, 422));
    assert!(
        wrong.text().contains("line 2") && wrong.text().contains("a job needs a command"),
        "{}",
        wrong.text()
    );
    assert!(
        hidden.text().contains("there is no group"),
        "{}",
        hidden.text()
    );
    assert_eq!((foreign.status, as_root.status), (403, 403));
    assert_eq!(
        pruned.json()["steps"][0]["do"],
        "delete",
        "{}",
        pruned.text()
    );
    assert_eq!(owner.get("/api/v1/jobs").json()["items"], json!([]));
}

#[test]
fn a_page_shows_the_plan_and_applies_that_plan_only() {
    let site = Site::owned();
    let mut owner = site.browser("owner");
    let seen = owner.submit("/apply", &[("text", DECLARED)]);
    let trace = seen.hidden("plan");

    let wrong = owner.submit("/apply", &[("text", "jobs: [{name: a}]")]);
    site.group("ops");
    let other = owner.submit(
        "/apply",
        &[("text", DECLARED), ("plan", &trace), ("apply", "1")],
    );
    let done = owner.submit(
        "/apply",
        &[
            ("text", DECLARED),
            ("plan", &other.hidden("plan")),
            ("apply", "1"),
        ],
    );
    let exported = owner.get("/export?format=yaml");
    let again = owner
        .submit("/apply", &[("text", &exported.text()), ("prune", "1")])
        .text();

    assert!(
        seen.text().contains("4 to create") && seen.text().contains("ops/backup"),
        "{}",
        seen.text()
    );
    assert_eq!((wrong.status, other.status, done.status), (422, 409, 303));
    assert!(
        wrong.text().contains("a job needs a command"),
        "{}",
        wrong.text()
    );
    assert!(
        other.text().contains("another plan than the one you saw"),
        "{}",
        other.text()
    );
    assert!(again.contains("Everything is as declared"), "{again}");
}
