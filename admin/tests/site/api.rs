//! The API's contract: names, cursors, versions, idempotency keys, problems, scopes.

use crate::support::{Browser, Site};
use carillon_core::access::{Role, Scope};
use jiff::SignedDuration;
use serde_json::json;

#[test]
fn a_job_has_the_fields_of_the_contract() {
    let site = Site::owned();
    let mut api = site.program("owner");
    let made = api.send_json("POST", "/api/v1/jobs", &json!({
        "name": "nightly", "command": "backup", "schedule": "0 3 * * *", "zone": "Asia/Shanghai", "placement": "n(2)", "overlap": "queue(5)",
        "misfire": "all(3)", "labels": {"role": "web"}, "exclude_nodes": ["b"], "timeout_s": 90, "env": {"A": "1"},
    }));
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.header("location"), "/api/v1/jobs/1");
    let job = made.json();
    for field in [
        "id",
        "name",
        "group",
        "description",
        "command",
        "schedule",
        "zone",
        "dst",
        "enabled",
        "version",
        "placement",
        "overlap",
        "misfire",
        "timeout_s",
        "kill_grace_s",
        "retry",
        "run_as",
        "cwd",
        "env",
    ] {
        assert!(job.get(field).is_some(), "{field}");
    }
    assert_eq!(
        (&job["placement"], &job["overlap"], &job["timeout_s"]),
        (&json!("n(2)"), &json!("queue(5)"), &json!(90))
    );
}

#[test]
fn an_edit_names_its_version_and_a_stale_one_is_a_conflict() {
    let site = Site::owned();
    let id = site.job("nightly", "default");
    let mut api = site.program_of("owner");
    let path = format!("/api/v1/jobs/{id}");
    assert_eq!(
        api.send_json("PATCH", &path, &json!({"enabled": false}))
            .status,
        422
    );
    let changed = api.send_json("PATCH", &path, &json!({"enabled": false, "version": 1}));
    assert_eq!(
        (changed.status, changed.json()["version"].as_i64()),
        (200, Some(2))
    );
    let stale = api.send_json("PATCH", &path, &json!({"command": "x", "version": 1}));
    assert_eq!(stale.status, 409);
    assert_eq!(stale.header("content-type"), "application/problem+json");
    assert_eq!(stale.json()["current_version"], 2);
    let unknown = api.send_json("PATCH", &path, &json!({"uid": 0, "version": 2}));
    assert_eq!(
        (
            unknown.status,
            unknown.json()["errors"][0]["field"].as_str()
        ),
        (422, Some("uid"))
    );
    assert_eq!(api.send("DELETE", &path, &[], b"").status, 204);
    assert_eq!(api.get(&path).status, 404);
    assert_eq!(
        api.send_json("POST", &format!("{path}/restore"), &json!({}))
            .json()["enabled"],
        false
    );
}

