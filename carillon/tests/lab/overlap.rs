//! What the overlap policies promise holds for the whole cluster: three agents, jobs of every second that take longer.

use carillon_core::job::JobSpec;
use carillon_core::overlap::Overlap;
use carillon_testbed::{Sighting, SightingKind, Witness};

use crate::laws::{self, Record, Window};
use crate::rig::Lab;
use crate::weather::{judge, little_broke, nothing_broke};

const JOBS: usize = 10;

/// Longer than two seconds, so that every start is in the way of two ticks at least.
const LONG: &str = "--sleep 2.3";

/// Three agents under this policy for a while; the window, what was recorded in it and what started in it.
fn watch(jobs: usize, arguments: &str, overlap: Overlap) -> (Lab, Vec<Record>, Vec<Sighting>) {
    let lab = Lab::with_overlap(jobs, arguments, overlap);
    watch_lab(lab, &overlap.to_string())
}

fn watch_lab(mut lab: Lab, what: &str) -> (Lab, Vec<Record>, Vec<Sighting>) {
    lab.start_agents(3);
    let window: Window = lab.next_window();
    let (records, starts) = judge(&lab, window);
    let skipped = records.iter().filter(|record| record.outcome == "skipped");
    println!("{what}: {} ticks skipped", skipped.count());
    assert!(!starts.is_empty(), "nothing started");
    (lab, records, starts)
}

fn expect_at_most(lab: &Lab, live_max: u16) {
    let sightings = lab.witness.read().expect("only witnesses write the file");
    nothing_broke(
        "no more than the policy allows live at once",
        laws::crowds(&sightings, live_max.into()),
    );
}

fn expect_full_house(lab: &Lab, live_max: u16) {
    let sightings = lab.witness.read().expect("only witnesses write the file");
    let crowds = laws::crowds(&sightings, usize::from(live_max) - 1);
    assert!(!crowds.is_empty(), "{live_max} never lived at once");
}

fn expect_excuses(records: &[Record], starts: &[Sighting], reasons: &[&str]) {
    little_broke(
        "what does not start is skipped with the reason",
        laws::unexcused(records, starts, reasons),
        records.len(),
    );
}

#[test]
fn skip_never_has_two_alive_and_records_every_tick_it_skips() {
    let overlap = Overlap::Skip;

    let (lab, records, starts) = watch(JOBS, LONG, overlap);

    expect_at_most(&lab, 1);
    expect_excuses(&records, &starts, &["overlap"]);
}

#[test]
fn allow_has_as_many_alive_as_it_says() {
    let overlap = Overlap::Allow(2);

    let (lab, records, starts) = watch(JOBS, LONG, overlap);

    expect_at_most(&lab, 2);
    expect_full_house(&lab, 2);
    expect_excuses(&records, &starts, &["overlap"]);
}

#[test]
fn jobs_with_one_key_never_have_two_alive() {
    let policies = JobSpec {
        concurrency_key: Some("disk".parse().expect("a word is a key")),
        ..JobSpec::default()
    };
    let lab = Lab::with_policies(JOBS, "--sleep 0.7", policies);

    let (lab, records, starts) = watch_lab(lab, "one key");

    let sightings = lab.witness.read().expect("only witnesses write the file");
    let as_one = sightings.into_iter().map(|sighting| Sighting {
        job: "any".to_owned(),
        ..sighting
    });
    nothing_broke(
        "no two jobs of the key live at once",
        laws::crowds(&as_one.collect::<Vec<_>>(), 1),
    );
    expect_excuses(&records, &starts, &["overlap"]);
}

#[test]
fn queue_runs_one_after_another_in_the_order_of_their_ticks() {
    let overlap = Overlap::Queue(2);

    let (lab, records, starts) = watch(JOBS, LONG, overlap);

    expect_at_most(&lab, 1);
    // What waits longer than its start deadline is not started any more.
    expect_excuses(&records, &starts, &["queue_full", "overlap"]);
    for job in lab.job_ids() {
        let times = starts.iter().filter(|start| start.job == job);
        let times: Vec<&str> = times.map(|start| start.fire_time.as_str()).collect();
        assert!(times.is_sorted(), "job {job}: {times:?}");
    }
}

/// A killed witness cannot testify to its end; each looks for another one instead, by a lock that death gives back.
#[test]
fn replace_ends_the_old_run_before_the_new_one_starts() {
    let overlap = Overlap::Replace;

    let (lab, records, starts) = watch(1, "--sleep 30 --alone", overlap);

    expect_excuses(&records, &starts, &["coalesced"]);
    let sightings = lab.witness.read().expect("only witnesses write the file");
    let exit_code = Witness::IN_COMPANY;
    let in_company = sightings
        .iter()
        .filter(|sighting| sighting.kind == SightingKind::End { exit_code });
    assert_eq!(
        in_company.count(),
        0,
        "a run started while the old one lived"
    );
    let killed = records.iter().filter(|record| record.outcome == "killed");
    assert!(killed.count() > 1, "nothing was replaced");
}
