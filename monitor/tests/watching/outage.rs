//! The store goes away: one mail about it, none about every node.

use std::time::{Duration, Instant};

use carillon_core::node::{Limits, Liveness};
use carillon_testbed::{MariaDb, wait_until, wait_until_async};
use jiff::SignedDuration;

use crate::scene::{Node, SOON, Scene};

/// So long nobody reaches the database.
const AWAY: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_is_silent_for_a_minute_is_mailed_once_and_no_node_with_it() {
    let mut server = MariaDb::start().unwrap();
    let database = server.create_database().unwrap();
    let mut scene = Scene::open(database.url.clone(), (None, None)).await;
    scene.options.patience.silent_after = SignedDuration::from_secs(20);
    let mut nodes = Vec::new();
    for name in ["web-1", "web-2", "web-3", "web-4", "web-5"] {
        nodes.push(scene.node(name).await);
    }
    scene.start_monitor("mon-1");
    scene.start_monitor("mon-2");
    let store = scene.store.clone();
    wait_until_async("both monitors to know each other", SOON, async || {
        let monitors = store.monitors().await.unwrap();
        (monitors.len() == 2 && monitors.iter().all(|one| one.last_beat_at > one.booted_at))
            .then_some(())
    })
    .await;

    server.kill();
    let killed_at = Instant::now();
    let first = scene.subjects(1);
    // Three times as long as a silence that is told of a node. The nodes find the way back later than the monitors.
    nodes.iter().for_each(Node::kill);
    wait_until("a minute without the database", SOON, || {
        (killed_at.elapsed() >= AWAY).then_some(())
    });
    let meanwhile = scene.mail.mails().len();
    server.restart().unwrap();
    let all = scene.subjects(2);
    for node in &mut nodes {
        scene.revive(node);
    }
    wait_until_async("every node to beat again", SOON, async || {
        let found = store.nodes(Limits::default()).await.unwrap();
        let is_back = |node: &carillon_store::Node| node.peer.liveness == Liveness::Fresh;
        found.iter().all(is_back).then_some(())
    })
    .await;
    // A node that really goes is told of again once the view is whole; had any other been taken for silent, it would
    // have been told of by then.
    nodes[0].kill();
    let last = scene.subjects(3);
    scene.stop_monitors().await;

    assert!(
        first[0].starts_with("[Carillon] the database does not answer since "),
        "{first:?}"
    );
    assert!(
        all[1].starts_with("[Carillon] the database answers again after "),
        "{all:?}"
    );
    assert!(last[2].contains("node web-1 is silent"), "{last:?}");
    assert_eq!((meanwhile, scene.mail.mails().len()), (1, 3));
}
