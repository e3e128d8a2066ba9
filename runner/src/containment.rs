//! Which limits of a job hold on a node for its whole process tree.

use std::fmt;

use carillon_core::launch::Limits;
use serde::{Deserialize, Serialize};

/// What a node can hold commands to, with all their descendants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Containment {
    /// Each attempt has a control group, so nothing of it can hide from its end.
    pub groups: bool,
    /// Limits of processor share hold; where not, nothing stands in for them.
    pub cpu: bool,
    /// Limits of memory hold for the tree; where not, for the address space of each process.
    pub memory: bool,
    /// Limits of processes hold for the tree; where not, for all processes of the user.
    pub pids: bool,
    /// Why not everything holds.
    pub why_not: Option<String>,
}

impl Containment {
    /// Those of a job's limits that nothing enforces here, by name.
    pub fn unenforced(&self, limits: &Limits) -> Vec<&'static str> {
        let cpu = limits.cpu_percent.filter(|_| !self.cpu);
        cpu.map(|_| "cpu_percent").into_iter().collect()
    }
}

impl fmt::Display for Containment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = |held: bool, without: &str| match held {
            true => "held for the whole tree".to_owned(),
            false => without.to_owned(),
        };
        write!(
            f,
            "cpu limits are {}, memory limits {}, pids limits {}",
            held(self.cpu, "NOT ENFORCED"),
            held(self.memory, "for each process alone"),
            held(self.pids, "for all processes of the user")
        )?;
        match &self.why_not {
            Some(why) => write!(f, ": {why}"),
            None => Ok(()),
        }
    }
}
