//! A store with nodes that beat, monitors that watch, and a mail server that remembers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use carillon_core::claim::{BootId, ClaimAnswer, ClaimRequest, Claimant};
use carillon_core::identity::GroupId;
use carillon_core::incident::Patience;
use carillon_core::job::{Job, JobDraft, JobSpec, ScheduleText};
use carillon_core::lang::Lang;
use carillon_core::launch::Stream;
use carillon_core::node::ClockOffset;
use carillon_core::placement::Labels;
use carillon_core::run::{Conclusion, News, Outcome, Report, Trigger};
use carillon_core::schedule::DstRule;
use carillon_core::tick::Tick;
use carillon_core::token::{Token, TokenMint};
use carillon_lifecycle::config::SecretUrl;
use carillon_lifecycle::shutdown::{Shutdown, ShutdownHandle};
use carillon_monitor::{
    MailOptions, MonitorError, MonitorOptions, Pace, QuietPolicy, Thresholds, serve,
};
use carillon_store::{Beat, DeliveryLimit, Editor, OutputChunk, Registration, Store, StoreUrl};
use carillon_testbed::{Database, Folder, Mail, MailServer, mariadb_database, wait_until_async};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;

/// Long enough for a slow machine; nothing waits for it unless it fails.
pub(crate) const SOON: Duration = Duration::from_secs(100);

/// Runs a rule on both databases.
#[macro_export]
macro_rules! on_both {
    ($(async fn $name:ident($scene:ident) $body:block)*) => {
        $(async fn $name(mut $scene: $crate::scene::Scene) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn on_sqlite() { super::$name($crate::scene::Scene::sqlite().await).await }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn on_mariadb() { super::$name($crate::scene::Scene::mariadb().await).await }
        })*
    };
}

pub(crate) struct Scene {
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) mail: MailServer,
    pub(crate) mint: TokenMint,
    /// What monitors that start from now on are told.
    pub(crate) options: MonitorOptions,
    monitors: Vec<Running>,
    _keep: (Option<Folder>, Option<Database>),
}

/// A monitor inside the test.
pub(crate) struct Running {
    handle: ShutdownHandle,
    task: JoinHandle<Result<(), MonitorError>>,
}

/// What a node runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Release {
    pub(crate) version: &'static str,
    pub(crate) tzdb_version: &'static str,
}

/// What most nodes run.
pub(crate) const RELEASE: Release = Release {
    version: "0.1.0",
    tzdb_version: "2026a",
};

/// A node that beats until it is killed.
pub(crate) struct Node {
    pub(crate) claimant: Claimant,
    beat: Arc<Mutex<Beat>>,
    beating: JoinHandle<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.beating.abort();
    }
}

impl Node {
    /// Ends it as kill -9 does: no word.
    pub(crate) fn kill(&self) {
        self.beating.abort();
    }

    /// Changes what it says of itself from now on.
    pub(crate) fn say(&self, change: impl FnOnce(&mut Beat)) {
        change(&mut self.beat.lock().unwrap());
    }
}

impl Scene {
    pub(crate) async fn sqlite() -> Self {
        let folder = Folder::create().unwrap();
        let url = format!("sqlite:{}", folder.join("carillon.db").display());
        Self::open(url, (Some(folder), None)).await
    }

    pub(crate) async fn mariadb() -> Self {
        let database = mariadb_database().unwrap();
        Self::open(database.url.clone(), (None, Some(database))).await
    }

