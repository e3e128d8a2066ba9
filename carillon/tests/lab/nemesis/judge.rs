//! The laws, judged from a history. Each names its violations, and has been seen failing in `mutations.rs`.

use std::collections::{BTreeMap, BTreeSet};

use carillon_testbed::{Sighting, SightingKind};

use super::excuses::{excuse, was_stopped, was_troubled};
use super::expected::{Tick, expected, records};
use super::history::{History, Role, Row};
use crate::laws::fire_second;

/// A law's name and what broke it.
pub(crate) type Verdict = Vec<(&'static str, Vec<String>)>;

/// A command that is started by an old version begins no later than this after the edit, in microseconds.
const OLD_VERSION_MAX_US: i64 = 1_000_000;

/// Between the end of a command and the moment at which the store has heard of it, in microseconds.
const TELLING_US: i64 = 1_000_000;

/// Between the last look at the clock and the first thing that a command does, in microseconds.
const STARTING_US: i64 = 1_000_000;

/// A node knows the store's time to a second, and a witness needs a moment to get the processor.
const TOLD_WITHIN_US: i64 = 2_000_000;

/// The history with what is looked up in it again and again.
pub(crate) struct Case<'h> {
    pub(crate) history: &'h History,
    pub(crate) expected: BTreeSet<Tick>,
    pub(crate) records: BTreeMap<Tick, Vec<usize>>,
    pub(crate) unexpected: Vec<usize>,
    /// Starts of ticks of the window.
    pub(crate) starts: Vec<&'h Sighting>,
    /// By token.
    ends: BTreeMap<&'h str, (&'h Sighting, i64)>,
}

/// Judges by every law.
pub(crate) fn judge(history: &History) -> Verdict {
    let case = Case::of(history);
    vec![
        ("no tick starts twice", case.doubles()),
        ("no tick starts early", case.early()),
        ("nothing starts after its deadline", case.belated()),
        ("every tick is decided", case.undecided()),
        ("no tick is decided twice", case.decided_twice()),
        ("nothing is decided that was not due", case.unasked()),
        ("everything ends", case.endless()),
        ("what is told to have run was seen", case.unseen()),
        ("what was seen is told", case.untold()),
        ("starts are told when they were", case.wrong_times()),
        ("endings are told as they were", case.wrong_endings()),
        ("runs end as their jobs do", case.strange_endings()),
        ("skip never has two alive", case.crowds()),
        ("every seat is for its own node", case.wrong_seats()),
        ("nothing of an old version starts", case.outdated()),
        ("what is missed or lost has its fault", case.unexcused()),
        ("what is skipped has its reason", case.unreasoned()),
        ("many ticks in one record are counted", case.miscounted()),
        ("nothing is left behind", history.left.clone()),
    ]
}

impl<'h> Case<'h> {
    pub(crate) fn of(history: &'h History) -> Self {
        let expected = expected(history);
        let (records, unexpected) = records(history, &expected);
        let inside = history.window.from..history.window.until;
        let sightings = history.sightings.iter();
        let starts = sightings
            .clone()
            .filter(|seen| seen.kind == SightingKind::Start && inside.contains(&fire_second(seen)));
        let ends = sightings.filter_map(|seen| match seen.kind {
            SightingKind::End { exit_code } => {
                Some((seen.token.as_str(), (seen, i64::from(exit_code))))
            }
            SightingKind::Start => None,
        });
        Self {
            history,
            expected,
            records,
            unexpected,
            starts: starts.collect(),
            ends: ends.collect(),
        }
    }

    /// What a start says that it is. A command of every node is told its place among them and not its seat: that is the
    /// number of its node.
    fn tick_of(&self, start: &Sighting) -> Tick {
        let seat = match self.history.role(&start.job) {
            Role::Everywhere => self.history.node_id(&start.node).unwrap_or(-1),
            _ => start.slot.parse().expect("a place is a number"),
        };
        (start.job.clone(), fire_second(start), seat)
    }

