//! A backup is all that was there, at one moment, and comes back whole or not at all.

use std::collections::BTreeSet;

use carillon_core::access::{Grant, Role, Scope};
use carillon_core::launch::Stream;
use carillon_core::overlap::Overlap;
use carillon_core::run::Outcome;
use carillon_store::{
    BackupScope, JobChange, NewToken, OutputChunk, RestoreError, RestoreOptions, Restored, Store,
};
use jiff::SignedDuration;
use serde_json::Value;

use crate::on_both;
use crate::world::{World, editor, ended};

const CAREFUL: RestoreOptions = RestoreOptions {
    replaces: false,
    forgets_gap: false,
};

async fn backup(store: &Store, scope: BackupScope) -> String {
    let mut text = Vec::new();
    store
        .write_backup(scope, &mut text, &mut |_| {})
        .await
        .unwrap();
    String::from_utf8(text).unwrap()
}

async fn restore(
    store: &Store,
    text: &str,
    options: RestoreOptions,
) -> Result<Restored, RestoreError> {
    let mut input = text.as_bytes();
    store
        .restore_backup(&mut input, options, &editor(), &mut |_| {})
        .await
}

/// The rows of a backup, each with its table; without the deed of restoring, which is only in the copy.
fn rows(backup: &str) -> Vec<(String, Vec<Value>)> {
    let mut table = String::new();
    let mut rows = Vec::new();
    for line in backup.lines().skip(1) {
        match serde_json::from_str(line).unwrap() {
            Value::Object(opening) => {
                table = opening.get("table").unwrap_or(&Value::Null).to_string()
            }
            Value::Array(row) => rows.push((table.clone(), row)),
            other => panic!("{other}"),
        }
    }
    rows.retain(|(_, row)| !row.contains(&"restore backup".into()));
    rows
}

/// A cell of the first row of a table.
fn cell(backup: &str, table: &str, column: &str) -> Value {
    let is_it = |line: &&str| line.contains(&format!("{{\"table\":\"{table}\""));
    let mut lines = backup.lines().skip_while(|line| !is_it(line));
    let opening: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let columns = opening["columns"].as_array().unwrap();
    let place = columns.iter().position(|named| named[0] == column).unwrap();
    let row: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    row[place].clone()
}

/// One of everything that people notice, with texts and bytes that are hard to carry.
async fn populate(world: &mut World) {
    let store = world.store.clone();
    let job = world.job("Glocke 鐘 \"\\\n", Overlap::Allow(9)).await;
    let job = store
        .change_job(job.id, job.version, &JobChange::Disable, &editor())
        .await
        .unwrap();
    store
        .change_job(job.id, job.version, &JobChange::Enable, &editor())
        .await
        .unwrap();
    let everywhere = Grant {
        role: Role::Owner,
        scope: Scope::Everywhere,
    };
    store
        .create_user("Ana", "$argon2id$x", &[everywhere], &editor())
        .await
        .unwrap();
    let user = store.sign_in_facts("ana").await.unwrap().unwrap().user;
    let token = NewToken {
        secret_hash: [255; 32],
        user,
        name: "t".to_owned(),
        scope: None,
        lasts: None,
    };
    store.create_token(&token, &editor()).await.unwrap();
    let claimant = world.node("a").await;
    let job = store.job(job.id).await.unwrap();
    let (ended_run, living_run) = {
        let fire_time = world.soon().await;
        let later = fire_time + SignedDuration::from_micros(1);
        (world.request(&job, fire_time), world.request(&job, later))
    };
    store
        .claim(claimant, &[ended_run, living_run])
        .await
        .unwrap();
    store
        .report(&[ended(&ended_run, Outcome::Failed)])
        .await
        .unwrap();
    let chunk = OutputChunk {
        tick: ended_run.tick,
        attempt: 1,
        number: 0,
        stream: Stream::Stderr,
        offset: 0,
        written_at: ended_run.tick.fire_time,
        content: (0..=255).collect(),
    };
    store.append_output(&[chunk]).await.unwrap();
    // More than goes into one insert, and not a multiple of it.
    for number in 0..123 {
        world.sql(&format!("insert into notices (made_at, fire_time, job_id, kind, slot, outcome) values ({number}, 1, 1, 0, 0, 'failed')")).await;
    }
}

