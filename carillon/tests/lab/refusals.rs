//! Bad input meets a clear sentence with the cure, and nothing is lost.

use std::time::Duration;

use carillon_testbed::{
    Folder, MariaDb, Redis, RedisOptions, free_port, mariadb_database, wait_until,
};

use crate::agent::call_agent;
use crate::rig::Lab;

const SOON: Duration = Duration::from_secs(60);

/// Settings of a node in a folder of its own, on a database nobody listens at unless told.
struct Node {
    folder: Folder,
    settings: Vec<(String, String)>,
}

impl Node {
    fn on(database_url: &str) -> Self {
        let folder = Folder::create().expect("the temporary folder can be written");
        let data_dir = folder.join("node").display().to_string();
        let mut node = Self {
            folder,
            settings: Vec::new(),
        };
        node.set("CARILLON_DATABASE__URL", database_url);
        node.set("CARILLON_NODE__DATA_DIR", &data_dir);
        node
    }

    fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Everything that `agent check` says; it must find something wrong.
    fn complaint(&self) -> String {
        let (code, output, errors) = call_agent(&self.settings, &["check"]);
        assert_eq!(code, 1, "{output}{errors}");
        format!("{output}{errors}")
    }
}

#[track_caller]
fn expect_words(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "{word:?} is missing in:\n{said}");
    }
}

#[test]
fn database_that_is_not_there_is_named_without_its_password() {
    let port = free_port().unwrap();
    let node = Node::on(&format!("mysql://me:sesame@127.0.0.1:{port}/carillon"));

    let said = node.complaint();

    expect_words(
        &said,
        &[
            "BAD     database",
            &format!("127.0.0.1:{port}"),
            "check that it is up",
        ],
    );
    assert!(!said.contains("sesame"), "{said}");
}

#[test]
fn wrong_password_of_the_database_is_told_as_such() {
    let database = mariadb_database().unwrap();
    let url = database
        .url
        .replace(&format!(":{}@", database.user), ":wrong-word@");

    let said = Node::on(&url).complaint();

    expect_words(&said, &["BAD     database", "Access denied"]);
    assert!(!said.contains("wrong-word"), "{said}");
}

#[test]
fn empty_database_needs_migrate() {
    let database = mariadb_database().unwrap();

    let said = Node::on(&database.url).complaint();

    expect_words(&said, &["the database is empty", "run `admin migrate`"]);
}

#[test]
fn schema_of_a_newer_program_is_refused() {
    let lab = Lab::with_jobs(1);
    let newer = "insert into _sqlx_migrations \
                 (version, description, success, checksum, execution_time) \
                 values (9999, 'from the future', true, x'00', 0)";
    lab.database.query(newer).unwrap();

    let said = Node::on(&lab.database.url).complaint();

    expect_words(&said, &["9999", "upgrade this program"]);
}

#[test]
fn read_only_database_is_recognised() {
    let lab = Lab::with_jobs(1);
    lab.mariadb.query("set global read_only = 1").unwrap();

    let said = Node::on(&lab.database.url).complaint();

    expect_words(&said, &["BAD     database", "read-only"]);
}

#[test]
fn careless_flush_setting_is_told() {
    let lab = Lab::with_jobs(1);
    lab.mariadb
        .query("set global innodb_flush_log_at_trx_commit = 0")
        .unwrap();

    let (code, said, errors) = call_agent(&Node::on(&lab.database.url).settings, &["check"]);

    // The protocol holds; only a crash of the server could lose something.
    assert_eq!(code, 0, "{said}{errors}");
    expect_words(
        &said,
        &["warning database", "innodb_flush_log_at_trx_commit = 0"],
    );
}

#[test]
fn wrong_password_of_redis_is_told_without_showing_it() {
    let password = Some("sesame".to_owned());
    let redis = Redis::start_with(RedisOptions {
        password,
        extra: Vec::new(),
    })
    .unwrap();
    let mut node = Node::on("sqlite:/nonexistent");
    node.set(
        "CARILLON_REDIS__URL",
        &format!("redis://:wrong-word@127.0.0.1:{}/", redis.port()),
    );

    let said = node.complaint();

    expect_words(&said, &["BAD     redis", "password"]);
    assert!(!said.contains("wrong-word"), "{said}");
}

