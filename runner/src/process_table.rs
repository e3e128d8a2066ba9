//! The processes of the host as `/proc` shows them, and which of them belong to an attempt: by ancestry, by session, and by the mark in their environment that
//! survives `setsid` and double forks.

use std::collections::HashSet;
use std::fs;
use std::str::FromStr;

use carillon_core::token::Token;

/// The mark.
const MARK: &[u8] = b"CARILLON_TOKEN=";

/// Nanoseconds of a clock tick, the unit of ages in `/proc`: a hundredth of a second on every Linux.
const TICK_NS: i64 = 10_000_000;
/// How far the age of a process may be from what was written down: ticks are coarse, and the clock was read before the process was there.
const AGE_NS: i64 = 100_000_000;

/// One living process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) session: u32,
    pub(crate) start_ticks: u64,
    pub(crate) token: Option<Token>,
}

/// All living processes at one instant.
#[derive(Debug, Default)]
pub(crate) struct ProcessTable {
    processes: Vec<Found>,
}

impl ProcessTable {
    /// Looks at every process. Those that end meanwhile or belong to others are left out as far as they cannot be seen.
    pub(crate) fn read() -> Self {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Self::default();
        };
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        Self {
            processes: pids.filter_map(find_process).collect(),
        }
    }

    /// The processes of an attempt, given the process that it started with.
    pub(crate) fn tree(&self, token: Token, main: Option<u32>) -> Vec<Found> {
        let is_root = |found: &Found| {
            found.token == Some(token)
                || main.is_some_and(|main| found.pid == main || found.session == main)
        };
        let mut tree: Vec<Found> = self.processes.iter().copied().filter(is_root).collect();
        let mut pids: HashSet<u32> = tree.iter().map(|found| found.pid).collect();
        loop {
            let before = tree.len();
            for found in &self.processes {
                if pids.contains(&found.parent) && pids.insert(found.pid) {
                    tree.push(*found);
                }
            }
            if tree.len() == before {
                return tree;
            }
        }
    }

    /// The process that was started for an attempt: it leads its session and nothing of the attempt is above it.
    pub(crate) fn main_of(&self, token: Token) -> Option<Found> {
        let marked = |found: &&Found| found.token == Some(token);
        let pids: HashSet<u32> = self
            .processes
            .iter()
            .filter(marked)
            .map(|found| found.pid)
            .collect();
        let is_main = |found: &&Found| found.session == found.pid && !pids.contains(&found.parent);
        self.processes
            .iter()
            .filter(marked)
            .filter(is_main)
            .min_by_key(|found| found.start_ticks)
            .copied()
    }
}

/// When a process was started, in clock ticks since boot; none if there is no such process or it has ended.
pub(crate) fn start_ticks(pid: u32) -> Option<u64> {
    read_stat(pid).map(|stat| stat.start_ticks)
}

/// Whether the process of this number is the one that was started for an attempt at this instant: it bears the mark, or, where its environment cannot be
/// read, it is as old.
pub(crate) fn is_process_of(pid: u32, token: Token, started_boottime_ns: i64) -> bool {
    let Some(stat) = read_stat(pid).filter(|stat| !matches!(stat.state, b'Z' | b'X')) else {
        return false;
    };
    let began_ns = stat.start_ticks as i64 * TICK_NS;
    let is_as_old = (began_ns - started_boottime_ns).abs() <= AGE_NS;
    read_mark(pid).map_or(is_as_old && stat.session == pid, |mark| mark == token)
}

/// The mark of a process, if it can be seen.
pub(crate) fn read_mark(pid: u32) -> Option<Token> {
    let environ = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let value = environ
        .split(|byte| *byte == 0)
        .find_map(|pair| pair.strip_prefix(MARK))?;
    Token::from_str(std::str::from_utf8(value).ok()?).ok()
}

struct Stat {
    state: u8,
    parent: u32,
    session: u32,
    start_ticks: u64,
}

/// A process by its number, if it lives.
pub(crate) fn find_process(pid: u32) -> Option<Found> {
    let stat = read_stat(pid)?;
    // A dead process that waits for its parent runs no more.
    if matches!(stat.state, b'Z' | b'X') {
        return None;
    }
    let Stat {
        parent,
        session,
        start_ticks,
        ..
    } = stat;
    Some(Found {
        pid,
        parent,
        session,
        start_ticks,
        token: read_mark(pid),
    })
}

fn read_stat(pid: u32) -> Option<Stat> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything, parentheses too.
    let rest = &text[text.iter().rposition(|byte| *byte == b')')? + 2..];
    let mut fields = std::str::from_utf8(rest).ok()?.split(' ');
    let state = *fields.next()?.as_bytes().first()?;
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    let start_ticks = fields.nth(15)?.parse().ok()?;
    Some(Stat {
        state,
        parent,
        session,
        start_ticks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_process_is_in_the_table() {
        let own = std::process::id();

        let table = ProcessTable::read();

        let found = table
            .processes
            .iter()
            .find(|found| found.pid == own)
            .unwrap();
        assert_eq!(Some(found.start_ticks), start_ticks(own));
        assert_eq!(found.parent, std::os::unix::process::parent_id());
    }

    #[test]
    fn tree_holds_descendants_the_session_and_the_marked() {
        let token = Token::from_bytes([1; 16]);
        let found = |pid, parent, session, token| Found {
            pid,
            parent,
            session,
            start_ticks: 1,
            token,
        };
        let processes = vec![
            found(14, 13, 14, None),
            found(10, 1, 10, Some(token)),
            found(11, 1, 10, None),
            found(12, 1, 12, Some(token)),
            found(13, 12, 13, None),
            found(20, 1, 20, None),
        ];
        let table = ProcessTable { processes };

        let mut tree: Vec<_> = table
            .tree(token, Some(10))
            .iter()
            .map(|found| found.pid)
            .collect();
        tree.sort_unstable();

        assert_eq!(tree, [10, 11, 12, 13, 14]);
        assert_eq!(table.main_of(token).unwrap().pid, 10);
    }
}
