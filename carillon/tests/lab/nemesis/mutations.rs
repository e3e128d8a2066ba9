//! The laws are trusted because each has been seen failing: a good history is spoilt in one place, and the law that is
//! about it must say so.

use carillon_testbed::{Sighting, SightingKind};
use jiff::Timestamp;

use super::fault::{Kind, Suffered, Target};
use super::history::{History, Node, Role, Row, Version};
use super::judge::judge;
use crate::laws::{Second, Window};

const FROM: Second = 1_800_000_000;
const S: i64 = 1_000_000;
const BORN_US: i64 = (FROM - 50) * S;

const PLAIN: &str = "1";
const FAILING: &str = "2";
const ALONE: &str = "3";
const EVERYWHERE: &str = "4";
const DEAF: &str = "5";
const SLOW: &str = "6";
/// Edited shortly before the eleventh, which the old version has claimed by then.
const EDITED: &str = "7";
const EDITED_AT_US: i64 = (FROM + 11) * S - S / 10;

const JOBS: [(&str, Role); 7] = [
    (PLAIN, Role::Plain),
    (FAILING, Role::Failing),
    (ALONE, Role::Alone),
    (EVERYWHERE, Role::Everywhere),
    (DEAF, Role::Deaf),
    (SLOW, Role::Slow),
    (EDITED, Role::Plain),
];

/// Seconds of the window in which the database is gone, and those in which a node or its runner ends.
const OUTAGE: std::ops::Range<Second> = 14..18;
const NODE_GONE: Second = 26;
const RUNNER_GONE: Second = 36;

/// Forty seconds in which everything went as it should: ran, skipped, missed in an outage, lost with a node.
fn good() -> History {
    let node = |id: i64| Node {
        id,
        name: format!("n{id}"),
        since_us: BORN_US,
    };
    let role = |(job, role): &(&str, Role)| ((*job).to_owned(), *role);
    let mut history = History {
        window: Window {
            from: FROM,
            until: FROM + 40,
        },
        roles: JOBS.iter().map(role).collect(),
        versions: versions(),
        nodes: (1..=3).map(node).collect(),
        rows: Vec::new(),
        sightings: Vec::new(),
        faults: faults(),
        left: Vec::new(),
    };
    for second in 0..40 {
        for (job, role) in JOBS {
            live_second(&mut history, job, role, second);
        }
    }
    history
}

fn versions() -> Vec<Version> {
    let version = |job: &str, number, expression: &str, from_us, until_us| Version {
        job: job.to_owned(),
        number,
        is_enabled: true,
        expression: expression.to_owned(),
        from_us,
        until_us,
    };
    let every_second = |job, until_us| version(job, 1, "* * * * * *", BORN_US, until_us);
    let others = JOBS.iter().filter(|(job, _)| *job != EDITED);
    let mut versions: Vec<Version> = others.map(|(job, _)| every_second(job, i64::MAX)).collect();
    versions.push(every_second(EDITED, EDITED_AT_US));
    versions.push(version(EDITED, 2, "*/2 * * * * *", EDITED_AT_US, i64::MAX));
    versions
}

fn faults() -> Vec<Suffered> {
    let fault = |kind, target, from: Second, until: Second| Suffered {
        kind,
        target,
        from_us: (FROM + from) * S,
        until_us: (FROM + until) * S,
    };
    let (gone, back) = (OUTAGE.start, OUTAGE.end - 1);
    vec![
        fault(Kind::DatabaseKilled, Target::Database, gone, back),
        fault(Kind::NodeKilled, Target::Node(1), NODE_GONE, NODE_GONE + 1),
        fault(
            Kind::RunnerKilled,
            Target::Node(2),
            RUNNER_GONE,
            RUNNER_GONE,
        ),
    ]
}

