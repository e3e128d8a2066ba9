//! Jobs that incidents start, by page, API and command; and who sees which incident.

use std::process::Command;

use carillon_core::access::{Role, Scope};
use carillon_core::evidence::Evidence;
use carillon_core::identity::{JobId, NodeId};
use carillon_core::incident::{Incident, Sighting};
use carillon_core::rule::{Rule, Subject};
use carillon_core::silence::Cause;
use carillon_store::IncidentSteps;
use serde_json::json;

use crate::support::Site;

/// An open incident about the job.
fn incident(site: &Site, job: i64, name: &str) -> i64 {
    let now = site.block(site.store.now()).unwrap();
    let sighting = Sighting {
        rule: Rule::JobFailed,
        subject: Subject::job(JobId(job), name),
        since_at: now,
        count: 1,
        evidence: Evidence::None,
    };
    let steps = IncidentSteps {
        steps: vec![Incident::open(sighting, 0, now)],
        notices: Vec::new(),
    };
    site.block(site.store.step_incidents(&steps)).unwrap();
    let open = site.block(site.store.open_incidents()).unwrap();
    open.iter().find(|one| one.subject.id == job).unwrap().id
}

#[test]
fn a_command_is_added_tried_and_removed_by_page() {
    let site = Site::owned();
    let job = site.job("pager", "default");
    site.person("oma", Role::Operator, Scope::Everywhere);
    let mut browser = site.browser("oma");

    browser.get("/alerts");
    let added = browser.submit("/alerts/commands", &[("job", "pager")]);
    let page = browser.get("/alerts").text();
    let channels = site.block(site.store.command_channels()).unwrap();
    let tried = browser.submit(
        &format!("/alerts/commands/{}/test", channels[0].id),
        &[("key", "page once")],
    );
    let again = browser.submit(
        &format!("/alerts/commands/{}/test", channels[0].id),
        &[("key", "page once")],
    );

    assert_eq!((added.status, tried.status), (303, 303), "{}", tried.text());
    assert!(
        page.contains("pager") && page.contains("<td data-label=\"By\">oma"),
        "{page}"
    );
    assert!(channels[0].is_permitted());
    let run = tried.header("location").to_owned();
    assert_eq!(again.header("location"), run);
    let run = run.trim_start_matches("/runs/").parse().unwrap();
    let run = site.block(site.store.run(run)).unwrap().run;
    assert_eq!(run.tick.job, JobId(job));
    assert!(run.parameters.unwrap().contains("\"STATE\":\"test\""));
    browser.get("/alerts");
    let path = format!("/alerts/commands/{}/remove", channels[0].id);
    assert_eq!(browser.submit(&path, &[]).status, 303);
    assert!(
        site.block(site.store.command_channels())
            .unwrap()
            .is_empty()
    );
}

#[test]
fn nobody_lets_incidents_start_what_he_may_not_start() {
    let site = Site::owned();
    let group = site.group("other");
    site.job("pager", "default");
    site.person("ed", Role::Editor, Scope::Everywhere);
    site.person("gus", Role::Operator, Scope::Group(group));
    let body = json!({"job": "pager"});

    for name in ["ed", "gus"] {
        let answer = site
            .program(name)
            .send_json("POST", "/api/v1/command-channels", &body);
        assert_eq!(answer.status, 403, "{name}: {}", answer.text());
        let page = site.browser(name).get("/alerts").text();
        assert!(!page.contains("/alerts/commands"), "{name}");
    }
    assert!(
        site.block(site.store.command_channels())
            .unwrap()
            .is_empty()
    );
}

#[test]
fn programs_do_the_same() {
    let site = Site::owned();
    let job = site.job("pager", "default");
    let mut owner = site.program("owner");
    let channels = "/api/v1/command-channels";

    let made = owner.send_json("POST", channels, &json!({"job": job}));
    let twice = owner.send_json("POST", channels, &json!({"job": "pager"}));
    let wrong = owner.send_json("POST", channels, &json!({"job": "nobody"}));
    let listed = owner.get(channels).json();
    let one = format!("{channels}/{}", made.json()["id"]);
    let tried = owner.send_json("POST", &format!("{one}/test"), &json!({}));
    let removed = owner.send("DELETE", &one, &[], b"");

    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!((twice.status, wrong.status), (422, 404), "{}", twice.text());
    assert_eq!(listed["items"][0]["job"], "pager");
    assert_eq!(listed["items"][0]["permitted"], true);
    assert_eq!(tried.status, 202, "{}", tried.text());
    assert_eq!(tried.json()["job_id"], job);
    assert_eq!((removed.status, owner.get(&one).status), (204, 404));
}

#[test]
fn the_command_line_does_the_same() {
    let site = Site::owned();
    site.job("pager", "default");
    let admin = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_admin"));
        let output = command
            .args(["--data", site.folder().to_str().unwrap(), "channel"])
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said, complaint)
    };

    let (is_added, _, complaint) = admin(&["add", "pager"]);
    let (_, listed, _) = admin(&["list"]);
    let (is_tried, run, _) = admin(&["test", "pager"]);
    let (is_removed, ..) = admin(&["remove", "pager"]);
    let (is_removed_twice, _, twice) = admin(&["remove", "pager"]);

    assert!(is_added, "{complaint}");
    assert!(
        listed.contains("pager") && listed.contains("never started"),
        "{listed}"
    );
    assert!(
        is_tried && run.trim().parse::<carillon_core::tick::Tick>().is_ok(),
        "{run}"
    );
    assert!(is_removed && !is_removed_twice);
    assert!(twice.contains("incidents do not start job"), "{twice}");
}

