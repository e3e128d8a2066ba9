//! Runs that stay where they are, beside runs that only take their time.

use carillon_core::claim::{ClaimAnswer, ClaimRequest};
use carillon_core::job::{Job, JobSpec};
use carillon_core::overlap::Overlap;
use carillon_core::run::{Conclusion, News, Outcome, Preference, Trigger};
use carillon_core::tick::Tick;
use jiff::SignedDuration;

use crate::on_both;
use crate::scene::{Node, Scene, editor};

const STUCK_AFTER: SignedDuration = SignedDuration::from_secs(2);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A job whose command may take so many milliseconds.
fn limited(timeout_ms: Option<u64>) -> JobSpec {
    let mut spec = JobSpec::default();
    spec.launch.timeout_ms = timeout_ms;
    spec.launch.kill_grace_ms = 100;
    spec
}

/// A command of the job that has started and never ends.
async fn living(scene: &mut Scene, job: &Job, node: &Node) -> ClaimRequest {
    let request = scene.claim(job, node).await;
    let at = request.tick.fire_time;
    scene.report(&request, News::Started { at }).await;
    request
}

/// A run that waits for the one before it.
async fn queue(scene: &mut Scene, job: &Job, node: &Node) {
    let fire_time = scene.store.now().await.unwrap() + SignedDuration::from_millis(50);
    let request = ClaimRequest {
        tick: Tick::scheduled(job.id, fire_time, 0),
        trigger: Trigger::Schedule,
        version: job.version,
        token: scene.mint.mint(),
        start_until: fire_time + HOUR,
    };
    let claimed = scene.store.claim(node.claimant, &[request]).await.unwrap();
    assert_eq!(claimed.answers, [ClaimAnswer::Settled]);
}

fn conclusion(outcome: Outcome) -> Conclusion {
    Conclusion {
        outcome,
        exit_code: None,
        signal: None,
        reason: None,
        detail: None,
    }
}

/// The first attempt has failed; the second is due after `pause`.
async fn retry(scene: &mut Scene, job: &Job, node: &Node, pause: SignedDuration) {
    let request = living(scene, job, node).await;
    let at = request.tick.fire_time;
    let news = News::Retrying {
        started_at: Some(at),
        at,
        ending: conclusion(Outcome::Failed),
        not_before: at + pause,
        until: at + HOUR * 2,
        node: Preference::Any,
    };
    scene.report(&request, news).await;
}

/// The subjects of everything that was told, once a run that was claimed after all others is told of.
async fn told(scene: &mut Scene, node: &Node, count: usize) -> Vec<String> {
    let witness = scene.job("witness", JobSpec::default()).await;
    scene.claim(&witness, node).await;
    let mut told = scene.subjects(count + 1);
    scene.stop_monitors().await;
    told.sort();
    assert_eq!(scene.mail.mails().len(), count + 1, "{told:?}");
    told
}

on_both! {
    async fn a_claimed_run_that_does_not_start_is_told_until_it_does(scene) {
        scene.options.thresholds.stuck_after = STUCK_AFTER;
        let node = scene.node("web-1").await;
        let stuck = scene.job("stuck", JobSpec::default()).await;
        let running = scene.job("running", JobSpec::default()).await;
        living(&mut scene, &running, &node).await;
        let claimed = scene.claim(&stuck, &node).await;
        scene.start_monitor("mon");

        let subjects = scene.subjects(1);
        let at = claimed.tick.fire_time;
        scene.report(&claimed, News::Started { at }).await;
        let all = scene.subjects(2);
        scene.stop_monitors().await;

        assert_eq!(subjects, ["[Carillon] job stuck: a claimed run does not start"]);
        assert!(all[1].starts_with("[Carillon] job stuck is well again after "), "{all:?}");
        assert_eq!(scene.mail.mails().len(), 2);
    }

    async fn a_command_that_outlives_its_end_is_told(scene) {
        scene.options.thresholds.stuck_after = STUCK_AFTER;
        let node = scene.node("web-1").await;
        for (name, timeout_ms) in [("overdue", Some(100)), ("in time", Some(3_600_000)), ("endless", None), ("killed", None)] {
            let job = scene.job(name, limited(timeout_ms)).await;
            let run = living(&mut scene, &job, &node).await;
            if name == "killed" {
                scene.store.kill_run(run.tick, &editor()).await.unwrap();
            }
        }
        scene.start_monitor("mon");

        let told = told(&mut scene, &node, 2).await;

        assert_eq!(told, [
            "[Carillon] job killed: a run does not end",
            "[Carillon] job overdue: a run does not end",
            "[Carillon] job witness: a claimed run does not start",
        ]);
    }

    async fn a_run_that_waits_for_what_is_over_is_told(scene) {
        scene.options.thresholds.stuck_after = STUCK_AFTER;
        let node = scene.node("web-1").await;
        let spec = JobSpec { overlap: Overlap::Queue(5), ..JobSpec::default() };
        let forgotten = scene.job("forgotten", spec.clone()).await;
        let patient = scene.job("patient", spec.clone()).await;
        // Between two attempts a run keeps its place.
        let behind_a_rest = scene.job("behind a rest", spec).await;
        retry(&mut scene, &behind_a_rest, &node, HOUR).await;
        queue(&mut scene, &behind_a_rest, &node).await;
        for job in [&patient, &forgotten] {
            let first = living(&mut scene, job, &node).await;
            queue(&mut scene, job, &node).await;
            if job.id == forgotten.id {
                scene.end(&first, Outcome::Succeeded).await;
            }
        }
        for (name, pause) in [("due again", SignedDuration::ZERO), ("resting", HOUR)] {
            let job = scene.job(name, JobSpec::default()).await;
            retry(&mut scene, &job, &node, pause).await;
        }
        scene.start_monitor("mon");

        let told = told(&mut scene, &node, 2).await;

        assert_eq!(told, [
            "[Carillon] job due again: a run waits for nothing",
            "[Carillon] job forgotten: a run waits for nothing",
            "[Carillon] job witness: a claimed run does not start",
        ]);
    }

    async fn a_stuck_run_of_a_disabled_job_is_told_once(scene) {
        scene.options.thresholds.stuck_after = STUCK_AFTER;
        let node = scene.node("web-1").await;
        let job = scene.job("stuck", JobSpec::default()).await;
        scene.claim(&job, &node).await;
        scene.start_monitor("mon");
        scene.subjects(1);

        let edit = carillon_store::JobChange::Disable;
        scene.store.change_job(job.id, job.version, &edit, &editor()).await.unwrap();
        let told = told(&mut scene, &node, 1).await;
        let open = scene.store.open_incidents().await.unwrap();

        assert_eq!(told.len(), 2);
        assert_eq!(open.len(), 2);
    }
}
