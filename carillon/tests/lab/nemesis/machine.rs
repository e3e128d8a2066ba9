//! Looks whether the machine is ours: a tick that was late because somebody compiled beside it is no fault of anybody.

use std::collections::HashMap;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use carillon_testbed::Folder;

use super::fault::{Kind, Suffered, Target};
use super::journal::{Journal, now_us};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The unit of the kernel's process times.
const TICK_US: i64 = 10_000;

/// Processor time by process number, in microseconds.
type Times = HashMap<u32, i64>;

/// Writes down when other programs have more than half of the processors. What it returns ends the looking.
pub(crate) fn watch_machine(journal: Journal) -> impl FnOnce() {
    let (stop, stopped) = channel::<()>();
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as i64);
    let thread = std::thread::spawn(move || {
        let (mut before, mut from_us) = (times_of_others(), now_us());
        while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            let (now, until_us) = (times_of_others(), now_us());
            let used = |(process, time): (&u32, &i64)| time - before.get(process).unwrap_or(&0);
            let used: i64 = now.iter().map(used).sum();
            if used * 2 > (until_us - from_us) * cores {
                let (kind, target) = (Kind::MachineBusy, Target::Machine);
                journal.add(Suffered {
                    kind,
                    target,
                    from_us,
                    until_us,
                });
            }
            (before, from_us) = (now, until_us);
        }
    });
    move || {
        drop(stop);
        thread.join().expect("it only reads");
    }
}

fn times_of_others() -> Times {
    let me = std::process::id();
    let ours = Folder::beginning_of_all().expect("the temporary folder can be written");
    let ours = ours.display().to_string();
    let processes = std::fs::read_dir("/proc").expect("the machine has processes");
    let numbers = processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter_map(|number| Some((number, time_of_other(number, me, &ours)?)))
        .collect()
}

/// None where it is one of ours: this program, its children, and whatever has a folder of it in its command line.
fn time_of_other(number: u32, me: u32, ours: &str) -> Option<i64> {
    let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The name in brackets may hold anything.
    let cells: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let cell = |i: usize| cells.get(i)?.parse::<i64>().ok();
    let (parent, user, system) = (cell(1)?, cell(11)?, cell(12)?);
    if number == me || parent == i64::from(me) {
        return None;
    }
    let line = std::fs::read(format!("/proc/{number}/cmdline")).ok()?;
    (!String::from_utf8_lossy(&line).contains(ours)).then_some((user + system) * TICK_US)
}