/// A file during whose writing somebody else changes the database, once.
struct Meddled<'w> {
    world: &'w World,
    text: Vec<u8>,
    is_done: bool,
}

impl std::io::Write for Meddled<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.text.extend(bytes);
        if !self.is_done && self.text.ends_with(b"]\n") {
            self.is_done = true;
            let meddling = self.world.sql("delete from notices");
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(meddling));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An empty database of the other kind.
async fn elsewhere(world: &World) -> World {
    match world.database {
        Some(_) => World::sqlite().await,
        None => World::mariadb().await,
    }
}

on_both! {
    async fn backup_of_the_copy_is_the_backup(mut world) {
        populate(&mut world).await;
        let other = elsewhere(&world).await;
        let first = backup(&world.store, BackupScope::Everything).await;

        let restored = restore(&other.store, &first, CAREFUL).await.unwrap();
        let second = backup(&other.store, BackupScope::Everything).await;

        assert_eq!(restored.rows, rows(&first).len() as u64);
        assert_eq!(rows(&first), rows(&second));
        for table in ["jobs", "job_versions", "users", "grants", "api_tokens", "nodes", "runs", "run_outputs", "audit_log"] {
            assert!(rows(&first).iter().any(|(name, _)| *name == format!("\"{table}\"")), "{table}");
        }
        // The copy goes on where the original stopped: numbers that it gives are new ones.
        other.store.ensure_group("new", &editor()).await.unwrap();
        other.store.create_user("Ben", "$argon2id$y", &[], &editor()).await.unwrap();
    }

    async fn backup_is_of_one_moment(mut world) {
        populate(&mut world).await;
        let before = backup(&world.store, BackupScope::Everything).await;
        let mut file = Meddled { world: &world, text: Vec::new(), is_done: false };

        world.store.write_backup(BackupScope::Everything, &mut file, &mut |_| {}).await.unwrap();

        let after = backup(&world.store, BackupScope::Everything).await;
        assert_eq!(rows(&before), rows(&String::from_utf8(file.text).unwrap()));
        assert!(rows(&after).len() + 123 <= rows(&before).len());
    }

    async fn backup_without_history_does_not_bring_back_what_ran(mut world) {
        populate(&mut world).await;
        let other = elsewhere(&world).await;
        let text = backup(&world.store, BackupScope::WithoutHistory).await;

        let restored = restore(&other.store, &text, CAREFUL).await.unwrap();
        let copy = backup(&other.store, BackupScope::Everything).await;

        assert!(!text.contains("\"runs\"") && !text.contains("\"nodes\""));
        for column in ["audited_until", "closed_until"] {
            assert_eq!(cell(&copy, "cluster", column), restored.made_at.as_microsecond(), "{column}");
        }
    }

    async fn gap_is_forgotten_only_when_it_was_said(mut world) {
        populate(&mut world).await;
        let other = elsewhere(&world).await;
        let text = backup(&world.store, BackupScope::Everything).await;

        restore(&other.store, &text, CAREFUL).await.unwrap();
        let kept = backup(&other.store, BackupScope::Everything).await;
        let options = RestoreOptions { replaces: true, forgets_gap: true };
        other.sql("update nodes set last_beat_at = 1").await;
        let restored = restore(&other.store, &text, options).await.unwrap();
        let forgotten = backup(&other.store, BackupScope::Everything).await;

        assert_eq!(cell(&kept, "cluster", "audited_until"), cell(&text, "cluster", "audited_until"));
        for column in ["audited_until", "closed_until"] {
            assert!(cell(&forgotten, "cluster", column).as_i64() > Some(restored.made_at.as_microsecond()));
        }
    }

    async fn database_with_something_in_it_is_left_alone(mut world) {
        let other = elsewhere(&world).await;
        let text = backup(&other.store, BackupScope::Everything).await;
        world.job("a", Overlap::Skip).await;
        let before = backup(&world.store, BackupScope::Everything).await;

        let refused = restore(&world.store, &text, CAREFUL).await.unwrap_err();

        assert!(matches!(&refused, RestoreError::NotEmpty(what) if what == "jobs"), "{refused}");
        assert_eq!(rows(&before), rows(&backup(&world.store, BackupScope::Everything).await));
    }

    async fn nothing_is_replaced_under_a_living_node(mut world) {
        world.node("web-1").await;
        let text = backup(&world.store, BackupScope::Everything).await;
        let options = RestoreOptions { replaces: true, forgets_gap: false };

        let refused = restore(&world.store, &text, options).await.unwrap_err();
        world.sql("update nodes set last_beat_at = 1").await;
        let replaced = restore(&world.store, &text, options).await;

        assert!(matches!(&refused, RestoreError::Alive(node) if node == "web-1"), "{refused}");
        replaced.unwrap();
    }

    async fn torn_or_foreign_backup_changes_nothing(mut world) {
        populate(&mut world).await;
        let other = elsewhere(&world).await;
        let text = backup(&world.store, BackupScope::Everything).await;
        let before = backup(&other.store, BackupScope::Everything).await;
        let lines: Vec<&str> = text.lines().collect();
        let without = |line: usize| [&lines[..line], &lines[line + 1..]].concat().join("\n") + "\n";
        let runs = lines.iter().position(|line| line.contains("{\"table\":\"runs\"")).unwrap();
        let torn = [
            (String::new(), "ends before its last line"),
            ("{}\n".to_owned(), "is no backup"),
            (lines[..runs + 2].join("\n") + "\n", "ends before its last line"),
            (text[..text.len() / 2].to_owned(), "ends before its last line"),
            (text[..text.len() - 1].to_owned(), "ends before its last line"),
            (without(lines.len() - 1), "ends before its last line"),
            (without(runs + 1), "no row of runs"),
            (without(runs), "neither a table nor the end"),
            (text.replacen("\"schema\":", "\"schema\":99", 1), "upgrade this program"),
            (text.replacen("{\"table\":\"runs\"", "{\"table\":\"races\"", 1), "no table \"races\""),
            (text.replacen("[\"closed_until\",", "[\"shut_until\",", 1), "no such column \"shut_until\""),
            (text.replacen("rows_of_all_tables\":", "rows_of_all_tables\":9", 1), "rows and there are"),
        ];

        for (text, words) in torn {
            let refused = restore(&other.store, &text, CAREFUL).await.unwrap_err().to_string();
            assert!(refused.contains(words) && refused.contains("nothing was restored"), "{words}: {refused}");
        }

        assert_eq!(rows(&before), rows(&backup(&other.store, BackupScope::Everything).await));
    }
}

/// Who adds a table decides here whether backups hold it.
#[tokio::test]
async fn every_table_is_in_a_backup_or_left_out_on_purpose() {
    let world = World::mariadb().await;
    let text = backup(&world.store, BackupScope::Everything).await;
    let openings = text.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        Some(line.get("table")?.as_str()?.to_owned())
    });
    let left_out = [
        "sessions",
        "sign_in_failures",
        "monitors",
        "pings",
        "job_pings",
        "_sqlx_migrations",
        "schema_levels",
    ];
    let decided: BTreeSet<String> = openings.chain(left_out.map(str::to_owned)).collect();

    let tables = world.database.unwrap().query("show tables").unwrap();

    let tables: BTreeSet<String> = tables.lines().map(str::to_owned).collect();
    assert_eq!(tables, decided);
}
