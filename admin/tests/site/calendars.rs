//! Calendars: their pages and their API, who may change them, and that jobs follow.

use carillon_core::access::{Role, Scope};
use serde_json::{Value, json};

use crate::support::{Browser, Site};

fn put(api: &mut Browser, name: &str, body: &Value) -> Value {
    let answer = api.send_json("PUT", &format!("/api/v1/calendars/{name}"), body);
    assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
    answer.json()
}

fn keep(api: &mut Browser, job: i64, calendar: &str, on_blackout: &str) -> Value {
    let path = format!("/api/v1/jobs/{job}");
    let version = api.get(&path).json()["version"].clone();
    let body = json!({"version": version, "calendar": calendar, "on_blackout": on_blackout});
    let answer = api.send_json("PATCH", &path, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn programs_keep_calendars_and_jobs_follow() {
    let site = Site::owned();
    let mut api = site.program("owner");
    let job = site.job("closing", "default");
    let body = json!({"zone": "Europe/Berlin", "text": "12-25   Christmas\n"});
    let made = put(&mut api, "holidays", &body);
    let kept = keep(&mut api, job, "holidays", "shift");

    let path = format!("/api/v1/calendars/{}", made["id"]);
    let shown = api.get("/api/v1/calendars/holidays");
    let tag = [("if-match", "\"1\""), ("content-type", "application/json")];
    let body = json!({"text": "12-24 .. 12-26\n"}).to_string();
    let edited = api.send("PUT", &path, &tag, body.as_bytes());

    assert_eq!(made["version"], 1);
    assert_eq!(made["text"], "12-25  Christmas\n");
    assert_eq!(kept["calendar"], "holidays");
    assert_eq!(kept["on_blackout"], "shift");
    assert_eq!(shown.header("etag"), "\"1\"");
    assert_eq!(shown.json()["jobs"], 1);
    assert_eq!(edited.status, 200, "{}", edited.text());
    assert_eq!(edited.json()["jobs_behind"], 0);
    let followed = api.get(&format!("/api/v1/jobs/{job}")).json();
    assert_eq!(followed["version"], 3);
}

#[test]
fn a_calendar_is_changed_at_its_version_and_deleted_when_nobody_keeps_to_it() {
    let site = Site::owned();
    let mut api = site.program("owner");
    let job = site.job("closing", "default");
    let made = put(&mut api, "holidays", &json!({"text": "12-25\n"}));
    keep(&mut api, job, "holidays", "skip");

    let path = format!("/api/v1/calendars/{}", made["id"]);
    let stale = api.send_json("PUT", &path, &json!({"text": "", "version": 7}));
    let untold = api.send_json("PUT", &path, &json!({"text": ""}));
    let body = json!({"text": "Someday\n99-99\n", "zone": "Nowhere", "version": 1});
    let wrong = api.send_json("PUT", &path, &body);
    let refused = api.send("DELETE", &path, &[], b"");
    let none = json!({"version": 2, "calendar": null});
    let freed = api.send_json("PATCH", &format!("/api/v1/jobs/{job}"), &none);

    assert_eq!((stale.status, untold.status), (409, 422));
    assert_eq!(wrong.status, 422);
    for part in ["no day of the week", "line 2", "Nowhere"] {
        assert!(wrong.text().contains(part), "{}", wrong.text());
    }
    assert_eq!(refused.status, 422);
    let told = "1 job keeps to the calendar holidays";
    assert!(refused.text().contains(told), "{}", refused.text());
    assert_eq!(freed.json()["calendar"], Value::Null, "{}", freed.text());
    assert_eq!(freed.json()["on_blackout"], Value::Null);
    assert_eq!(api.send("DELETE", &path, &[], b"").status, 204);
    assert_eq!(api.get("/api/v1/calendars").json()["items"], json!([]));
}

#[test]
fn a_job_names_a_calendar_that_there_is_and_that_can_hold_it_back() {
    let site = Site::owned();
    let mut api = site.program("owner");
    put(&mut api, "nights", &json!({"text": "22:00 .. 06:00\n"}));
    let base = json!({"name": "a", "group": "default", "command": "true", "schedule": "0 3 * * *"});
    let mut post = |extra: Value| {
        let mut body = base.clone();
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let answer = api.send_json("POST", "/api/v1/jobs", &body);
        (answer.status, answer.text())
    };

    for (extra, part) in [
        (json!({"calendar": "days"}), "there are nights"),
        (
            json!({"calendar": "nights", "schedule": "@reboot"}),
            "no fire times that a calendar could hold back",
        ),
        (json!({"on_blackout": "skip"}), "set calendar too"),
        (
            json!({"calendar": "nights", "on_blackout": "wait"}),
            "one of skip, shift",
        ),
    ] {
        let (status, text) = post(extra.clone());
        assert_eq!(status, 422, "{extra}: {text}");
        assert!(text.contains(part), "{extra}: {text}");
    }
    assert_eq!(post(json!({"calendar": "nights"})).0, 201);
}

/// The form of a calendar.
fn form<'f>(name: &'f str, text: &'f str, version: &'f str) -> [(&'f str, &'f str); 4] {
    let zone = ("zone", "UTC");
    [("name", name), zone, ("text", text), ("version", version)]
}

/// Makes a calendar on its page; where it is.
fn make(owner: &mut Browser, text: &str) -> String {
    let made = owner.submit("/calendars", &form("holidays", text, ""));
    assert_eq!(made.status, 303, "{}", made.text());
    let address = made.header("location");
    address.split('?').next().unwrap().to_owned()
}

#[test]
fn a_calendar_is_made_and_looked_at_on_its_pages() {
    let site = Site::owned();
    let mut owner = site.browser("owner");
    let empty = owner.get("/calendars").text();
    let wrong = owner.submit("/calendars", &form("x/y", "12-25\nSomeday\n", ""));
    let page = make(&mut owner, "# by order\n12-25 Christmas\n");

    let shown = owner.get(&page).text();

    assert!(empty.contains("No calendars yet"), "{empty}");
    assert_eq!(wrong.status, 422);
    for part in ["calendar name holds", "^^^^^^^", "line 2"] {
        assert!(wrong.text().contains(part), "{}", wrong.text());
    }
    assert!(shown.contains("12-25  Christmas"), "{shown}");
    assert!(shown.contains("Saving affects 0 jobs"), "{shown}");
    // The day itself and the legend.
    assert_eq!(shown.matches("data-cover=\"whole\"").count(), 2, "{shown}");
}

#[test]
fn a_job_follows_its_calendar_and_says_why_it_does_not_fire() {
    let site = Site::owned();
    let mut owner = site.browser("owner");
    let page = make(&mut owner, "12-25\n");
    let job = site.job("closing", "default");
    keep(&mut site.program("owner"), job, "holidays", "skip");

    let saved = owner.submit(&page, &form("days off", "01-01 .. 12-31\n", "1"));
    let conflict = owner
        .submit(&page, &form("holidays", "12-31\n", "1"))
        .text();
    let of_job = owner.get(&format!("/jobs/{job}")).text();
    let refused = owner.submit(&format!("{page}/delete"), &[("version", "2")]);

    assert_eq!(saved.status, 303, "{}", saved.text());
    assert!(conflict.contains("01-01 .. 12-31"), "{conflict}");
    assert!(conflict.contains("saved version 2"), "{conflict}");
    let why = "Blackout: 01-01 .. 12-31 of the calendar days off";
    assert!(of_job.contains(why), "{of_job}");
    assert!(of_job.contains("never fires"), "{of_job}");
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("closing"), "{}", refused.text());
}

