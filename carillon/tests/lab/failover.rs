//! A run goes on elsewhere: after an attempt that failed, and after a machine that died in the middle of one.

use std::time::{Duration, Instant};

use carillon_core::job::{Delivery, JobSpec};
use carillon_core::overlap::Overlap;
use carillon_core::retry::{Retry, RetryNode};
use carillon_core::run::Outcome;
use carillon_testbed::{Folder, Sighting, Signal, send_signal, wait_until};

use crate::rig::Lab;

/// A silent node is given up after 30 s, its work is looked for every few seconds, and a busy machine needs its time.
const LIMIT: Duration = Duration::from_secs(120);

const SOON: Duration = Duration::from_secs(60);

/// A job of every second under which no two runs live, whose commands append their fencing token to `file`.
fn lab_with_tokens(folder: &Folder, arguments: &str, policies: JobSpec) -> Lab {
    let file = folder.join("tokens");
    std::fs::write(&file, "").unwrap();
    let say = format!(
        "echo $CARILLON_RUN_ID $CARILLON_ATTEMPT $CARILLON_FENCING_TOKEN >> {}",
        file.display()
    );
    let arguments = format!("{arguments} & command=$!; {say}; wait $command");
    let policies = JobSpec {
        overlap: Overlap::Skip,
        ..policies
    };
    Lab::with_policies(1, &arguments, policies)
}

/// The fencing tokens of the run's attempts, by attempt.
fn fencing_tokens(folder: &Folder, run: &str) -> Vec<i64> {
    let text = std::fs::read_to_string(folder.join("tokens")).unwrap();
    let lines = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let mut attempts: Vec<(u32, i64)> = lines
        .filter(|words| words[0] == run)
        .map(|words| (words[1].parse().unwrap(), words[2].parse().unwrap()))
        .collect();
    attempts.sort_unstable();
    attempts.into_iter().map(|(_, token)| token).collect()
}

fn wait_for_attempt(lab: &Lab, run: &str, attempt: &str) -> Sighting {
    wait_until("the next attempt", LIMIT, || {
        let starts = lab.witness.starts().unwrap();
        let is_it = |start: &Sighting| start.run == run && start.attempt == attempt;
        starts.into_iter().find(is_it)
    })
}

/// Outcome and node of each attempt of the run as the store tells it, the last one included.
fn attempts_of(lab: &Lab, start: &Sighting) -> Vec<String> {
    let second = crate::laws::fire_second(start);
    let rows = |table: &str| {
        let sql = format!(
            "select attempt, coalesce(outcome, '-'), n.name from {table} join nodes n on n.id = node_id \
             where kind = 0 and fire_time = {second} * 1000000 order by attempt"
        );
        let rows = lab.database.query(&sql).unwrap();
        rows.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut attempts = rows("attempts");
    attempts.extend(rows("runs"));
    attempts
}

#[test]
fn attempt_that_fails_on_one_node_succeeds_on_another_and_both_are_told() {
    let folder = Folder::create().unwrap();
    let retry = Retry {
        max_attempts: 2,
        delay_s: 0.1,
        node: RetryNode::MustOther,
        ..Retry::default()
    };
    let policies = JobSpec {
        retry,
        ..JobSpec::default()
    };
    let arguments = "--sleep 1 --exit $((CARILLON_ATTEMPT == 1 ? 9 : 0))";
    let mut lab = lab_with_tokens(&folder, arguments, policies);
    lab.start_agents(2);

    let first = lab.witness.wait_for_starts(1, SOON).remove(0);
    let second = wait_for_attempt(&lab, &first.run, "2");

    assert_ne!(first.node, second.node);
    let told = wait_until("the run to end", SOON, || {
        let attempts = attempts_of(&lab, &first);
        let is_over = attempts.last().is_some_and(|last| !last.contains("\t-\t"));
        (attempts.len() == 2 && is_over).then_some(attempts)
    });
    let expected = [
        format!("1\tfailed\t{}", first.node),
        format!("2\tsucceeded\t{}", second.node),
    ];
    assert_eq!(told, expected);
    let tokens = fencing_tokens(&folder, &first.run);
    assert!(tokens.len() == 2 && tokens[0] < tokens[1], "{tokens:?}");
}

#[test]
fn run_of_a_machine_that_dies_is_repeated_elsewhere_with_a_higher_token() {
    let folder = Folder::create().unwrap();
    let retry = Retry {
        max_attempts: 2,
        delay_s: 0.5,
        on: vec![Outcome::Lost],
        ..Retry::default()
    };
    let policies = JobSpec {
        delivery: Delivery::AtLeastOnce,
        retry,
        ..JobSpec::default()
    };
    let mut lab = lab_with_tokens(&folder, "--sleep 50", policies);
    lab.start_agents(2);
    let first = lab.witness.wait_for_starts(1, SOON).remove(0);
    wait_until("the start to be recorded", SOON, || {
        (attempts_of(&lab, &first).len() == 1).then_some(())
    });

    // The machine dies: agent, runner and command at once.
    let machine = lab
        .agents
        .iter_mut()
        .find(|agent| agent.name == first.node)
        .unwrap();
    machine.kill();
    assert!(machine.kill_runner(), "{}", machine.process.log());
    assert!(send_signal(first.pid, Signal::KILL));
    let died = Instant::now();

    let second = wait_for_attempt(&lab, &first.run, "2");

    println!(
        "repeated on {} {:.1} s after the death of {}",
        second.node,
        died.elapsed().as_secs_f64(),
        first.node
    );
    assert_ne!(first.node, second.node);
    let tokens = wait_until("the second attempt to tell its token", SOON, || {
        let tokens = fencing_tokens(&folder, &first.run);
        (tokens.len() == 2).then_some(tokens)
    });
    assert!(tokens[0] < tokens[1], "{tokens:?}");
    let told = attempts_of(&lab, &first);
    let expected = [
        format!("1\tlost\t{}", first.node),
        format!("2\t-\t{}", second.node),
    ];
    assert_eq!(told, expected);
}
