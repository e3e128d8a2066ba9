//! Saved views: kept under a name, seen by whom they are for, removed by who may.

use carillon_core::access::{Role, Scope};
use carillon_core::identity::GroupId;
use carillon_store::AuditFilter;
use serde_json::{Value, json};

use crate::support::{Browser, Site};

/// A site with an editor and a viewer of the group ops, and somebody of another group.
fn peopled() -> Site {
    let site = Site::owned();
    let (ops, other) = (site.group("ops"), site.group("other"));
    site.person("ed", Role::Editor, Scope::Group(ops));
    site.person("vera", Role::Viewer, Scope::Group(ops));
    site.person("olga", Role::Viewer, Scope::Group(other));
    site
}

fn keep(browser: &mut Browser, name: &str, audience: &str) -> u16 {
    let fields = [
        ("list", "jobs"),
        ("query", "q=nightly&after=WyJ4Il0"),
        ("name", name),
        ("audience", audience),
    ];
    browser.submit("/views", &fields).status
}

fn names(site: &Site, person: &str) -> Vec<String> {
    let listed = site.program(person).get("/api/v1/views").json();
    let items = listed["items"].as_array().unwrap().iter();
    items
        .map(|view| view["name"].as_str().unwrap().to_owned())
        .collect()
}

fn id_of(site: &Site, person: &str, name: &str) -> i64 {
    let listed = site.program(person).get("/api/v1/views").json();
    let items: &Vec<Value> = listed["items"].as_array().unwrap();
    let view = items.iter().find(|view| view["name"] == name).unwrap();
    view["id"].as_i64().unwrap()
}

fn shown(site: &Site, person: &str, name: &str) -> bool {
    let page = site.browser(person).get("/jobs").text();
    page.contains(&format!(">{name}"))
}

#[test]
fn a_view_is_seen_by_whom_it_is_for_and_by_nobody_else() {
    let site = peopled();
    let ops = "2";
    assert_eq!(
        keep(&mut site.browser("vera"), "private of vera", "own"),
        303
    );
    assert_eq!(keep(&mut site.browser("ed"), "shared in ops", ops), 303);
    assert_eq!(
        keep(&mut site.browser("owner"), "for all", "everybody"),
        303
    );

    for (person, seen) in [
        ("vera", vec!["for all", "private of vera", "shared in ops"]),
        ("ed", vec!["for all", "shared in ops"]),
        ("olga", vec!["for all"]),
        // Not even to those who may do everything else.
        ("owner", vec!["for all", "shared in ops"]),
    ] {
        assert_eq!(names(&site, person), seen, "{person}");
        for name in ["for all", "private of vera", "shared in ops"] {
            let is_seen = seen.contains(&name);
            assert_eq!(shown(&site, person, name), is_seen, "{name} to {person}");
        }
    }
    let private = id_of(&site, "vera", "private of vera");
    for person in ["owner", "ed", "olga"] {
        let path = format!("/api/v1/views/{private}");
        let mut program = site.program(person);
        assert_eq!(program.get(&path).status, 404, "{person}");
        assert_eq!(program.send("DELETE", &path, &[], b"").status, 404);
        let remove = format!("/views/{private}/remove");
        assert_eq!(site.browser(person).submit(&remove, &[]).status, 404);
    }
    assert!(names(&site, "vera").contains(&"private of vera".to_owned()));
}

#[test]
fn only_who_edits_there_shares_and_removes_what_others_shared() {
    let site = peopled();

    assert_eq!(keep(&mut site.browser("vera"), "a", "2"), 403);
    assert_eq!(keep(&mut site.browser("ed"), "a", "everybody"), 403);
    assert_eq!(keep(&mut site.browser("ed"), "a", "3"), 404);
    assert_eq!(keep(&mut site.browser("ed"), "a", "2"), 303);
    let path = format!("/views/{}/remove", id_of(&site, "ed", "a"));
    assert_eq!(site.browser("vera").submit(&path, &[]).status, 403);
    assert_eq!(site.browser("olga").submit(&path, &[]).status, 404);
    assert_eq!(site.browser("owner").submit(&path, &[]).status, 303);
    assert!(names(&site, "ed").is_empty());
}

#[test]
fn what_is_shared_is_audited_and_what_is_ones_own_is_not() {
    let site = peopled();
    let mut ed = site.browser("ed");
    keep(&mut ed, "mine", "own");
    keep(&mut ed, "ours", "2");
    let path = format!("/views/{}/remove", id_of(&site, "ed", "ours"));
    ed.submit(&path, &[]);
    let path = format!("/views/{}/remove", id_of(&site, "ed", "mine"));
    ed.submit(&path, &[]);

    let entries = site.block(site.store.audit_entries(&AuditFilter::default(), 100));
    let entries = entries.unwrap();
    let about_views: Vec<_> = entries
        .iter()
        .filter(|entry| entry.object.starts_with("view "))
        .collect();

    assert_eq!(about_views.len(), 2);
    let [removed, shared] = [about_views[0], about_views[1]];
    assert_eq!(
        (removed.verb.as_str(), removed.actor.as_str()),
        ("remove view", "ed")
    );
    assert_eq!(shared.verb, "share view");
    assert_eq!(shared.group, Some(GroupId(2)));
    assert_eq!(
        shared.after.as_deref(),
        Some(r#"{"name":"ours","query":"q=nightly"}"#)
    );
    assert_eq!(removed.before, shared.after);
}

#[test]
fn a_view_leads_to_its_list_and_a_name_is_used_once() {
    let site = peopled();
    let mut vera = site.browser("vera");
    let fields = |query| {
        [
            ("list", "runs"),
            ("query", query),
            ("name", "bad ones"),
            ("audience", "own"),
        ]
    };

    let first = vera.submit("/views", &fields("outcome=lost&q=no+field+of+runs"));
    let again = vera.submit("/views", &fields("outcome=trouble&after=x"));

    assert_eq!(
        first.header("location"),
        "/runs?outcome=lost&note=view_saved"
    );
    assert_eq!(again.status, 303);
    let page = vera.get("/runs?outcome=trouble").text();
    assert!(
        page.contains("href=\"/runs?outcome=trouble\" aria-current=\"page\">bad ones"),
        "{page}"
    );
    assert!(!vera.get("/jobs").text().contains("bad ones"));
    for (query, name, why) in [("", "x", "no filter"), ("q=a", " ", "1 to 60")] {
        let fields = [("list", "jobs"), ("query", query), ("name", name)];
        let refused = vera.submit("/views", &fields);
        assert!(
            refused.status == 422 && refused.text().contains(why),
            "{}",
            refused.text()
        );
    }
}

#[test]
fn a_program_keeps_views_too() {
    let site = peopled();
    let mut ed = site.program("ed");
    let made = ed.send_json(
        "POST",
        "/api/v1/views",
        &json!({"list": "jobs", "name": "mine", "query": "q=last:lost", "group": "ops"}),
    );

    assert_eq!(made.status, 201, "{}", made.text());
    let view = made.json();
    assert_eq!(view["address"], "/jobs?q=last%3Alost");
    assert_eq!(
        (&view["audience"], &view["group"]),
        (&json!("group"), &json!("ops"))
    );
    assert_eq!(ed.get(made.header("location")).json(), view);
    assert_eq!(ed.get("/api/v1/views?list=runs").json()["items"], json!([]));
    assert_eq!(ed.get("/api/v1/views?list=nodes").status, 422);
    let removed = ed.send("DELETE", made.header("location"), &[], b"");
    assert_eq!(removed.status, 204);
    assert_eq!(ed.get(made.header("location")).status, 404);
}
