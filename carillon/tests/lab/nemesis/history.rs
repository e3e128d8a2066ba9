//! All that is known of a schedule after it: read from plain files in a folder, so that it can be judged again later.
//!
//! From here on nothing of the product is used: what it recorded is text, and what was due is counted anew.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use carillon_testbed::{Sighting, Witness};

use super::fault::Suffered;
use crate::laws::Window;

/// What a job is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Ends at once, well.
    Plain,
    /// Takes half a second to three.
    Slow,
    /// Ends with the exit code 3.
    Failing,
    /// Takes longer than a second, and never lives twice.
    Alone,
    /// On every node.
    Everywhere,
    /// Writes much.
    Loud,
    /// Does not hear SIGTERM, and would live for a minute.
    Deaf,
    /// Leaves a child behind that holds its output.
    Parent,
}

const ROLES: [(Role, &str); 8] = [
    (Role::Plain, "plain"),
    (Role::Slow, "slow"),
    (Role::Failing, "failing"),
    (Role::Alone, "alone"),
    (Role::Everywhere, "everywhere"),
    (Role::Loud, "loud"),
    (Role::Deaf, "deaf"),
    (Role::Parent, "parent"),
];

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = ROLES.iter().find(|(role, _)| role == self);
        f.write_str(own.expect("every role has its word").1)
    }
}

/// A version of a job, and the time that is its own: after `from_us`, up to and including `until_us`.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) job: String,
    pub(crate) number: i64,
    pub(crate) is_enabled: bool,
    pub(crate) expression: String,
    pub(crate) from_us: i64,
    pub(crate) until_us: i64,
}

/// A node by the number that is its seat, and since when there is one.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) since_us: i64,
}

/// One record of the store. Times are microseconds since 1970; what is not there is `None`.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) job: String,
    pub(crate) fire_us: i64,
    pub(crate) last_us: i64,
    pub(crate) ticks: i64,
    pub(crate) slot: i64,
    pub(crate) state: String,
    pub(crate) outcome: String,
    pub(crate) reason: String,
    pub(crate) version: i64,
    pub(crate) token: String,
    pub(crate) node: Option<i64>,
    pub(crate) claimed_us: Option<i64>,
    pub(crate) started_us: Option<i64>,
    pub(crate) ended_us: Option<i64>,
    pub(crate) exit_code: Option<i64>,
    pub(crate) start_until_us: i64,
    pub(crate) detail: String,
}

/// What [`Row::parse`] reads, in its order.
pub(crate) const ROWS: &str = "select job_id, fire_time, coalesce(until_time, fire_time), tick_count, slot, state, \
     coalesce(outcome, '-'), coalesce(reason, '-'), job_version, coalesce(lower(hex(token)), '-'), node_id, claimed_at, \
     started_at, ended_at, exit_code, start_until, coalesce(detail, '') from runs where kind = 0";

/// What [`Version`]s are read from, in their order.
pub(crate) const VERSIONS: &str = "select job_id, version, enabled, schedule, valid_from, \
     coalesce(valid_until, 9223372036854775807) from job_versions";

pub(crate) const NODES: &str = "select id, name, created_at from nodes";

impl Row {
    fn parse(line: &str) -> Self {
        let cells: Vec<&str> = line.split('\t').collect();
        assert_eq!(cells.len(), 17, "{line:?} is no row");
        let text = |i: usize| cells[i].to_owned();
        let number = |i: usize| cells[i].parse().expect("a number");
        let maybe = |i: usize| (cells[i] != "NULL").then(|| number(i));
        Self {
            job: text(0),
            fire_us: number(1),
            last_us: number(2),
            ticks: number(3),
            slot: number(4),
            state: text(5),
            outcome: text(6),
            reason: text(7),
            version: number(8),
            token: text(9),
            node: maybe(10),
            claimed_us: maybe(11),
            started_us: maybe(12),
            ended_us: maybe(13),
            exit_code: maybe(14),
            start_until_us: number(15),
            detail: text(16),
        }
    }

