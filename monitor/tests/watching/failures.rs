//! Runs that end badly, and jobs that are well again.

use carillon_core::job::JobSpec;
use carillon_core::run::{Outcome, Reason};
use carillon_core::settlement::{Settlement, Verdict};
use carillon_core::tick::Tick;
use carillon_core::watch::Watch;
use carillon_store::GroupMail;
use carillon_testbed::wait_until_async;

use crate::on_both;
use crate::scene::SOON;

on_both! {
    async fn a_failed_job_is_mailed_with_what_helps_and_again_when_it_is_well(scene) {
        let node = scene.node("web-1").await;
        let job = scene.job("nightly backup", JobSpec::default()).await;
        scene.start_monitor("mon");

        let failed = scene.run(&job, &node, Outcome::Failed).await;
        let subjects = scene.subjects(1);
        let mail = scene.mail.mails().remove(0);
        scene.run(&job, &node, Outcome::Succeeded).await;
        let all = scene.subjects(2);
        scene.stop_monitors().await;

        assert_eq!(subjects[0], "[Carillon] job nightly backup failed on web-1 (exit 2)");
        let text = mail.text();
        for part in [
            "no space left on <device>",
            "Exit code: 2",
            "Node: web-1",
            "Next fire time: ",
            &format!("https://carillon.example.org/runs/{}", failed.tick),
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(all[1].starts_with("[Carillon] job nightly backup is well again after "), "{all:?}");
        assert_eq!(scene.mail.mails().len(), 2);
    }

    async fn every_bad_end_is_told_but_a_kill(scene) {
        let node = scene.node("web-1").await;
        scene.options.mail_to = vec!["ops@example.org".to_owned()];
        let mut expected = Vec::new();
        for (number, (outcome, words)) in [
            (Outcome::Killed, ""),
            (Outcome::TimedOut, "timed out on web-1"),
            (Outcome::CouldNotStart, "could not start on web-1"),
            (Outcome::Interrupted, "was interrupted on web-1"),
        ]
        .into_iter()
        .enumerate()
        {
            let job = scene.job(&format!("job {number}"), JobSpec::default()).await;
            scene.run(&job, &node, outcome).await;
            if !words.is_empty() {
                expected.push(format!("[Carillon] job job {number} {words}"));
            }
        }

        scene.start_monitor("mon");
        let mut subjects = scene.subjects(expected.len());
        scene.stop_monitors().await;

        subjects.sort();
        expected.sort();
        assert_eq!(subjects, expected);
    }

    async fn many_failures_of_one_job_are_one_mail(scene) {
        let node = scene.node("web-1").await;
        let job = scene.job("every second", JobSpec::default()).await;
        scene.start_monitor("mon-1");
        scene.start_monitor("mon-2");

        for _ in 0..20 {
            scene.run(&job, &node, Outcome::Failed).await;
        }
        scene.subjects(1);
        let store = scene.store.clone();
        wait_until_async("every failure to be counted", SOON, async || {
            let open = store.open_incidents().await.unwrap();
            (open[0].trouble_count == 20).then_some(())
        })
        .await;
        scene.stop_monitors().await;

        assert_eq!(scene.mail.mails().len(), 1);
    }

    async fn a_failure_is_told_although_the_next_run_went_well(scene) {
        let node = scene.node("web-1").await;
        let job = scene.job("flaky", JobSpec::default()).await;
        scene.run(&job, &node, Outcome::Failed).await;
        scene.run(&job, &node, Outcome::Succeeded).await;

        scene.start_monitor("mon");
        let subjects = scene.subjects(2);

        assert!(subjects[0].contains("failed"), "{subjects:?}");
        assert!(subjects[1].contains("is well again"), "{subjects:?}");
    }

    async fn only_so_many_in_a_row_are_told_where_somebody_asked_for_that(scene) {
        let node = scene.node("web-1").await;
        let watch = Watch { failures: Some(3), ..Watch::default() };
        let patient = scene.job("patient", JobSpec { watch, ..JobSpec::default() }).await;
        let plain = scene.job("plain", JobSpec::default()).await;
        scene.start_monitor("mon");

        for outcome in [Outcome::Failed, Outcome::Failed, Outcome::Succeeded, Outcome::Failed, Outcome::Failed] {
            scene.run(&patient, &node, outcome).await;
        }
        scene.run(&plain, &node, Outcome::Failed).await;
        let first = scene.subjects(1);
        scene.run(&patient, &node, Outcome::Failed).await;
        let all = scene.subjects(2);

        assert!(first[0].contains("plain"), "{first:?}");
        assert!(all[1].contains("patient"), "{all:?}");
    }

    async fn mail_goes_where_the_job_says(scene) {
        let node = scene.node("web-1").await;
        let to = |mail_to: Option<&str>| JobSpec {
            mail_to: mail_to.map(str::to_owned),
            ..JobSpec::default()
        };
        let own = scene.job("own", to(Some("a@example.org, b@example.org"))).await;
        let nobody = scene.job("nobody", to(Some(""))).await;
        let default = scene.job("default", to(None)).await;
        for job in [&nobody, &own, &default] {
            scene.run(job, &node, Outcome::Failed).await;
        }

        scene.start_monitor("mon");
        let mails = scene.mail.wait_for_mails(3, SOON);
        scene.stop_monitors().await;

        let mut told: Vec<(String, String)> = mails
            .iter()
            .map(|mail| (mail.to.join(","), mail.subject()))
            .collect();
        told.sort();
        let told: Vec<(&str, bool)> = told
            .iter()
            .map(|(to, subject)| (to.as_str(), subject.contains("own failed")))
            .collect();
        assert_eq!(
            told,
            [("a@example.org", true), ("b@example.org", true), ("ops@example.org", false)]
        );
        assert_eq!(scene.mail.mails().len(), 3);
    }

    async fn a_group_may_say_where_mail_about_its_jobs_goes(scene) {
        let node = scene.node("web-1").await;
        let group = carillon_core::identity::GroupId(1);
        let editor = crate::scene::editor();
        let mail = GroupMail { mail_to: Some("dba@example.org".to_owned()), ..GroupMail::default() };
        scene.store.set_group_mail(group, &mail, &editor).await.unwrap();
        let job = scene.job("backup", JobSpec::default()).await;
        scene.run(&job, &node, Outcome::Failed).await;

        scene.start_monitor("mon");
        let mails = scene.mail.wait_for_mails(1, SOON);

        assert_eq!(mails[0].to, ["dba@example.org"]);
        assert_eq!(scene.store.group_mail(group).await.unwrap(), mail);
    }

    async fn without_an_address_the_incident_is_still_recorded(scene) {
        scene.options.mail_to = Vec::new();
        let node = scene.node("web-1").await;
        let job = scene.job("backup", JobSpec::default()).await;
        scene.start_monitor("mon");

        scene.run(&job, &node, Outcome::Failed).await;
        let store = scene.store.clone();
        let incident = wait_until_async("the incident to be told to nobody", SOON, async || {
            let open = store.open_incidents().await.unwrap();
            open.into_iter().find(|incident| incident.told_at.is_some())
        })
        .await;

        assert_eq!(incident.subject.name, "backup");
        assert!(scene.mail.mails().is_empty());
        assert!(scene.options.problem().contains("mail.to"));
    }

    async fn a_deleted_job_is_heard_of_no_more(scene) {
        let node = scene.node("web-1").await;
        let job = scene.job("backup", JobSpec::default()).await;
        scene.start_monitor("mon");
        scene.run(&job, &node, Outcome::Failed).await;
        scene.subjects(1);

        let edit = carillon_store::JobChange::Delete;
        scene.store.change_job(job.id, job.version, &edit, &crate::scene::editor()).await.unwrap();
        let store = scene.store.clone();
        wait_until_async("the incident to end", SOON, async || {
            store.open_incidents().await.unwrap().is_empty().then_some(())
        })
        .await;
        scene.stop_monitors().await;

        assert_eq!(scene.mail.mails().len(), 1);
    }

    async fn a_lost_run_is_told(scene) {
        let node = scene.node("web-1").await;
        let job = scene.job("backup", JobSpec::default()).await;
        scene.run(&job, &node, Outcome::Lost).await;

        scene.start_monitor("mon");
        let subjects = scene.subjects(1);

        assert_eq!(subjects[0], "[Carillon] job backup: a run was lost on web-1");
    }

    async fn a_tick_that_nobody_ran_is_told_and_one_that_was_skipped_is_not(scene) {
        let fire_time = scene.store.now().await.unwrap();
        for (name, verdict) in [
            ("skipped", Verdict::Skip(Reason::Overlap)),
            ("missed", Verdict::Miss(Reason::NoEligibleNode)),
        ] {
            let job = scene.job(name, JobSpec::default()).await;
            let tick = Tick::scheduled(job.id, fire_time, 0);
            let settlement = Settlement { tick, version: job.version, verdict, until_time: fire_time, tick_count: 1 };
            scene.store.settle(&[settlement]).await.unwrap();
        }

        scene.start_monitor("mon");
        let subjects = scene.subjects(1);
        scene.stop_monitors().await;

        assert!(subjects[0].starts_with("[Carillon] job missed did not run at "), "{subjects:?}");
        assert_eq!(scene.mail.mails().len(), 1);
    }
}
