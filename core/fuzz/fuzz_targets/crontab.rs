//! Any text is a crontab of which each line is accounted for, and its jobs have schedules.
//!
//! `cargo +nightly fuzz run crontab` in `core/`.

#![no_main]

use carillon_core::crontab::{Form, Meaning, Reading, Seconds, read_crontab};
use carillon_core::schedule::{DstRule, Schedule};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, bool)| {
    let (text, is_system) = input;
    let form = if is_system { Form::System } else { Form::User };
    let reading = Reading { file: "tab", form, seconds: Seconds::Detect, zone: "UTC" };
    let lines = read_crontab(text, &reading);
    assert_eq!(lines.len(), text.strip_prefix('\u{feff}').unwrap_or(text).lines().count());
    for line in lines {
        if let Meaning::Job(job) = line.meaning {
            assert!(!job.command.trim().is_empty());
            let again = Schedule::parse(&job.schedule, &job.zone, DstRule::Cron, 0);
            assert!(again.is_ok(), "{job:?}");
        }
    }
});