fn live_second(history: &mut History, job: &str, role: Role, second: Second) {
    let node = 1 + second % 3;
    match (job, role) {
        (EDITED, _) if second > 11 && second % 2 == 1 => {}
        _ if OUTAGE.contains(&second) => miss(history, job, role, second),
        (PLAIN, _) if second == NODE_GONE => run(history, (job, second, 0, 2), "lost", None),
        (SLOW, _) if second == RUNNER_GONE => {
            run(history, (job, second, 0, 3), "interrupted", None)
        }
        (EDITED, _) if second == 10 => {
            settle(history, (job, second, 0), "skipped", "superseded");
        }
        (_, Role::Alone) if second % 2 == 1 => {
            settle(history, (job, second, 0), "skipped", "overlap");
        }
        (_, Role::Everywhere) => {
            for seat in 1..=3 {
                run(history, (job, second, seat, seat), "succeeded", Some(0));
            }
        }
        (_, Role::Failing) => run(history, (job, second, 0, node), "failed", Some(3)),
        (_, Role::Deaf) => run(history, (job, second, 0, node), "timed_out", None),
        _ => run(history, (job, second, 0, node), "succeeded", Some(0)),
    }
}

/// A plain job has one record for the whole outage, others have one for each tick.
fn miss(history: &mut History, job: &str, role: Role, second: Second) {
    let seats = if role == Role::Everywhere {
        1..=3
    } else {
        0..=0
    };
    for seat in seats {
        if job == PLAIN && second > OUTAGE.start {
            continue;
        }
        settle(history, (job, second, seat), "missed", "store_unavailable");
        if job == PLAIN {
            let row = history.rows.last_mut().unwrap();
            row.last_us = (FROM + OUTAGE.end - 1) * S;
            row.ticks = OUTAGE.end - OUTAGE.start;
        }
    }
}

fn settle(
    history: &mut History,
    (job, second, slot): (&str, Second, i64),
    outcome: &str,
    reason: &str,
) {
    let fire_us = (FROM + second) * S;
    let version = if job == EDITED && second > 11 { 2 } else { 1 };
    history.rows.push(Row {
        job: job.to_owned(),
        fire_us,
        last_us: fire_us,
        ticks: 1,
        slot,
        state: "done".to_owned(),
        outcome: outcome.to_owned(),
        reason: reason.to_owned(),
        version,
        token: "-".to_owned(),
        node: None,
        claimed_us: None,
        started_us: None,
        ended_us: Some(fire_us - S / 10),
        exit_code: None,
        start_until_us: fire_us + 5 * S,
        detail: String::new(),
    });
}

/// A run on a node, with its witness: a lone job takes 1.4 s, others a tenth.
fn run(
    history: &mut History,
    (job, second, slot, node): (&str, Second, i64, i64),
    outcome: &str,
    exit_code: Option<i64>,
) {
    settle(history, (job, second, slot), outcome, "-");
    let row = history.rows.last_mut().unwrap();
    let takes = if job == ALONE { S * 14 / 10 } else { S / 10 };
    row.token = format!("{job}-{second}-{slot}");
    row.node = Some(node);
    row.claimed_us = Some(row.fire_us - S / 5);
    row.started_us = Some(row.fire_us);
    row.ended_us = Some(row.fire_us + takes);
    row.exit_code = exit_code;
    let start = Sighting {
        kind: SightingKind::Start,
        job: job.to_owned(),
        fire_time: Timestamp::from_second(FROM + second).unwrap().to_string(),
        token: row.token.clone(),
        run: "-".to_owned(),
        attempt: "1".to_owned(),
        node: format!("n{node}"),
        slot: "0".to_owned(),
        pid: 1,
        at_ns: i128::from(row.fire_us + 2_000) * 1_000,
    };
    if let Some(code) = exit_code {
        history.sightings.push(Sighting {
            kind: SightingKind::End {
                exit_code: i32::try_from(code).unwrap(),
            },
            at_ns: start.at_ns + i128::from(takes) * 1_000,
            ..start.clone()
        });
    }
    history.sightings.push(start);
}

/// The record of a tick.
fn row<'h>(history: &'h mut History, job: &str, second: Second) -> &'h mut Row {
    let is_own = |row: &&mut Row| row.job == job && row.fire_us == (FROM + second) * S;
    history.rows.iter_mut().find(is_own).unwrap()
}

