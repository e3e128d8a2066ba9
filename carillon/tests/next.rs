//! `carillon next` and `carillon describe` as scripts see them.

use std::process::{Command, Output};

fn carillon(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_carillon"))
        .args(arguments)
        .output()
        .expect("the program under test runs")
}

fn stdout(arguments: &[&str]) -> String {
    let output = carillon(arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.stderr.is_empty());
    String::from_utf8(output.stdout).expect("the program prints UTF-8")
}

/// The one line of a refusal, which exits with 2 and prints nothing else.
fn refusal(arguments: &[&str]) -> String {
    let output = carillon(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    assert!(output.stdout.is_empty());
    let line = String::from_utf8(output.stderr).expect("the program prints UTF-8");
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

#[test]
fn next_prints_times_with_the_offset_of_the_zone() {
    let times = stdout(&[
        "next",
        "30 2 * * *",
        "--zone",
        "Europe/Berlin",
        "--from",
        "2026-03-28T12:00:00Z",
        "-n",
        "2",
    ]);
    assert_eq!(
        times,
        "2026-03-29T03:00:00+02:00\n2026-03-30T02:30:00+02:00\n"
    );

    let utc = stdout(&[
        "next",
        "@daily",
        "--from",
        "2026-01-01T00:00:00+00:00",
        "-n",
        "1",
    ]);
    assert_eq!(utc, "2026-01-02T00:00:00+00:00\n");
}

#[test]
fn next_prints_five_times_after_the_present_unless_told_otherwise() {
    assert_eq!(stdout(&["next", "* * * * *"]).lines().count(), 5);
}

#[test]
fn next_says_never_after_the_last_fire_time() {
    assert_eq!(stdout(&["next", "0 0 30 2 *"]), "never\n");
    assert_eq!(stdout(&["next", "@reboot"]), "never\n");
    let once = stdout(&[
        "next",
        "@at 2030-01-01T00:00:00",
        "--from",
        "2026-01-01T00:00:00Z",
    ]);
    assert_eq!(once, "2030-01-01T00:00:00+00:00\nnever\n");
}

#[test]
fn next_obeys_rule_and_seed() {
    let autumn = |rule| {
        stdout(&[
            "next",
            "30 1 * * *",
            "--zone",
            "America/New_York",
            "--dst",
            rule,
            "--from",
            "2026-11-01T00:00:00-04:00",
            "-n",
            "1",
        ])
    };
    assert_eq!(autumn("cron"), "2026-11-01T01:30:00-04:00\n");
    assert_eq!(autumn("second"), "2026-11-01T01:30:00-05:00\n");

    let hashed = |seed| {
        stdout(&[
            "next",
            "H H * * *",
            "--from",
            "2026-01-01T00:00:00Z",
            "-n",
            "1",
            "--seed",
            seed,
        ])
    };
    assert_eq!(hashed("1"), hashed("1"));
    assert_ne!(hashed("1"), hashed("2"));
}

#[test]
fn what_makes_no_sense_is_refused_in_one_line() {
    assert_eq!(
        refusal(&["next", "*/90 * * * *"]),
        "error: minute field, column 3: the step 90 is larger than the field, which has 60 values; use @every 90m\n"
    );
    assert!(refusal(&["next", "* * * * *", "--zone", "Berlin"]).contains("Europe/Berlin"));
    assert!(
        refusal(&["next", "* * * * *", "--dst", "never"]).contains("cron, literal, skip, second")
    );
    assert!(refusal(&["next", "* * * * *", "--from", "yesterday"]).contains("\"yesterday\""));
    assert!(refusal(&["next", "-5 * * * *"]).contains("minute field, column 1"));
    assert!(refusal(&["next"]).contains("EXPR"));
    assert!(refusal(&["next", "* * * * *", "-n", "many"]).contains("many"));
    assert!(refusal(&["describe", "* * * *"]).contains("it has 4 fields"));
    assert!(refusal(&["describe", "* * * * *", "--lang", "tlh"]).contains("tlh"));
    assert!(refusal(&["ring"]).contains("ring"));
}

#[test]
fn describe_speaks_both_languages() {
    assert_eq!(
        stdout(&["describe", "*/15 9-17 * * MON-FRI"]),
        "Every 15 minutes from 09:00 to 17:59, Monday to Friday\n"
    );
    assert_eq!(
        stdout(&["describe", "30 2 * * *", "--lang", "zh"]),
        "每天 02:30\n"
    );
}

#[test]
fn a_calendar_holds_fire_times_back() {
    let folder = carillon_testbed::Folder::create().expect("the temporary folder can be written");
    let file = folder.join("holidays");
    std::fs::write(&file, "12-25 .. 12-26  Christmas\n").expect("it can be written");
    let file = file.display().to_string();
    let from = [
        "next",
        "0 3 * * *",
        "--from",
        "2026-12-24T12:00:00Z",
        "-n",
        "1",
        "--calendar",
        &file,
    ];
    let shifting = [&from[..], &["--on-blackout", "shift"]].concat();
    std::fs::write(folder.join("wrong"), "12-25\nSomeday\n").expect("it can be written");
    let wrong = folder.join("wrong").display().to_string();

    assert_eq!(stdout(&from), "2026-12-27T03:00:00+00:00\n");
    assert_eq!(stdout(&shifting), "2026-12-27T00:00:00+00:00\n");
    let told = refusal(&["next", "0 3 * * *", "--calendar", &wrong]);
    assert!(told.contains("calendar, line 2, column 1"), "{told}");
    refusal(&["next", "0 3 * * *", "--on-blackout", "wait"]);
}
