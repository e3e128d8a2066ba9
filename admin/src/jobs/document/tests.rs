//! A document and its draft, there and back.

use carillon_store::{GroupLimits, GroupMail};

use super::*;

fn document(value: Value) -> Document {
    value.as_object().unwrap().clone()
}

fn groups() -> Vec<JobGroup> {
    vec![JobGroup {
        id: GroupId(1),
        name: "default".to_owned(),
        description: String::new(),
        limits: GroupLimits::default(),
        mail: GroupMail::default(),
        created_at: jiff::Timestamp::UNIX_EPOCH,
    }]
}

#[test]
fn a_document_reads_back_from_its_draft() {
    let mut draft = blank(GroupId(1));
    let given = document(json!({
        "name": "nightly", "group": "default", "command": "backup --all", "schedule": "0 3 * * *", "zone": "Europe/Berlin",
        "env": {"LEVEL": "9"}, "secrets": {"DB_PASSWORD": "db-password"}, "placement": "n(2)", "labels": {"role": "web"}, "overlap": "queue(5)", "concurrency_key": "db", "priority": 8, "misfire": "all(3)",
        "timeout_s": 1.5, "run_timeout_s": 90, "kill_grace_s": 3, "retry": {"max_attempts": 3, "delay_s": 1}, "umask": "027", "keep_output": true, "ionice": "best_effort(6)", "exclude_nodes": ["b"],
    }));
    assert!(apply(&given, &mut draft, &groups(), JobId(0), Lang::En).is_empty());

    let written = write_draft(&draft, &groups());
    for (key, value) in given.iter().filter(|(key, _)| *key != "retry") {
        assert_eq!(&written[key], value, "{key}");
    }
    assert_eq!(written["retry"]["max_attempts"], 3);
    let mut again = blank(GroupId(1));
    assert!(
        apply(
            &document(written),
            &mut again,
            &groups(),
            JobId(0),
            Lang::En
        )
        .is_empty()
    );
    assert_eq!(again, draft);
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let mut draft = blank(GroupId(1));
    let wrong = document(json!({
        "name": "", "command": " ", "schedule": "61 * * * *", "uid": 0, "timeout_s": -1, "run_timeout_s": 0, "env": {"A B": "x"}, "secrets": {"A": "../x"}, "group": "none",
        "overlap": "sometimes", "concurrency_key": " ", "priority": 10, "ionice": "best_effort(8)", "retry": {"max_attempts": 0}, "success_codes": [256],
    }));
    let errors = apply(&wrong, &mut draft, &groups(), JobId(0), Lang::En);

    for field in wrong.keys() {
        assert!(errors.of(field).is_some(), "{field}");
    }
    assert!(errors.of("uid").unwrap().contains("has no field"));
}

#[test]
fn a_wrong_zone_is_told_at_the_zone() {
    let mut draft = blank(GroupId(1));
    let wrong = document(json!({"command": "x", "schedule": "* * * * *", "zone": "Europe/Belrin"}));
    let errors = apply(&wrong, &mut draft, &groups(), JobId(0), Lang::En);

    assert!(errors.of("zone").is_some() && errors.of("schedule").is_none());
}
