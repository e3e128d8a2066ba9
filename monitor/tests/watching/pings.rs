//! Starts and ends that somebody outside is told of.

use std::time::Duration;

use carillon_core::job::{Job, JobSpec};
use carillon_core::run::{News, Outcome};
use carillon_testbed::{wait_until, wait_until_async};
use jiff::SignedDuration;

use crate::on_both;
use crate::scene::{Node, SOON, Scene, editor};
use crate::webhook::{REFUSED, Receiver, TAKEN};

async fn pinged_job(scene: &mut Scene, name: &str, url: &str) -> Job {
    let ping_url = Some(url.parse().unwrap());
    scene
        .job(
            name,
            JobSpec {
                ping_url,
                ..JobSpec::default()
            },
        )
        .await
}

/// Runs the job once; the start is seen before the end.
async fn run_slowly(
    scene: &mut Scene,
    job: &Job,
    node: &Node,
    receiver: &Receiver,
    outcome: Outcome,
) {
    let request = scene.claim(job, node).await;
    let at = request.tick.fire_time;
    let before = receiver.targets().len();
    scene.report(&request, News::Started { at }).await;
    wait_until("the start", SOON, || {
        (receiver.targets().len() > before).then_some(())
    });
    scene.end(&request, outcome).await;
}

/// The targets of all requests without the numbers of their runs, and whether each run's are of one number.
fn paths(receiver: &Receiver) -> Vec<String> {
    let targets = receiver.targets();
    let path = |target: &String| target.split_once("?rid=").unwrap().0.to_owned();
    targets.iter().map(path).collect()
}

