//! Pages, for the right person, the wrong person, the wrong method and wrong input.

use crate::support::{PASSWORD, Site};
use carillon_core::access::{Role, Scope};

/// What the editor posts of a new job, but for `changes`.
pub(crate) fn form<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("name", "nightly"),
        ("group", "1"),
        ("command", "backup --all"),
        ("schedule", "0 3 * * *"),
        ("zone", "Europe/Berlin"),
        ("dst", "cron"),
        ("enabled", "1"),
        ("placement", "one"),
        ("overlap", "skip"),
        ("misfire", ""),
        ("max_attempts", "1"),
        ("backoff", "fixed"),
        ("delay", "10s"),
        ("max_delay", "1h"),
        ("retry_node", "prefer_other"),
        ("delivery", "at_most_once"),
        ("mail", "group"),
    ];
    for change in changes {
        match fields.iter_mut().find(|(name, _)| name == &change.0) {
            Some(field) => *field = *change,
            None => fields.push(*change),
        }
    }
    fields
}

#[test]
fn first_visit_needs_the_code_and_happens_once() {
    let site = Site::empty();
    let code = site.setup_code.clone().unwrap();
    let mut browser = site.anonymous();
    assert_eq!(browser.get("/").header("location"), "/sign-in");
    assert_eq!(browser.get("/sign-in").header("location"), "/setup");

    let wrong = browser.post(
        "/setup",
        &[("code", "AAAA"), ("name", "ann"), ("password", PASSWORD)],
    );
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.text().contains("value=\"ann\""),
        "what was typed stays"
    );
    let right = browser.post(
        "/setup",
        &[
            ("code", &code.to_lowercase()),
            ("name", "ann"),
            ("password", PASSWORD),
        ],
    );
    assert_eq!(right.status, 303);
    assert_eq!(browser.get("/").status, 200);

    let again = site.anonymous().post(
        "/setup",
        &[("code", &code), ("name", "eve"), ("password", PASSWORD)],
    );
    assert_eq!(again.status, 422);
    assert_eq!(
        site.anonymous().get("/setup").header("location"),
        "/sign-in"
    );
}

#[test]
fn signing_in_is_slowed_down_and_says_the_same_to_everybody() {
    let site = Site::owned();
    let mut browser = site.anonymous();
    let try_as = |browser: &mut crate::support::Browser, name: &str| {
        browser.post(
            "/sign-in",
            &[("name", name), ("password", "not the password")],
        )
    };
    let known = try_as(&mut browser, "owner");
    let unknown = try_as(&mut browser, "nobody");
    assert_eq!((known.status, unknown.status), (422, 422));
    assert!(known.text().contains("do not match") && unknown.text().contains("do not match"));

    let statuses: Vec<u16> = (0..8)
        .map(|_| try_as(&mut browser, "owner").status)
        .collect();
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[test]
fn a_session_gets_a_new_secret_and_ends_in_the_store() {
    let site = Site::owned();
    let mut browser = site.anonymous();
    browser
        .cookies
        .insert("carillon_session".to_owned(), "planted".to_owned());
    browser.post("/sign-in", &[("name", "owner"), ("password", PASSWORD)]);
    let secret = browser.cookies["carillon_session"].clone();
    assert!(secret != "planted" && secret.len() == 43);

    let mut thief = browser.clone();
    assert_eq!(browser.submit("/sign-out", &[]).status, 303);
    assert_eq!(thief.get("/account").status, 303);
}

#[test]
fn a_form_of_another_site_changes_nothing() {
    let site = Site::owned();
    let mut owner = site.browser("owner");
    let fields = form(&[]);
    assert_eq!(owner.post("/jobs", &fields).status, 403, "without a token");
    let foreign = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "cross-site"),
    ];
    assert_eq!(
        owner.send("POST", "/jobs", &foreign, b"name=x").status,
        403,
        "from another site"
    );
    let origin = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", "https://evil.example"),
    ];
    assert_eq!(
        owner.send("POST", "/jobs", &origin, b"name=x").status,
        403,
        "with another origin"
    );
    assert_eq!(
        site.program("owner").get("/api/v1/jobs").json()["items"],
        serde_json::json!([])
    );
}

