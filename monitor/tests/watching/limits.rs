//! Limits against the clock: late, slow, no success, backlog.

use carillon_core::calendar::{CalendarText, CalendarUse, OnBlackout};
use carillon_core::job::{Job, JobSpec};
use carillon_core::parameters::Parameters;
use carillon_core::run::{News, Outcome};
use carillon_core::watch::Watch;

use carillon_store::{CalendarDraft, RunRequest};
use jiff::SignedDuration;

use crate::on_both;
use crate::scene::editor;

/// What somebody asks for who wants a job to run now.
fn by_hand(job: &Job) -> RunRequest {
    RunRequest {
        job: job.id,
        node: None,
        parameters: Parameters::default(),
        key: None,
        repeats: None,
        patience: SignedDuration::from_mins(10),
    }
}

on_both! {
    async fn a_run_that_takes_too_long_is_told_while_it_runs(scene) {
        let node = scene.node("web-1").await;
        let watch = Watch { slow_after_s: Some(2), ..Watch::default() };
        let slow = scene.job("slow", JobSpec { watch, ..JobSpec::default() }).await;
        let plain = scene.job("plain", JobSpec::default()).await;
        for job in [&plain, &slow] {
            let request = scene.claim(job, &node).await;
            let at = request.tick.fire_time;
            scene.report(&request, News::Started { at }).await;
        }

        scene.start_monitor("mon");
        let subjects = scene.subjects(1);
        scene.stop_monitors().await;

        assert_eq!(subjects, ["[Carillon] job slow takes longer than it should"]);
    }

    async fn a_run_that_does_not_start_is_late(scene) {
        let node = scene.node("web-1").await;
        let watch = Watch { late_after_s: Some(2), ..Watch::default() };
        let late = scene.job("late", JobSpec { watch, ..JobSpec::default() }).await;
        let plain = scene.job("plain", JobSpec::default()).await;
        for job in [&plain, &late] {
            scene.claim(job, &node).await;
        }

        scene.start_monitor("mon");
        let subjects = scene.subjects(1);
        scene.stop_monitors().await;

        assert_eq!(subjects, ["[Carillon] job late is late"]);
    }

    async fn a_job_without_success_in_its_time_is_told_until_it_succeeds(scene) {
        let node = scene.node("web-1").await;
        let watch = Watch { success_within_s: Some(15), ..Watch::default() };
        let spec = JobSpec { watch, ..JobSpec::default() };
        let quiet = scene.job("quiet", spec.clone()).await;
        scene.start_monitor("mon");

        let subjects = scene.subjects(1);
        scene.run(&quiet, &node, Outcome::Succeeded).await;
        let all = scene.subjects(2);
        scene.stop_monitors().await;

        assert_eq!(subjects, ["[Carillon] job quiet has not succeeded for too long"]);
        assert!(all[1].contains("job quiet is well again"), "{all:?}");
    }

    async fn nobody_waits_for_a_success_during_a_blackout(scene) {
        let watch = Watch { success_within_s: Some(2), ..Watch::default() };
        for (name, rules) in [("excused", "Mon .. Sun"), ("due", "1999-12-31")] {
            let draft = CalendarDraft {
                name: name.parse().unwrap(),
                zone: "UTC".to_owned(),
                text: CalendarText::parse(rules).unwrap(),
            };
            scene.store.create_calendar(&draft, &editor()).await.unwrap();
            let calendar = CalendarUse {
                name: draft.name,
                on_blackout: OnBlackout::Skip,
                zone: draft.zone,
                rules: rules.to_owned(),
            };
            let spec = JobSpec { watch, calendar: Some(calendar), ..JobSpec::default() };
            scene.job(name, spec).await;
        }

        scene.start_monitor("mon");
        let subjects = scene.subjects(1);
        scene.stop_monitors().await;

        assert_eq!(subjects, ["[Carillon] job due has not succeeded for too long"]);
        assert_eq!(scene.store.open_incidents().await.unwrap().len(), 1);
    }

    async fn runs_that_no_node_takes_are_a_backlog_after_a_while(scene) {
        let job = scene.job("orphan", JobSpec::default()).await;
        let before = scene.store.now().await.unwrap();
        scene.store.request_run(&by_hand(&job), &editor()).await.unwrap();

        let now = scene.store.now().await.unwrap() + SignedDuration::from_secs(1);
        assert_eq!(scene.store.waiting_runs(now).await.unwrap().unwrap().waiting, 1);
        assert_eq!(scene.store.waiting_runs(before).await.unwrap(), None);
    }

    async fn runs_that_no_node_takes_are_mailed_after_a_minute(scene) {
        let job = scene.job("orphan", JobSpec::default()).await;
        scene.store.request_run(&by_hand(&job), &editor()).await.unwrap();

        scene.start_monitor("mon");
        let subjects = scene.subjects(1);
        scene.stop_monitors().await;

        assert_eq!(subjects, ["[Carillon] 1 run waits and no node takes it"]);
    }
}
