//! A calendar holds real jobs back: nothing starts inside a blackout, and what was shifted starts once, right after it.

use std::path::Path;
use std::time::Duration;

use carillon_core::calendar::{CalendarText, CalendarUse, OnBlackout};
use carillon_core::identity::JobId;
use carillon_store::{CalendarDraft, Editor, JobChange, Store};
use carillon_testbed::{Folder, Process, Witness, leashed, program, wait_until};
use jiff::Timestamp;

use crate::rig::machine_now;

/// More than the program needs to build its tables, start, or decide the last tick.
const LIMIT: Duration = Duration::from_secs(90);

/// From saving the calendar until its blackout begins: longer than an edit needs to be in force.
const AHEAD_S: i64 = 8;

/// How long the blackout holds: an odd number, so that it ends where no even second is.
const HELD_S: i64 = 7;

fn start_up(folder: &Folder, witness: &Witness) -> Process {
    let crontab = folder.join("crontab");
    let line = |name| format!("# {name}\n*/2 * * * * * {}\n", witness.command());
    let text = ["skips", "shifts"].map(line).concat();
    std::fs::write(&crontab, text).expect("the temporary folder can be written");
    let data = folder.join("data");
    let mut command = leashed(program("carillon").expect("carillon is built"));
    command
        .args(["up", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .arg(&crontab);
    Process::start("carillon up", command, &data.with_extension("log")).expect("carillon starts")
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a second of these days")
}

fn described(text: &str) -> CalendarDraft {
    CalendarDraft {
        name: "pause".parse().expect("a word is a name"),
        zone: "UTC".to_owned(),
        text: CalendarText::parse(text).expect("the lines are understood"),
    }
}

/// The jobs keep to a calendar without blackouts, which is then given one by somebody who dies before they follow.
async fn black_out(data: &Path, from: i64) -> Store {
    let address = format!("sqlite:{}", data.join("carillon.db").display());
    let store = Store::new(address.parse().expect("it is an address"));
    let editor = Editor::program("lab");
    let calendar = store
        .create_calendar(&described(""), &editor)
        .await
        .unwrap();
    for (id, on_blackout) in [(1, OnBlackout::Skip), (2, OnBlackout::Shift)] {
        let job = store.job(JobId(id)).await.unwrap();
        let mut draft = job.draft;
        draft.spec.calendar = Some(CalendarUse {
            name: "pause".parse().unwrap(),
            on_blackout,
            zone: String::new(),
            rules: String::new(),
        });
        let edit = JobChange::Replace(Box::new(draft));
        store
            .change_job(job.id, job.version, &edit, &editor)
            .await
            .unwrap();
    }
    let shown = |at: i64| second(at).strftime("%Y-%m-%d %H:%M:%S");
    let line = format!("{} .. {}  Pause\n", shown(from), shown(from + HELD_S));
    store
        .change_calendar(calendar.id, 1, &described(&line), &editor)
        .await
        .unwrap();
    store
}

#[test]
fn nothing_starts_in_a_blackout_and_what_was_shifted_starts_once_after_it() {
    let folder = Folder::create().expect("the temporary folder can be written");
    let witness = Witness::create().expect("the witness is built");
    let mut up = start_up(&folder, &witness);
    witness.wait_for_starts(2, LIMIT);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");

    // An even second.
    let from = (machine_now() + AHEAD_S) / 2 * 2;
    let until = from + HELD_S;
    let store = runtime.block_on(black_out(&folder.join("data"), from));
    wait_until("the jobs to follow the calendar", LIMIT, || {
        let behind = runtime.block_on(store.calendars_to_hand_on()).unwrap();
        behind.is_empty().then_some(())
    });
    let followed_at = machine_now();
    wait_until("a start after the blackout", LIMIT, || {
        assert!(up.exit_status().is_none(), "{}", up.log());
        let starts = witness.starts().expect("only witnesses write the file");
        let has_started = |job: &str| {
            let after = |at: &str| at.parse::<Timestamp>().unwrap() > second(until + 2);
            starts
                .iter()
                .any(|start| start.job == job && after(&start.fire_time))
        };
        (has_started("1") && has_started("2")).then_some(())
    });
    up.terminate();
    assert!(up.wait_for_exit(LIMIT).success(), "{}", up.log());

    let starts = witness.starts().expect("only witnesses write the file");
    let times = |job: &str| -> Vec<i64> {
        let own = starts.iter().filter(|start| start.job == job);
        let times = own.map(|start| start.fire_time.parse::<Timestamp>().unwrap().as_second());
        times.filter(|time| (from..=until).contains(time)).collect()
    };
    assert!(
        followed_at < from - 1,
        "the machine was too slow for the test"
    );
    assert_eq!(times("1"), Vec::<i64>::new());
    assert_eq!(times("2"), [until]);
}
