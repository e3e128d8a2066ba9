//! Agents and runners are killed at random instants while runs are under way: every tick keeps its one outcome, nothing
//! starts twice, and the exit code is right wherever the runner lived.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use carillon_core::overlap::Overlap;
use carillon_testbed::{Sighting, SightingKind, wait_until};

use crate::draw::Draw;
use crate::laws::{self, Second, Window};
use crate::rig::{Lab, machine_now, watched_seconds};
use crate::weather::{judge, nothing_broke};

const AGENTS: usize = 3;

/// Jobs of every second; a job in two hundred kills has a few of its runs under way at each.
const JOBS: usize = 8;

/// Every command ends with this exit code and no other.
const EXIT_CODE: i32 = 3;

/// Half a second to live, so that most kills meet a living command.
const ARGUMENTS: &str = "--sleep 0.5 --exit 3";

/// The pauses between two kills, in milliseconds: shorter than an agent needs to come up, and longer.
const PAUSES_MS: std::ops::Range<u64> = 50..1_800;

/// Seconds: a runner that was killed so long before a command's fire time is there again, with its agent.
const BEFORE: Second = 4;

/// Seconds: by then the command has ended.
const AFTER: Second = 2;

/// The nodes whose runner was killed, and when.
type Kills = Vec<(String, Second)>;

/// The seed of `CARILLON_LAB_SEED`, or another one each time; it is printed, so that what broke can be tried again.
fn seed() -> u64 {
    let wanted = std::env::var("CARILLON_LAB_SEED").ok();
    let seed = wanted.and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| machine_now().unsigned_abs());
    println!("CARILLON_LAB_SEED={seed}");
    seed
}

/// Kills until the window is over; how many kills of agents there were, and those of runners.
fn kill_at_random(lab: &mut Lab, window: Window, draw: &mut Draw) -> (usize, Kills) {
    let (mut agents, mut runners) = (0, Kills::new());
    let span = Duration::from_secs(u64::try_from(window.until - window.from).expect("it is ahead"));
    let begun = Instant::now();
    while begun.elapsed() < span {
        let pause = PAUSES_MS.start + draw.below(PAUSES_MS.end - PAUSES_MS.start);
        let (asked, pause) = (Instant::now(), Duration::from_millis(pause));
        wait_until("the next kill", pause * 20, || {
            (asked.elapsed() >= pause).then_some(())
        });
        let agent = &mut lab.agents[draw.below(AGENTS as u64) as usize];
        let victim = draw.below(3);
        if victim != 0 && agent.kill_runner() {
            runners.push((agent.name.clone(), machine_now()));
        }
        if victim != 1 {
            agent.kill();
            agent.start_again();
            agents += 1;
        }
    }
    (agents, runners)
}

/// A run as the store tells it: outcome and exit code, by its token.
fn endings(lab: &Lab) -> BTreeMap<String, (String, String)> {
    let sql = "select lower(hex(token)), outcome, coalesce(exit_code, '-') from runs where state = 'done'";
    let rows = lab.database.query(sql).expect("the database answers");
    let read = |row: &str| {
        let cells: Vec<&str> = row.split('\t').collect();
        let [token, outcome, code] = cells[..] else {
            panic!("{row:?} is no run");
        };
        (token.to_owned(), (outcome.to_owned(), code.to_owned()))
    };
    rows.lines().map(read).collect()
}

/// Commands that ended where the runner lived, and whose run does not say so with the exit code.
fn wrong_endings(lab: &Lab, window: Window, kills: &Kills) -> Vec<String> {
    let sightings = lab.witness.read().expect("only witnesses write the file");
    let endings = endings(lab);
    let is_inside = |seen: &&Sighting| {
        seen.kind == SightingKind::Start
            && (window.from..window.until).contains(&laws::fire_second(seen))
    };
    let had_a_runner = |seen: &&Sighting| {
        let started = laws::fire_second(seen);
        let is_around = |(node, killed): &(String, Second)| {
            *node == seen.node && (started - BEFORE..=started + AFTER).contains(killed)
        };
        !kills.iter().any(is_around)
    };
    let mut judged = 0;
    let mut wrong = Vec::new();
    for start in sightings.iter().filter(is_inside).filter(had_a_runner) {
        judged += 1;
        let told = endings.get(&start.token.to_lowercase());
        let is_right = told
            .is_some_and(|(outcome, code)| outcome == "failed" && *code == EXIT_CODE.to_string());
        if !is_right {
            wrong.push(format!("{} on {}: {told:?}", start.run, start.node));
        }
    }
    println!("{judged} runs whose runner lived all the time");
    assert!(judged > 0, "no run was far from a kill");
    wrong
}

#[test]
fn kills_at_random_instants_double_nothing_and_lose_no_exit_code() {
    let mut draw = Draw::of(seed());
    let mut lab = Lab::with_overlap(JOBS, ARGUMENTS, Overlap::Allow(60));
    lab.start_agents(AGENTS);

    let window = lab.next_window();
    let (agents, runners) = kill_at_random(&mut lab, window, &mut draw);
    let (records, starts) = judge(&lab, window);

    let mut outcomes = BTreeMap::<(&str, &str), usize>::new();
    for record in &records {
        *outcomes
            .entry((&record.outcome, &record.reason))
            .or_default() += 1;
    }
    println!(
        "{agents} kills of agents and {} of runners in {} s: {} starts, {outcomes:?}",
        runners.len(),
        watched_seconds(),
        starts.len()
    );
    assert!(agents > 0 && !runners.is_empty(), "nobody was killed");
    nothing_broke(
        "exit codes are right",
        wrong_endings(&lab, window, &runners),
    );
    nothing_broke(
        "what starts ends in no other way",
        strange(&records, &starts),
    );
}

/// Runs that started and are recorded as something that cannot have come of it.
fn strange(records: &[laws::Record], starts: &[Sighting]) -> Vec<String> {
    let started: std::collections::BTreeSet<(&str, Second)> = starts
        .iter()
        .map(|start| (start.job.as_str(), laws::fire_second(start)))
        .collect();
    let may_be = ["failed", "lost", "interrupted"];
    let strange = records.iter().filter(|record| {
        started.contains(&(record.job.as_str(), record.first))
            && !may_be.contains(&record.outcome.as_str())
    });
    strange.map(|record| format!("{record:?}")).collect()
}
