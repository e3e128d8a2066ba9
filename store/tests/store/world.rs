//! A fresh store with what most tests need in it.

use carillon_core::claim::{BootId, ClaimRequest, Claimant};
use carillon_core::identity::GroupId;
use carillon_core::job::{Job, JobDraft, JobSpec, ScheduleText};
use carillon_core::overlap::Overlap;
use carillon_core::placement::Labels;
use carillon_core::run::{Conclusion, News, Outcome, Preference, Reason, Report, Trigger};
use carillon_core::schedule::DstRule;
use carillon_core::tick::Tick;
use carillon_core::token::{Token, TokenMint};
use carillon_store::{Editor, Registration, Store, StoreUrl};
use carillon_testbed::{Folder, mariadb_database, mysql9_database};
use jiff::{SignedDuration, Timestamp};

/// Runs a rule on every database: SQLite, MariaDB, and MySQL 9 where there is one.
#[macro_export]
macro_rules! on_both {
    ($(async fn $name:ident($($world:tt)+) $body:block)*) => {
        $(async fn $name($($world)+: $crate::world::World) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() { super::$name($crate::world::World::sqlite().await).await }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_mariadb() { super::$name($crate::world::World::mariadb().await).await }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_mysql9() {
                if let Some(world) = $crate::world::World::mysql9().await {
                    super::$name(world).await
                }
            }
        })*
    };
}

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) mint: TokenMint,
    pub(crate) url: String,
    pub(crate) database: Option<carillon_testbed::Database>,
    _folder: Option<Folder>,
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let (url, folder) = Self::empty_sqlite();
        Self::open(url, folder, None).await
    }

    pub(crate) async fn mariadb() -> Self {
        let database = mariadb_database().unwrap();
        Self::open(database.url.clone(), None, Some(database)).await
    }

    /// None where this machine has no MySQL 9.
    pub(crate) async fn mysql9() -> Option<Self> {
        let database = mysql9_database().unwrap()?;
        Some(Self::open(database.url.clone(), None, Some(database)).await)
    }

    /// In a database that a test has made itself.
    pub(crate) async fn on(url: &str) -> Self {
        Self::open(url.to_owned(), None, None).await
    }

    /// The address of a database without tables, and what keeps it alive.
    pub(crate) fn empty_sqlite() -> (String, Option<Folder>) {
        let folder = Folder::create().unwrap();
        let url = format!("sqlite:{}", folder.join("carillon.db").display());
        (url, Some(folder))
    }

    /// The same on a server.
    pub(crate) fn empty_mariadb() -> (String, Option<Folder>) {
        (mariadb_database().unwrap().url, None)
    }

    async fn open(
        url: String,
        folder: Option<Folder>,
        database: Option<carillon_testbed::Database>,
    ) -> Self {
        let store = Store::new(url.parse::<StoreUrl>().unwrap());
        store.migrate().await.unwrap();
        store.check_schema().await.unwrap();
        World {
            store,
            mint: TokenMint::new(0x5eed),
            url,
            database,
            _folder: folder,
        }
    }

    /// Another program's connection to the same store.
    pub(crate) fn another(&self) -> Store {
        Store::new(self.url.parse().unwrap())
    }

    pub(crate) async fn job(&mut self, name: &str, overlap: Overlap) -> Job {
        self.store
            .create_job(&draft(name, overlap), &editor())
            .await
            .unwrap()
    }

    /// A job that shares a concurrency key with others.
    pub(crate) async fn job_with_key(&mut self, name: &str, overlap: Overlap, key: &str) -> Job {
        let mut draft = draft(name, overlap);
        draft.spec.concurrency_key = Some(key.parse().unwrap());
        self.store.create_job(&draft, &editor()).await.unwrap()
    }

    pub(crate) async fn node(&mut self, name: &str) -> Claimant {
        let registration = registration(name, self.mint.mint());
        let registered = self.store.register_node(&registration).await.unwrap();
        Claimant {
            node: registered.node,
            boot: registration.boot,
        }
    }

    /// Breaks something behind the store's back.
    pub(crate) async fn sql(&self, sql: &str) {
        match &self.database {
            Some(database) => drop(database.query(sql).unwrap()),
            None => {
                let path = self.url.trim_start_matches("sqlite:");
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
                let sql = sqlx::AssertSqlSafe(sql.to_owned());
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            }
        }
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let sql = format!("select count(*) from {table}");
        match &self.database {
            Some(database) => database.query(&sql).unwrap().trim().parse().unwrap(),
            None => {
                let path = self.url.trim_start_matches("sqlite:");
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
                let count = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
                count.fetch_one(&mut connection).await.unwrap()
            }
        }
    }

    /// The first second after the store's present that no test has used: due, and not early.
    pub(crate) async fn soon(&self) -> Timestamp {
        self.store.now().await.unwrap() + SignedDuration::from_millis(20)
    }

    pub(crate) fn request(&mut self, job: &Job, fire_time: Timestamp) -> ClaimRequest {
        ClaimRequest {
            tick: Tick::scheduled(job.id, fire_time, 0),
            trigger: Trigger::Schedule,
            version: job.version,
            token: self.mint.mint(),
            start_until: fire_time + SignedDuration::from_secs(60),
        }
    }
}