    pub(crate) async fn open(url: String, keep: (Option<Folder>, Option<Database>)) -> Self {
        carillon_lifecycle::logging::init(None);
        let store = Store::new(url.parse::<StoreUrl>().unwrap());
        store.migrate().await.unwrap();
        let mail = MailServer::start().unwrap();
        let options = MonitorOptions {
            store: store.clone(),
            name: "mon".to_owned(),
            patience: Patience {
                silent_after: SignedDuration::from_secs(90),
                remind_every: SignedDuration::from_hours(4),
            },
            mail: Some(MailOptions {
                smtp_url: SecretUrl::new(mail.url()),
                authorities: Vec::new(),
                from: "carillon@example.org".to_owned(),
            }),
            mail_to: vec!["ops@example.org".to_owned()],
            webhooks: Vec::new(),
            ping: None,
            ping_hosts: vec!["127.0.0.1".to_owned()],
            quiet: QuietPolicy::none(),
            limit: DeliveryLimit {
                deliveries_max: 60,
                within: SignedDuration::from_hours(1),
                spared: Vec::new(),
            },
            thresholds: Thresholds::default(),
            // What is waited for here is told no differently by a monitor that looks more often.
            pace: Pace {
                round_every: Duration::from_millis(250),
                thorough_every: 4,
                certificates_every: Duration::from_secs(1),
            },
            certificates: Vec::new(),
            correction: String::new(),
            lang: Lang::En,
            public_url: Some("https://carillon.example.org".to_owned()),
        };
        Scene {
            store,
            url,
            mail,
            mint: TokenMint::new(0x5eed),
            options,
            monitors: Vec::new(),
            _keep: keep,
        }
    }

    /// Starts a monitor with connections of its own.
    pub(crate) fn start_monitor(&mut self, name: &str) {
        let (handle, shutdown) = Shutdown::new();
        let options = MonitorOptions {
            store: Store::new(self.url.parse().unwrap()),
            name: name.to_owned(),
            ..self.options.clone()
        };
        let task = tokio::spawn(serve(options, shutdown));
        self.monitors.push(Running { handle, task });
    }

    /// Ends the monitor that started last as kill -9 does: no word.
    pub(crate) fn kill_monitor(&mut self) {
        let monitor = self.monitors.pop().unwrap();
        monitor.task.abort();
    }

    /// Ends every monitor in order.
    pub(crate) async fn stop_monitors(&mut self) {
        for monitor in self.monitors.drain(..) {
            monitor.handle.drain();
            monitor.task.await.unwrap().unwrap();
        }
    }

    /// Brings up a node that beats from now on.
    pub(crate) async fn node(&mut self, name: &str) -> Node {
        let registration = registration(name, self.mint.mint(), RELEASE);
        self.register(registration).await
    }

    /// Replaces the agent of a node by one of another release.
    pub(crate) async fn replace(&mut self, name: &str, node: Node, release: Release) -> Node {
        let registration = Registration {
            replaces: Some(node.claimant.boot),
            ..registration(name, self.mint.mint(), release)
        };
        self.register(registration).await
    }

    async fn register(&mut self, registration: Registration) -> Node {
        let registered = self.store.register_node(&registration).await.unwrap();
        let claimant = Claimant {
            node: registered.node,
            boot: registration.boot,
        };
        let beat = Arc::new(Mutex::new(beat()));
        Node {
            claimant,
            beating: start_beating(&self.url, claimant, Arc::clone(&beat)),
            beat,
        }
    }

    /// Brings a killed node back.
    pub(crate) fn revive(&self, node: &mut Node) {
        node.beating = start_beating(&self.url, node.claimant, Arc::clone(&node.beat));
    }

    pub(crate) async fn job(&mut self, name: &str, spec: JobSpec) -> Job {
        let draft = JobDraft {
            name: name.parse().unwrap(),
            group: GroupId(1),
            description: String::new(),
            enabled: true,
            schedule: ScheduleText {
                expression: "0 3 * * *".to_owned(),
                zone: "Europe/Berlin".to_owned(),
                dst: DstRule::Cron,
            },
            spec,
        };
        self.store.create_job(&draft, &editor()).await.unwrap()
    }

    /// Claims a tick of the job that is due now.
    pub(crate) async fn claim(&mut self, job: &Job, node: &Node) -> ClaimRequest {
        let fire_time = self.store.now().await.unwrap() + SignedDuration::from_millis(10);
        let request = ClaimRequest {
            tick: Tick::scheduled(job.id, fire_time, 0),
            trigger: Trigger::Schedule,
            version: job.version,
            token: self.mint.mint(),
            start_until: fire_time + SignedDuration::from_secs(60),
        };
        let claimed = self.store.claim(node.claimant, &[request]).await.unwrap();
        assert_eq!(claimed.answers, [ClaimAnswer::Won]);
        request
    }