#[test]
fn unknown_setting_is_told_with_the_right_one() {
    let mut node = Node::on("sqlite:/nonexistent");
    node.set("CARILLON_NODE__NAEM", "a");

    let said = node.complaint();

    expect_words(
        &said,
        &["CARILLON_NODE__NAEM", "did you mean CARILLON_NODE__NAME?"],
    );
}

#[test]
fn data_directory_that_cannot_be_made_is_named() {
    let mut node = Node::on("sqlite:/nonexistent");
    std::fs::write(node.folder.join("file"), "").unwrap();
    let inside_a_file = node.folder.join("file/node").display().to_string();
    node.settings.pop();
    node.set("CARILLON_NODE__DATA_DIR", &inside_a_file);

    let said = node.complaint();

    expect_words(
        &said,
        &["BAD     data directory", &inside_a_file, "node.data_dir"],
    );
}

#[test]
fn second_agent_in_the_same_folder_is_refused_and_the_first_goes_on() {
    let mut lab = Lab::with_jobs(1);
    lab.start_agents(1);

    let (code, _, said) = lab.agents[0].call(&["start"]);

    assert_ne!(code, 0);
    expect_words(&said, &["another agent", "node.data_dir"]);
    let before = lab.witness.starts().unwrap().len();
    lab.witness.wait_for_starts(before + 2, SOON);
}

#[test]
fn job_that_nobody_can_read_does_not_stop_the_others() {
    let mut lab = Lab::with_jobs(3);
    lab.database
        .query("update jobs set schedule = 'every full moon' where id = 1")
        .unwrap();

    lab.start_agents(1);

    let starts = lab.witness.wait_for_starts(4, SOON);
    assert!(starts.iter().all(|start| start.job != "1"));
}

#[test]
fn run_of_a_job_that_nobody_can_read_is_missed_and_says_why() {
    let mut lab = Lab::with_jobs(2);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let request = carillon_store::RunRequest {
        job: carillon_core::identity::JobId(1),
        node: None,
        parameters: carillon_core::parameters::Parameters::default(),
        key: None,
        repeats: None,
        patience: jiff::SignedDuration::from_secs(1),
    };
    runtime.block_on(async {
        let store = carillon_store::Store::new(lab.database.url.parse().unwrap());
        let editor = carillon_store::Editor::program("lab");
        store.request_run(&request, &editor).await.unwrap();
        store.close().await;
    });
    lab.database
        .query("update jobs set schedule = 'every full moon' where id = 1")
        .unwrap();

    lab.start_agents(1);

    let told = wait_until("the run to be decided", 4 * SOON, || {
        let sql = "select outcome, reason from runs where job_id = 1 and state = 'done'";
        let told = lab.database.query(sql).unwrap();
        (!told.is_empty()).then_some(told)
    });
    assert_eq!(told.trim_end(), "missed\tunreadable");
}

#[test]
fn latin1_server_keeps_names_of_jobs() {
    let options = carillon_testbed::MariaDbOptions {
        extra: vec![
            "--character-set-server=latin1".to_owned(),
            "--collation-server=latin1_swedish_ci".to_owned(),
        ],
        ..carillon_testbed::MariaDbOptions::default()
    };
    let server = MariaDb::start_with(options).unwrap();
    let database = server.create_database().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();

    let kept = runtime.block_on(async {
        let store = carillon_store::Store::new(database.url.parse().unwrap());
        store.migrate().await.unwrap();
        let editor = carillon_store::Editor::program("lab");
        store.ensure_group("备份 café", &editor).await.unwrap();
        store.groups().await.unwrap()
    });

    assert!(kept.iter().any(|group| group.name == "备份 café"));
}
