//! Each kind of place on real servers: one with a password, a cluster, and a master that its sentinel replaces.
#![allow(clippy::unwrap_used, reason = "tests may unwrap")]

use std::time::Duration;

use carillon_redis::{CHANNEL, Connection, Place, WakeUp};
use carillon_testbed::{
    Folder, Process, Redis, RedisOptions, free_port, leashed, wait_until, wait_until_async,
};
use futures_util::StreamExt;

const PATIENCE: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(60);

fn guarded(extra: &[&str]) -> Redis {
    Redis::start_with(RedisOptions {
        password: Some("sesame".to_owned()),
        extra: extra.iter().map(|&word| word.to_owned()).collect(),
    })
    .unwrap()
}

async fn set(connection: &mut Connection, key: &str) -> redis::RedisResult<()> {
    let mut command = redis::cmd("SET");
    command.arg(key).arg("1");
    command.query_async(connection).await
}

/// Whether what is said at this place is heard there.
async fn expect_wake_up(url: &str) {
    let mut subscription = Place::new(url).unwrap().subscribe(CHANNEL).await.unwrap();
    let mut news = subscription.on_message();

    // On a busy machine saying it may take longer than anybody waits; then it is said again.
    let wake_up = WakeUp::new(url).unwrap();
    let heard = wait_until_async("the wake-up to be heard", LIMIT, async || {
        wake_up.say().await;
        let heard = tokio::time::timeout(Duration::from_secs(1), news.next()).await;
        heard.ok().flatten()
    });
    assert_eq!(heard.await.get_channel_name(), CHANNEL);
}

#[tokio::test]
async fn one_server_with_a_password_is_reached() {
    let server = guarded(&[]);

    let mut connection = Place::new(&server.url())
        .unwrap()
        .connect(PATIENCE)
        .await
        .unwrap();
    set(&mut connection, "a").await.unwrap();

    assert_eq!(server.command(&["EXISTS", "a"]).unwrap(), ":1");
    expect_wake_up(&server.url()).await;
    let wrong = format!("redis://:open@127.0.0.1:{}/", server.port());
    let refused = Place::new(&wrong).unwrap().connect(PATIENCE).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn cluster_with_a_password_is_reached() {
    let node = guarded(&["--cluster-enabled", "yes"]);
    node.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"])
        .unwrap();
    wait_until("the cluster to serve", LIMIT, || {
        node.command(&["SET", "x", "1"]).ok()
    });
    let url = format!(
        "redis+cluster://:sesame@127.0.0.1:1,127.0.0.1:{}",
        node.port()
    );

    let mut connection = Place::new(&url).unwrap().connect(PATIENCE).await.unwrap();
    for key in ["a", "b", "{c}d"] {
        set(&mut connection, key).await.unwrap();
    }

    assert!(matches!(connection, Connection::Cluster(_)));
    assert_eq!(node.command(&["EXISTS", "b"]).unwrap(), ":1");
    expect_wake_up(&url).await;
}

/// A sentinel that replaces a master after a second of silence.
fn start_sentinel(folder: &Folder, port: u16, master: &Redis) -> Process {
    let file = folder.join("sentinel.conf");
    let lines = [
        format!(
            "port {port}\nbind 127.0.0.1\ndir {}",
            folder.path().display()
        ),
        format!("sentinel monitor bells 127.0.0.1 {} 1", master.port()),
        "sentinel auth-pass bells sesame\nsentinel down-after-milliseconds bells 1000".to_owned(),
        "sentinel failover-timeout bells 5000\n".to_owned(),
    ];
    std::fs::write(&file, lines.join("\n")).unwrap();
    let mut command = leashed("redis-server");
    command.arg(&file).arg("--sentinel");
    Process::start("sentinel", command, &folder.join("sentinel.log")).unwrap()
}

#[tokio::test]
async fn master_is_found_through_its_sentinel_also_after_it_was_replaced() {
    let mut master = guarded(&["--masterauth", "sesame"]);
    let port = master.port().to_string();
    let follower = guarded(&["--masterauth", "sesame", "--replicaof", "127.0.0.1", &port]);
    wait_until("the follower to follow", LIMIT, || {
        master.command(&["SET", "x", "1"]).unwrap();
        follower
            .command(&["EXISTS", "x"])
            .ok()
            .filter(|answer| answer == ":1")
    });
    let folder = Folder::create().unwrap();
    let sentinel_port = free_port().unwrap();
    let _sentinel = start_sentinel(&folder, sentinel_port, &master);
    let url = format!("redis+sentinel://:sesame@127.0.0.1:{sentinel_port}/bells");
    let place = Place::new(&url).unwrap();
    let mut connection = wait_until_async("the sentinel to know the master", LIMIT, async || {
        place.connect(PATIENCE).await.ok()
    })
    .await;
    set(&mut connection, "before").await.unwrap();
    expect_wake_up(&url).await;

    master.kill();
    wait_until_async("the follower to be found as master", LIMIT, async || {
        let mut connection = place.connect(PATIENCE).await.ok()?;
        set(&mut connection, "after").await.ok()
    })
    .await;

    assert_eq!(follower.command(&["EXISTS", "after"]).unwrap(), ":1");
}
