//! What the verbs of the agent do to commands that run.

use std::collections::BTreeSet;
use std::time::Duration;

use carillon_core::job::JobDraft;
use carillon_core::overlap::Overlap;
use carillon_store::{Editor, JobChange, Store};
use carillon_testbed::{Sighting, SightingKind, Witness, now_ns, wait_until};

use crate::laws;
use crate::rig::Lab;

const SOON: Duration = Duration::from_secs(60);

/// The rows of the run that a start belongs to: state, outcome and exit code.
fn runs_of(lab: &Lab, start: &Sighting) -> Vec<String> {
    let second = laws::fire_second(start);
    let sql = format!(
        "select state, outcome, exit_code from runs where kind = 0 and fire_time = {second} * 1000000"
    );
    lab.database
        .query(&sql)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn wait_for_end(lab: &Lab, start: &Sighting) {
    wait_until("the command to end", SOON, || {
        let sightings = lab.witness.read().unwrap();
        let is_end = |sighting: &Sighting| matches!(sighting.kind, SightingKind::End { .. });
        sightings
            .iter()
            .any(|it| is_end(it) && it.pid == start.pid)
            .then_some(())
    });
}

fn expect_exit_code_3_recorded_once(lab: &Lab, start: &Sighting) {
    wait_for_end(lab, start);
    wait_until("the run to be recorded", SOON, || {
        let runs = runs_of(lab, start);
        (runs == ["done\tfailed\t3"]).then_some(())
    });
    let starts = lab.witness.starts().unwrap();
    let same = starts
        .iter()
        .filter(|other| other.fire_time == start.fire_time);
    assert_eq!(same.count(), 1);
}

#[test]
fn command_survives_restart_and_its_exit_code_is_recorded_once() {
    let mut lab = Lab::with_job("--sleep 6 --exit 3");
    lab.start_agents(1);
    let start = lab.witness.wait_for_starts(1, SOON).remove(0);
    let pid = lab.agents[0].process.pid();

    let (code, _, said) = lab.agents[0].call(&["restart"]);

    assert_eq!(code, 0, "{said}");
    expect_exit_code_3_recorded_once(&lab, &start);
    let (_, stats, _) = lab.agents[0].call(&["stats", "--json"]);
    let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
    assert_eq!(stats["pid"], pid);
    assert_eq!(stats["state"], "running");
}

#[test]
fn command_survives_a_killed_agent_and_the_next_one_records_it_once() {
    let mut lab = Lab::with_job("--sleep 6 --exit 3");
    lab.start_agents(1);
    let start = lab.witness.wait_for_starts(1, SOON).remove(0);

    lab.agents[0].kill();
    lab.agents[0].start_again();

    expect_exit_code_3_recorded_once(&lab, &start);
}

#[test]
fn stop_returns_when_commands_have_ended_and_nothing_is_left() {
    let mut lab = Lab::with_job("--sleep 4");
    lab.start_agents(1);
    let start = lab.witness.wait_for_starts(1, SOON).remove(0);

    let (code, _, said) = lab.agents[0].call(&["stop"]);

    assert_eq!(code, 0, "{said}");
    assert_eq!(lab.agents[0].process.wait_for_exit(SOON).code(), Some(0));
    wait_for_end(&lab, &start);
    let ends = lab.witness.read().unwrap().len();
    assert_eq!(ends % 2, 0, "a command was still running");
    assert_eq!(lab.agents[0].call(&["stop"]).0, 3);
    assert_eq!(lab.agents[0].call(&["stats"]).0, 3);
}

#[test]
fn agent_drops_what_is_old_and_says_so() {
    let mut lab = Lab::with_jobs(1);
    let old = "insert into runs (fire_time, job_id, kind, slot, state, outcome, run_trigger, \
               job_version, not_before, start_until) \
               select n, 1, 0, 0, 'done', 'succeeded', 'schedule', 1, n, n \
               from (select 1 as n union select 2 union select 3) as t";
    lab.database.query(old).unwrap();

    lab.start_agents(1);

    wait_until("the old runs to be dropped", SOON, || {
        let left = lab
            .database
            .query("select count(*) from runs where fire_time < 9");
        (left.unwrap().trim() == "0").then_some(())
    });
    wait_until("the agent to say so", SOON, || {
        let (_, stats, _) = lab.agents[0].call(&["stats", "--json"]);
        let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
        (stats["forgotten"] == 3).then_some(())
    });
}

#[test]
fn run_whose_journal_is_gone_is_lost_at_once_and_its_own_node_says_why() {
    let mut lab = Lab::with_job("--sleep 20");
    lab.start_agents(1);
    let start = lab.witness.wait_for_starts(1, SOON).remove(0);
    wait_until("the start to be recorded", SOON, || {
        (runs_of(&lab, &start) == ["running\tNULL\tNULL"]).then_some(())
    });

    lab.agents[0].kill();
    lab.agents[0].wipe_runner();
    lab.agents[0].start_again();

    let second = laws::fire_second(&start);
    let sql = format!(
        "select outcome, reason, instr(detail, 'journal') > 0 from runs \
         where kind = 0 and fire_time = {second} * 1000000 and state = 'done'"
    );
    let told = wait_until("the run to be lost", 2 * SOON, || {
        let told = lab.database.query(&sql).unwrap();
        (!told.is_empty()).then_some(told)
    });
    assert_eq!(told.trim_end(), "lost\tnode_restarted\t1");
}

/// The store knows a life of the agent that the agent gave up: it would refuse the next one as long as that seems alive.
#[test]
fn registration_whose_answer_is_lost_is_asked_again() {
    let mut lab = Lab::with_jobs(1);
    lab.start_agents_behind_proxies(1);
    lab.agents[0].kill();
    let seen = lab.witness.starts().unwrap().len();
    let proxy = lab.agents[0].proxy.as_ref().unwrap();
    proxy.drop_reply_when(|request| {
        let mut words = request.windows(6);
        words.any(|word| word.eq_ignore_ascii_case(b"commit"))
    });

    lab.agents[0].start_again();

    lab.witness.wait_for_starts(seen + 3, SOON);
    let proxy = lab.agents[0].proxy.as_ref().unwrap();
    assert_eq!(proxy.replies_dropped(), 1);
    assert!(lab.agents[0].process.exit_status().is_none());
}

/// Hundreds of questions at once would keep the store's connections from the claims.
#[test]
fn agent_that_comes_back_to_hundreds_of_runs_adopts_them_in_one_go() {
    const RUNS: usize = 600;
    let mut lab = Lab::with_overlap(100, "--sleep 12", Overlap::Allow(60));
    lab.start_agents(1);
    let begun = lab.witness.wait_for_starts(RUNS, 2 * SOON);

    lab.agents[0].kill();
    lab.agents[0].start_again();

    let last = begun.iter().map(laws::fire_second).max().unwrap();
    let open = format!(
        "select count(*) from runs where state <> 'done' and fire_time <= {last} * 1000000"
    );
    wait_until("what ran to be recorded", 2 * SOON, || {
        (lab.database.query(&open).unwrap().trim() == "0").then_some(())
    });
    let log = lab.agents[0].process.log();
    assert!(log.contains("run adopted"), "{log}");
    assert!(!log.contains("not adopted now"), "{log}");
    let lost = "select count(*) from runs where outcome = 'lost'";
    assert_eq!(lab.database.query(lost).unwrap().trim(), "0");
}

/// A runner has the orders of the next second in its journal a little before it: whoever kills it then takes along
/// whether it has started them. The agent lives on, and holds what nobody will ever report.
#[test]
fn runs_whose_start_died_with_the_runner_are_lost_at_once_and_hold_up_no_stop() {
    let mut lab = Lab::with_jobs(5);
    lab.start_agents(1);
    lab.witness.wait_for_starts(1, SOON);

    let lost = "select count(*) from runs where outcome = 'lost'";
    wait_until("a runner to die with its orders", SOON, || {
        let is_about_to_start = (now_ns() / 1_000_000) % 1_000 > 900;
        if is_about_to_start {
            lab.agents[0].kill_runner();
        }
        let count = lab.database.query(lost).unwrap();
        (count.trim() != "0").then_some(())
    });
    let (code, _, said) = lab.agents[0].call(&["stop"]);

    assert_eq!(code, 0, "{said}");
    assert!(lab.agents[0].process.wait_for_exit(SOON).success());
    let reasons = "select distinct reason from runs where outcome = 'lost'";
    assert_eq!(
        lab.database.query(reasons).unwrap().trim(),
        "node_restarted"
    );
}

/// The same with the journal gone, too: the order is not given again, since the command may have been started.
#[test]
fn order_is_not_repeated_to_a_runner_that_lost_its_journal() {
    let mut lab = Lab::with_jobs(5);
    lab.start_agents(1);
    lab.witness.wait_for_starts(1, SOON);

    for _ in 0..3 {
        wait_until("commands to be starting", SOON, || {
            let is_starting = (now_ns() / 1_000_000) % 1_000 < 10;
            is_starting.then(|| lab.agents[0].wipe_runner())
        });
        let seen = lab.witness.starts().unwrap().len();
        lab.witness.wait_for_starts(seen + 5, SOON);
    }
    let (code, _, said) = lab.agents[0].call(&["stop"]);

    assert_eq!(code, 0, "{said}");
    let starts = lab.witness.starts().unwrap();
    assert_eq!(laws::doubles(&starts), Vec::<String>::new());
}

/// Edits the only job; returns the second from which that holds.
pub(crate) fn edit_job(lab: &Lab, change: impl FnOnce(&mut JobDraft)) -> laws::Second {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::new(lab.database.url.parse().unwrap());
        let job = store.job(lab.jobs_made[0]).await.unwrap();
        let mut draft = job.draft.clone();
        change(&mut draft);
        let edit = JobChange::Replace(Box::new(draft));
        let editor = Editor::program("lab");
        let edited = store
            .change_job(job.id, job.version, &edit, &editor)
            .await
            .unwrap();
        store.close().await;
        edited.valid_from.as_second()
    })
}

