//! What the journal says, and what follows from it: the ledger of attempts that nobody has acknowledged. It knows no file.

use std::collections::HashMap;

use carillon_core::launch::{LaunchSpec, Leftovers, OutputCap};
use carillon_core::token::Token;
use serde::{Deserialize, Serialize};

use crate::protocol::{End, Moment, NotStarted};

/// One fact of the journal, in the order in which facts became true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Record {
    /// A runner began to write, in this boot of the host. First in every file.
    Life { epoch: String, host_boot: String },
    /// An attempt is going to be started; durable before it is.
    Spawn { token: Token, facts: Facts },
    /// It was started.
    Pid { token: Token, process: Process },
    /// Nothing ran and nothing will.
    NotStarted {
        token: Token,
        why: NotStarted,
        at: Moment,
    },
    /// The agent may have seen output up to here.
    Shipped { positions: Vec<Position> },
    /// It ended; durable before it is reported.
    End { token: Token, end: Box<End> },
    /// The store has the results.
    Ack { tokens: Vec<Token> },
}

/// What a later runner must know of an attempt. Neither command nor environment: those may hold secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) run: String,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) idle_timeout_ms: Option<u64>,
    /// What was left of the run's timeout when it started.
    pub(crate) run_timeout_ms: Option<u64>,
    pub(crate) kill_grace_ms: u64,
    pub(crate) output: OutputCap,
    #[serde(default)]
    pub(crate) keep_output: bool,
    pub(crate) leftovers: Leftovers,
}

impl Facts {
    /// The facts of an order.
    pub(crate) fn of(run: &str, spec: &LaunchSpec, run_timeout_ms: Option<u64>) -> Self {
        Self {
            run: run.to_owned(),
            timeout_ms: spec.timeout_ms,
            idle_timeout_ms: spec.idle_timeout_ms,
            run_timeout_ms,
            kill_grace_ms: spec.kill_grace_ms,
            output: spec.output,
            keep_output: spec.keep_output,
            leftovers: spec.leftovers,
        }
    }
}

/// The process of an attempt. Its number alone may be another's by now; its mark or the time of its start tell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) at: Moment,
    /// Inodes of the pipes behind its standard output and standard error.
    pub(crate) pipes: [u64; 2],
}

/// How far the output of an attempt was sent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) token: Token,
    pub(crate) next_seq: u64,
    pub(crate) offsets: [u64; 2],
}

/// What is known of one attempt that nobody has acknowledged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) facts: Facts,
    /// The boot of the host in which it was to start.
    pub(crate) host_boot: String,
    pub(crate) process: Option<Process>,
    pub(crate) position: Option<Position>,
    pub(crate) outcome: Option<Outcome>,
}

/// How an attempt came out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Ended(Box<End>),
    NotStarted { why: NotStarted, at: Moment },
}

/// Every attempt that nobody has acknowledged, folded from the records.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ledger {
    pub(crate) epoch: String,
    pub(crate) host_boot: String,
    pub(crate) entries: HashMap<Token, Entry>,
}

impl Ledger {
    /// Lets one record come true.
    pub(crate) fn apply(&mut self, record: &Record) {
        match record {
            Record::Life { epoch, host_boot } => {
                self.epoch.clone_from(epoch);
                self.host_boot.clone_from(host_boot);
            }
            Record::Spawn { token, facts } => {
                let host_boot = self.host_boot.clone();
                self.entries
                    .entry(*token)
                    .or_insert_with(|| Entry::new(facts.clone(), host_boot));
            }
            Record::Pid { token, process } => {
                self.change(token, |entry| entry.process = Some(*process));
            }
            Record::NotStarted { token, why, at } => {
                let outcome = Outcome::NotStarted {
                    why: why.clone(),
                    at: *at,
                };
                self.change(token, |entry| entry.outcome = Some(outcome));
            }
            Record::Shipped { positions } => {
                for position in positions {
                    self.change(&position.token, |entry| entry.position = Some(*position));
                }
            }
            Record::End { token, end } => {
                self.change(token, |entry| {
                    entry.outcome = Some(Outcome::Ended(end.clone()))
                });
            }
            Record::Ack { tokens } => {
                for token in tokens {
                    self.entries.remove(token);
                }
            }
        }
    }

    /// Lets every instant be counted as this boot of the host counts, in which it is `now`.
    pub(crate) fn count_from_this_boot(&mut self, now: Moment) {
        for entry in self.entries.values_mut() {
            if let Some(process) = &mut entry.process {
                process.at = process.at.counted_from(now);
            }
            match &mut entry.outcome {
                Some(Outcome::Ended(end)) => {
                    end.started = end.started.map(|at| at.counted_from(now));
                    end.ended = end.ended.counted_from(now);
                }
                Some(Outcome::NotStarted { at, .. }) => *at = at.counted_from(now),
                None => {}
            }
        }
    }

    /// The fewest records from which this ledger follows, so that a journal can start anew.
    pub(crate) fn records(&self) -> Vec<Record> {
        let mut records = Vec::with_capacity(1 + self.entries.len() * 2);
        let mut host_boot = None;
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(token, entry)| (&entry.host_boot, **token));
        for (token, entry) in entries {
            if host_boot != Some(&entry.host_boot) {
                host_boot = Some(&entry.host_boot);
                records.push(self.life(&entry.host_boot));
            }
            entry.write(*token, &mut records);
        }
        records.push(self.life(&self.host_boot));
        records
    }

    fn life(&self, host_boot: &str) -> Record {
        Record::Life {
            epoch: self.epoch.clone(),
            host_boot: host_boot.to_owned(),
        }
    }

    fn change(&mut self, token: &Token, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(token) {
            change(entry);
        }
    }
}

impl Entry {
    fn new(facts: Facts, host_boot: String) -> Self {
        Self {
            facts,
            host_boot,
            process: None,
            position: None,
            outcome: None,
        }
    }

    fn write(&self, token: Token, records: &mut Vec<Record>) {
        records.push(Record::Spawn {
            token,
            facts: self.facts.clone(),
        });
        if let Some(process) = self.process {
            records.push(Record::Pid { token, process });
        }
        if let Some(position) = self.position {
            records.push(Record::Shipped {
                positions: vec![position],
            });
        }
        match self.outcome.clone() {
            Some(Outcome::Ended(end)) => records.push(Record::End { token, end }),
            Some(Outcome::NotStarted { why, at }) => {
                records.push(Record::NotStarted { token, why, at });
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ledger_follows_from_its_own_records() {
        let at = Moment {
            boottime_ns: 5,
            realtime_us: 6,
        };
        let [first, second] = [Token::from_bytes([1; 16]), Token::from_bytes([2; 16])];
        let facts = Facts::of("7", &LaunchSpec::default(), Some(9));
        let process = Process {
            pid: 9,

            at,
            pipes: [1, 2],
        };
        let life = |boot: &str| Record::Life {
            epoch: "e".to_owned(),
            host_boot: boot.to_owned(),
        };
        let mut ledger = Ledger::default();
        for record in [
            life("a"),
            Record::Spawn {
                token: first,
                facts: facts.clone(),
            },
            Record::Pid {
                token: first,
                process,
            },
            life("b"),
            Record::Spawn {
                token: second,
                facts,
            },
            Record::NotStarted {
                token: second,
                why: NotStarted::Cancelled,
                at,
            },
        ] {
            ledger.apply(&record);
        }

        let mut again = Ledger::default();
        ledger
            .records()
            .iter()
            .for_each(|record| again.apply(record));

        assert_eq!(again, ledger);
        assert_eq!(again.entries[&first].host_boot, "a");
    }
}
