//! What a group keeps of its jobs' runs and what becomes of its mail, said on its page and by programs, and done by the verb.

use carillon_core::access::{Role, Scope};
use serde_json::{Value, json};

use crate::support::Site;

#[test]
fn a_group_says_what_it_keeps_and_takes_it_back() {
    let site = Site::owned();
    let mut api = site.program("owner");
    assert_eq!(api.get("/api/v1/groups/1").json()["keep_runs"], Value::Null);

    let changed = api.send_json(
        "PATCH",
        "/api/v1/groups/1",
        &json!({"keep_runs": 20, "keep_days": 7}),
    );
    let renamed = api.send_json("PATCH", "/api/v1/groups/1", &json!({"description": "x"}));
    let freed = api.send_json("PATCH", "/api/v1/groups/1", &json!({"keep_runs": null}));
    let wrong = api.send_json("PATCH", "/api/v1/groups/1", &json!({"keep_days": 0}));

    let kept = |group: &Value| (group["keep_runs"].as_u64(), group["keep_days"].as_u64());
    assert_eq!(kept(&changed.json()), (Some(20), Some(7)));
    assert_eq!(kept(&renamed.json()), (Some(20), Some(7)));
    assert_eq!(kept(&freed.json()), (None, Some(7)));
    assert_eq!(wrong.status, 422, "{}", wrong.text());
    assert!(wrong.text().contains("1 to 36500"), "{}", wrong.text());
}

#[test]
fn the_page_of_groups_sets_what_is_kept() {
    let site = Site::owned();
    site.person("looker", Role::Viewer, Scope::Everywhere);
    let mut owner = site.browser("owner");
    owner.get("/groups");

    let fields = [
        ("name", "default"),
        ("description", ""),
        ("keep_runs", "30"),
    ];
    assert_eq!(owner.submit("/groups/1", &fields).status, 303);
    let page = owner.get("/groups?edit=1").text();
    let wrong = owner.submit("/groups/1", &[("name", "default"), ("keep_runs", "many")]);
    let mut looker = site.browser("looker");
    looker.get("/groups");

    assert!(page.contains(r#"value="30""#), "{page}");
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("1 to 100000"), "{}", wrong.text());
    assert_eq!(looker.submit("/groups/1", &fields).status, 403);
}

#[test]
fn a_group_says_where_its_mail_goes_and_when_it_waits() {
    let site = Site::owned();
    let mut api = site.program("owner");

    let mail = json!({"mail_to": "dba@example.org", "quiet_hours": "22:00 .. 07:00"});
    let changed = api.send_json("PATCH", "/api/v1/groups/1", &mail);
    let wrong = api.send_json("PATCH", "/api/v1/groups/1", &json!({"quiet_hours": "late"}));
    let mut owner = site.browser("owner");
    let page = owner.get("/groups?edit=1").text();
    let fields = [("name", "default"), ("mail_to", "-"), ("quiet_hours", "")];
    let saved = owner.submit("/groups/1", &fields);

    for (field, said) in mail.as_object().unwrap() {
        assert_eq!(changed.json()[field], *said, "{}", changed.text());
        let shown = format!(r#"value="{}""#, said.as_str().unwrap());
        assert!(page.contains(&shown), "{page}");
    }
    assert_eq!(wrong.status, 422, "{}", wrong.text());
    assert!(wrong.text().contains("quiet_hours"), "{}", wrong.text());
    assert_eq!(saved.status, 303, "{}", saved.text());
    let group = api.get("/api/v1/groups/1").json();
    assert_eq!(
        (&group["mail_to"], &group["quiet_hours"]),
        (&json!(""), &Value::Null)
    );
}
