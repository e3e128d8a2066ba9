//! The programs and servers that the weather goes over.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use carillon_core::identity::GroupId;
use carillon_core::incident::Incident;
use carillon_core::job::{Job, JobDraft, JobSpec, ScheduleText};
use carillon_core::parameters::Parameters;
use carillon_core::schedule::DstRule;
use carillon_store::{Editor, RunRequest, Store};
use carillon_testbed::{
    Database, Folder, MailServer, Process, Proxy, leashed, program, wait_until_async,
};
use jiff::{SignedDuration, Timestamp};

use crate::plan::{Deed, LEAVERS, NODES, Plan};

/// A program that starts takes no longer, on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Fleet {
    /// Past the proxy: what the test itself sees and asks.
    pub(crate) store: Store,
    pub(crate) database: Database,
    pub(crate) mail: MailServer,
    /// When and for how long nobody reached the database.
    pub(crate) database_down: Option<(Timestamp, Timestamp)>,
    jobs: Vec<Job>,
    proxy: Arc<Proxy>,
    nodes: Vec<Process>,
    leavers: Vec<Process>,
    monitors: Vec<Process>,
    is_mail_down: bool,
    folder: Folder,
}

impl Fleet {
    /// Brings everything up and waits until it works.
    pub(crate) async fn launch(plan: &Plan, database: Database, proxy: Arc<Proxy>) -> Self {
        let store = Store::new(database.url.parse().unwrap());
        store.migrate().await.unwrap();
        let mut fleet = Fleet {
            proxy,
            store,
            database,
            mail: MailServer::start().unwrap(),
            database_down: None,
            jobs: Vec::new(),
            nodes: Vec::new(),
            leavers: Vec::new(),
            monitors: Vec::new(),
            is_mail_down: false,
            folder: Folder::create().unwrap(),
        };
        for number in 0..plan.jobs {
            let job = fleet.make_job(number).await;
            fleet.jobs.push(job);
        }
        fleet.nodes = (0..NODES)
            .map(|node| fleet.agent(&node_name(node)))
            .collect();
        fleet.leavers = (0..LEAVERS)
            .map(|node| fleet.agent(&leaver_name(node)))
            .collect();
        fleet.wait_for_nodes(NODES + LEAVERS).await;
        fleet.monitors = (0..2).map(|number| fleet.monitor(number)).collect();
        let store = fleet.store.clone();
        wait_until_async("two monitors", START_LIMIT, async || {
            (store.monitors().await.ok()?.len() == 2).then_some(())
        })
        .await;
        fleet
    }

    pub(crate) async fn perform(&mut self, deed: &Deed) {
        match deed {
            Deed::Kill(node) => self.nodes[*node].kill(),
            Deed::Start(node) => self.nodes[*node] = self.agent(&node_name(*node)),
            Deed::Pause(node) => self.nodes[*node].pause(),
            Deed::Resume(node) => self.nodes[*node].resume(),
            Deed::Leave(node) => self.leavers[*node].terminate(),
            Deed::Return(node) => self.leavers[*node] = self.agent(&leaver_name(*node)),
            Deed::MailDown => {
                self.mail.go_down();
                self.is_mail_down = true;
            }
            Deed::MailUp => self.mail_up(),
            Deed::KillMonitor(number) => self.monitors[*number].kill(),
            Deed::StartMonitor(number) => self.monitors[*number] = self.monitor(*number),
            Deed::DatabaseDown => {
                self.proxy.refuse();
                self.proxy.reset_connections();
                let now = self.store.now().await.unwrap();
                self.database_down = Some((now, Timestamp::MAX));
            }
            Deed::DatabaseUp => {
                self.proxy.heal();
                let (began, _) = self.database_down.unwrap();
                self.database_down = Some((began, self.store.now().await.unwrap()));
            }
            Deed::Fail(job) => self.run(*job, "fail").await,
            Deed::Succeed(job) => self.run(*job, "succeed").await,
            Deed::ClearUp => self.mail_up(),
        }
    }