fn drop_row(history: &mut History, job: &str, second: Second) {
    history
        .rows
        .retain(|row| row.job != job || row.fire_us != (FROM + second) * S);
}

/// What the witness of a tick wrote at its start, or at its end.
fn seen<'h>(history: &'h mut History, job: &str, second: Second, is_end: bool) -> &'h mut Sighting {
    let token = format!("{job}-{second}-");
    let is_own = |seen: &&mut Sighting| {
        seen.token.starts_with(&token) && (seen.kind != SightingKind::Start) == is_end
    };
    history.sightings.iter_mut().find(is_own).unwrap()
}

fn unsee(history: &mut History, job: &str, second: Second, is_end: bool) {
    let gone = seen(history, job, second, is_end).clone();
    history.sightings.retain(|seen| *seen != gone);
}

type Mutation = (&'static str, &'static str, fn(&mut History));

const STARTS: [Mutation; 12] = [
    ("a start is seen twice", "no tick starts twice", |history| {
        let again = seen(history, PLAIN, 3, false).clone();
        history.sightings.push(again);
    }),
    (
        "another node starts it, too",
        "no tick starts twice",
        |history| {
            let mut again = seen(history, PLAIN, 3, false).clone();
            (again.node, again.token) = ("n3".to_owned(), "other".to_owned());
            history.sightings.push(again);
        },
    ),
    (
        "a start is shifted ahead",
        "no tick starts early",
        |history| {
            seen(history, PLAIN, 3, false).at_ns -= 3_000_000;
        },
    ),
    (
        "a start is seven seconds late",
        "nothing starts after its deadline",
        |history| delay(history, None),
    ),
    (
        "it is late, and the runner of another node stood still",
        "nothing starts after its deadline",
        |history| delay(history, Some(1)),
    ),
    (
        "a start is not seen",
        "what is told to have run was seen",
        |history| {
            unsee(history, PLAIN, 3, false);
        },
    ),
    (
        "the token of a record is another",
        "what is told to have run was seen",
        |history| {
            row(history, PLAIN, 3).token = "other".to_owned();
        },
    ),
    (
        "the token of a start is another",
        "what was seen is told",
        |history| {
            seen(history, PLAIN, 3, false).token = "other".to_owned();
        },
    ),
    (
        "what started is told to be missed",
        "what was seen is told",
        |history| {
            row(history, PLAIN, OUTAGE.end).outcome = "missed".to_owned();
        },
    ),
    (
        "what started is told to be skipped",
        "what was seen is told",
        |history| {
            row(history, ALONE, 4).outcome = "skipped".to_owned();
        },
    ),
    (
        "the node is another",
        "every seat is for its own node",
        |history| {
            seen(history, PLAIN, 3, false).node = "n3".to_owned();
        },
    ),
    (
        "nodes have swapped their seats",
        "every seat is for its own node",
        |history| {
            for place in history
                .rows
                .iter_mut()
                .filter(|row| row.job == EVERYWHERE && row.ran())
            {
                place.node = place.node.map(|node| node % 3 + 1);
            }
        },
    ),
];

const RECORDS: [Mutation; 9] = [
    ("a record is gone", "every tick is decided", |history| {
        drop_row(history, FAILING, OUTAGE.start)
    }),
    (
        "a seat of every node is gone",
        "every tick is decided",
        |history| {
            history
                .rows
                .retain(|row| row.job != EVERYWHERE || row.slot != 2 || row.fire_us != FROM * S);
        },
    ),
    (
        "a record is there twice",
        "no tick is decided twice",
        |history| {
            let again = row(history, FAILING, 5).clone();
            history.rows.push(again);
        },
    ),
    (
        "a long record covers its neighbour",
        "no tick is decided twice",
        |history| {
            row(history, PLAIN, OUTAGE.start).last_us += S;
        },
    ),
    (
        "a tick is recorded that was not due",
        "nothing is decided that was not due",
        |history| {
            settle(history, (EDITED, 13, 0), "missed", "store_unavailable");
        },
    ),
    (
        "a record lies between the seconds",
        "nothing is decided that was not due",
        |history| {
            row(history, FAILING, 5).fire_us += S / 2;
        },
    ),
    (
        "a tick of the version before is claimed after the edit",
        "nothing is decided that was not due",
        |history| row(history, EDITED, 11).claimed_us = Some(EDITED_AT_US + 1),
    ),
    (
        "a record stands for too many",
        "many ticks in one record are counted",
        |history| {
            row(history, PLAIN, OUTAGE.start).ticks += 1;
        },
    ),
    ("a run never ends", "everything ends", |history| {
        let open = row(history, PLAIN, 3);
        (open.state, open.outcome) = ("running".to_owned(), "-".to_owned());
    }),
];

