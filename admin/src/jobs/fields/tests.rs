//! A form and its document, there and back.

use carillon_core::identity::{GroupId, JobId};
use carillon_core::lang::Lang;
use carillon_store::{GroupLimits, GroupMail, JobGroup};

use super::super::document::{apply, blank};
use super::*;

#[test]
fn a_form_gives_back_the_draft_it_shows() {
    let groups = [JobGroup {
        id: GroupId(7),
        name: "ops".to_owned(),
        description: String::new(),
        limits: GroupLimits::default(),
        mail: GroupMail::default(),
        created_at: jiff::Timestamp::UNIX_EPOCH,
    }];
    let document = json!({
        "name": "nightly 备份", "command": "backup\n--all", "schedule": "H 3 * * *", "zone": "Asia/Shanghai", "dst": "skip", "enabled": false,
        "env": {"A": "1=2", "B": ""}, "secrets": {"DB_PASSWORD": "db-password", "KEY": "api key"}, "labels": {"role": "web"}, "nodes": ["a", "b"], "placement": "n(3)", "overlap": "queue(4)", "concurrency_key": "db", "priority": 7,
        "misfire": "all(9)", "misfire_window_s": 7200, "timeout_s": 90, "run_timeout_s": 3600, "keep_output": true, "kill_grace_s": 5, "success_codes": [0, 3], "mail_to": "",
        "watch": {"failures": 2, "failures_of": 5, "slow_after_s": 5400, "slower_times": 3, "faster_times": 4, "success_within_s": 86400},
        "retry": {"max_attempts": 4, "backoff": "exponential", "delay_s": 2.5, "on": ["failed", "lost"], "node": "same"},
    });
    let mut draft = blank(GroupId(7));
    assert!(
        apply(
            document.as_object().unwrap(),
            &mut draft,
            &groups,
            JobId(0),
            Lang::En
        )
        .is_empty()
    );

    let mut errors = FieldErrors::default();
    let written = Fields::of_draft(&draft).document(&mut errors);
    let mut again = blank(GroupId(7));
    let complaints = apply(&written, &mut again, &groups, JobId(0), Lang::En);
    assert!(
        errors.is_empty() && complaints.is_empty(),
        "{errors:?} {complaints:?}"
    );
    assert_eq!(again, draft);
}

#[test]
fn what_cannot_be_read_is_told_at_its_field() {
    let posted = Posted::parse(
        b"slow_after=long&timeout=soon&run_timeout=late&env=A&secrets=B&success_codes=x&max_attempts=many&delay=1s&max_delay=1s",
    );
    let mut errors = FieldErrors::default();
    Fields::of_posted(&posted).document(&mut errors);

    for field in [
        "timeout_s",
        "run_timeout_s",
        "env",
        "secrets",
        "success_codes",
        "retry",
        "watch",
    ] {
        assert!(errors.of(field).is_some(), "{field}");
    }
}
