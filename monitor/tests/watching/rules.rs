//! Every rule has a test that breaks it, with a mail to show for it, and one in which it must not fire.

use std::path::Path;

use carillon_core::rule::Rule;

/// The tests of one rule.
struct Proof {
    fires: &'static str,
    keeps_quiet: &'static str,
}

/// No wildcard: who adds a rule names its tests here.
fn proof(rule: Rule) -> Proof {
    // Where one test is both, what is nearly as bad is beside what is bad.
    let both = |test| (test, test);
    let (fires, keeps_quiet) = match rule {
        Rule::NodeSilent => (
            "a_silent_node_is_mailed_once_and_once_more_when_it_is_back",
            "drained_retired_and_departed_nodes_may_be_silent",
        ),
        Rule::NodeClock
        | Rule::NodeTzdb
        | Rule::NodeVersion
        | Rule::NodeNotClaiming
        | Rule::NodeDisk
        | Rule::RedisUnreachable => {
            both("what_a_heartbeat_says_is_mailed_once_for_each_rule_and_once_when_it_is_over")
        }
        Rule::JobFailed => (
            "a_failed_job_is_mailed_with_what_helps_and_again_when_it_is_well",
            "only_so_many_in_a_row_are_told_where_somebody_asked_for_that",
        ),
        Rule::JobMissed => both("a_tick_that_nobody_ran_is_told_and_one_that_was_skipped_is_not"),
        Rule::JobTimedOut | Rule::JobCouldNotStart | Rule::JobInterrupted => {
            both("every_bad_end_is_told_but_a_kill")
        }
        Rule::JobLost => ("a_lost_run_is_told", "every_bad_end_is_told_but_a_kill"),
        Rule::JobLate => both("a_run_that_does_not_start_is_late"),
        Rule::JobSlow => both("a_run_that_takes_too_long_is_told_while_it_runs"),
        Rule::JobSlower => both("a_run_that_takes_longer_than_usual_is_told_with_the_figures"),
        Rule::JobFaster => {
            both("a_success_that_comes_sooner_than_usual_is_told_until_the_next_usual_one")
        }
        Rule::JobNoSuccess => (
            "a_job_without_success_in_its_time_is_told_until_it_succeeds",
            "nobody_waits_for_a_success_during_a_blackout",
        ),
        Rule::JobStuck => (
            "a_claimed_run_that_does_not_start_is_told_until_it_does",
            "a_run_that_waits_for_what_is_over_is_told",
        ),
        Rule::Backlog => (
            "runs_that_no_node_takes_are_mailed_after_a_minute",
            "runs_that_no_node_takes_are_a_backlog_after_a_while",
        ),
        Rule::StoreUnreachable => (
            "a_store_that_is_silent_for_a_minute_is_mailed_once_and_no_node_with_it",
            "a_short_silence_of_the_store_is_no_news",
        ),
        Rule::TokenExpiring => both("a_token_that_ends_soon_is_told_until_it_is_revoked"),
        Rule::CertificateExpiring => {
            both("a_certificate_that_ends_soon_is_mailed_once_until_a_newer_one_is_shown")
        }
        Rule::MonitorSilent => (
            "a_silent_monitor_is_told_by_the_other",
            "a_monitor_that_came_back_at_once_is_no_news",
        ),
    };
    Proof { fires, keeps_quiet }
}

/// The text of every source file below `folder`.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => text += &sources(&path),
            false => text += &std::fs::read_to_string(&path).unwrap(),
        }
    }
    text
}

#[test]
fn every_rule_has_a_test_that_fires_it_and_one_that_must_not() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = sources(&package.join("tests")) + &sources(&package.join("src"));
    for rule in Rule::ALL.iter().copied() {
        let proof = proof(rule);
        for test in [proof.fires, proof.keeps_quiet] {
            assert!(
                text.contains(&format!("fn {test}(")),
                "{rule}: there is no test {test}"
            );
        }
    }
}
