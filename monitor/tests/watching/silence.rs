//! Nodes that fall silent, and nodes that may.

use carillon_core::node::Duty;
use carillon_core::rule::SubjectKind;
use carillon_store::{IncidentFilter, MuteDraft};
use carillon_testbed::wait_until_async;
use jiff::SignedDuration;

use crate::on_both;
use crate::scene::{SOON, editor};

/// Long enough that a busy machine does not make a node silent, short enough to wait for.
const SILENT_AFTER: SignedDuration = SignedDuration::from_secs(6);

on_both! {
    async fn a_silent_node_is_mailed_once_and_once_more_when_it_is_back(scene) {
        scene.options.patience.silent_after = SILENT_AFTER;
        let mut node = scene.node("web-1").await;
        scene.start_monitor("mon");

        node.kill();
        let silent = scene.subjects(1);
        scene.revive(&mut node);
        let all = scene.subjects(2);
        scene.stop_monitors().await;

        assert!(silent[0].starts_with("[Carillon] node web-1 is silent since "), "{silent:?}");
        assert!(all[1].starts_with("[Carillon] node web-1 is back after "), "{all:?}");
        assert_eq!(scene.mail.mails().len(), 2);
    }

    async fn two_monitors_send_one_mail(scene) {
        scene.options.patience.silent_after = SILENT_AFTER;
        let mut node = scene.node("web-1").await;
        scene.start_monitor("mon-1");
        scene.start_monitor("mon-2");

        node.kill();
        scene.subjects(1);
        scene.revive(&mut node);
        scene.subjects(2);
        scene.stop_monitors().await;

        assert_eq!(scene.mail.mails().len(), 2);
    }

    async fn nodes_that_go_together_are_told_in_one_mail(scene) {
        scene.options.patience.silent_after = SILENT_AFTER;
        let mut nodes = Vec::new();
        for number in 0..10 {
            nodes.push(scene.node(&format!("web-{number}")).await);
        }
        scene.start_monitor("mon");

        nodes.iter().for_each(|node| node.kill());
        let subjects = scene.subjects(1);
        for node in &mut nodes {
            scene.revive(node);
        }
        let all = scene.subjects(2);
        scene.stop_monitors().await;

        assert!(subjects[0].starts_with("[Carillon] 10 nodes are silent: "), "{subjects:?}");
        assert!(all[1].starts_with("[Carillon] 10 nodes are back: "), "{all:?}");
        let text = scene.mail.mails()[0].text();
        assert!(text.contains("10 of 10 nodes went at the same time"), "{text}");
        assert_eq!(scene.mail.mails().len(), 2);
    }

    async fn drained_retired_and_departed_nodes_may_be_silent(scene) {
        scene.options.patience.silent_after = SILENT_AFTER;
        let drained = scene.node("drained").await;
        let retired = scene.node("retired").await;
        let departed = scene.node("departed").await;
        let witness = scene.node("witness").await;
        scene.start_monitor("mon");
        for (node, duty) in [(&drained, Duty::Drained), (&retired, Duty::Retired)] {
            scene.store.set_duty(node.claimant.node, duty, "moving house", &editor()).await.unwrap();
        }

        for node in [&drained, &retired, &departed, &witness] {
            node.kill();
        }
        scene.store.leave(departed.claimant).await.unwrap();
        // They went first, so that whoever is told of the witness would have been told of them.
        let subjects = scene.subjects(1);
        scene.stop_monitors().await;

        assert!(subjects[0].contains("node witness is silent"), "{subjects:?}");
        assert_eq!(scene.mail.mails().len(), 1);
    }

    async fn draining_a_silent_node_ends_its_incident_without_a_mail(scene) {
        scene.options.patience.silent_after = SILENT_AFTER;
        let node = scene.node("web-1").await;
        scene.start_monitor("mon");
        node.kill();
        scene.subjects(1);

        scene.store.set_duty(node.claimant.node, Duty::Drained, "it is gone", &editor()).await.unwrap();
        let store = scene.store.clone();
        wait_until_async("the incident to end", SOON, async || {
            store.open_incidents().await.unwrap().is_empty().then_some(())
        })
        .await;
        scene.stop_monitors().await;

        assert_eq!(scene.mail.mails().len(), 1);
    }

    async fn a_flapping_node_is_damped(scene) {
        scene.options.patience.silent_after = SILENT_AFTER;
        let mut node = scene.node("web-1").await;
        scene.start_monitor("mon");

        // The first two openings are told; from then on it must prove steady for longer than it ever is.
        for told in [1, 2, 3] {
            if told % 2 == 1 {
                node.kill();
            } else {
                scene.revive(&mut node);
            }
            scene.subjects(told);
        }
        let store = scene.store.clone();
        for _ in 0..3 {
            scene.revive(&mut node);
            wait_until_async("the node to be seen well", SOON, async || {
                store.open_incidents().await.unwrap()[0].well_since
            })
            .await;
            node.kill();
            wait_until_async("the node to be seen silent", SOON, async || {
                store.open_incidents().await.unwrap()[0].well_since.is_none().then_some(())
            })
            .await;
        }
        scene.stop_monitors().await;

        assert_eq!(scene.mail.mails().len(), 3);
        let filter = IncidentFilter { subject_kind: Some(SubjectKind::Node), ..IncidentFilter::default() };
        assert_eq!(scene.store.incidents(&filter, 10).await.unwrap().len(), 2);
    }

    async fn reminders_come_at_their_interval_until_somebody_acknowledges(scene) {
        scene.options.patience.silent_after = SILENT_AFTER;
        scene.options.patience.remind_every = SignedDuration::from_secs(6);
        let node = scene.node("web-1").await;
        scene.start_monitor("mon");

        node.kill();
        let subjects = scene.subjects(3);
        let incident = scene.store.open_incidents().await.unwrap().remove(0);
        scene.store.acknowledge_incident(incident.id, &editor()).await.unwrap();
        let deliveries = scene.store.deliveries_of(incident.id).await.unwrap();

        assert!(subjects[1].starts_with("[Carillon] still, for "), "{subjects:?}");
        let told: Vec<_> = deliveries.iter().rev().map(|delivery| delivery.made_at).collect();
        assert!(told.windows(2).all(|pair| pair[1].duration_since(pair[0]).as_secs() >= 6), "{told:?}");
        let witness = scene.node("witness").await;
        witness.kill();
        let all = scene.subjects(told.len() + 1);
        assert!(all.last().unwrap().contains("witness"), "{all:?}");
    }

    async fn a_muted_node_is_told_of_when_the_mute_ends(scene) {
        scene.options.patience.silent_after = SILENT_AFTER;
        let node = scene.node("web-1").await;
        let witness = scene.node("witness").await;
        let draft = MuteDraft {
            rule: None,
            subject_kind: Some(SubjectKind::Node),
            subject_id: Some(node.claimant.node.0),
            reason: "new disk".to_owned(),
            until_time: scene.store.now().await.unwrap() + SignedDuration::from_hours(1),
        };
        let mute = scene.store.mute(&draft, &editor()).await.unwrap();
        scene.start_monitor("mon");

        node.kill();
        witness.kill();
        let first = scene.subjects(1);
        scene.store.unmute(mute, &editor()).await.unwrap();
        let all = scene.subjects(2);

        assert!(first[0].contains("witness"), "{first:?}");
        assert!(all[1].contains("web-1"), "{all:?}");
    }

    async fn a_monitor_that_came_back_at_once_is_no_news(scene) {
        scene.start_monitor("mon-1");
        for name in ["mon-2", "mon-3"] {
            scene.start_monitor(name);
            let store = scene.store.clone();
            wait_until_async("the monitor to beat", SOON, async || {
                let monitors = store.monitors().await.unwrap();
                monitors.iter().any(|monitor| monitor.name == name).then_some(())
            })
            .await;
            scene.kill_monitor();
        }
        let store = scene.store.clone();
        let of_mon_2 = async || {
            let monitors = store.monitors().await.unwrap().into_iter();
            let lives: Vec<i64> = monitors.filter(|one| one.name == "mon-2").map(|one| one.id).collect();
            lives
        };
        let first_life = of_mon_2().await;
        scene.start_monitor("mon-2");
        wait_until_async("its next life to take its place", SOON, async || {
            let lives = of_mon_2().await;
            (lives.len() == 1 && lives != first_life).then_some(())
        })
        .await;

        // It is killed later, so its silence is told after that of mon-2 would be.
        scene.mail.wait_for_mails(1, SOON * 2);
        scene.stop_monitors().await;

        let subjects: Vec<String> = scene.mail.mails().iter().map(carillon_testbed::Mail::subject).collect();
        assert_eq!(subjects.len(), 1, "{subjects:?}");
        assert!(subjects[0].contains("monitor mon-3 is silent since"), "{subjects:?}");
    }

    async fn a_silent_monitor_is_told_by_the_other(scene) {
        scene.options.patience.silent_after = SILENT_AFTER;
        scene.start_monitor("mon-1");
        scene.start_monitor("mon-2");
        let store = scene.store.clone();
        wait_until_async("both monitors to beat", SOON, async || {
            (store.monitors().await.unwrap().len() == 2).then_some(())
        })
        .await;

        scene.kill_monitor();
        let subjects: Vec<String> = {
            let mails = scene.mail.wait_for_mails(1, SOON * 2);
            mails.iter().map(carillon_testbed::Mail::subject).collect()
        };

        assert!(subjects[0].contains("monitor mon-2 is silent since"), "{subjects:?}");
    }
}
