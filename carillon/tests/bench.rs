//! `carillon bench` as an operator sees it: figures of a trial that leaves nothing behind.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot arrange its world has failed"
)]

use std::path::Path;
use std::process::{Command, Output};

use carillon_testbed::{Folder, MariaDb, program};

/// Runs it in a folder where nothing else is, on this database.
fn bench(folder: &Folder, url: &str, words: &[&str]) -> Output {
    Command::new(program("carillon").unwrap())
        .arg("bench")
        .args(words)
        .env("CARILLON_DATABASE__URL", url)
        .env("TMPDIR", folder.path())
        .current_dir(folder.path())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect()
}

#[test]
fn trial_on_mariadb_is_measured_and_dropped() {
    let server = MariaDb::start().unwrap();
    let database = server.create_database().unwrap();
    let grant = format!(
        "grant all privileges on `carillon\\_trial\\_%`.* to '{}'@'%'",
        database.user
    );
    server.query(&grant).unwrap();
    let folder = Folder::create().unwrap();

    let output = bench(
        &folder,
        &database.url,
        &["--rates", "2,1", "--seconds", "3", "--json"],
    );

    assert!(output.status.success(), "{}", text(&output.stderr));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rates: Vec<_> = told["paces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pace| &pace["rate"])
        .collect();
    assert!(rates[0] == 1, "{told}");
    for pace in told["paces"].as_array().unwrap() {
        assert_eq!(pace["ticks"], 3 * pace["rate"].as_u64().unwrap());
    }
    assert!(told["round_trip_ms"].as_f64().unwrap() > 0.0, "{told}");
    assert_eq!(
        server
            .query("show databases like 'carillon%trial%'")
            .unwrap(),
        ""
    );
    assert_eq!(names(folder.path()), Vec::<String>::new());
    let tables = format!(
        "select count(*) from information_schema.tables where table_schema = '{}'",
        database.name
    );
    assert_eq!(
        server.query(&tables).unwrap().trim(),
        "0",
        "the configured database is not touched"
    );
}

#[test]
fn account_that_may_make_no_database_is_told_what_it_needs() {
    let server = MariaDb::start().unwrap();
    let database = server.create_database().unwrap();
    let folder = Folder::create().unwrap();

    let output = bench(&folder, &database.url, &["--seconds", "3"]);

    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("grant all privileges on `carillon\\_trial\\_%`"),
        "{said}"
    );
    assert!(!said.contains(&format!(":{}@", database.user)), "{said}");
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn trial_beside_a_file_tells_what_is_borne_and_leaves_nothing() {
    let folder = Folder::create().unwrap();
    let url = format!("sqlite:{}", folder.join("mine.db").display());

    let output = bench(&folder, &url, &["--rates", "2", "--seconds", "3"]);

    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    assert!(said.contains("ticks/s   late p50"), "{said}");
    assert!(said.contains("One agent on this machine bears"), "{said}");
    assert_eq!(names(folder.path()), Vec::<String>::new());
}