    /// Whether the record says that the command ran and how it ended.
    pub(crate) fn ran(&self) -> bool {
        ["succeeded", "failed", "timed_out", "killed"].contains(&self.outcome.as_str())
    }

    /// Whether the record says that nobody knows.
    pub(crate) fn is_unknown(&self) -> bool {
        ["lost", "interrupted"].contains(&self.outcome.as_str())
    }

    pub(crate) fn is_range(&self) -> bool {
        self.ticks > 1
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.fire_us / 1_000_000;
        let (job, slot) = (&self.job, self.slot);
        let (outcome, reason, detail) = (&self.outcome, &self.reason, &self.detail);
        let node = self.node.unwrap_or(0);
        write!(
            f,
            "job {job} slot {slot} of {second}: {outcome} ({reason}) on node {node} {detail}"
        )
    }
}

/// Everything.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) window: Window,
    /// By the job's number in the store.
    pub(crate) roles: BTreeMap<String, Role>,
    pub(crate) versions: Vec<Version>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) rows: Vec<Row>,
    pub(crate) sightings: Vec<Sighting>,
    pub(crate) faults: Vec<Suffered>,
    /// What was still there when everything had been stopped, and programs that said they panicked.
    pub(crate) left: Vec<String>,
}

/// The files of a history, by what they hold.
pub(crate) const FILES: [&str; 8] = [
    "window.tsv",
    "jobs.tsv",
    "versions.tsv",
    "nodes.tsv",
    "runs.tsv",
    "witness",
    "faults.tsv",
    "left.txt",
];

impl History {
    /// Reads the files of a folder.
    pub(crate) fn read(folder: &Path) -> Self {
        let [window, jobs, versions, nodes, runs, witness, faults, left] =
            FILES.map(|name| folder.join(name));
        let text = |path: &Path| {
            std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        };
        let table = |path: &Path| -> Vec<Vec<String>> {
            let cells = |line: &str| line.split('\t').map(str::to_owned).collect();
            text(path).lines().map(cells).collect()
        };
        let number = |text: &String| text.parse::<i64>().expect("a number");
        let window = &table(&window)[0];
        let role = |word: &str| ROLES.iter().find(|role| role.1 == word).expect("a role").0;
        Self {
            window: Window {
                from: number(&window[0]),
                until: number(&window[1]),
            },
            roles: table(&jobs)
                .iter()
                .map(|cells| (cells[0].clone(), role(&cells[1])))
                .collect(),
            versions: table(&versions)
                .iter()
                .map(|c| Version {
                    job: c[0].clone(),
                    number: number(&c[1]),
                    is_enabled: c[2] == "1",
                    expression: c[3].clone(),
                    from_us: number(&c[4]),
                    until_us: number(&c[5]),
                })
                .collect(),
            nodes: table(&nodes)
                .iter()
                .map(|c| Node {
                    id: number(&c[0]),
                    name: c[1].clone(),
                    since_us: number(&c[2]),
                })
                .collect(),
            rows: text(&runs).lines().map(Row::parse).collect(),
            sightings: Witness::read_file(&witness).expect("only witnesses write the file"),
            faults: text(&faults).lines().map(Suffered::parse).collect(),
            left: text(&left).lines().map(str::to_owned).collect(),
        }
    }

    pub(crate) fn node_name(&self, id: Option<i64>) -> Option<&str> {
        let node = self.nodes.iter().find(|node| Some(node.id) == id);
        node.map(|node| node.name.as_str())
    }

    pub(crate) fn node_id(&self, name: &str) -> Option<i64> {
        let node = self.nodes.iter().find(|node| node.name == name);
        node.map(|node| node.id)
    }

    pub(crate) fn role(&self, job: &str) -> Role {
        self.roles[job]
    }
}
