//! What operators write, and what they are told about it.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

use std::path::PathBuf;
use std::time::Duration;

use carillon_lifecycle::config::{Config, KEYS, default_file};

struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn with(text: &str) -> Self {
        let file = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("carillon.toml")
    }
}

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let file = File::with(text);
    let environment: Vec<(String, String)> = environment
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    let folder = format!("{}/", file.folder.path().display());
    Config::load_from(Some(&file.path()), &environment)
        .map_err(|error| error.to_string().replace(&folder, ""))
}

fn complaint(text: &str, environment: &[(&str, &str)]) -> String {
    load(text, environment).unwrap_err()
}

#[test]
fn nothing_written_gives_the_defaults() {
    let config = Config::load_from(None, &[]).unwrap();

    assert_eq!(config.database.url, None);
    assert_eq!(config.node.max_running, 500);
    assert_eq!(config.node.data_dir, PathBuf::from("/var/lib/carillon"));
    assert_eq!(config.monitor.silent_after, Duration::from_secs(30));
    assert!(config.mail.to.is_empty());
}

#[test]
fn annotated_default_file_changes_nothing() {
    let mut config = load(&default_file(), &[]).unwrap();
    config.file = None;

    assert_eq!(config, Config::load_from(None, &[]).unwrap());
}

#[test]
fn annotated_file_is_valid_when_every_key_is_uncommented() {
    let mut text = String::new();
    for line in default_file().lines() {
        let key = line.strip_prefix("# ").filter(|rest| {
            KEYS.iter()
                .any(|key| rest.starts_with(&format!("{} = ", key.short_name())))
        });
        text.push_str(key.unwrap_or(line));
        text.push('\n');
    }

    let config = load(&text, &[]).unwrap();

    assert_eq!(config.node.name.as_deref(), Some("web-1"));
    assert_eq!(config.node.labels, ["role=web", "zone=b"]);
    assert_eq!(config.mail.to, ["ops@example.org"]);
}

#[test]
fn file_is_read_with_arrays_numbers_and_durations() {
    let text =
        "[node]\nlabels = ['a=b', 'c']\nmax_running = 7\n[monitor]\nremind_every = '1h30m'\n";

    let config = load(text, &[]).unwrap();

    assert_eq!(config.node.labels, ["a=b", "c"]);
    assert_eq!(config.node.max_running, 7);
    assert_eq!(config.monitor.remind_every, Duration::from_secs(5_400));
}

#[test]
fn environment_wins_and_separates_lists_by_commas() {
    let environment = [
        ("CARILLON_NODE__NAME", "b"),
        ("CARILLON_NODE__LABELS", "x=1, y"),
    ];

    let config = load("[node]\nname = 'a'\n", &environment).unwrap();

    assert_eq!(config.node.name.as_deref(), Some("b"));
    assert_eq!(config.node.labels, ["x=1", "y"]);
}

#[test]
fn names_without_two_underscores_are_not_configuration() {
    let environment = [
        ("CARILLON_JOB_ID", "7"),
        ("CARILLON_LOG", "debug"),
        ("OTHER__THING", "1"),
    ];

    assert!(load("", &environment).is_ok());
}

#[test]
fn secret_may_come_from_a_file_named_in_either_place() {
    let secret = File::with("mysql://me:sesame@db/c\n");
    let path = secret.path().display().to_string();

    let by_variable = load("", &[("CARILLON_DATABASE__URL_FILE", &path)]).unwrap();
    let by_key = load(&format!("[database]\nurl_file = '{path}'\n"), &[]).unwrap();

    assert_eq!(
        by_variable.database.url.unwrap().reveal(),
        "mysql://me:sesame@db/c"
    );
    assert_eq!(
        by_key.database.url.unwrap().reveal(),
        "mysql://me:sesame@db/c"
    );
}

#[test]
fn unknown_key_is_an_error_that_suggests_the_right_one() {
    assert_eq!(
        complaint("[node]\n\nnaem = 'a'\n", &[]),
        "carillon.toml:3: unknown key node.naem; did you mean node.name?"
    );
    assert_eq!(
        complaint("[nodes]\nname = 'a'\n", &[]),
        "carillon.toml:2: unknown key nodes.name; did you mean node.name?"
    );
    assert_eq!(
        complaint("listen = 1\n", &[]),
        "carillon.toml:1: unknown key listen; remove it; the sections are database, redis, node, \
         runner, output, admin, monitor, mail, retention"
    );
    assert_eq!(
        complaint("", &[("CARILLON_REDIS__ULR", "x")]),
        "CARILLON_REDIS__ULR is no known setting; did you mean CARILLON_REDIS__URL?"
    );
}

