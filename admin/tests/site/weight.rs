//! How heavy pages are where everything has a long name.

use carillon_core::access::{Role, Scope};
use carillon_core::identity::GroupId;
use serde_json::json;

use crate::support::Site;

/// A page weighs no more, before it is compressed.
const HTML_MAX: usize = 60_000;
/// More than any list shows at once.
const MANY: usize = 100;

/// A house in which names are as long as they may be, in the letters of one language.
fn wordy(letter: char) -> Site {
    let site = Site::owned();
    let named = |what: &str, number: usize, length: usize| -> String {
        let beginning = format!("{what} {number:03} ");
        let rest = length - beginning.chars().count();
        beginning
            .chars()
            .chain(std::iter::repeat_n(letter, rest))
            .collect()
    };
    for number in 0..20 {
        site.group(&named("group", number, 60));
    }
    let mut owner = site.program("owner");
    for number in 0..MANY {
        let job = json!({
            "name": named("job", number, 190), "group": "default", "schedule": "*/7 8-18 1,15 * MON-FRI",
            "command": named("command", number, 2000), "description": named("description", number, 2000),
        });
        let made = owner.send_json("POST", "/api/v1/jobs", &job);
        assert_eq!(made.status, 201, "{}", made.text());
        let run = format!("/api/v1/jobs/{}/run", made.json()["id"]);
        assert_eq!(owner.send_json("POST", &run, &json!({})).status, 202);
    }
    for number in 0..MANY {
        let name: String = format!("person-{number:03}-{}", "x".repeat(40));
        site.person(&name, Role::Editor, Scope::Group(GroupId(1)));
    }
    site
}

#[test]
fn lists_of_long_names_weigh_no_more_than_others() {
    let heavy: Vec<String> = [('w', "en"), ('钟', "zh")]
        .into_iter()
        .flat_map(|(letter, lang)| {
            let site = wordy(letter);
            let mut owner = site.browser("owner");
            owner
                .cookies
                .insert("carillon_lang".to_owned(), lang.to_owned());
            let paths = [
                "/",
                "/jobs",
                "/jobs?q=job",
                "/jobs/1",
                "/jobs/1/edit",
                "/runs",
                "/runs?job=1",
                "/timeline",
                "/timeline?minutes=1440",
                "/groups",
                "/users",
                "/audit",
                "/tokens",
                "/alerts",
                "/nodes",
            ];
            paths.map(|path| {
                let answer = owner.get(path);
                assert_eq!(answer.status, 200, "{path}");
                (format!("{path} in {lang}"), answer.body.len())
            })
        })
        .filter(|(_, bytes)| *bytes > HTML_MAX)
        .map(|(page, bytes)| format!("{page}: {bytes} bytes"))
        .collect();

    assert_eq!(heavy, Vec::<String>::new());
}
