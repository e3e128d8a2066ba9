//! Limits held against past runs on a page.

use carillon_core::access::{Role, Scope};
use carillon_core::claim::{BootId, ClaimRequest, Claimant};
use carillon_core::identity::JobId;
use carillon_core::placement::Labels;
use carillon_core::run::{Conclusion, News, Outcome, Report, Trigger};
use carillon_core::tick::Tick;
use carillon_core::token::TokenMint;
use carillon_store::Registration;
use jiff::{SignedDuration, Timestamp};

use crate::support::Site;

/// Runs of the job that ended so, one after the other.
fn run(site: &Site, job: i64, outcomes: &[Outcome]) {
    let mut mint = TokenMint::new(7);
    let boot = BootId(mint.mint());
    let registration = Registration {
        name: "web-1".to_owned(),
        boot,
        host_boot: "host life 1".to_owned(),
        host_booted_at: Timestamp::UNIX_EPOCH,
        labels: Labels::new(),
        running_max: 8,
        version: "0.1.0".to_owned(),
        tzdb_version: "2026a".to_owned(),
        replaces: None,
    };
    let node = site
        .block(site.store.register_node(&registration))
        .unwrap()
        .node;
    for outcome in outcomes {
        let fire_time = site.block(site.store.now()).unwrap() + SignedDuration::from_millis(10);
        let tick = Tick::scheduled(JobId(job), fire_time, 0);
        let token = mint.mint();
        let start_until = fire_time + SignedDuration::from_secs(60);
        let claim = ClaimRequest {
            tick,
            trigger: Trigger::Schedule,
            version: 1,
            token,
            start_until,
        };
        site.block(site.store.claim(Claimant { node, boot }, &[claim]))
            .unwrap();
        let ending = Conclusion {
            outcome: *outcome,
            exit_code: Some(1),
            signal: None,
            reason: None,
            detail: None,
        };
        let news = News::Ended {
            started_at: Some(fire_time),
            at: fire_time + SignedDuration::from_secs(3),
            ending,
        };
        site.block(site.store.report(&[Report { tick, token, news }]))
            .unwrap();
    }
}

#[test]
fn limits_are_held_against_past_runs_by_whoever_may_see_the_job() {
    let site = Site::owned();
    let ops = site.group("ops");
    site.group("other");
    let job = site.job("backup", "ops");
    let path = format!("/jobs/{job}/back-test");
    let untested = site.browser("owner").get(&path).text();
    run(
        &site,
        job,
        &[
            Outcome::Failed,
            Outcome::Failed,
            Outcome::Succeeded,
            Outcome::Failed,
        ],
    );
    site.person("val", Role::Viewer, Scope::Group(ops));

    let mut browser = site.browser("val");
    let own = browser.get(&path).text();
    let patient = browser
        .get(&format!("{path}?failures=2&slow_after=2s"))
        .text();
    let wrong = browser.get(&format!("{path}?slower_times=1"));

    assert!(untested.contains("holds no run"), "{untested}");
    assert!(own.contains("4 runs were read"), "{own}");
    assert_eq!(told(&own, "job failed"), "2");
    assert_eq!(told(&own, "run too slow"), "no limit");
    assert_eq!(told(&patient, "job failed"), "1");
    assert_eq!(told(&patient, "run too slow"), "1");
    assert!(own.contains(&format!("/runs/{job}-")), "{own}");
    assert!(
        patient.contains("name=\"slow_after\" type=\"text\" value=\"2s\""),
        "{patient}"
    );
    assert!(
        wrong.text().contains("slower_times is 1"),
        "{}",
        wrong.text()
    );
}

/// What stands beside a rule.
fn told(page: &str, rule: &str) -> String {
    let row = page.split(&format!("<b>{rule}</b>")).nth(1).unwrap();
    let cell = row.split("</td>").nth(1).unwrap();
    let text: String = cell
        .split('<')
        .filter_map(|part| part.split_once('>'))
        .map(|(_, text)| text)
        .collect();
    text.trim().to_owned()
}