pub(crate) fn editor() -> Editor {
    Editor::program("test")
}

pub(crate) fn draft(name: &str, overlap: Overlap) -> JobDraft {
    let spec = JobSpec {
        overlap,
        ..JobSpec::default()
    };
    JobDraft {
        name: name.parse().unwrap(),
        group: GroupId(1),
        description: String::new(),
        enabled: true,
        schedule: ScheduleText {
            expression: "* * * * * *".to_owned(),
            zone: "UTC".to_owned(),
            dst: DstRule::Cron,
        },
        spec,
    }
}

pub(crate) fn registration(name: &str, boot: Token) -> Registration {
    Registration {
        name: name.to_owned(),
        boot: BootId(boot),
        replaces: None,
        host_boot: "host life 1".to_owned(),
        host_booted_at: Timestamp::UNIX_EPOCH,
        labels: Labels::new(),
        running_max: 8,
        version: "0.1.0".to_owned(),
        tzdb_version: "2026a".to_owned(),
    }
}

pub(crate) fn ending(outcome: Outcome) -> Conclusion {
    Conclusion {
        outcome,
        exit_code: Some(if outcome == Outcome::Succeeded { 0 } else { 1 }),
        signal: None,
        reason: None,
        detail: None,
    }
}

/// The report that the run of `request` ended a second after its fire time.
pub(crate) fn ended(request: &ClaimRequest, outcome: Outcome) -> Report {
    let at = request.tick.fire_time;
    Report {
        tick: request.tick,
        token: request.token,
        news: News::Ended {
            started_at: Some(at),
            at: at + SignedDuration::from_secs(1),
            ending: ending(outcome),
        },
    }
}

pub(crate) fn started(request: &ClaimRequest) -> Report {
    Report {
        tick: request.tick,
        token: request.token,
        news: News::Started {
            at: request.tick.fire_time,
        },
    }
}

/// The report that nothing was started: anybody may have the run for a minute.
pub(crate) fn handed_back(request: &ClaimRequest) -> Report {
    Report {
        tick: request.tick,
        token: request.token,
        news: News::HandedBack {
            until: request.tick.fire_time + SignedDuration::from_secs(60),
            reason: Reason::SpawnRefused,
        },
    }
}

/// The report that an attempt failed and another is due at once, by whichever node.
pub(crate) fn retrying(request: &ClaimRequest, node: Preference) -> Report {
    let at = request.tick.fire_time;
    Report {
        tick: request.tick,
        token: request.token,
        news: News::Retrying {
            started_at: Some(at),
            at,
            ending: ending(Outcome::Failed),
            not_before: at,
            until: at + SignedDuration::from_secs(60),
            node,
        },
    }
}
