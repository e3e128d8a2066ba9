//! Three agents on MariaDB and Redis share the jobs of every second, and lose nothing, whatever
//! is taken from them.

use carillon_testbed::Sighting;

use crate::laws::{self, Record, Window};
use crate::rig::{Lab, watched_seconds};

const JOBS: usize = 100;

/// Laws that hold in every weather, and a line about what was seen.
pub(crate) fn judge(lab: &Lab, window: Window) -> (Vec<Record>, Vec<Sighting>) {
    let records = lab.closed_records(window);
    let all_starts = lab.witness.starts().expect("only witnesses write the file");
    let starts = laws::starts_within(&all_starts, window);
    let inside: Vec<Record> = records
        .iter()
        .filter(|record| record.first >= window.from)
        .cloned()
        .collect();
    let (p50, p99, max) = laws::lateness_ms(&starts);
    println!(
        "{} starts of {} ticks on {:?}; late by {p50:.1} ms p50, {p99:.1} ms p99, {max:.1} ms at most",
        starts.len(),
        lab.jobs as i64 * (window.until - window.from),
        laws::shares(&starts),
    );
    nothing_broke("no tick starts twice", laws::doubles(&all_starts));
    nothing_broke("no tick starts early", laws::early(&all_starts));
    nothing_broke(
        "every tick is decided",
        laws::undecided(&records, &lab.job_ids(), window),
    );
    nothing_broke("no tick is decided twice", laws::decided_twice(&records));
    nothing_broke("the store tells the truth", laws::lies(&inside, &starts));
    (inside, starts)
}

#[track_caller]
pub(crate) fn nothing_broke(law: &str, violations: Vec<String>) {
    let shown = violations
        .iter()
        .take(10)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        violations.is_empty(),
        "{law}: {} violations\n{shown}",
        violations.len()
    );
}

/// As [`nothing_broke`], but a machine that is kept busy for longer than a start deadline misses ticks, and says so: a
/// quarter of them may be missed, and none over a whole minute on a machine that has time (`scripts/lab`).
#[track_caller]
pub(crate) fn little_broke(law: &str, violations: Vec<String>, ticks: usize) {
    let allowed = match watched_seconds() {
        ..60 => ticks / 4,
        _ => 0,
    };
    if violations.len() > allowed {
        nothing_broke(law, violations);
    }
}

/// Who goes first is `placement::rank`'s, and proven there. A node that a busy machine keeps waiting leaves
/// ticks to the others, so shares are judged over a whole minute only, on a machine that has time (`scripts/lab`).
fn expect_even_spread(starts: &[Sighting]) {
    let shares = laws::shares(starts);
    assert_eq!(shares.len(), 3, "{shares:?}");
    let uneven = |percent: &f64| !(25.0..=42.0).contains(percent);
    assert!(
        watched_seconds() < 60 || !shares.values().any(uneven),
        "{shares:?}"
    );
}

#[test]
fn three_agents_share_every_tick() {
    let mut lab = Lab::with_jobs(JOBS);
    lab.start_agents(3);

    let window = lab.next_window();
    let (records, starts) = judge(&lab, window);

    little_broke(
        "everything succeeds",
        laws::unsuccessful(&records),
        records.len(),
    );
    expect_even_spread(&starts);
}

#[test]
fn redis_gone_for_a_while_costs_no_tick() {
    let mut lab = Lab::with_jobs(JOBS);
    lab.start_agents(3);

    let window = lab.next_window();
    lab.wait_for_second(window.from + watched_seconds() / 3);
    lab.redis.kill();
    lab.wait_for_second(window.from + 2 * watched_seconds() / 3);
    lab.redis.restart().expect("Redis comes back");
    let (records, starts) = judge(&lab, window);

    little_broke(
        "everything succeeds",
        laws::unsuccessful(&records),
        records.len(),
    );
    expect_even_spread(&starts);
}

#[test]
fn redis_flushed_each_second_doubles_no_tick() {
    let mut lab = Lab::with_jobs(JOBS);
    lab.start_agents(3);

    let window = lab.next_window();
    for second in window.from..window.until {
        lab.wait_for_second(second);
        lab.redis.flush().expect("Redis answers");
    }
    let (records, _) = judge(&lab, window);

    little_broke(
        "everything succeeds",
        laws::unsuccessful(&records),
        records.len(),
    );
}

#[test]
fn killed_agent_loses_no_tick_and_doubles_none() {
    let mut lab = Lab::with_jobs(JOBS);
    lab.start_agents(3);

    let window = lab.next_window();
    lab.wait_for_second(window.from + watched_seconds() / 3);
    lab.agents[1].kill();
    lab.wait_for_second(window.from + 2 * watched_seconds() / 3);
    lab.agents[1].start_again();
    let (records, starts) = judge(&lab, window);

    // What the killed agent had claimed and not handed over yet may be lost, and is told so.
    let unsuccessful = laws::unsuccessful(&records);
    println!("{} ticks did not succeed", unsuccessful.len());
    assert!(
        unsuccessful.len() <= JOBS.max(records.len() / 4),
        "{unsuccessful:?}"
    );
    assert_eq!(laws::shares(&starts).len(), 3);
}

#[test]
fn killed_database_holds_ticks_and_then_tells_why() {
    let mut lab = Lab::with_jobs(JOBS);
    lab.start_agents(3);

    let window = lab.next_window();
    lab.wait_for_second(window.from + watched_seconds() / 3);
    lab.mariadb.kill();
    lab.wait_for_second(window.from + 2 * watched_seconds() / 3);
    lab.mariadb.restart().expect("MariaDB comes back");
    let (records, _) = judge(&lab, window);

    let unexplained: Vec<&Record> = records
        .iter()
        .filter(|record| record.outcome != "succeeded" && record.reason == "-")
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:?}");
}

/// The database has decided and the agent does not know: the answer to every commit of one agent
/// or another is lost on its way, several times a second.
#[test]
fn lost_answers_to_commits_double_nothing() {
    let mut lab = Lab::with_jobs(JOBS);
    lab.start_agents_behind_proxies(3);

    let window = lab.next_window();
    for second in window.from..window.until - watched_seconds() / 4 {
        lab.wait_for_second(second);
        for agent in &lab.agents {
            let proxy = agent.proxy.as_ref().expect("every agent has one");
            proxy.drop_reply_when(|request| {
                request
                    .windows(6)
                    .any(|word| word.eq_ignore_ascii_case(b"commit"))
            });
        }
    }
    let (records, _) = judge(&lab, window);

    let dropped = lab
        .agents
        .iter()
        .flat_map(|agent| &agent.proxy)
        .map(|p| p.replies_dropped());
    let dropped: usize = dropped.sum();
    println!(
        "{dropped} answers lost, {} ticks did not succeed",
        laws::unsuccessful(&records).len()
    );
    assert!(dropped > 0, "no commit met the fault");
}
