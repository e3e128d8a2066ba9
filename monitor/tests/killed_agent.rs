//! The programs themselves: an agent is killed, monitors tell, a monitor is killed in the middle of telling.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use carillon_store::{DeliveryRecord, DeliveryState, Store};
use carillon_testbed::{
    Database, Folder, MailServer, Process, leashed, mariadb_database, program, wait_until_async,
};
use jiff::Timestamp;

const SILENT_AFTER: Duration = Duration::from_secs(9);
/// Long enough for a slow machine; nothing waits for it unless it fails.
const SOON: Duration = Duration::from_secs(90);

struct Cluster {
    database: Database,
    store: Store,
    mail: MailServer,
    folder: Folder,
}

impl Cluster {
    async fn open() -> Self {
        let database = mariadb_database().unwrap();
        let store = Store::new(database.url.parse().unwrap());
        store.migrate().await.unwrap();
        Cluster {
            store,
            database,
            mail: MailServer::start().unwrap(),
            folder: Folder::create().unwrap(),
        }
    }

    fn command(&self, binary: &str, arguments: &[&str]) -> Command {
        let mut command = leashed(program(binary).unwrap());
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("CARILLON_DATABASE__URL", &self.database.url)
            .env("CARILLON_NODE__NAME", "web-1")
            .env("CARILLON_NODE__DATA_DIR", self.folder.join("agent"))
            .env("CARILLON_MONITOR__SILENT_AFTER", "9s")
            .env("CARILLON_MAIL__SMTP_URL", self.mail.url())
            .env("CARILLON_MAIL__FROM", "carillon@example.org")
            .env("CARILLON_MAIL__TO", "ops@example.org");
        command
    }

    fn start(&self, binary: &str, name: &str) -> Process {
        let log = self.folder.join(format!("{name}.log"));
        Process::start(name, self.command(binary, &["start"]), Path::new(&log)).unwrap()
    }

    async fn wait_for_beat(&self) {
        wait_until_async("the agent to beat", SOON, async || {
            let nodes = self.store.nodes(Default::default()).await.unwrap();
            let now = self.store.now().await.unwrap();
            let age = now.duration_since(nodes.first()?.last_beat_at);
            (age.as_secs() < 3 && nodes[0].left_at.is_none()).then_some(())
        })
        .await;
    }

    async fn wait_for_monitors(&self, count: usize) {
        wait_until_async("the monitors to beat", SOON, async || {
            let monitors = self.store.monitors().await.unwrap();
            (monitors.len() == count).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_agent_is_told_once_by_two_monitors_and_its_return_too() {
    let cluster = Cluster::open().await;
    let mut agent = cluster.start("agent", "agent");
    cluster.wait_for_beat().await;
    let _monitors = [
        cluster.start("monitor", "mon-1"),
        cluster.start("monitor", "mon-2"),
    ];
    cluster.wait_for_monitors(2).await;

    agent.kill();
    let killed_at = Instant::now();
    let silent = cluster.mail.wait_for_mails(1, SOON);
    let told_after = killed_at.elapsed();
    let _agent = cluster.start("agent", "agent again");
    let all = cluster.mail.wait_for_mails(2, SOON);

    assert!(
        silent[0].subject().contains("node web-1 is silent"),
        "{:?}",
        silent[0].subject()
    );
    assert!(
        all[1].subject().contains("node web-1 is back"),
        "{:?}",
        all[1].subject()
    );
    assert_eq!(cluster.mail.mails().len(), 2);
    println!("told {told_after:.1?} after the kill, silent_after {SILENT_AFTER:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_monitor_that_is_killed_while_it_sends_is_stood_in_for() {
    let cluster = Cluster::open().await;
    let mut agent = cluster.start("agent", "agent");
    cluster.wait_for_beat().await;
    let mut first = cluster.start("monitor", "mon-1");
    cluster.wait_for_monitors(1).await;
    cluster.mail.delay(Duration::from_secs(4));

    agent.kill();
    let incident = wait_until_async("the first monitor to be sending", SOON, async || {
        let incident = cluster
            .store
            .open_incidents()
            .await
            .unwrap()
            .into_iter()
            .next()?;
        let deliveries = cluster.store.deliveries_of(incident.id).await.unwrap();
        let is_sending = deliveries
            .iter()
            .any(|one| one.state == DeliveryState::Sending);
        is_sending.then_some(incident)
    })
    .await;
    first.kill();
    cluster.mail.delay(Duration::ZERO);
    let _second = cluster.start("monitor", "mon-2");
    cluster.mail.wait_for_mails(1, SOON);
    let delivery = wait_until_async("the delivery to end", SOON, async || {
        let deliveries = cluster.store.deliveries_of(incident.id).await.unwrap();
        deliveries
            .into_iter()
            .find(|one| one.state == DeliveryState::Sent)
    })
    .await;

    assert_eq!(delivery.attempts, 2);
    assert_eq!(cluster.mail.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_is_down_for_a_minute_gets_each_mail_once() {
    let cluster = Cluster::open().await;
    let mut agent = cluster.start("agent", "agent");
    cluster.wait_for_beat().await;
    let _monitors = [
        cluster.start("monitor", "mon-1"),
        cluster.start("monitor", "mon-2"),
    ];
    cluster.wait_for_monitors(2).await;
    let mail = &cluster.mail;
    mail.go_down();

    agent.kill();
    let store = &cluster.store;
    let delivery_once = async |is_wanted: &dyn Fn(Timestamp, &DeliveryRecord) -> bool| {
        wait_until_async("the delivery", SOON, async || {
            let open = store.open_incidents().await.unwrap();
            let deliveries = store.deliveries_of(open.first()?.id).await.unwrap();
            let now = store.now().await.unwrap();
            deliveries.into_iter().find(|one| is_wanted(now, one))
        })
        .await
    };
    let waiting = delivery_once(&|now, one| now.duration_since(one.made_at).as_secs() >= 60).await;
    mail.come_back().unwrap();
    mail.wait_for_mails(1, SOON);
    let sent = delivery_once(&|_, one| one.state == DeliveryState::Sent).await;

    assert!(waiting.attempts >= 5, "{waiting:?}");
    assert_eq!(sent.id, waiting.id);
    assert_eq!(mail.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_monitor_says_whether_it_can_tell() {
    let cluster = Cluster::open().await;

    let test_mail = cluster
        .command("monitor", &["test-mail", "me@example.org"])
        .output()
        .unwrap();
    let good = cluster.command("monitor", &["check"]).output().unwrap();
    cluster.mail.go_down();
    let bad = cluster.command("monitor", &["check"]).output().unwrap();

    let said = String::from_utf8_lossy(&test_mail.stdout).into_owned();
    assert!(test_mail.status.success(), "{said}");
    let mail = cluster.mail.mails().remove(0);
    assert_eq!(mail.to, ["me@example.org"]);
    assert!(mail.subject().contains("test mail"), "{}", mail.subject());
    let said = String::from_utf8_lossy(&good.stdout).into_owned();
    assert!(
        good.status.success() && said.contains("mail: goes to ops@example.org"),
        "{said}"
    );
    let said = String::from_utf8_lossy(&bad.stdout).into_owned();
    assert!(
        !bad.status.success() && said.contains("BAD     mail server: smtp://127.0.0.1"),
        "{said}"
    );
}