const ENDINGS: [Mutation; 7] = [
    (
        "the exit code of a record is another",
        "endings are told as they were",
        |history| {
            row(history, FAILING, 3).exit_code = Some(4);
        },
    ),
    (
        "the exit code that was seen is another",
        "endings are told as they were",
        |history| {
            seen(history, FAILING, 3, true).kind = SightingKind::End { exit_code: 0 };
        },
    ),
    (
        "an end is not seen",
        "endings are told as they were",
        |history| unsee(history, PLAIN, 3, true),
    ),
    (
        "a deaf command is seen to end",
        "endings are told as they were",
        |history| {
            let mut end = seen(history, DEAF, 3, false).clone();
            end.kind = SightingKind::End { exit_code: 0 };
            history.sightings.push(end);
        },
    ),
    (
        "a failing job succeeds",
        "runs end as their jobs do",
        |history| {
            seen(history, FAILING, 3, true).kind = SightingKind::End { exit_code: 0 };
            let told = row(history, FAILING, 3);
            (told.outcome, told.exit_code) = ("succeeded".to_owned(), Some(0));
        },
    ),
    (
        "the time of a start is another",
        "starts are told when they were",
        |history| {
            row(history, PLAIN, 3).started_us = Some((FROM + 13) * S);
        },
    ),
    (
        "a run could not start",
        "runs end as their jobs do",
        |history| {
            row(history, PLAIN, 3).outcome = "could_not_start".to_owned();
        },
    ),
];

const POLICIES: [Mutation; 11] = [
    (
        "a lone run lasts longer",
        "skip never has two alive",
        |history| {
            seen(history, ALONE, 4, true).at_ns += 1_000_000_000;
        },
    ),
    (
        "a lone run begins too soon",
        "skip never has two alive",
        |history| {
            drop_row(history, ALONE, 5);
            run(history, (ALONE, 5, 0, 1), "succeeded", Some(0));
        },
    ),
    (
        "a claim is made after the edit",
        "nothing of an old version starts",
        |history| {
            row(history, EDITED, 9).claimed_us = Some(EDITED_AT_US + 1);
        },
    ),
    (
        "a start is two seconds after the edit",
        "nothing of an old version starts",
        |history| {
            seen(history, EDITED, 6, false).at_ns = i128::from(EDITED_AT_US + 2 * S) * 1_000;
        },
    ),
    (
        "the database was never gone",
        "what is missed or lost has its fault",
        |history| {
            history.faults.remove(0);
        },
    ),
    (
        "only Redis was gone",
        "what is missed or lost has its fault",
        |history| {
            (history.faults[0].kind, history.faults[0].target) = (Kind::RedisKilled, Target::Redis);
        },
    ),
    (
        "another node was killed",
        "what is missed or lost has its fault",
        |history| {
            history.faults[1].target = Target::Node(0);
        },
    ),
    (
        "no runner was killed",
        "what is missed or lost has its fault",
        |history| {
            history.faults[2].kind = Kind::AgentStopped;
        },
    ),
    (
        "a run with room is skipped",
        "what is skipped has its reason",
        |history| {
            drop_row(history, FAILING, 3);
            settle(history, (FAILING, 3, 0), "skipped", "overlap");
        },
    ),
    (
        "nothing lived where a tick was skipped",
        "what is skipped has its reason",
        |history| {
            row(history, ALONE, 4).ended_us = Some((FROM + 2) * S);
            row(history, ALONE, 2).ended_us = Some((FROM + 2) * S);
            row(history, ALONE, 0).ended_us = Some(FROM * S);
        },
    ),
    (
        "no edit overtook what is superseded",
        "what is skipped has its reason",
        |history| {
            row(history, ALONE, 5).reason = "superseded".to_owned();
        },
    ),
];