on_both! {
    async fn start_and_end_of_a_run_are_told_once_and_under_one_number(scene) {
        let receiver = Receiver::start(TAKEN);
        let node = scene.node("web-1").await;
        let url = format!("http://127.0.0.1:{}/s3cret", receiver.port);
        let job = pinged_job(&mut scene, "backup", &url).await;
        let plain = scene.job("plain", JobSpec::default()).await;
        scene.start_monitor("mon-1");
        scene.start_monitor("mon-2");

        scene.run(&plain, &node, Outcome::Succeeded).await;
        run_slowly(&mut scene, &job, &node, &receiver, Outcome::Succeeded).await;
        wait_until("the end", SOON, || (receiver.targets().len() == 2).then_some(()));
        run_slowly(&mut scene, &job, &node, &receiver, Outcome::Failed).await;
        wait_until("the end", SOON, || (receiver.targets().len() == 4).then_some(()));
        for outcome in [Outcome::TimedOut, Outcome::Killed, Outcome::Lost] {
            scene.run(&job, &node, outcome).await;
        }
        wait_until("all ends", SOON, || (receiver.targets().len() >= 6).then_some(()));
        let store = scene.store.clone();
        let last = wait_until_async("the last result", SOON, async || {
            store.last_ping(job.id).await.unwrap().filter(|last| last.told == "fail" && last.is_told)
        })
        .await;
        scene.stop_monitors().await;

        let expected = ["/s3cret/start", "/s3cret", "/s3cret/start", "/s3cret/2", "/s3cret/fail", "/s3cret/fail"];
        assert_eq!(paths(&receiver), expected);
        let targets = receiver.targets();
        let number = |place: usize| targets[place].split_once("?rid=").unwrap().1.to_owned();
        assert_eq!(number(0), number(1));
        assert_eq!(number(2), number(3));
        assert_ne!(number(1), number(2));
        assert_eq!((last.result.as_str(), last.attempts), ("200", 1));
        assert!(receiver.requests()[3].contains(r#""outcome":"failed""#));
        assert_eq!(scene.store.last_ping(plain.id).await.unwrap(), None);
    }

    async fn a_receiver_that_is_down_is_told_in_order_once_it_is_back(scene) {
        let receiver = Receiver::start(REFUSED);
        let node = scene.node("web-1").await;
        let url = format!("http://127.0.0.1:{}/s3cret?create=1", receiver.port);
        let job = pinged_job(&mut scene, "backup", &url).await;
        scene.start_monitor("mon");

        for outcome in [Outcome::Failed, Outcome::Succeeded] {
            scene.run(&job, &node, outcome).await;
        }
        let store = scene.store.clone();
        wait_until_async("a refusal", SOON, async || {
            let last = store.last_ping(job.id).await.unwrap()?;
            assert!(!last.is_told && last.result == "it answered 503", "{last:?}");
            (last.attempts >= 2).then_some(())
        })
        .await;
        let refused = receiver.targets().len();
        receiver.answer(TAKEN);
        let told = wait_until_async("both to be told", SOON, async || {
            store.last_ping(job.id).await.unwrap().filter(|last| last.told == "success")
        })
        .await;

        let targets = receiver.targets();
        assert!(targets[..refused].iter().all(|one| one.starts_with("/s3cret/2?create=1&rid=")), "{targets:?}");
        assert!(targets.last().unwrap().starts_with("/s3cret?create=1&rid="), "{targets:?}");
        assert!(told.is_told && told.attempts == 1);
    }

    async fn a_job_without_its_address_is_told_no_more(scene) {
        let receiver = Receiver::start(TAKEN);
        let node = scene.node("web-1").await;
        let url = format!("http://127.0.0.1:{}/s3cret", receiver.port);
        let job = pinged_job(&mut scene, "backup", &url).await;
        let witness = pinged_job(&mut scene, "witness", &url.replace("s3cret", "witness")).await;
        // Owed before the address went, and after.
        scene.run(&job, &node, Outcome::Failed).await;
        let mut draft = job.draft.clone();
        draft.spec.ping_url = None;
        let edit = carillon_store::JobChange::Replace(Box::new(draft));
        let job = scene.store.change_job(job.id, job.version, &edit, &editor()).await.unwrap();
        scene.run(&job, &node, Outcome::Failed).await;
        scene.run(&witness, &node, Outcome::Succeeded).await;

        scene.start_monitor("mon");
        wait_until("the witness", SOON, || (!receiver.targets().is_empty()).then_some(()));
        scene.stop_monitors().await;

        assert_eq!(paths(&receiver), ["/witness"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_ping_leads_neither_inward_nor_tells_what_is_there() {
    let receiver = Receiver::start(TAKEN);
    let mut scene = Scene::sqlite().await;
    scene.options.ping_hosts = Vec::new();
    let node = scene.node("web-1").await;
    let mut jobs = Vec::new();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"] {
        let url = format!("http://{host}:{}/", receiver.port);
        let job = pinged_job(&mut scene, host, &url).await;
        scene.run(&job, &node, Outcome::Succeeded).await;
        jobs.push(job);
    }

    scene.start_monitor("mon");
    let store = scene.store.clone();
    for job in jobs {
        let last = wait_until_async("the refusal", SOON, async || {
            store.last_ping(job.id).await.unwrap()
        })
        .await;
        assert!(
            last.result.contains("no public address") && !last.result.contains("127"),
            "{last:?}"
        );
        assert!(!last.is_told && last.attempts == 1);
    }

    assert!(receiver.targets().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pings_that_nobody_sends_do_not_pile_up() {
    let mut scene = Scene::sqlite().await;
    let node = scene.node("web-1").await;
    let job = pinged_job(&mut scene, "backup", "https://hc.example.org/s3cret").await;
    for _ in 0..5 {
        scene.run(&job, &node, Outcome::Succeeded).await;
    }
    let store = &scene.store;
    let (kept, now) = (carillon_store::Kept::Pings, store.now().await.unwrap());

    let later = now + SignedDuration::try_from(Duration::from_secs(1)).unwrap();
    assert_eq!(
        store
            .drop_old(kept, now - SignedDuration::from_hours(1), 100)
            .await
            .unwrap()
            .rows,
        0
    );
    assert_eq!(store.drop_old(kept, later, 100).await.unwrap().rows, 5);
}