#[test]
fn every_answer_carries_the_headers_that_close_the_page() {
    let site = Site::owned();
    let mut owner = site.browser("owner");
    for path in [
        "/",
        "/jobs",
        "/nope",
        "/sign-in",
        "/api/v1/jobs",
        "/assets/none",
        "/healthz",
    ] {
        let answer = owner.get(path);
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
    for path in [
        "/",
        "/jobs",
        "/jobs/new",
        "/runs",
        "/nodes",
        "/timeline",
        "/alerts",
        "/groups",
        "/import",
        "/users",
        "/audit",
        "/system",
        "/account",
        "/tokens",
    ] {
        let answer = owner.get(path);
        let text = answer.text();
        assert_eq!(answer.status, 200, "{path}: {text}");
        assert!(
            !text.contains("<style") && !text.contains(" style=") && !text.contains(" onclick="),
            "{path}"
        );
        assert!(text.len() < 60_000, "{path} weighs {}", text.len());
    }
}

#[test]
fn a_job_is_made_edited_in_conflict_restored_and_deleted() {
    let site = Site::owned();
    let mut owner = site.browser("owner");
    let wrong = owner.submit(
        "/jobs",
        &form(&[("schedule", "61 * * * *"), ("timeout", "soon")]),
    );
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.text().contains("backup --all") && wrong.text().contains("value=\"soon\""),
        "what was typed stays"
    );
    let made = owner.submit("/jobs", &form(&[]));
    assert_eq!(
        made.header("location"),
        "/jobs/1?note=job_created",
        "{}",
        made.text()
    );

    let first = owner.submit(
        "/jobs/1",
        &form(&[("version", "1"), ("command", "backup --mine")]),
    );
    assert_eq!(first.status, 303, "{}", first.text());
    let second = owner.submit(
        "/jobs/1",
        &form(&[("version", "1"), ("command", "backup --theirs")]),
    );
    assert_eq!(second.status, 409);
    let text = second.text();
    assert!(
        text.contains("<del>backup --mine</del>") && text.contains("<ins>backup --theirs</ins>"),
        "{text}"
    );
    assert_eq!(
        second.hidden("version"),
        "2",
        "saving again is a decision with both in view"
    );

    assert_eq!(
        owner
            .submit("/jobs/1/versions/1", &[("version", "2")])
            .status,
        303
    );
    assert!(owner.get("/jobs/1").text().contains("backup --all"));
    assert_eq!(
        owner.submit("/jobs/1/disable", &[("version", "3")]).status,
        303
    );
    assert_eq!(
        owner.submit("/jobs/1/delete", &[("version", "4")]).status,
        303
    );
    assert!(!owner.get("/jobs").text().contains("/jobs/1/edit"));
    assert_eq!(
        owner.submit("/jobs/1/restore", &[("version", "5")]).status,
        303
    );
    assert!(owner.get("/jobs").text().contains("/jobs/1/edit"));
}

#[test]
fn who_may_only_look_is_told_what_is_missing() {
    let site = Site::owned();
    site.person("vera", Role::Viewer, Scope::Everywhere);
    site.job("nightly", "default");
    let mut vera = site.browser("vera");
    let refused = vera.get("/jobs/new");
    assert_eq!(refused.status, 403);
    assert!(
        refused.text().contains("create and change jobs")
            && refused.text().contains("owner, admin, editor")
    );
    let page = vera.get("/jobs/1").text();
    assert!(!page.contains("/jobs/1/run") && !page.contains("/jobs/1/edit"));
    assert!(!vera.get("/").text().contains("href=\"/users\""));
}

#[test]
fn only_who_may_chooses_the_user_a_command_runs_as() {
    let site = Site::owned();
    site.person("ed", Role::Editor, Scope::Everywhere);
    let mut ed = site.browser("ed");
    let refused = ed.submit("/jobs", &form(&[("run_as", "root")]));
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("run_as"));
    assert_eq!(ed.submit("/jobs", &form(&[])).status, 303);
}

