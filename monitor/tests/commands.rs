//! Incidents start jobs: real agents run them, two monitors ask for them, and each announcement starts one run.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use carillon_core::access::{Grant, Role, Scope};
use carillon_core::identity::{GroupId, UserId};
use carillon_core::job::{Job, JobDraft, JobSpec, ScheduleText};
use carillon_core::parameters::Parameters;
use carillon_core::schedule::DstRule;
use carillon_store::{
    Channel, DeliveryRecord, DeliveryState, Editor, RunFilter, RunRequest, Store,
};
use carillon_testbed::{
    Database, Folder, MailServer, Process, leashed, mariadb_database, program, wait_until_async,
};
use jiff::SignedDuration;

/// Long enough for a slow machine; nothing waits for it unless it fails.
const SOON: Duration = Duration::from_secs(90);

struct Cluster {
    database: Database,
    store: Store,
    mail: MailServer,
    folder: Folder,
    programs: Vec<Process>,
}

impl Cluster {
    async fn open() -> Self {
        let database = mariadb_database().unwrap();
        let store = Store::new(database.url.parse().unwrap());
        store.migrate().await.unwrap();
        let mut cluster = Cluster {
            store,
            database,
            mail: MailServer::start().unwrap(),
            folder: Folder::create().unwrap(),
            programs: Vec::new(),
        };
        for (binary, name) in [
            ("agent", "web-1"),
            ("monitor", "mon-1"),
            ("monitor", "mon-2"),
        ] {
            let program = cluster.start(binary, name);
            cluster.programs.push(program);
        }
        cluster
    }

    fn start(&self, binary: &str, name: &str) -> Process {
        let mut command: Command = leashed(program(binary).unwrap());
        command
            .arg("start")
            .current_dir(self.folder.path())
            .env("CARILLON_DATABASE__URL", &self.database.url)
            .env("CARILLON_NODE__NAME", name)
            .env("CARILLON_NODE__DATA_DIR", self.folder.join(name))
            .env("CARILLON_ADMIN__PUBLIC_URL", "https://carillon.example.org")
            .env("CARILLON_MAIL__SMTP_URL", self.mail.url())
            .env("CARILLON_MAIL__FROM", "carillon@example.org")
            .env("CARILLON_MAIL__TO", "ops@example.org");
        let log = self.folder.join(format!("{name}.log"));
        Process::start(name, command, Path::new(&log)).unwrap()
    }