    /// The record of a start's tick.
    pub(crate) fn row_of(&self, start: &Sighting) -> Option<&'h Row> {
        let places = self.records.get(&self.tick_of(start))?;
        Some(&self.history.rows[*places.first()?])
    }

    /// The records that touch the window.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &'h Row> {
        let places: BTreeSet<usize> = self.records.values().flatten().copied().collect();
        let history = self.history;
        places.into_iter().map(move |place| &history.rows[place])
    }

    fn doubles(&self) -> Vec<String> {
        let mut seen = BTreeMap::new();
        let again = |start: &&&Sighting| seen.insert(self.tick_of(start), ()).is_some();
        self.starts
            .iter()
            .filter(again)
            .map(|start| tell(start))
            .collect()
    }

    fn early(&self) -> Vec<String> {
        let is_early = |start: &&&Sighting| late_ns(start) < 0;
        self.starts
            .iter()
            .filter(is_early)
            .map(|start| tell(start))
            .collect()
    }

    /// The runner looks at the clock last of all; stopped between that look and the start, it cannot know.
    fn belated(&self) -> Vec<String> {
        let belated = self.starts.iter().filter(|start| {
            let at = (start.at_ns / 1_000) as i64;
            self.row_of(start).is_some_and(|row| {
                at > row.start_until_us + STARTING_US
                    && !was_stopped(
                        self.history,
                        &start.node,
                        row.start_until_us,
                        at - STARTING_US,
                    )
            })
        });
        belated
            .map(|start| format!("{} is told as {}", tell(start), self.told(start)))
            .collect()
    }

    fn undecided(&self) -> Vec<String> {
        let absent = self
            .expected
            .iter()
            .filter(|tick| !self.records.contains_key(*tick) && !self.was_drained(tick));
        absent.map(|tick| format!("{tick:?}")).collect()
    }

    /// A drained node is not asked, and whether it was is judged when its seat is found empty: up to a minute later.
    fn was_drained(&self, (job, second, seat): &Tick) -> bool {
        let name = self.history.node_name(Some(*seat));
        let us = second * 1_000_000;
        self.history.role(job) == Role::Everywhere
            && self.history.faults.iter().any(|fault| {
                fault.kind == super::fault::Kind::NodeDrained
                    && name.is_some_and(|name| fault.target.touches(name))
                    && fault.from_us <= us + 60_000_000
                    && us <= fault.until_us + 2_000_000
            })
    }

    fn decided_twice(&self) -> Vec<String> {
        let twice = self.records.iter().filter(|(_, places)| places.len() > 1);
        twice.map(|(tick, _)| format!("{tick:?}")).collect()
    }

    fn unasked(&self) -> Vec<String> {
        let unasked = self.unexpected.iter();
        unasked
            .map(|place| self.history.rows[*place].to_string())
            .collect()
    }

    fn endless(&self) -> Vec<String> {
        let open = self.rows().filter(|row| row.state != "done");
        open.map(|row| format!("{row} is still {}", row.state))
            .collect()
    }

    fn unseen(&self) -> Vec<String> {
        let seen: BTreeSet<(Tick, &str)> = self
            .starts
            .iter()
            .map(|start| (self.tick_of(start), start.token.as_str()))
            .collect();
        let unseen = self.rows().filter(|row| {
            let tick = (row.job.clone(), row.fire_us / 1_000_000, row.slot);
            row.ran() && !seen.contains(&(tick, row.token.as_str()))
        });
        unseen.map(Row::to_string).collect()
    }

    fn untold(&self) -> Vec<String> {
        let untold = self.starts.iter().filter(|start| match self.row_of(start) {
            Some(row) => {
                !(row.ran() || row.is_unknown()) || row.token != start.token.to_lowercase()
            }
            None => true,
        });
        untold
            .map(|start| format!("{} is told as {}", tell(start), self.told(start)))
            .collect()
    }

    fn told(&self, start: &Sighting) -> String {
        self.row_of(start)
            .map_or("nothing".to_owned(), Row::to_string)
    }

    fn wrong_times(&self) -> Vec<String> {
        let wrong = self.starts.iter().filter(|start| {
            let at = (start.at_ns / 1_000) as i64;
            let told = self.row_of(start).and_then(|row| row.started_us);
            told.is_some_and(|told| {
                let (from, until) = (told.min(at), told.max(at));
                until - from > TOLD_WITHIN_US
                    && !was_troubled(self.history, Some(&start.node), from, until)
            })
        });
        wrong
            .map(|start| format!("{} is told as {}", tell(start), self.told(start)))
            .collect()
    }

    /// An exit code that was seen is the one that is told; one that is told was seen.
    fn wrong_endings(&self) -> Vec<String> {
        let wrong = self.rows().filter(|row| row.ran()).filter(|row| {
            let seen = self.ends.get(row.token.as_str()).map(|(_, code)| *code);
            match row.outcome.as_str() {
                "succeeded" => row.exit_code != Some(0) || seen != Some(0),
                "failed" => row.exit_code == Some(0) || seen != row.exit_code,
                _ => seen.is_some(),
            }
        });
        wrong
            .map(|row| format!("{row}, exit code {:?}", row.exit_code))
            .collect()
    }

    fn strange_endings(&self) -> Vec<String> {
        let strange = self.rows().filter(|row| {
            let usual = match self.history.role(&row.job) {
                Role::Failing => row.outcome == "failed" && row.exit_code == Some(3),
                Role::Deaf => row.outcome == "timed_out",
                _ => row.outcome == "succeeded",
            };
            let is_elsewhere = ["skipped", "missed"].contains(&row.outcome.as_str());
            !usual && !is_elsewhere && !row.is_unknown() && row.state == "done"
        });
        strange.map(Row::to_string).collect()
    }

    /// Whoever is told to be lost may still live: nobody knows. The policy does not wait for what nobody knows.
    fn crowds(&self) -> Vec<String> {
        let mut crowds = Vec::new();
        let mut last: BTreeMap<&str, &Sighting> = BTreeMap::new();
        let mut starts = self.starts.clone();
        starts.retain(|start| self.history.role(&start.job) == Role::Alone);
        starts.sort_by_key(|start| start.at_ns);
        for start in starts {
            let Some(before) = last.insert(&start.job, start) else {
                continue;
            };
            let end = self
                .ends
                .get(before.token.as_str())
                .map(|(end, _)| end.at_ns);
            let lives = end.is_none_or(|at| at > start.at_ns);
            if lives && !self.row_of(before).is_some_and(Row::is_unknown) {
                crowds.push(format!("{} while {} lives", tell(start), tell(before)));
            }
        }
        crowds
    }

    /// The node that ran it is the one of the record, and where the seat is a node's, that one.
    fn wrong_seats(&self) -> Vec<String> {
        let wrong = self.starts.iter().filter(|start| {
            let Some(row) = self.row_of(start) else {
                return false;
            };
            let is_everywhere = self.history.role(&row.job) == Role::Everywhere;
            self.history.node_name(row.node) != Some(start.node.as_str())
                || (is_everywhere && row.node != Some(row.slot))
        });
        wrong
            .map(|start| format!("{} is told as {}", tell(start), self.told(start)))
            .collect()
    }

    fn outdated(&self) -> Vec<String> {
        let ends: BTreeMap<(&str, i64), i64> = self
            .history
            .versions
            .iter()
            .map(|version| ((version.job.as_str(), version.number), version.until_us))
            .collect();
        let end_of = |row: &Row| {
            ends.get(&(row.job.as_str(), row.version))
                .copied()
                .unwrap_or(0)
        };
        let claimed = self
            .rows()
            .filter(|row| row.claimed_us.is_some_and(|at| at > end_of(row)));
        let mut outdated: Vec<String> = claimed
            .map(|row| format!("{row} was claimed too late"))
            .collect();
        for start in &self.starts {
            let Some(row) = self.row_of(start) else {
                continue;
            };
            let at = (start.at_ns / 1_000) as i64;
            let is_late = at > end_of(row).saturating_add(OLD_VERSION_MAX_US);
            if is_late && !was_troubled(self.history, Some(&start.node), row.fire_us, at) {
                outdated.push(format!("{} a second after the edit", tell(start)));
            }
        }
        outdated
    }

    fn unexcused(&self) -> Vec<String> {
        let unexcused = self.rows().filter(|row| {
            let needs = row.outcome == "missed" || row.is_unknown();
            needs && excuse(self.history, row).is_none()
        });
        unexcused.map(Row::to_string).collect()
    }

    fn unreasoned(&self) -> Vec<String> {
        let skipped = self.rows().filter(|row| row.outcome == "skipped");
        let unreasoned = skipped.filter(|row| match row.reason.as_str() {
            "superseded" => !self.was_edited(row),
            "overlap" => self.history.role(&row.job) != Role::Alone || !self.had_company(row),
            _ => true,
        });
        unreasoned.map(Row::to_string).collect()
    }

    fn was_edited(&self, row: &Row) -> bool {
        let in_time = (row.fire_us - 1_000_000)..=(row.last_us + 60_000_000);
        let versions = self.history.versions.iter();
        versions
            .filter(|it| it.job == row.job)
            .any(|it| in_time.contains(&it.until_us))
    }

    /// Whether another run of the job lived when it was skipped, as far as the store had heard.
    fn had_company(&self, row: &Row) -> bool {
        let at = row.ended_us.unwrap_or(row.fire_us);
        let others = self.history.rows.iter().filter(|other| {
            other.job == row.job
                && other.fire_us != row.fire_us
                && other.claimed_us.is_some_and(|from| from <= at)
        });
        others.into_iter().any(|other| {
            let ended = other.ended_us.unwrap_or(i64::MAX);
            let node = self.history.node_name(other.node);
            ended + TELLING_US >= at || was_troubled(self.history, node, ended - TELLING_US, at)
        })
    }

    fn miscounted(&self) -> Vec<String> {
        let miscounted = self.rows().filter(|row| row.is_range()).filter(|row| {
            let seconds = row.fire_us / 1_000_000..=row.last_us / 1_000_000;
            let is_inside = self.history.window.from <= *seconds.start()
                && *seconds.end() < self.history.window.until;
            let due = seconds.filter(|second| {
                self.expected
                    .contains(&(row.job.clone(), *second, row.slot))
            });
            is_inside && due.count() as i64 != row.ticks
        });
        miscounted
            .map(|row| format!("{row} stands for {}", row.ticks))
            .collect()
    }
}

pub(crate) fn late_ns(start: &Sighting) -> i128 {
    start.at_ns - i128::from(fire_second(start)) * 1_000_000_000
}

fn tell(start: &Sighting) -> String {
    let (job, second) = (&start.job, fire_second(start));
    let (node, ms) = (&start.node, start.at_ns / 1_000_000);
    format!("job {job} of {second} on {node} at {ms}")
}