#[test]
fn incidents_of_jobs_are_seen_by_those_who_see_the_job() {
    let site = Site::owned();
    let other = site.group("other");
    let (own, foreign) = (site.job("mine", "other"), site.job("payroll", "default"));
    let (seen, hidden) = (
        incident(&site, own, "mine"),
        incident(&site, foreign, "payroll"),
    );
    site.person("gus", Role::Viewer, Scope::Group(other));
    site.person("val", Role::Viewer, Scope::Everywhere);

    let (mut gus, mut val) = (site.browser("gus"), site.browser("val"));
    let page = gus.get("/alerts").text();
    assert!(page.contains("mine") && !page.contains("payroll"), "{page}");
    assert!(val.get("/alerts").text().contains("payroll"));
    assert_eq!(gus.get(&format!("/alerts/{seen}")).status, 200);
    assert_eq!(gus.get(&format!("/alerts/{hidden}")).status, 404);
    assert_eq!(val.get(&format!("/alerts/{hidden}")).status, 200);
    let mut program = site.program("gus");
    let listed = program.get("/api/v1/incidents").text();
    assert!(
        listed.contains("mine") && !listed.contains("payroll"),
        "{listed}"
    );
    let path = |id| format!("/api/v1/incidents/{id}");
    assert_eq!(program.get(&path(hidden)).status, 404);
    let shown = program.get(&path(seen)).json();
    assert_eq!(shown["deliveries"], json!([]));
}

#[test]
fn one_subject_alone_is_muted_from_its_incident() {
    let site = Site::owned();
    let job = site.job("backup", "default");
    let id = incident(&site, job, "backup");
    let mut browser = site.browser("owner");

    let page = browser.get(&format!("/alerts/{id}"));
    let fields = [
        ("rule", "job_failed"),
        ("subject_kind", "job"),
        ("subject_id", &job.to_string()),
        ("hours", "8"),
        ("reason", "new disk"),
    ];
    let muted = browser.submit("/alerts/mutes", &fields);

    assert!(
        page.text().contains("name=\"subject_id\""),
        "{}",
        page.text()
    );
    assert_eq!(muted.status, 303, "{}", muted.text());
    let mutes = site.block(site.store.mutes()).unwrap();
    assert_eq!(mutes[0].subject_id, Some(job));
    assert!(
        browser
            .get("/alerts")
            .text()
            .contains(&format!("job {job}"))
    );
}

/// One of each kind of evidence that a heartbeat, a limit or the cluster leaves, with what must be read of it.
fn sightings(now: jiff::Timestamp) -> Vec<(Sighting, [&'static str; 2])> {
    let sighting = |rule, subject, evidence| Sighting {
        rule,
        subject,
        since_at: now,
        count: 1,
        evidence,
    };
    let node = || Subject::node(NodeId(1), "web-1");
    let cause = Cause::Memory {
        available_percent: 2,
    };
    vec![
        (
            sighting(
                Rule::NodeSilent,
                node(),
                Evidence::Silence {
                    last_beat_at: now,
                    cause,
                    running: 3,
                },
            ),
            ["out of memory (2 % free)", "内存耗尽（可用 2%）"],
        ),
        (
            sighting(
                Rule::NodeClock,
                node(),
                Evidence::Clock {
                    offset_us: -2_300_000,
                    uncertainty_us: 4_000,
                },
            ),
            ["clock ahead by", "时钟快了"],
        ),
        (
            sighting(
                Rule::Backlog,
                Subject::cluster(),
                Evidence::Backlog {
                    waiting: 12,
                    oldest_at: now,
                    reason: None,
                },
            ),
            ["runs that wait", "等待的运行"],
        ),
    ]
}

#[test]
fn what_was_seen_is_told_in_the_viewers_language() {
    let site = Site::owned();
    let mut browser = site.browser("owner");
    let now = site.block(site.store.now()).unwrap();
    for (sighting, words) in sightings(now) {
        let steps = IncidentSteps {
            steps: vec![Incident::open(sighting, 0, now)],
            notices: Vec::new(),
        };
        site.block(site.store.step_incidents(&steps)).unwrap();
        let open = site.block(site.store.open_incidents()).unwrap();
        let id = open.last().unwrap().id;

        let [en, zh] = ["en", "zh"].map(|lang| {
            browser.submit("/preferences", &[("lang", lang), ("back", "/alerts")]);
            [format!("/alerts/{id}"), "/alerts".to_owned()].map(|path| browser.get(&path).text())
        });

        for (pages, word, other) in [(en, words[0], words[1]), (zh, words[1], words[0])] {
            for page in pages {
                assert!(
                    page.contains(word) && !page.contains(other),
                    "{word} in {page}"
                );
            }
        }
    }
}
