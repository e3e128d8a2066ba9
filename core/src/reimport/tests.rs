use super::*;
use crate::crontab::{Form, Reading, Seconds};
use crate::identity::GroupId;
use crate::import::{Arrival, read_manifest};

fn lines(text: &str) -> Vec<Arriving> {
    let reading = Reading {
        file: "tab",
        form: Form::User,
        seconds: Seconds::Detect,
        zone: "UTC",
    };
    let arrival = Arrival {
        group: GroupId(1),
        enabled: true,
        is_file: true,
    };
    read_manifest(text, &reading, arrival).jobs
}

/// The jobs that importing a text has made, numbered from 1.
fn imported(text: &str) -> Vec<Earlier> {
    let jobs = lines(text).into_iter().zip(1..);
    jobs.map(|(line, number)| Earlier {
        job: JobId(number),
        version: 1,
        key: line.key,
        is_deleted: false,
        current: line.draft.clone(),
        imported: line.draft,
    })
    .collect()
}

const TEXT: &str = "# nightly\n0 3 * * * backup\n5 * * * * date\n* * * * * beat\n";

#[test]
fn same_text_changes_nothing() {
    let answer = compare(lines(TEXT), imported(TEXT));

    assert_eq!(
        answer,
        Reimport {
            known: 3,
            ..Reimport::default()
        }
    );
}

#[test]
fn lines_that_move_change_nothing() {
    let moved = format!("\n\n# something else\n\n{TEXT}");

    assert_eq!(compare(lines(&moved), imported(TEXT)).known, 3);
}

#[test]
fn edited_lines_edit_their_jobs() {
    let edited = TEXT
        .replace("0 3 * * * backup", "0 4 * * * backup --all")
        .replace("5 * * * * date", "6 * * * * date")
        .replace("beat", "bell");
    let answer = compare(lines(&edited), imported(TEXT));

    let edits: Vec<_> = answer
        .edits
        .iter()
        .map(|edit| {
            (
                edit.job.0,
                edit.draft.name.as_str(),
                edit.draft.schedule.expression.as_str(),
                edit.draft.spec.launch.command.as_str(),
            )
        })
        .collect();
    assert_eq!(
        edits,
        [
            (1, "nightly", "0 4 * * *", "backup --all"),
            (2, "tab:3", "6 * * * *", "date"),
            (3, "tab:4", "* * * * *", "bell"),
        ]
    );
    assert!(answer.new.is_empty() && answer.gone.is_empty());
}

#[test]
fn edited_lines_leave_the_switch_and_the_group_to_people() {
    let mut earlier = imported(TEXT);
    earlier[0].current.enabled = false;
    let edited = TEXT.replace("0 3", "0 4");
    let answer = compare(lines(&edited), earlier.clone());

    assert!(!answer.edits[0].draft.enabled);
    earlier[0].current.group = GroupId(2);
    assert_eq!(compare(lines(&edited), earlier).known, 3);
}

#[test]
fn comment_that_changed_renames_its_job() {
    let renamed = TEXT.replace("# nightly", "# every night");
    let answer = compare(lines(&renamed), imported(TEXT));

    assert_eq!(answer.edits.len(), 1);
    assert_eq!(answer.edits[0].draft.name.as_str(), "every night");
    assert_ne!(answer.edits[0].key, imported(TEXT)[0].key);
}

#[test]
fn job_that_somebody_edited_is_kept() {
    let mut earlier = imported(TEXT);
    earlier[0].current.spec.launch.command = "backup --slowly".to_owned();

    assert_eq!(compare(lines(TEXT), earlier.clone()).known, 3);
    let answer = compare(lines(&TEXT.replace("0 3", "0 4")), earlier);
    assert!(answer.edits.is_empty());
    assert_eq!(
        answer.kept,
        [Kept {
            line: 2,
            name: "nightly".to_owned()
        }]
    );
}

#[test]
fn line_that_is_gone_is_told_and_a_deleted_job_stays_deleted() {
    let mut earlier = imported(TEXT);
    let shorter = TEXT.replace("* * * * * beat\n", "");

    assert_eq!(compare(lines(&shorter), earlier.clone()).gone, ["tab:4"]);
    earlier[2].is_deleted = true;
    assert_eq!(compare(lines(TEXT), earlier.clone()).known, 3);
    assert!(compare(lines(&shorter), earlier).gone.is_empty());
}

#[test]
fn line_that_is_added_is_new() {
    let longer = format!("{TEXT}1 1 * * * once\n");
    let answer = compare(lines(&longer), imported(TEXT));

    assert_eq!((answer.new.len(), answer.known), (1, 3));
}