    /// Whatever else was on its way comes before news of somebody who goes last.
    pub(crate) async fn summon_witness(&mut self) {
        let mut witness = self.agent("witness");
        self.wait_for_nodes(NODES + LEAVERS + 1).await;
        witness.kill();
        let mail = &self.mail;
        wait_until_async("news of the witness", START_LIMIT * 2, async || {
            let mails = mail.mails();
            let of_witness = mails.iter().find(|mail| mail.subject().contains("witness"));
            of_witness.map(|_| ())
        })
        .await;
    }

    /// Says what is known of incidents that do not end.
    pub(crate) fn tell_of(&self, open: &[Incident]) {
        for incident in open {
            println!("open: {incident:?}");
        }
        let runs = self.database.query(
            "select j.name, r.fire_time, r.state, r.reason, r.outcome, r.node_id, r.attempt, r.started_at, r.ended_at, \
                r.parameters, r.detail
            from runs r join jobs j on j.id = r.job_id
            order by r.fire_time",
        );
        println!("{}", runs.unwrap());
    }

    fn mail_up(&mut self) {
        if self.is_mail_down {
            self.mail.come_back().unwrap();
            self.is_mail_down = false;
        }
    }

    fn command(&self, binary: &str, node: &str) -> Command {
        let mut command = leashed(program(binary).unwrap());
        let database = self.database.url_through(self.proxy.port());
        command
            .arg("start")
            .current_dir(self.folder.path())
            .env("CARILLON_DATABASE__URL", database)
            .env("CARILLON_NODE__NAME", node)
            .env("CARILLON_NODE__DATA_DIR", self.folder.join(node))
            .env("CARILLON_MONITOR__SILENT_AFTER", "9s")
            .env("CARILLON_MAIL__SMTP_URL", self.mail.url())
            .env("CARILLON_MAIL__FROM", "carillon@example.org")
            .env("CARILLON_MAIL__TO", "ops@example.org");
        command
    }

    fn agent(&self, name: &str) -> Process {
        let log = self.folder.join(format!("{name}.log"));
        Process::start(name, self.command("agent", name), &log).unwrap()
    }

    fn monitor(&self, number: usize) -> Process {
        let name = format!("mon-{number}");
        let log = self.folder.join(format!("{name}.log"));
        Process::start(&name, self.command("monitor", &name), &log).unwrap()
    }

    async fn wait_for_nodes(&self, count: usize) {
        let store = &self.store;
        wait_until_async("the nodes to beat", START_LIMIT, async || {
            let nodes = store.nodes(Default::default()).await.ok()?;
            (nodes.len() == count && nodes.iter().all(|node| node.peer.is_claiming)).then_some(())
        })
        .await;
    }

    async fn make_job(&self, number: usize) -> Job {
        let mut spec = JobSpec::default();
        spec.launch.command = "test \"$CARILLON_PARAM_END\" = succeed".to_owned();
        let draft = JobDraft {
            name: format!("job-{number}").parse().unwrap(),
            group: GroupId(1),
            description: String::new(),
            enabled: true,
            schedule: ScheduleText {
                expression: "0 0 1 1 *".to_owned(),
                zone: "UTC".to_owned(),
                dst: DstRule::Cron,
            },
            spec,
        };
        let editor = Editor::program("weather");
        self.store.create_job(&draft, &editor).await.unwrap()
    }

    async fn run(&self, job: usize, end: &str) {
        let parameters = serde_json::json!({ "END": end });
        let request = RunRequest {
            job: self.jobs[job].id,
            node: None,
            parameters: serde_json::from_value::<Parameters>(parameters).unwrap(),
            key: None,
            repeats: None,
            patience: SignedDuration::from_mins(10),
        };
        let editor = Editor::program("weather");
        self.store.request_run(&request, &editor).await.unwrap();
    }
}

pub(crate) fn node_name(node: usize) -> String {
    format!("web-{node:02}")
}

fn leaver_name(node: usize) -> String {
    format!("leaver-{node}")
}
