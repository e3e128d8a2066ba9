//! Where faults are written down while they happen, by several threads.

use std::sync::{Arc, Mutex};

use carillon_testbed::now_ns;

use super::fault::{Kind, Suffered, Target};

/// The faults so far; copies write to the same page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<Suffered>>>);

/// The place of one fault in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry(usize);

impl Journal {
    /// A fault begins now; until somebody says that it has ended, it lasts for ever.
    pub(crate) fn begin(&self, kind: Kind, target: Target) -> Entry {
        let from_us = now_us();
        let mut faults = self.0.lock().expect("nobody panics while it writes");
        faults.push(Suffered {
            kind,
            target,
            from_us,
            until_us: i64::MAX,
        });
        Entry(faults.len() - 1)
    }

    /// It has ended now.
    pub(crate) fn end(&self, entry: Entry) {
        let mut faults = self.0.lock().expect("nobody panics while it writes");
        faults[entry.0].until_us = now_us();
    }

    /// A fault of the past.
    pub(crate) fn add(&self, fault: Suffered) {
        let mut faults = self.0.lock().expect("nobody panics while it writes");
        faults.push(fault);
    }

    pub(crate) fn lines(&self) -> String {
        let faults = self.0.lock().expect("nobody panics while it writes");
        faults.iter().map(Suffered::line).collect()
    }
}

pub(crate) fn now_us() -> i64 {
    i64::try_from(now_ns() / 1_000).expect("this century")
}
