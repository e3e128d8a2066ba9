//! What people want to be told about a job: said by programs and in the editor, shown on its page.

use serde_json::json;

use crate::support::Site;

#[test]
fn a_job_says_what_people_are_told_of_it() {
    let site = Site::owned();
    let id = site.job("nightly", "default");
    let path = format!("/api/v1/jobs/{id}");
    let mut api = site.program("owner");
    let watch = json!({"failures": 2, "failures_of": 5, "slow_after_s": 5400, "slower_times": 3});

    let changed = api.send_json("PATCH", &path, &json!({"watch": watch, "version": 1}));
    let wrong = json!({"watch": {"slower_times": 1}, "version": 2});
    let wrong = api.send_json("PATCH", &path, &wrong);
    let unknown = json!({"watch": {"slowness": 1}, "version": 2});
    let unknown = api.send_json("PATCH", &path, &unknown);
    let mut owner = site.browser("owner");
    let editor = owner.get(&format!("/jobs/{id}/edit")).text();
    let page = owner.get(&format!("/jobs/{id}")).text();

    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(changed.json()["watch"], watch);
    assert_eq!((wrong.status, unknown.status), (422, 422));
    assert!(
        wrong.text().contains("slower_times is 1"),
        "{}",
        wrong.text()
    );
    for shown in [
        r#"name="slow_after" type="text" value="90m""#,
        r#"name="slower_times" type="number" min="2" max="1000" value="3""#,
    ] {
        assert!(editor.contains(shown), "{shown} in {editor}");
    }
    for told in [
        "2 bad ends of 5",
        "slow after 90m",
        "slower than 3 times the usual",
    ] {
        assert!(page.contains(told), "{told} in {page}");
    }
}
