//! Quiet hours: what can wait goes out as one mail when they end, and what is urgent at once.

use carillon_core::identity::GroupId;
use carillon_core::job::JobSpec;
use carillon_core::quiet::QuietHours;
use carillon_core::rule::Rule;
use carillon_core::run::Outcome;
use carillon_monitor::QuietPolicy;
use carillon_store::GroupMail;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::on_both;
use crate::scene::{Scene, editor};

/// Quiet since a minute ago, for so many seconds from now; job timeouts are urgent.
async fn quiet_for(scene: &Scene, seconds: i64) -> QuietPolicy {
    let now = scene.store.now().await.unwrap();
    let clock = |at: Timestamp| {
        let zoned = at.to_zoned(TimeZone::UTC);
        zoned.strftime("%Y-%m-%d %H:%M:%S").to_string()
    };
    let from = clock(now - SignedDuration::from_mins(1));
    let until = clock(now + SignedDuration::from_secs(seconds));
    QuietPolicy {
        hours: QuietHours::parse(&format!("{from} .. {until}"), "UTC").unwrap(),
        urgent: vec![Rule::JobTimedOut],
        ..QuietPolicy::none()
    }
}

on_both! {
    async fn what_can_wait_is_one_mail_when_quiet_hours_end_also_when_the_monitor_dies(scene) {
        scene.options.quiet = quiet_for(&scene, 30).await;
        let node = scene.node("web-1").await;
        let backup = scene.job("backup", JobSpec::default()).await;
        let report = scene.job("report", JobSpec::default()).await;
        scene.start_monitor("mon-1");

        for job in [&backup, &report] {
            scene.run(job, &node, Outcome::Failed).await;
        }
        scene.wait_until_held(2).await;
        scene.run(&backup, &node, Outcome::Succeeded).await;
        let until = scene.wait_until_held(3).await;
        let mails_before = scene.mail.mails().len();
        scene.kill_monitor();
        scene.start_monitor("mon-2");
        let subjects = scene.subjects(1);
        let told_at = scene.store.now().await.unwrap();
        scene.stop_monitors().await;

        assert_eq!(mails_before, 0);
        assert!(told_at >= until, "{told_at} {until}");
        assert_eq!(subjects, ["[Carillon] quiet hours: 2 incidents, 1 still open: backup, report"]);
        let text = scene.mail.mails()[0].text();
        for part in ["Job backup failed on web-1 (exit 2) (over)", "Job report failed on web-1 (exit 2)"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(scene.store.held_deliveries().await.unwrap(), None);
    }

    async fn what_is_urgent_does_not_wait(scene) {
        scene.options.quiet = quiet_for(&scene, 3600).await;
        let node = scene.node("web-1").await;
        let backup = scene.job("backup", JobSpec::default()).await;
        let report = scene.job("report", JobSpec::default()).await;
        scene.start_monitor("mon");

        scene.run(&backup, &node, Outcome::Failed).await;
        scene.run(&report, &node, Outcome::TimedOut).await;
        let subjects = scene.subjects(1);
        scene.wait_until_held(1).await;
        scene.stop_monitors().await;

        assert_eq!(subjects, ["[Carillon] job report timed out on web-1"]);
        assert_eq!(scene.mail.mails().len(), 1);
    }

    async fn a_group_may_have_no_quiet_hours(scene) {
        scene.options.quiet = quiet_for(&scene, 3600).await;
        let mail = GroupMail { quiet_hours: Some(String::new()), ..GroupMail::default() };
        scene.store.set_group_mail(GroupId(1), &mail, &editor()).await.unwrap();
        scene.start_monitor("mon");

        scene.trouble().await;
        let subjects = scene.subjects(1);
        scene.stop_monitors().await;

        assert!(subjects[0].contains("job backup failed"), "{subjects:?}");
        assert_eq!(scene.store.held_deliveries().await.unwrap(), None);
    }
}