#[test]
fn edited_command_runs_from_the_next_second_on_and_no_tick_is_lost_between() {
    let mut lab = Lab::with_job("");
    lab.start_agents(3);
    let before = lab.witness.wait_for_starts(3, SOON).remove(0);
    let edited = Witness::create().unwrap();

    let since = edit_job(&lab, |draft| draft.spec.launch.command = edited.command());

    let first = edited.wait_for_starts(1, SOON).remove(0);
    edited.wait_for_starts(3, SOON);
    for agent in &mut lab.agents {
        agent.call(&["stop"]);
    }
    let old = lab.witness.starts().unwrap();
    let late = old
        .iter()
        .filter(|start| laws::fire_second(start) > since + 1);
    assert_eq!(late.count(), 0, "edited at {since}: {old:?}");
    let new = edited.starts().unwrap();
    let both: Vec<_> = old.iter().chain(&new).cloned().collect();
    assert_eq!(laws::doubles(&both), Vec::<String>::new());
    let seconds: BTreeSet<_> = both.iter().map(laws::fire_second).collect();
    let span = laws::fire_second(&before)..=laws::fire_second(&first);
    let lost: Vec<_> = span.filter(|second| !seconds.contains(second)).collect();
    assert_eq!(lost, Vec::<laws::Second>::new(), "edited at {since}");
}
