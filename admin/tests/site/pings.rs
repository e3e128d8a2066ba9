//! The address that a job pings: readers never see the whole of it, and what they see stands for it.

use std::process::Command;

use carillon_core::access::{Role, Scope};
use serde_json::json;

use crate::pages::form;
use crate::support::Site;

const URL: &str = "https://hc-ping.com/s3cret-4a5b";

/// A job that pings, edited once, so that versions and audit tell of it.
fn pinged(site: &Site) -> i64 {
    let mut owner = site.program("owner");
    let body = json!({"name": "backup", "command": "true", "schedule": "0 3 * * *", "ping_url": format!("{URL}-old")});
    let id = owner.send_json("POST", "/api/v1/jobs", &body).json()["id"]
        .as_i64()
        .unwrap();
    let change = json!({"version": 1, "ping_url": URL});
    let changed = owner.send_json("PATCH", &format!("/api/v1/jobs/{id}"), &change);
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert!(!changed.text().contains("s3cret"), "{}", changed.text());
    id
}

/// The whole address, as the store has it.
fn stored(site: &Site, id: i64) -> Option<String> {
    let job = site
        .block(site.store.job(carillon_core::identity::JobId(id)))
        .unwrap();
    job.draft.spec.ping_url.map(|url| url.reveal().to_owned())
}

#[test]
fn nobody_reads_the_secret_but_in_exports_of_those_who_may_edit() {
    let site = Site::owned();
    let id = pinged(&site);
    site.person("val", Role::Viewer, Scope::Everywhere);
    let shown = format!("/jobs/{id}");
    let (json, yaml) = ("/export", "/export?format=yaml");

    for name in ["val", "owner"] {
        let mut browser = site.browser(name);
        for path in [shown.as_str(), "/jobs", &format!("{shown}/back-test")] {
            let page = browser.get(path);
            assert_eq!(page.status, 200, "{path}");
            assert!(!page.text().contains("s3cret"), "{name} {path}");
        }
        let mut program = site.program(name);
        for path in [
            format!("/api/v1/jobs/{id}"),
            "/api/v1/jobs".to_owned(),
            format!("/api/v1/jobs/{id}/versions"),
        ] {
            let answer = program.get(&path);
            assert!(
                answer.text().contains("https://hc-ping.com/…"),
                "{name} {path}: {}",
                answer.text()
            );
            assert!(!answer.text().contains("s3cret"), "{name} {path}");
        }
        for path in [json, yaml] {
            let is_whole = browser.get(path).text().contains(URL);
            assert_eq!(is_whole, name == "owner", "{name} {path}");
        }
    }
    let mut owner = site.browser("owner");
    for path in [
        "/audit".to_owned(),
        format!("/jobs/{id}/edit"),
        format!("/jobs/new?from={id}"),
    ] {
        assert!(!owner.get(&path).text().contains("s3cret"), "{path}");
    }
    let audit = site.program("owner").get("/api/v1/audit").text();
    assert!(
        audit.contains("hc-ping.com") && !audit.contains("s3cret"),
        "{audit}"
    );
}

#[test]
fn what_readers_see_is_taken_back_as_what_it_stands_for() {
    let site = Site::owned();
    let id = pinged(&site);
    let mut program = site.program("owner");
    let path = format!("/api/v1/jobs/{id}");
    let seen = program.get(&path).json()["ping_url"]
        .as_str()
        .unwrap()
        .to_owned();

    let kept = program.send_json(
        "PATCH",
        &path,
        &json!({"version": 2, "ping_url": seen, "description": "x"}),
    );
    assert_eq!(kept.status, 200, "{}", kept.text());
    assert_eq!(stored(&site, id).as_deref(), Some(URL));
    let elsewhere =
        json!({"name": "copy", "command": "true", "schedule": "@daily", "ping_url": seen});
    let refused = program.send_json("POST", "/api/v1/jobs", &elsewhere);
    assert_eq!(refused.status, 422);
    assert!(
        refused.text().contains("write the whole of it"),
        "{}",
        refused.text()
    );
    for wrong in [
        "ftp://h/s3cret",
        "https://user:s3cret@h/",
        "https://h/a b s3cret",
    ] {
        let refused = program.send_json("PATCH", &path, &json!({"version": 3, "ping_url": wrong}));
        assert_eq!(refused.status, 422, "{wrong}");
        assert!(!refused.text().contains("s3cret"), "{}", refused.text());
    }
    let gone = program.send_json("PATCH", &path, &json!({"version": 3, "ping_url": null}));
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert_eq!(stored(&site, id), None);
}

#[test]
fn a_declaration_keeps_an_address_by_what_readers_see_of_it() {
    let site = Site::owned();
    let id = pinged(&site);
    let exported = site.browser("owner").get("/export?format=yaml").text();
    let veiled = site
        .program("owner")
        .get(&format!("/api/v1/jobs/{id}"))
        .json();
    let veiled = exported.replace(URL, veiled["ping_url"].as_str().unwrap());
    assert_ne!(veiled, exported);

    for text in [&exported, &veiled] {
        let file = site.folder().join("declared.yaml");
        std::fs::write(&file, text).unwrap();
        let mut admin = Command::new(env!("CARGO_BIN_EXE_admin"));
        let checked = admin
            .arg("--data")
            .arg(site.folder())
            .arg("apply")
            .arg(&file)
            .arg("--check")
            .output()
            .unwrap();
        assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    }
    assert_eq!(stored(&site, id).as_deref(), Some(URL));
}

#[test]
fn the_editor_takes_an_address_and_shows_its_host() {
    let site = Site::owned();
    let id = pinged(&site);
    let mut owner = site.browser("owner");
    let page = owner.get(&format!("/jobs/{id}/edit"));
    assert!(
        page.text().contains("value=\"https://hc-ping.com/…"),
        "{}",
        page.text()
    );
    let seen = site
        .program("owner")
        .get(&format!("/api/v1/jobs/{id}"))
        .json()["ping_url"]
        .clone();

    let kept = [
        ("name", "backup"),
        ("version", "2"),
        ("ping_url", seen.as_str().unwrap()),
    ];
    let saved = owner.submit(&format!("/jobs/{id}"), &form(&kept));
    assert_eq!(saved.status, 303, "{}", saved.text());
    assert_eq!(stored(&site, id).as_deref(), Some(URL));
    let wrong = [
        ("name", "backup"),
        ("version", "3"),
        ("ping_url", "hc-ping.com/x"),
    ];
    let refused = owner.submit(&format!("/jobs/{id}"), &form(&wrong));
    assert_eq!(refused.status, 422);
    assert!(
        refused.text().contains("ping_url-wrong"),
        "{}",
        refused.text()
    );
}
