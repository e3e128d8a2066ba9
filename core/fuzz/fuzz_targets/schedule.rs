//! Any text is a schedule or is refused with a place inside of it; what is a schedule can be asked.
//!
//! `cargo +nightly fuzz run schedule` in `core/`.

#![no_main]

use carillon_core::lang::Lang;
use carillon_core::schedule::{DstRule, Schedule};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"];
/// 1969, the day before Samoa's lost day, a year like any other, and the last that can be told.
const INSTANTS: [i64; 4] = [-1, 1_325_200_000, 1_800_000_000, 253_402_000_000];

fuzz_target!(|input: (&str, u8, u64)| {
    let (text, choice, seed) = input;
    let zone = ZONES[usize::from(choice & 3)];
    let dst = DstRule::ALL[usize::from(choice >> 2 & 3)];
    match Schedule::parse(text, zone, dst, seed) {
        Ok(schedule) => ask(&schedule),
        Err(error) => {
            assert!(text.get(error.span()).is_some(), "{error}: {:?}", error.span());
            assert!(!error.draw_caret(text).is_empty());
        }
    }
});

fn ask(schedule: &Schedule) {
    for second in INSTANTS {
        let mut last = Timestamp::from_second(second).expect("the instant is in range");
        for _ in 0..4 {
            let Some(next) = schedule.next_after(last) else { break };
            assert!(next > last);
            last = next;
        }
    }
    assert!(!schedule.describe(Lang::En).is_empty());
    assert!(!schedule.describe(Lang::Zh).is_empty());
}