#[test]
fn good_history_breaks_no_law() {
    let verdict = judge(&good());

    let broken: Vec<_> = verdict
        .iter()
        .filter(|(_, violations)| !violations.is_empty())
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_mutation_of_a_good_history_breaks_the_law_it_is_about() {
    let mut laws: Vec<&str> = judge(&good()).iter().map(|(law, _)| *law).collect();
    for (what, law, spoil) in STARTS
        .iter()
        .chain(&RECORDS)
        .chain(&ENDINGS)
        .chain(&POLICIES)
    {
        let mut history = good();

        spoil(&mut history);

        let verdict = judge(&history);
        let own = verdict.iter().find(|(name, _)| name == law);
        let (_, violations) = own.unwrap_or_else(|| panic!("{law:?} is no law"));
        assert!(!violations.is_empty(), "{what}: {law:?} does not see it");
        laws.retain(|name| name != law);
    }
    assert_eq!(
        laws,
        ["nothing is left behind"],
        "no mutation is about them"
    );
}

/// Makes a start of the first node seven seconds late, all of which the runner of this node stood still.
fn delay(history: &mut History, stopped: Option<usize>) {
    seen(history, PLAIN, 3, false).at_ns += 7_000_000_000;
    if let Some(node) = stopped {
        history.faults.push(Suffered {
            kind: Kind::RunnerStopped,
            target: Target::Node(node),
            from_us: (FROM + 3) * S,
            until_us: (FROM + 10) * S,
        });
    }
}

#[test]
fn a_start_is_late_where_its_runner_stood_still() {
    let mut history = good();
    delay(&mut history, Some(0));

    let verdict = judge(&history);

    let law = "nothing starts after its deadline";
    let own = verdict.iter().find(|(name, _)| *name == law).unwrap();
    assert!(own.1.is_empty(), "{:?}", own.1);
}

/// Whether the lab has a test of this name.
fn is_test_of_the_lab(name: &str) -> bool {
    let (file, function) = name.split_once("::").unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab");
    let text = std::fs::read_to_string(format!("{folder}/{file}.rs")).unwrap();
    text.contains(&format!("fn {function}("))
}

#[test]
fn every_planted_bug_still_finds_its_place_and_names_what_it_breaks() {
    let laws: Vec<&str> = judge(&good()).iter().map(|(law, _)| *law).collect();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let patches = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/planted"));
    let patches = patches.unwrap().map(|entry| entry.unwrap().path());
    let patches: Vec<_> = patches.collect();
    assert!(patches.len() >= 9, "{patches:?}");
    let git = carillon_testbed::require("git", &["git"]).unwrap();
    for patch in patches {
        let text = std::fs::read_to_string(&patch).unwrap();
        let named = |what| text.lines().find_map(|line| line.strip_prefix(what));
        let is_law = named("Breaks: ").is_some_and(|law| laws.contains(&law));
        let is_test = named("Fails: ").is_some_and(is_test_of_the_lab);
        assert!(
            is_law || is_test,
            "{patch:?} names nothing that would notice"
        );

        let tried = std::process::Command::new(&git)
            .args(["apply", "--check"])
            .arg(&patch)
            .current_dir(root)
            .output()
            .unwrap();

        let why = String::from_utf8_lossy(&tried.stderr);
        assert!(tried.status.success(), "{patch:?}: {why}");
    }
}

#[test]
fn what_is_left_behind_is_told() {
    let mut history = good();
    history.left.push("still there: 17 witness".to_owned());

    let verdict = judge(&history);

    let broken: Vec<&str> = verdict
        .iter()
        .filter(|law| !law.1.is_empty())
        .map(|law| law.0)
        .collect();
    assert_eq!(broken, ["nothing is left behind"]);
}
