//! Pages over a server whose table of runs does not answer, since somebody has locked it.

use std::time::{Duration, Instant};

use carillon_testbed::{MariaDb, wait_until};
use serde_json::json;

use crate::support::Site;

const LIMIT: Duration = Duration::from_secs(60);
/// Sooner than any question is given up, and later than a list waits.
const SOON: Duration = Duration::from_secs(4);

const HOLDERS: &str = "from information_schema.processlist where info like 'select sleep(%'";

/// Holds the table of runs until somebody ends the session that does.
fn hold_runs<T>(server: &MariaDb, database: &str, work: impl FnOnce() -> T) -> T {
    let hold = format!("lock tables `{database}`.runs write; select sleep(100)");
    std::thread::scope(|scope| {
        let holding = scope.spawn(|| server.query(&hold));
        wait_until("the table to be locked", LIMIT, || {
            let count = server.query(&format!("select count(*) {HOLDERS}")).unwrap();
            (count.trim() == "1").then_some(())
        });
        let done = work();
        let kill = format!("select concat('kill ', id) {HOLDERS}");
        let kill = server.query(&kill).unwrap();
        server.query(&kill).unwrap();
        assert!(holding.join().unwrap().is_err(), "the session was ended");
        done
    })
}

#[test]
fn a_list_of_jobs_waits_for_its_strips_only_so_long_and_says_so() {
    let server = MariaDb::start().unwrap();
    let database = server.create_database().unwrap();
    let site = Site::on(&database.url);
    let job = site.job("nightly", "default");
    let asked =
        site.program("owner")
            .send_json("POST", &format!("/api/v1/jobs/{job}/run"), &json!({}));
    assert_eq!(asked.status, 202, "{}", asked.text());
    let mut plain = site.browser("owner");
    let mut scripted = plain.clone();
    let script = ("carillon_script".to_owned(), "1".to_owned());
    scripted.cookies.extend([script]);
    assert!(plain.get("/jobs").text().contains("class=\"strip\""));

    hold_runs(&server, &database.name, || {
        for browser in [&mut plain, &mut scripted] {
            let begun = Instant::now();
            let answer = browser.get("/jobs");
            let (took, page) = (begun.elapsed(), answer.text());
            assert!(took < SOON, "{took:?}");
            assert_eq!(answer.status, 200, "{page}");
            assert!(page.contains("nightly") && page.contains("could not be read in time"));
            assert!(!page.contains("class=\"strip\""));
        }
    });

    wait_until("the strips to be back", LIMIT, || {
        let page = plain.get("/jobs").text();
        page.contains("class=\"strip\"").then_some(())
    });
}
