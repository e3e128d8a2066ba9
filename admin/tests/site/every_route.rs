//! Every address × every role, a stranger and someone of another group included: as the table of routes says.

use crate::support::{Browser, Site};
use carillon_admin::routes::listing;
use carillon_admin::{Medium, Need};
use carillon_core::access::{Grant, Rights, Role, Scope, Verb};
use carillon_core::identity::GroupId;

/// Streams that do not end by themselves, and what would end the session under test.
fn is_left_out(path: &str) -> bool {
    matches!(path, "/sign-out" | "/runs/{id}/events")
}

struct Person {
    name: &'static str,
    rights: Rights,
}

fn people(site: &Site, other: GroupId) -> Vec<Person> {
    let everywhere = |name, role| (name, role, Scope::Everywhere);
    let all = [
        everywhere("an-admin", Role::Admin),
        everywhere("an-operator", Role::Operator),
        everywhere("an-editor", Role::Editor),
        everywhere("a-viewer", Role::Viewer),
        ("a-foreigner", Role::Admin, Scope::Group(other)),
    ];
    let make = |(name, role, scope)| {
        site.person(name, role, scope);
        Person {
            name,
            rights: Rights::of(vec![Grant { role, scope }]),
        }
    };
    all.into_iter().map(make).collect()
}

/// The status a guard answers with, or none when it lets the request through.
fn refusal(need: Need, rights: &Rights, group: GroupId) -> Option<u16> {
    let in_group = |verb| match (
        rights.allows_in(Verb::View, group),
        rights.allows_in(verb, group),
    ) {
        (false, _) => Some(404),
        (true, false) => Some(403),
        (true, true) => None,
    };
    match need {
        Need::Nothing | Need::SignedIn => None,
        Need::Somewhere(verb) => (!rights.allows_somewhere(verb)).then_some(403),
        Need::Everywhere(verb) => (!rights.allows_everywhere(verb)).then_some(403),
        Need::OfJob(verb) | Need::OfRun(verb) => in_group(verb),
    }
}

#[test]
fn every_route_lets_in_whom_the_table_says_and_nobody_else() {
    let site = Site::owned();
    let (home, other) = (GroupId(1), site.group("other"));
    let people = people(&site, other);
    let job = site.job("guarded", "default");
    let run = site
        .program("owner")
        .send_json(
            "POST",
            &format!("/api/v1/jobs/{job}/run"),
            &serde_json::json!({}),
        )
        .json();
    let run = run["id"].as_str().unwrap().to_owned();
    let mut checked = 0;
    for listed in listing()
        .into_iter()
        .filter(|listed| !is_left_out(listed.path))
    {
        let id = if listed.path.contains("runs/") {
            run.clone()
        } else {
            job.to_string()
        };
        let path = listed
            .path
            .replace("{id}", &id)
            .replace("{file}", "none")
            .replace("{version}", "1");
        let method = listed.method.as_str();
        if listed.need != Need::Nothing {
            let expected = if listed.medium == Medium::Api {
                401
            } else {
                303
            };
            let answer = send(&mut site.anonymous(), method, &path);
            assert_eq!(answer, expected, "{method} {path} by a stranger");
        }
        for person in &people {
            let mut browser = match listed.medium {
                Medium::Page => site.browser(person.name),
                Medium::Api => site.program_again(person.name),
            };
            let status = send(&mut browser, method, &path);
            match refusal(listed.need, &person.rights, home) {
                Some(refused) => assert_eq!(status, refused, "{method} {path} by {}", person.name),
                // A form without its token is refused behind the guard, with a page of its own.
                None if method == "POST" && listed.medium == Medium::Page => {}
                None => assert!(
                    !matches!(status, 401 | 500),
                    "{method} {path} by {}: {status}",
                    person.name
                ),
            }
            checked += 1;
        }
    }
    assert!(checked > 400, "only {checked} cases");
}

fn send(browser: &mut Browser, method: &str, path: &str) -> u16 {
    match method {
        "GET" | "DELETE" if path.contains("/api/v1/jobs/") && method == "DELETE" => {
            browser
                .send(method, &format!("{path}?version=999"), &[], b"")
                .status
        }
        "GET" => browser.get(path).status,
        "DELETE" => browser.send(method, path, &[], b"").status,
        _ if path.starts_with("/api/") => {
            browser
                .send_json(method, path, &serde_json::json!({"unknown": 1}))
                .status
        }
        _ => browser.post(path, &[]).status,
    }
}

impl Site {
    fn program_again(&self, name: &str) -> Browser {
        Browser {
            bearer: Some(self.known_token(name)),
            ..self.anonymous()
        }
    }

    fn known_token(&self, name: &str) -> String {
        let secret = format!(
            "crl_{name}_{:?}_{:?}",
            None::<Role>, None::<jiff::SignedDuration>
        );
        let mut probe = Browser {
            bearer: Some(secret.clone()),
            ..self.anonymous()
        };
        if probe.get("/api/v1/tokens").status == 401 {
            return self.token(name, None, None);
        }
        secret
    }
}