    /// Runs the job once, with this end.
    pub(crate) async fn run(&mut self, job: &Job, node: &Node, outcome: Outcome) -> ClaimRequest {
        let request = self.claim(job, node).await;
        let at = request.tick.fire_time;
        self.store
            .append_output(&[OutputChunk {
                tick: request.tick,
                attempt: 1,
                number: 0,
                stream: Stream::Stderr,
                offset: 0,
                written_at: at,
                content: b"copying\nno space left on <device>\n".to_vec(),
            }])
            .await
            .unwrap();
        self.end(&request, outcome).await;
        request
    }

    /// Ends a run.
    pub(crate) async fn end(&mut self, request: &ClaimRequest, outcome: Outcome) {
        let at = request.tick.fire_time;
        let exit_code = Some(i32::from(outcome != Outcome::Succeeded) * 2);
        let ending = Conclusion {
            outcome,
            exit_code,
            signal: None,
            reason: None,
            detail: None,
        };
        let news = News::Ended {
            started_at: Some(at),
            at: at + SignedDuration::from_millis(1),
            ending,
        };
        self.report(request, news).await;
    }

    /// A job fails on a node that goes on: the trouble that is told soonest.
    pub(crate) async fn trouble(&mut self) {
        let node = self.node("web-1").await;
        let job = self.job("backup", JobSpec::default()).await;
        self.run(&job, &node, Outcome::Failed).await;
    }

    pub(crate) async fn report(&mut self, request: &ClaimRequest, news: News) {
        let report = Report {
            tick: request.tick,
            token: request.token,
            news,
        };
        self.store.report(&[report]).await.unwrap();
    }

    /// Waits until so many deliveries are held back, and says until when they are.
    pub(crate) async fn wait_until_held(&self, count: i64) -> Timestamp {
        wait_until_async("news to be held back", SOON, async || {
            let held = self.store.held_deliveries().await.unwrap()?;
            (held.count == count).then_some(held.until)
        })
        .await
    }

    /// Waits until there are that many mails and returns their subjects.
    #[track_caller]
    pub(crate) fn subjects(&self, count: usize) -> Vec<String> {
        let mails = self.mail.wait_for_mails(count, SOON);
        mails.iter().map(Mail::subject).collect()
    }
}

fn start_beating(url: &str, claimant: Claimant, beat: Arc<Mutex<Beat>>) -> JoinHandle<()> {
    let store = Store::new(url.parse().unwrap());
    tokio::spawn(async move {
        let mut pace = tokio::time::interval(Duration::from_millis(300));
        loop {
            pace.tick().await;
            let said = beat.lock().unwrap().clone();
            // A store that is away is no reason to stop.
            let _ = store.beat(claimant, &said).await;
        }
    })
}

pub(crate) fn beat() -> Beat {
    Beat {
        is_claiming: true,
        not_claiming_reason: String::new(),
        running: 0,
        running_max: 8,
        clock: Some(ClockOffset {
            offset: SignedDuration::ZERO,
            uncertainty: SignedDuration::from_millis(1),
        }),
        load_milli: 0,
        memory_total: 8 << 30,
        memory_available: 4 << 30,
        disk_total: 100 << 30,
        disk_available: 50 << 30,
        redis_problem: String::new(),
    }
}

fn registration(name: &str, boot: Token, release: Release) -> Registration {
    Registration {
        name: name.to_owned(),
        boot: BootId(boot),
        host_boot: "host life 1".to_owned(),
        host_booted_at: Timestamp::UNIX_EPOCH,
        labels: Labels::new(),
        running_max: 8,
        version: release.version.to_owned(),
        tzdb_version: release.tzdb_version.to_owned(),
        replaces: None,
    }
}

pub(crate) fn editor() -> Editor {
    Editor::program("test")
}
