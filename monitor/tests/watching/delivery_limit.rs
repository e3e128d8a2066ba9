//! A storm does not flood a mailbox: what is beyond the limit waits, and is one mail when there is room.

use carillon_core::job::JobSpec;
use carillon_core::run::Outcome;
use carillon_lifecycle::config::Hidden;
use carillon_monitor::webhook::Webhook;
use carillon_testbed::{Mail, wait_until, wait_until_async};
use jiff::SignedDuration;

use crate::on_both;
use crate::scene::{SOON, Scene};
use crate::webhook::{Receiver, TAKEN};

/// Long enough that what a test does on a busy machine happens within it.
const WITHIN: SignedDuration = SignedDuration::from_secs(40);

on_both! {
    async fn what_is_beyond_the_limit_is_one_mail_when_there_is_room(scene) {
        scene.options.limit.deliveries_max = 2;
        scene.options.limit.within = WITHIN;
        let node = scene.node("web-1").await;
        let mut jobs = Vec::new();
        for name in ["first", "second", "third", "fourth", "fifth"] {
            jobs.push(scene.job(name, JobSpec::default()).await);
        }
        scene.start_monitor("mon-1");
        scene.start_monitor("mon-2");

        for job in &jobs[..2] {
            scene.run(job, &node, Outcome::Failed).await;
        }
        // Calm until now: told at once.
        scene.subjects(2);
        let calm_until = scene.store.now().await.unwrap();
        for job in &jobs[2..] {
            scene.run(job, &node, Outcome::Failed).await;
        }
        scene.wait_until_held(3).await;
        scene.run(&jobs[2], &node, Outcome::Succeeded).await;
        let until = scene.wait_until_held(4).await;
        let mails_before = scene.mail.mails().len();
        let subjects = scene.subjects(3);
        let told_at = scene.store.now().await.unwrap();
        scene.stop_monitors().await;

        assert!(calm_until < until && until <= told_at, "{calm_until} {until} {told_at}");
        assert_eq!(mails_before, 2);
        assert!(subjects[..2].iter().all(|subject| subject.contains("failed on web-1")), "{subjects:?}");
        assert_eq!(
            subjects[2],
            "[Carillon] too much within an hour: 3 incidents, 2 still open: third, fourth, fifth"
        );
        let text = scene.mail.mails()[2].text();
        assert!(text.contains("Job third failed on web-1 (exit 2) (over)"), "{text}");
        assert_eq!(scene.store.held_deliveries().await.unwrap(), None);
    }

    async fn what_waited_for_the_mail_server_does_not_flood_it_either(scene) {
        scene.options.limit.deliveries_max = 1;
        scene.options.limit.within = SignedDuration::from_secs(8);
        let node = scene.node("web-1").await;
        let names = ["first", "second", "third"];
        scene.start_monitor("mon");
        scene.mail.go_down();

        for name in names {
            let job = scene.job(name, JobSpec::default()).await;
            scene.run(&job, &node, Outcome::Failed).await;
        }
        let store = scene.store.clone();
        wait_until_async("an attempt with the first of three", SOON, async || {
            let open = store.open_incidents().await.unwrap();
            let deliveries = store.deliveries_of(open.first()?.id).await.unwrap();
            (open.len() == 3 && deliveries.first()?.attempts >= 2).then_some(())
        })
        .await;
        scene.mail.come_back().unwrap();
        let mails = wait_until("all three to be told", SOON, || {
            let mails = scene.mail.mails();
            let is_told = |name: &&str| mails.iter().any(|mail| mail.raw.contains(&format!("ob {name} failed")));
            names.iter().all(is_told).then_some(mails)
        });
        scene.stop_monitors().await;

        let too_much = |mail: &&Mail| mail.subject().starts_with("[Carillon] too much within an hour: ");
        assert_eq!(mails.iter().filter(too_much).count(), 1, "{mails:?}");
        assert!(scene.mail.mails().len() <= 2, "{mails:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn programs_take_everything_and_rooms_as_much_as_people() {
    let mut scene = Scene::sqlite().await;
    let (program, room) = (Receiver::start(TAKEN), Receiver::start(TAKEN));
    scene.options.limit.deliveries_max = 1;
    scene.options.webhooks = [("", &program), ("slack+", &room)]
        .into_iter()
        .enumerate()
        .map(|(place, (shape, receiver))| {
            let url = Hidden::new(format!("{shape}http://127.0.0.1:{}/", receiver.port));
            Webhook::parse(&url, place + 1, &["127.0.0.1".to_owned()]).unwrap()
        })
        .collect();
    let node = scene.node("web-1").await;
    scene.start_monitor("mon");

    for name in ["first", "second", "third"] {
        let job = scene.job(name, JobSpec::default()).await;
        scene.run(&job, &node, Outcome::Failed).await;
    }
    wait_until("the program to be told of each", SOON, || {
        (program.requests().len() == 3).then_some(())
    });
    // Two of the room, two of the mailbox.
    scene.wait_until_held(4).await;
    scene.stop_monitors().await;

    assert_eq!((room.requests().len(), scene.mail.mails().len()), (1, 1));
}
