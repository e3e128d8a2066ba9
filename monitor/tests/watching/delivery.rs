//! Mail servers that are down, slow or picky.

use std::time::Duration;

use carillon_store::DeliveryState;
use carillon_testbed::wait_until_async;

use crate::on_both;
use crate::scene::SOON;

on_both! {
    async fn what_the_mail_server_could_not_take_is_delivered_once_it_is_back(scene) {
        scene.start_monitor("mon-1");
        scene.start_monitor("mon-2");
        scene.mail.go_down();

        scene.trouble().await;
        let store = scene.store.clone();
        let incident = wait_until_async("two attempts", SOON, async || {
            let open = store.open_incidents().await.unwrap();
            let incident = open.into_iter().next()?;
            let deliveries = store.deliveries_of(incident.id).await.unwrap();
            deliveries.iter().any(|delivery| delivery.attempts >= 2).then_some(incident)
        })
        .await;
        scene.mail.come_back().unwrap();
        scene.subjects(1);
        let delivery = wait_until_async("the delivery to end", SOON, async || {
            let deliveries = store.deliveries_of(incident.id).await.unwrap();
            deliveries.into_iter().find(|delivery| delivery.state == DeliveryState::Sent)
        })
        .await;
        scene.stop_monitors().await;

        assert!(delivery.result.starts_with("250"), "{delivery:?}");
        assert_eq!(scene.mail.mails().len(), 1);
    }

    async fn a_refused_address_does_not_keep_the_others_waiting(scene) {
        scene.options.mail_to = vec!["gone@example.org".to_owned(), "ops@example.org".to_owned()];
        scene.mail.refuse_recipient("gone@example.org");
        scene.start_monitor("mon");

        scene.trouble().await;
        scene.subjects(1);
        let incident = scene.store.open_incidents().await.unwrap().remove(0);
        let store = scene.store.clone();
        let given_up = wait_until_async("the refused address to be given up", SOON, async || {
            let deliveries = store.deliveries_of(incident.id).await.unwrap();
            deliveries.into_iter().find(|delivery| delivery.state == DeliveryState::GivenUp)
        })
        .await;
        scene.stop_monitors().await;

        assert_eq!(given_up.destination.address, "gone@example.org");
        assert_eq!(given_up.attempts, 1);
        assert!(given_up.result.contains("550"), "{given_up:?}");
        assert_eq!(scene.mail.mails().len(), 1);
        assert_eq!(scene.mail.mails()[0].to, ["ops@example.org"]);
    }

    async fn a_slow_mail_server_gets_each_mail_once(scene) {
        scene.mail.delay(Duration::from_secs(1));
        scene.start_monitor("mon-1");
        scene.start_monitor("mon-2");

        scene.trouble().await;
        scene.subjects(1);
        let incident = scene.store.open_incidents().await.unwrap().remove(0);
        let store = scene.store.clone();
        wait_until_async("the delivery to end", SOON, async || {
            let deliveries = store.deliveries_of(incident.id).await.unwrap();
            deliveries.iter().all(|delivery| delivery.state == DeliveryState::Sent).then_some(())
        })
        .await;
        scene.stop_monitors().await;

        assert_eq!(scene.mail.mails().len(), 1);
    }
}