#[test]
fn wrong_value_is_shown_with_its_place_and_cure() {
    assert_eq!(
        complaint("[node]\nmax_running = 0\n", &[]),
        "carillon.toml:2: node.max_running \"0\" must be a whole number from 1 to 4294967295, such \
         as 500"
    );
    assert_eq!(
        complaint("", &[("CARILLON_MONITOR__SILENT_AFTER", "30")]),
        "CARILLON_MONITOR__SILENT_AFTER: monitor.silent_after: \"30\" is no duration; write a \
         number and its unit (ms, s, m, h or d), such as 10s, 5m or 1h30m"
    );
    assert_eq!(
        complaint("[admin]\nlisten = '7878'\n", &[]),
        "carillon.toml:2: admin.listen \"7878\" needs an address and a port, such as 127.0.0.1:7878"
    );
}

#[test]
fn wrong_secret_is_not_shown() {
    let complaint = complaint("[database]\nurl = 'me:sesame@db'\n", &[]);

    assert!(
        complaint.starts_with("carillon.toml:2: database.url is no URL"),
        "{complaint}"
    );
    assert!(!complaint.contains("sesame"), "{complaint}");
}

#[test]
fn passwords_are_not_in_the_debug_form_of_the_whole() {
    let config = load("[mail]\nsmtp_url = 'smtp://me:sesame@mail'\n", &[]).unwrap();

    assert!(!format!("{config:?}").contains("sesame"));
}

#[test]
fn every_problem_is_reported_at_once() {
    let environment = [("CARILLON_NODE__NAEM", "x")];

    let complaint = complaint("[node]\nmax_running = 'many'\nlabel = 'a'\n", &environment);

    assert_eq!(complaint.lines().count(), 3, "{complaint}");
}

#[test]
fn value_given_twice_is_an_error() {
    let secret = File::with("redis://a");
    let path = secret.path().display().to_string();
    let environment = [
        ("CARILLON_REDIS__URL", "redis://b"),
        ("CARILLON_REDIS__URL_FILE", &path),
    ];

    assert_eq!(
        complaint("", &environment),
        "CARILLON_REDIS__URL and CARILLON_REDIS__URL_FILE both set redis.url; keep one"
    );
}

#[test]
fn broken_file_is_named_with_the_line() {
    let complaint = complaint("[node]\nname = 'a\n", &[]);

    assert!(complaint.starts_with("carillon.toml:2: "), "{complaint}");
}

#[test]
fn missing_files_are_named() {
    let gone = PathBuf::from("/nonexistent/carillon.toml");
    let environment = [(
        "CARILLON_REDIS__URL_FILE".to_owned(),
        "/nonexistent/secret".to_owned(),
    )];

    let complaint = Config::load_from(Some(&gone), &environment)
        .unwrap_err()
        .to_string();

    assert!(
        complaint.contains("/nonexistent/carillon.toml cannot be read"),
        "{complaint}"
    );
    assert!(
        complaint.contains("CARILLON_REDIS__URL_FILE: the file /nonexistent/secret"),
        "{complaint}"
    );
}

#[test]
fn missing_database_says_how_to_give_one() {
    let complaint = Config::load_from(None, &[])
        .unwrap()
        .require_database_url()
        .unwrap_err();

    assert!(
        complaint.to_string().contains("CARILLON_DATABASE__URL"),
        "{complaint}"
    );
}

/// The annotated file with every setting in force, damaged at one place after the other.
#[test]
fn damaged_file_is_read_or_refused_in_words() {
    let whole = default_file().replace("\n# ", "\n").replace("\n#", "\n");
    let places: Vec<usize> = (0..whole.len())
        .filter(|&at| whole.is_char_boundary(at))
        .collect();

    // A prime, so that every kind of place is met.
    for &at in places.iter().step_by(13) {
        let rest = whole[at..]
            .chars()
            .next()
            .map_or("", |c| &whole[at + c.len_utf8()..]);
        for damaged in [
            whole[..at].to_owned(),
            format!("{}{rest}", &whole[..at]),
            format!("{}\u{0}{rest}", &whole[..at]),
            format!("{}\"{rest}", &whole[..at]),
        ] {
            if let Err(why) = load(&damaged, &[]) {
                assert!(!why.trim().is_empty(), "at {at}");
            }
        }
    }
}