#[test]
fn lists_go_on_from_their_cursor() {
    let site = Site::owned();
    let mut api = site.program("owner");
    for number in 0..5 {
        let body =
            json!({"name": format!("job {number}"), "command": "true", "schedule": "@daily"});
        assert_eq!(api.send_json("POST", "/api/v1/jobs", &body).status, 201);
    }
    let mut names = Vec::new();
    let mut path = "/api/v1/jobs?limit=2".to_owned();
    loop {
        let page = api.get(&path).json();
        names.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|job| job["name"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/jobs?limit=2&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["job 0", "job 1", "job 2", "job 3", "job 4"]);
    assert_eq!(api.get("/api/v1/jobs?limit=0").status, 400);
    assert_eq!(api.get("/api/v1/jobs?cursor=nonsense").status, 400);
    assert_eq!(
        api.get("/api/v1/jobs?enabled=false").json()["items"],
        json!([])
    );
}

#[test]
fn the_same_key_asks_for_the_same_run() {
    let site = Site::owned();
    let id = site.job("nightly", "default");
    let mut api = site.program_of("owner");
    let ask = |api: &mut Browser| {
        api.send(
            "POST",
            &format!("/api/v1/jobs/{id}/run"),
            &[("idempotency-key", "once")],
            b"",
        )
    };
    let (first, second) = (ask(&mut api), ask(&mut api));
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(first.json()["id"], second.json()["id"]);
    let run = first.json();
    assert_eq!(
        (
            run["state"].as_str(),
            run["trigger"].as_str(),
            run["reason"].as_str()
        ),
        (Some("claimed"), Some("manual"), Some("waiting_for_node"))
    );
    assert!(run["node"].is_null());

    let path = format!("/api/v1/runs/{}", run["id"].as_str().unwrap());
    let killed = api.send_json("POST", &format!("{path}/kill"), &json!({}));
    assert_eq!(
        (killed.status, killed.json()["outcome"].as_str()),
        (200, Some("killed"))
    );
    let output = api.get(&format!("{path}/output?stream=stdout"));
    assert_eq!((output.status, output.text().as_str()), (200, ""));
    assert!(output.header("content-type").starts_with("text/plain"));
    let json = api.send(
        "GET",
        &format!("{path}/output"),
        &[("accept", "application/json")],
        b"",
    );
    assert_eq!(json.json()["done"], true);
}

#[test]
fn parameters_go_along_and_bad_ones_are_named() {
    let site = Site::owned();
    let id = site.job("nightly", "default");
    let mut api = site.program_of("owner");
    let path = format!("/api/v1/jobs/{id}/run");
    let mut ask = |parameters: serde_json::Value| {
        api.send_json("POST", &path, &json!({ "parameters": parameters }))
    };

    let run = ask(json!({ "day": "monday" }));
    assert_eq!(run.status, 202);
    assert_eq!(run.json()["parameters"], json!({ "day": "monday" }));
    for wrong in [
        json!({ "day": 1 }),
        json!({ "a b": "c" }),
        json!("day=monday"),
    ] {
        let refused = ask(wrong.clone());
        assert_eq!(refused.status, 422, "{wrong}");
        assert!(refused.text().contains("parameters"), "{}", refused.text());
    }

    let mut person = site.browser("owner");
    assert!(
        person
            .get(&format!("/jobs/{id}"))
            .text()
            .contains("name=\"parameters\"")
    );
    let path = format!("/jobs/{id}/run");
    let page = person.submit(&path, &[("parameters", "day=tuesday\r\nhour=3\r\n")]);
    assert_eq!(page.status, 303);
    let run = page.header("location").replace("/runs/", "/api/v1/runs/");
    assert_eq!(
        api.get(&run).json()["parameters"],
        json!({ "day": "tuesday", "hour": "3" })
    );
    assert_eq!(
        person.submit(&path, &[("parameters", "tuesday")]).status,
        422
    );
}

#[test]
fn a_token_cuts_down_expires_and_is_no_cookie() {
    let site = Site::owned();
    let id = site.job("nightly", "default");
    let with = |bearer: String| Browser {
        bearer: Some(bearer),
        ..site.anonymous()
    };
    let mut viewer = with(site.token("owner", Some(Role::Viewer), None));
    assert_eq!(viewer.get("/api/v1/jobs").status, 200);
    let refused = viewer.send_json("POST", &format!("/api/v1/jobs/{id}/run"), &json!({}));
    assert_eq!(
        (refused.status, refused.json()["permission"].as_str()),
        (403, Some("run"))
    );
    let more = viewer.send_json(
        "POST",
        "/api/v1/tokens",
        &json!({"name": "more", "scope": "owner"}),
    );
    assert_eq!(more.status, 422, "a token makes none that may do more");

    let mut over = with(site.token("owner", None, Some(SignedDuration::from_secs(-1))));
    assert_eq!(over.get("/api/v1/jobs").status, 401);
    assert_eq!(with("nonsense".to_owned()).get("/api/v1/jobs").status, 401);
    assert_eq!(
        site.browser("owner").get("/api/v1/jobs").status,
        401,
        "a cookie is no token"
    );
    assert_eq!(viewer.get("/jobs").status, 303, "a token is no cookie");
}

#[test]
fn what_is_in_another_group_does_not_exist() {
    let site = Site::owned();
    let other = site.group("other");
    site.person("ed", Role::Editor, Scope::Group(other));
    let (mine, theirs) = (
        site.job("mine", "other"),
        site.job_again("theirs", "default"),
    );
    let mut ed = site.program_of("ed");
    let names = ed.get("/api/v1/jobs").json();
    assert_eq!(names["items"].as_array().unwrap().len(), 1);
    assert_eq!(ed.get(&format!("/api/v1/jobs/{mine}")).status, 200);
    assert_eq!(ed.get(&format!("/api/v1/jobs/{theirs}")).status, 404);
    let moved = ed.send_json(
        "PATCH",
        &format!("/api/v1/jobs/{mine}"),
        &json!({"group": "default", "version": 1}),
    );
    assert_eq!(moved.status, 403);
    let made = ed.send_json(
        "POST",
        "/api/v1/jobs",
        &json!({"name": "x", "command": "x", "schedule": "@daily", "group": "default"}),
    );
    assert_eq!(made.status, 422, "{}", made.text());
    assert_eq!(ed.get("/api/v1/users").status, 403);
}

#[test]
fn an_admin_makes_no_owner_and_locks_none() {
    let site = Site::owned();
    site.person("adam", Role::Admin, Scope::Everywhere);
    let mut adam = site.program_of("adam");
    let person = |role: &str| json!({"name": format!("new-{role}"), "password": "three bells at noon", "role": role});
    assert_eq!(
        adam.send_json("POST", "/api/v1/users", &person("editor"))
            .status,
        201
    );
    assert_eq!(
        adam.send_json("POST", "/api/v1/users", &person("owner"))
            .status,
        403
    );
    assert_eq!(
        adam.send_json("PATCH", "/api/v1/users/1", &json!({"locked": true}))
            .status,
        403
    );
    let mut owner = site.program_of("owner");
    let last = owner.send_json("PATCH", "/api/v1/users/1", &json!({"role": "viewer"}));
    assert_eq!(last.status, 422, "the last owner stays: {}", last.text());
}

#[test]
fn the_preview_tells_fire_times_or_what_is_wrong() {
    let site = Site::owned();
    let mut api = site.program("owner");
    let told = api.get("/api/v1/schedules/preview?schedule=30+2+*+*+*&zone=Europe/Berlin&from=2026-03-28T12:00:00Z&n=2");
    assert_eq!(
        told.json()["fire_times"],
        json!(["2026-03-29T01:00:00.000000Z", "2026-03-30T00:30:00.000000Z"])
    );
    let wrong = api.get("/api/v1/schedules/preview?schedule=61+*+*+*+*");
    assert_eq!(
        (wrong.status, wrong.json()["errors"][0]["field"].as_str()),
        (422, Some("schedule"))
    );
}

#[test]
fn the_description_names_every_address_and_every_answer() {
    let site = Site::owned();
    let document = site.anonymous().get("/api/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    let listed: Vec<_> = carillon_admin::routes::listing();
    for route in listed
        .iter()
        .filter(|route| route.path.starts_with("/api/v1/"))
    {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = &paths[route.path][&method];
        assert!(
            operation["responses"].as_object().unwrap().len() > 3,
            "{method} {}",
            route.path
        );
    }
    let metrics = site.anonymous().get("/metrics").text();
    assert!(metrics.contains("carillon_jobs 0\n"), "{metrics}");

    let dashboard = include_str!("../../../packaging/grafana/carillon.json");
    let dashboard: serde_json::Value = serde_json::from_str(dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    for expression in targets.map(|target| target["expr"].as_str().unwrap()) {
        let word = |c: char| !c.is_ascii_alphanumeric() && c != '_';
        let mut words = expression.split(word);
        let name = words.find(|word| word.starts_with("carillon_")).unwrap();
        assert!(metrics.contains(&format!("# TYPE {name} ")), "{expression}");
        let listed = expression.split('"').nth(1).unwrap_or_default();
        for value in listed.split('|').filter(|value| !value.is_empty()) {
            assert!(metrics.contains(&format!("=\"{value}\"}}")), "{expression}");
        }
    }
    assert_eq!(site.anonymous().get("/healthz").status, 200);
}

impl Site {
    /// The program of a person whose token may exist already.
    fn program_of(&self, name: &str) -> Browser {
        let lasts = SignedDuration::from_hours(1);
        Browser {
            bearer: Some(self.token(name, None, Some(lasts))),
            ..self.anonymous()
        }
    }

    fn job_again(&self, name: &str, group: &str) -> i64 {
        let mut owner = self.program_of("owner");
        let body =
            json!({"name": name, "group": group, "command": "true", "schedule": "0 3 * * *"});
        owner.send_json("POST", "/api/v1/jobs", &body).json()["id"]
            .as_i64()
            .unwrap()
    }
}