    async fn job(&self, name: &str, command: &str) -> Job {
        let mut spec = JobSpec::default();
        command.clone_into(&mut spec.launch.command);
        let draft = JobDraft {
            name: name.parse().unwrap(),
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
        self.store.create_job(&draft, &editor()).await.unwrap()
    }

    /// A job that writes down what it is told, one line a start, and then ends as asked.
    async fn pager(&self, name: &str, end: &str) -> (Job, PathBuf) {
        let told = self.folder.join(format!("{name}.told"));
        let command = format!(
            "printf '%s|' \"$CARILLON_PARAM_STATE\" \"$CARILLON_PARAM_RULE\" \"$CARILLON_PARAM_JOB\" \
             \"$CARILLON_PARAM_HEADLINE\" \"$CARILLON_PARAM_LINK\" >> {0}; echo >> {0}; {end}",
            told.display()
        );
        (self.job(name, &command).await, told)
    }

    async fn run(&self, job: &Job) {
        let request = RunRequest {
            job: job.id,
            node: None,
            parameters: Parameters::default(),
            key: None,
            repeats: None,
            patience: SignedDuration::from_mins(10),
        };
        self.store.request_run(&request, &editor()).await.unwrap();
    }

    /// How many runs of the job there are.
    async fn runs(&self, job: &Job) -> usize {
        let filter = RunFilter {
            job: Some(job.id),
            ..RunFilter::default()
        };
        self.store.runs(&filter, 100).await.unwrap().len()
    }

    /// The last delivery to the job, once it has ended.
    async fn ended_delivery(&self, job: &Job) -> DeliveryRecord {
        wait_until_async("the delivery to end", SOON, async || {
            let last = self.store.deliveries_to_job(job.id, 1).await.ok()?;
            last.into_iter().find(|one| one.ended_at.is_some())
        })
        .await
    }

    async fn let_start(&self, job: &Job, user: Option<UserId>, name: &str) {
        let editor = Editor::program(name);
        let added = self.store.add_command_channel(job.id, user, &editor);
        added.await.unwrap();
    }

    async fn user(&self, name: &str, role: Role) -> UserId {
        let grants = [Grant {
            role,
            scope: Scope::Everywhere,
        }];
        let editor = editor();
        let made = self
            .store
            .create_user(name, "$argon2id$none", &grants, &editor);
        made.await.unwrap()
    }
}

fn editor() -> Editor {
    Editor::program("test")
}

fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_starts_the_job_once_however_often_it_is_delivered() {
    let cluster = Cluster::open().await;
    // A name that a shell would obey.
    let broken = cluster
        .job("backup $(touch /tmp/obeyed) `id`", "exit 3")
        .await;
    let (pager, told) = cluster.pager("pager", "true").await;
    let store = &cluster.store;
    cluster.let_start(&pager, None, "test").await;

    cluster.run(&broken).await;
    let delivery = cluster.ended_delivery(&pager).await;
    wait_until_async("the command to be told", SOON, async || {
        (lines(&told).len() == 1).then_some(())
    })
    .await;
    // As if the monitor that asked for the run had died before it wrote that down.
    let undo = format!(
        "update deliveries set state = 'waiting', ended_at = null, result = '', try_at = 1 where id = {}",
        delivery.id
    );
    cluster.database.query(&undo).unwrap();
    let again = wait_until_async("the second delivery", SOON, async || {
        let last = store.deliveries_to_job(pager.id, 1).await.ok()?.remove(0);
        (last.attempts == 2 && last.ended_at.is_some()).then_some(last)
    })
    .await;

    assert_eq!(delivery.destination.channel, Channel::Command);
    assert_eq!(delivery.state, DeliveryState::Sent);
    let run = store
        .run(delivery.result.parse().unwrap())
        .await
        .unwrap()
        .run;
    assert_eq!(run.tick.job, pager.id);
    assert_eq!(run.requested_by.as_deref(), Some("monitor for test"));
    assert_eq!(again.result, delivery.result);
    assert_eq!(cluster.runs(&pager).await, 1);
    let name = broken.draft.name.as_str();
    let line = &lines(&told)[0];
    assert!(
        line.starts_with(&format!("opened|job_failed|{name}|")),
        "{line}"
    );
    assert!(
        line.contains("https://carillon.example.org/runs/"),
        "{line}"
    );
    assert_eq!(cluster.mail.wait_for_mails(1, SOON).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_fail_start_neither_themselves_nor_each_other() {
    let cluster = Cluster::open().await;
    let (one, told_one) = cluster.pager("one", "exit 1").await;
    let (two, told_two) = cluster.pager("two", "exit 1").await;
    for job in [&one, &two] {
        cluster.let_start(job, None, "test").await;
    }
    let broken = cluster.job("backup", "exit 3").await;

    cluster.run(&broken).await;
    // Of the backup, and of both commands, which fail.
    let mails = cluster.mail.wait_for_mails(3, SOON);
    // Whatever they would have started is told before this.
    let witness = cluster.job("witness", "exit 3").await;
    cluster.run(&witness).await;
    wait_until_async("both to be told of the witness", SOON, async || {
        (lines(&told_one).len() >= 2 && lines(&told_two).len() >= 2).then_some(())
    })
    .await;

    assert_eq!(mails.len(), 3);
    for (job, told) in [(&one, &told_one), (&two, &told_two)] {
        let lines = lines(told);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines[0].contains("|backup|") && lines[1].contains("|witness|"),
            "{lines:?}"
        );
        assert_eq!(cluster.runs(job).await, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_started_only_while_whoever_let_it_still_may() {
    let cluster = Cluster::open().await;
    let (kept, _) = cluster.pager("kept", "true").await;
    let (barred, told) = cluster.pager("barred", "true").await;
    let store = &cluster.store;
    cluster.user("root", Role::Owner).await;
    let ann = cluster.user("ann", Role::Operator).await;
    let bob = cluster.user("bob", Role::Operator).await;
    cluster.let_start(&kept, Some(ann), "ann").await;
    cluster.let_start(&barred, Some(bob), "bob").await;
    let viewer = [Grant {
        role: Role::Viewer,
        scope: Scope::Everywhere,
    }];
    store.set_grants(bob, &viewer, &editor()).await.unwrap();
    let broken = cluster.job("backup", "exit 3").await;

    cluster.run(&broken).await;
    let started = cluster.ended_delivery(&kept).await;
    let refused = cluster.ended_delivery(&barred).await;

    assert_eq!(started.state, DeliveryState::Sent);
    assert_eq!(refused.state, DeliveryState::GivenUp);
    assert!(
        refused.result.contains("bob may no longer"),
        "{}",
        refused.result
    );
    assert_eq!(cluster.runs(&barred).await, 0);
    assert_eq!(lines(&told).len(), 0);
}