#[test]
fn an_icalendar_file_becomes_lines_that_are_not_saved_yet() {
    let site = Site::owned();
    let mut owner = site.browser("owner");
    let ics = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\nSUMMARY:Christmas\r\nEND:VEVENT\r\n\
               BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261226\r\nRRULE:FREQ=MONTHLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let fields = [
        ("name", "h"),
        ("zone", "UTC"),
        ("text", "12-31"),
        ("ics", ics),
    ];

    let page = owner.submit("/calendars/import", &fields);
    let none = owner.submit("/calendars/import", &[("zone", "UTC"), ("ics", "12-25")]);

    let text = page.text();
    assert_eq!(page.status, 200, "{text}");
    assert!(text.contains("12-31\n2026-12-25  Christmas"), "{text}");
    assert!(
        text.contains("1 line was added") && text.contains("FREQ=MONTHLY"),
        "{text}"
    );
    assert!(owner.get("/calendars").text().contains("No calendars yet"));
    assert_eq!(none.status, 422);
}

#[test]
fn anybody_sees_calendars_and_only_who_may_changes_them() {
    let site = Site::owned();
    let other = site.group("other");
    site.person("looker", Role::Viewer, Scope::Everywhere);
    site.person("group-admin", Role::Admin, Scope::Group(other));
    site.person("manager", Role::Admin, Scope::Everywhere);
    let mut owner = site.program("owner");
    let calendar = put(&mut owner, "holidays", &json!({"text": "12-25\n"}));
    let hidden = site.job("secret", "default");
    keep(&mut owner, hidden, "holidays", "skip");
    let page = format!("/calendars/{}", calendar["id"]);
    let fields = [
        ("name", "holidays"),
        ("zone", "UTC"),
        ("text", "12-26\n"),
        ("version", "1"),
    ];

    for name in ["looker", "group-admin"] {
        let mut browser = site.browser(name);
        let shown = browser.get(&page);
        assert_eq!(shown.status, 200);
        assert!(!shown.text().contains("<textarea"), "{}", shown.text());
        assert_eq!(shown.text().contains("secret"), name == "looker");
        assert_eq!(browser.submit(&page, &fields).status, 403, "{name}");
        assert_eq!(browser.get("/calendars/new").status, 403, "{name}");
        let put = site.program(name).send_json(
            "PUT",
            "/api/v1/calendars/holidays",
            &json!({"text": "", "version": 1}),
        );
        assert_eq!(put.status, 403, "{name}");
    }
    assert_eq!(site.browser("manager").submit(&page, &fields).status, 303);
}