#[test]
fn a_job_names_its_secrets_and_its_page_shows_the_names() {
    let site = Site::owned();
    let mut owner = site.browser("owner");
    let refused = owner.submit(
        "/jobs",
        &form(&[("secrets", "DB_PASSWORD=../../etc/shadow")]),
    );
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("holds a slash"));
    let twice = [
        ("secrets", "DB_PASSWORD=db-password"),
        ("env", "DB_PASSWORD=x"),
    ];
    assert!(
        owner
            .submit("/jobs", &form(&twice))
            .text()
            .contains("DB_PASSWORD is also in env")
    );

    let made = owner.submit("/jobs", &form(&[("secrets", "DB_PASSWORD=db-password")]));

    assert_eq!(made.status, 303, "{}", made.text());
    for path in ["/jobs/1", "/jobs/1/edit"] {
        let page = owner.get(path).text();
        assert!(page.contains("DB_PASSWORD=db-password"), "{path}");
    }
}

#[test]
fn names_and_commands_stay_text() {
    let site = Site::owned();
    let mut owner = site.browser("owner");
    let evil = "<script>alert(1)</script>\"><img src=x onerror=alert(2)>";
    let made = owner.submit(
        "/jobs",
        &form(&[("name", evil), ("command", evil), ("description", evil)]),
    );
    assert_eq!(made.status, 303, "{}", made.text());
    for path in [
        "/",
        "/jobs",
        "/jobs/1",
        "/jobs/1/edit",
        "/timeline?minutes=1440",
        "/audit",
        "/runs?job=1",
        "/system",
    ] {
        let text = owner.get(path).text();
        assert!(
            !text.contains("<script>alert") && !text.contains("<img src=x"),
            "{path}"
        );
    }
}

#[test]
fn a_crontab_is_looked_at_line_by_line_before_it_is_saved() {
    let site = Site::owned();
    let mut owner = site.browser("owner");
    let text = "# backup\n0 3 * * * backup --all\n61 * * * * wrong\n";
    let looked = owner.submit("/import", &[("text", text), ("zone", "UTC"), ("save", "1")]);
    assert_eq!(looked.status, 422);
    assert!(looked.text().contains("backup --all") && looked.text().contains("At 03:00"));
    assert_eq!(
        site.program("owner").get("/api/v1/jobs").json()["items"],
        serde_json::json!([])
    );

    let saved = owner.submit(
        "/import",
        &[
            ("text", "# backup\n0 3 * * * backup --all\n"),
            ("zone", "UTC"),
            ("save", "1"),
        ],
    );
    assert_eq!(saved.status, 303, "{}", saved.text());
    assert!(owner.get("/jobs").text().contains("backup"));
}

#[test]
fn pages_speak_chinese_to_who_asks_for_it() {
    let site = Site::owned();
    let mut owner = site.browser("owner");
    let chosen = owner.submit("/preferences", &[("lang", "zh"), ("back", "/jobs")]);
    assert_eq!(chosen.header("location"), "/jobs");
    let page = owner.get("/jobs").text();
    assert!(page.contains("lang=\"zh-Hans\"") && page.contains("还没有作业"));
    assert_eq!(owner.submit("/preferences", &[("lang", "xx")]).status, 422);
    let away = owner.submit(
        "/preferences",
        &[("theme", "dark"), ("back", "//evil.example")],
    );
    assert_eq!(away.header("location"), "/");
}

#[test]
fn a_new_password_ends_the_other_sessions() {
    let site = Site::owned();
    let (mut here, mut elsewhere) = (site.browser("owner"), site.browser("owner"));
    let wrong = here.submit(
        "/account/password",
        &[("current", "no"), ("new", "four bells at midnight")],
    );
    assert_eq!(wrong.status, 422);
    let changed = here.submit(
        "/account/password",
        &[("current", PASSWORD), ("new", "four bells at midnight")],
    );
    assert_eq!(changed.status, 303);
    assert_eq!(here.get("/account").status, 200);
    assert_eq!(elsewhere.get("/account").status, 303);
}

#[test]
fn wrong_methods_and_addresses_have_pages_of_their_own() {
    let site = Site::owned();
    let mut owner = site.browser("owner");
    assert_eq!(owner.send("DELETE", "/jobs", &[], b"").status, 405);
    let missing = owner.get("/jobs/999");
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("“999”"));
    assert_eq!(owner.get("/jobs?after=%25%25").status, 400);
}
