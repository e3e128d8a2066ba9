//! What the witness writes is what its reader reads, also from many processes at once.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

use std::process::Command;
use std::time::Duration;

use carillon_testbed::{SightingKind, Witness};

fn run(witness: &Witness, token: &str, options: &[&str]) -> std::process::Child {
    let command = witness.command();
    let mut words = command.split(' ');
    Command::new(words.next().unwrap())
        .args(words)
        .args(options)
        .env("CARILLON_JOB_ID", "7")
        .env("CARILLON_FIRE_TIME", "2026-11-21T01:00:00Z")
        .env("CARILLON_TOKEN", token)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn start_and_end_are_seen_with_the_environment() {
    let witness = Witness::create().unwrap();

    let output = run(&witness, "t", &["--exit", "3", "--output", "70000"]).wait_with_output();

    let output = output.unwrap();
    let sightings = witness.read().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(output.stdout.len(), 70_000);
    assert_eq!(sightings[0].kind, SightingKind::Start);
    assert_eq!(sightings[1].kind, SightingKind::End { exit_code: 3 });
    assert_eq!(sightings[0].job, "7");
    assert_eq!(sightings[0].fire_time, "2026-11-21T01:00:00Z");
    assert_eq!(sightings[0].node, "-");
}

#[test]
fn lines_of_many_witnesses_never_mix() {
    let witness = Witness::create().unwrap();
    let long = "x".repeat(300);

    let mut children: Vec<_> = (0..100).map(|_| run(&witness, &long, &[])).collect();
    for child in &mut children {
        child.wait().unwrap();
    }

    let starts = witness.wait_for_starts(100, Duration::from_secs(30));
    assert_eq!(starts.len(), 100);
    assert!(starts.iter().all(|start| start.token == long));
}

#[test]
fn foreign_line_is_an_error_not_a_sighting() {
    let witness = Witness::create().unwrap();

    std::fs::write(witness.path(), "S 1 2 3\n").unwrap();

    assert!(witness.read().is_err());
}
