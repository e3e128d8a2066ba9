//! Finding jobs: by queries, among deleted ones, and the nodes that would run them.

use carillon_core::access::{Role, Scope};
use carillon_core::claim::BootId;
use carillon_core::placement::Labels;
use carillon_core::token::TokenMint;
use carillon_store::Registration;
use serde_json::{Value, json};

use crate::support::{Browser, Site};

fn post(api: &mut Browser, body: Value) -> i64 {
    let mut job = json!({"group": "default", "command": "true", "schedule": "0 3 * * *"});
    job.as_object_mut()
        .unwrap()
        .extend(body.as_object().unwrap().clone());
    let answer = api.send_json("POST", "/api/v1/jobs", &job);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_i64().unwrap()
}

fn names(api: &mut Browser, query: &str) -> Vec<String> {
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    let answer = api.get(&format!("/api/v1/jobs?q={query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let jobs = answer.json();
    let names = jobs["items"].as_array().unwrap().iter();
    names
        .map(|job| job["name"].as_str().unwrap().to_owned())
        .collect()
}

fn register(site: &Site, name: &str, labels: &[(&str, &str)]) {
    let labels = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let agent = Registration {
        name: name.to_owned(),
        boot: BootId(TokenMint::new(labels.len() as u128 + name.len() as u128).mint()),
        replaces: None,
        host_boot: name.to_owned(),
        host_booted_at: jiff::Timestamp::UNIX_EPOCH,
        labels: labels.collect::<Labels>(),
        running_max: 8,
        version: "0.1.0".to_owned(),
        tzdb_version: "2026a".to_owned(),
    };
    site.block(site.store.register_node(&agent)).unwrap();
}

#[test]
fn a_query_finds_what_it_says_on_the_page_and_in_the_api() {
    let site = Site::owned();
    site.group("night ops");
    let mut api = site.program("owner");
    register(&site, "web-1", &[("role", "web")]);
    post(
        &mut api,
        json!({"name": "backup", "description": "the Ledger"}),
    );
    post(
        &mut api,
        json!({"name": "report", "group": "night ops", "enabled": false, "zone": "Asia/Shanghai"}),
    );
    let web = post(
        &mut api,
        json!({"name": "pages", "labels": {"role": "web"}, "run_as": "www"}),
    );
    post(
        &mut api,
        json!({"name": "elsewhere", "labels": {"role": "db"}}),
    );
    api.send_json("POST", &format!("/api/v1/jobs/{web}/run"), &json!({}));

    for (query, found) in [
        ("ledger", &["backup"][..]),
        ("group:\"Night Ops\"", &["report"]),
        ("-group:default", &["report"]),
        ("enabled:no", &["report"]),
        ("zone:asia/shanghai", &["report"]),
        ("user:www", &["pages"]),
        ("node:web-1 enabled:yes", &["backup", "pages"]),
        ("last:open", &["pages"]),
        ("last:never -group:\"night ops\"", &["backup", "elsewhere"]),
        ("name:e -last:open enabled:yes", &["elsewhere"]),
        ("last:failed", &[]),
    ] {
        assert_eq!(names(&mut api, query), found, "{query}");
    }
}

#[test]
fn the_page_has_the_same_queries_and_both_name_a_word_that_they_do_not_know() {
    let site = Site::owned();
    site.group("night ops");
    let mut api = site.program("owner");
    post(&mut api, json!({"name": "backup"}));
    let web = post(&mut api, json!({"name": "pages"}));
    api.send_json("POST", &format!("/api/v1/jobs/{web}/run"), &json!({}));
    let refused = api.get("/api/v1/jobs?q=backup+lst:failed");
    assert_eq!(refused.status, 422);
    assert!(
        refused
            .text()
            .contains("lst:failed: there is no such filter"),
        "{}",
        refused.text()
    );
    let mut owner = site.browser("owner");
    let page = owner.get("/jobs?q=last:open").text();
    assert!(
        page.contains("<b>pages</b>") && !page.contains("<b>backup</b>"),
        "{page}"
    );
    assert!(
        page.contains("<option value=\"group:&#34;night ops&#34;\">"),
        "{page}"
    );
    let wrong = owner.get("/jobs?q=last:bad");
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.text().contains("last:bad: it is one of succeeded"),
        "{}",
        wrong.text()
    );
}

#[test]
fn a_query_on_last_runs_goes_on_page_by_page() {
    let site = Site::owned();
    let mut api = site.program("owner");
    for number in 0..230 {
        post(&mut api, json!({"name": format!("job {number:03}")}));
    }

    let first = api.get("/api/v1/jobs?q=last:never&limit=200").json();
    let cursor = first["next"].as_str().unwrap();
    let rest = api
        .get(&format!(
            "/api/v1/jobs?q=last:never&limit=200&cursor={cursor}"
        ))
        .json();

    assert_eq!(first["items"].as_array().unwrap().len(), 200);
    assert_eq!(rest["items"].as_array().unwrap().len(), 30);
    assert_eq!(
        (&rest["items"][0]["name"], &rest["next"]),
        (&json!("job 200"), &Value::Null)
    );
}

#[test]
fn deleted_jobs_are_listed_and_come_back() {
    let site = Site::owned();
    let ops = site.group("ops");
    site.person("looker", Role::Viewer, Scope::Everywhere);
    site.person("foreigner", Role::Admin, Scope::Group(ops));
    let mut api = site.program("owner");
    let mut owner = site.browser("owner");
    let empty = owner.get("/jobs/deleted").text();
    let (old, new) = (
        site.job("old one", "default"),
        site.job("new one", "default"),
    );
    for job in [old, new] {
        assert_eq!(
            api.send("DELETE", &format!("/api/v1/jobs/{job}"), &[], b"")
                .status,
            204
        );
    }

    let page = owner.get("/jobs/deleted").text();
    let first = api.get("/api/v1/jobs?deleted=true&limit=1").json();
    let cursor = first["next"].as_str().unwrap();
    let second = api
        .get(&format!(
            "/api/v1/jobs?deleted=true&limit=1&cursor={cursor}"
        ))
        .json();
    let seen = site.browser("looker").get("/jobs/deleted").text();
    let hidden = site.browser("foreigner").get("/jobs/deleted").text();
    let fields = [("version", "2"), ("back", "/jobs/deleted")];
    let restored = owner.submit(&format!("/jobs/{old}/restore"), &fields);

    assert!(empty.contains("No job was deleted"), "{empty}");
    let at = |name: &str| page.find(&format!("<b>{name}</b>")).unwrap();
    assert!(at("new one") < at("old one"), "{page}");
    assert_eq!(
        (&first["items"][0]["name"], &second["items"][0]["name"]),
        (&json!("new one"), &json!("old one"))
    );
    assert!(first["items"][0]["deleted_at"].is_string() && second["next"].is_null());
    assert!(
        seen.contains("old one") && !seen.contains("/restore\""),
        "{seen}"
    );
    assert!(!hidden.contains("old one"), "{hidden}");
    assert_eq!(
        (restored.status, restored.header("location")),
        (303, "/jobs/deleted?note=job_restored")
    );
    assert!(!owner.get("/jobs/deleted").text().contains("old one"));
    assert_eq!(
        api.get(&format!("/api/v1/jobs/{old}")).json()["enabled"],
        false
    );
}

#[test]
fn the_editor_says_which_nodes_match() {
    let site = Site::owned();
    register(&site, "web-1", &[("role", "web")]);
    register(&site, "db-1", &[("role", "db")]);
    let mut owner = site.browser("owner");

    let all = owner.get("/jobs/new").text();
    let web = owner
        .get("/jobs/where?labels=role%3Dweb&placement=n&placement_n=3")
        .text();
    let none = owner
        .get("/jobs/where?nodes=web-9&exclude_nodes=db-1")
        .text();
    let wrong = owner.get("/jobs/where?labels=role").text();

    assert!(all.contains("Matches 2 of 2 nodes"), "{all}");
    assert!(
        web.contains("Matches 1 of 2 nodes")
            && web.contains(">web-1</a>")
            && !web.contains(">db-1</a>"),
        "{web}"
    );
    assert!(web.contains("3 nodes are wanted and 1 match"), "{web}");
    assert!(
        none.contains("no node called web-9") && none.contains("nothing would start"),
        "{none}"
    );
    assert!(wrong.contains("has no ="), "{wrong}");
}

#[test]
fn a_schedule_is_previewed_with_its_calendar() {
    let site = Site::owned();
    let mut api = site.program("owner");
    let body = json!({"text": "12-25  Christmas\n"});
    assert_eq!(
        api.send_json("PUT", "/api/v1/calendars/holidays", &body)
            .status,
        201
    );
    let ask = "/api/v1/schedules/preview?schedule=0+3+*+*+*&from=2026-12-24T12:00:00Z&n=2";

    let skipped = api.get(&format!("{ask}&calendar=holidays")).json();
    let shifted = api
        .get(&format!("{ask}&calendar=holidays&on_blackout=shift"))
        .json();
    let unknown = api.get(&format!("{ask}&calendar=none"));

    assert_eq!(
        skipped["fire_times"][0], "2026-12-26T03:00:00.000000Z",
        "{skipped}"
    );
    assert_eq!(skipped["held"][0]["blackout"], "Christmas", "{skipped}");
    assert_eq!(skipped["held"][0]["time"], "2026-12-25T03:00:00.000000Z");
    assert_eq!(
        shifted["fire_times"][0], "2026-12-26T00:00:00.000000Z",
        "{shifted}"
    );
    assert_eq!(shifted["held"][0]["shifted_to"], shifted["fire_times"][0]);
    assert_eq!(unknown.status, 422);
}
