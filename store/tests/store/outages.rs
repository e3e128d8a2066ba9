//! A store that is gone, frozen or changed is noticed in time, and work goes on when it is back.

use std::time::{Duration, Instant};

use carillon_core::claim::ClaimAnswer::Won;
use carillon_core::overlap::Overlap;
use carillon_store::{
    BackupScope, Editor, RestoreOptions, SchemaError, SchemaFit, Store, StoreError, Unavailable,
};
use carillon_testbed::{MariaDb, wait_until_async};

use crate::on_both;
use crate::world::World;

/// Only a hang takes longer.
const SOON: Duration = Duration::from_secs(30);

/// The level of the tables, and so of this program: migrations are numbered from 1 without a gap.
async fn known_level(world: &World) -> i64 {
    world.count("_sqlx_migrations").await
}

/// A newer program has migrated; its tables say from which level on they may be worked with, or nothing.
async fn grow(world: &World, least_known: Option<i64>) {
    let step = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'newer', true, x'00', 0)";
    world.sql(step).await;
    if let Some(least) = least_known {
        world
            .sql(&format!(
                "insert into schema_levels (level, least_known) values (9999, {least})"
            ))
            .await;
    }
}

on_both! {
    async fn two_programs_may_migrate_at_once(world) {
        let (one, two) = (world.another(), world.another());
        let (one, two) = tokio::join!(one.migrate(), two.migrate());

        one.unwrap();
        two.unwrap();
        world.store.check_schema().await.unwrap();
    }

    async fn another_schema_is_refused_with_what_to_do(world) {
        world.sql("update _sqlx_migrations set version = version + 9000").await;
        let newer = world.store.check_schema().await.unwrap_err();
        world.sql("delete from _sqlx_migrations where version > 9001").await;
        world.sql("update _sqlx_migrations set version = version - 9000").await;
        let older = world.store.check_schema().await.unwrap_err();

        assert!(matches!(newer, StoreError::Schema(SchemaError::Newer { .. })), "{newer}");
        assert!(older.to_string().contains("run `admin migrate`"), "{older}");
    }

    async fn newer_tables_are_for_programs_that_they_say_know_enough(world) {
        let known = known_level(&world).await;
        grow(&world, None).await;
        let untold = world.store.check_schema().await.unwrap_err();
        world.sql(&format!("insert into schema_levels (level, least_known) values (9999, {known})")).await;
        let fit = world.store.check_schema().await.unwrap();
        world.store.migrate().await.unwrap();
        world.sql(&format!("update schema_levels set least_known = {} where level = 9999", known + 1)).await;
        let contracted = world.store.check_schema().await.unwrap_err();

        assert_eq!(fit, SchemaFit::Newer { found: 9999, known });
        for refusal in [untold, contracted] {
            assert!(matches!(refusal, StoreError::Schema(SchemaError::Newer { .. })), "{refusal}");
        }
    }

    async fn backups_and_their_return_need_a_program_that_knows_all_tables(world) {
        grow(&world, Some(known_level(&world).await)).await;

        let mut backup = Vec::new();
        let taken = world.store.write_backup(BackupScope::Everything, &mut backup, &mut |_| {}).await.unwrap_err();
        let editor = Editor::program("test");
        let options = RestoreOptions { replaces: true, forgets_gap: false };
        let restored = world.store.restore_backup(&mut &*backup, options, &editor, &mut |_| {}).await.unwrap_err();

        assert!(backup.is_empty());
        for refusal in [taken.to_string(), restored.to_string()] {
            assert!(refusal.contains("9999") && refusal.contains("use the newer `admin`"), "{refusal}");
        }
    }

    async fn tables_in_the_middle_of_a_migration_are_refused(world) {
        let known = known_level(&world).await;
        world.sql(&format!("update _sqlx_migrations set success = false where version = {known}")).await;

        let refusal = world.store.check_schema().await.unwrap_err();

        assert!(refusal.to_string().contains("is not finished; wait"), "{refusal}");
    }
}

#[tokio::test]
async fn two_programs_may_migrate_an_empty_database_at_once() {
    let databases = [World::empty_sqlite(), World::empty_mariadb()];
    for (url, _keep) in &databases {
        let stores = [url, url, url].map(|url| Store::new(url.parse().unwrap()));
        let (a, b, c) = tokio::join!(
            stores[0].migrate(),
            stores[1].migrate(),
            stores[2].migrate()
        );

        a.unwrap();
        b.unwrap();
        c.unwrap();
        stores[0].check_schema().await.unwrap();
    }
}

#[tokio::test]
async fn an_empty_database_is_refused_with_what_to_do() {
    for (url, _keep) in [World::empty_sqlite(), World::empty_mariadb()] {
        let error = Store::new(url.parse().unwrap())
            .check_schema()
            .await
            .unwrap_err();

        assert!(
            error.to_string().contains("the database is empty"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn whoever_is_not_let_in_is_told_what_to_mend() {
    let (url, _server) = World::empty_mariadb();
    let (_, place) = url.rsplit_once('@').unwrap();
    let (server, _) = place.split_once('/').unwrap();
    let (own, _) = url.rsplit_once('/').unwrap();
    let wrong_password = format!("mysql://nobody:sesame@{place}");
    let elsewhere = format!("{own}/not_there");
    for (url, cure) in [
        (wrong_password, "mend the user or the password"),
        (elsewhere, "create the database, and grant it"),
    ] {
        let error = Store::new(url.parse().unwrap()).now().await.unwrap_err();

        let said = error.to_string();
        assert!(said.contains(cure) && said.contains(server), "{said}");
        assert!(!said.contains("sesame"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_unavailable_at_once_and_used_again_when_it_is_back() {
    let mut server = MariaDb::start().unwrap();
    let database = server.create_database().unwrap();
    let mut world = World::on(&database.url).await;
    let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
    // Several connections, all of which the server forgets.
    let ask = || world.store.bulletin();
    let (a, b, c, d) = tokio::join!(ask(), ask(), ask(), ask());
    for answer in [a, b, c, d] {
        answer.unwrap();
    }
    let request = world.request(&job, world.soon().await);

    server.kill();
    let error = world.store.claim(claimant, &[request]).await.unwrap_err();
    assert!(error.is_unknown(), "{error}");

    server.restart().unwrap();
    let claimed = wait_until_async("the claim to be answered", SOON, async || {
        match world.store.claim(claimant, &[request]).await {
            Ok(claimed) => Some(claimed),
            Err(error) => {
                assert!(error.is_unknown(), "{error}");
                None
            }
        }
    });
    assert_eq!(claimed.await.answers, [Won]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_is_given_up_in_time_and_the_claim_can_be_repeated() {
    let mut server = MariaDb::start().unwrap();
    let database = server.create_database().unwrap();
    let mut world = World::on(&database.url).await;
    let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
    let request = world.request(&job, world.soon().await);

    server.pause();
    let asked = Instant::now();
    let error = world.store.claim(claimant, &[request]).await.unwrap_err();
    assert!(error.is_unknown(), "{error}");
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    server.resume();

    let answers = wait_until_async("the claim to be answered", SOON, async || {
        world.store.claim(claimant, &[request]).await.ok()
    });
    assert_eq!(answers.await.answers, [Won]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_server_counts_as_unavailable() {
    let server = MariaDb::start().unwrap();
    let database = server.create_database().unwrap();
    let world = World::on(&database.url).await;

    server.query("set global read_only = 1").unwrap();
    let error = world
        .store
        .ensure_group("new", &crate::world::editor())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Unavailable {
                why: Unavailable::ReadOnly
            }
        ),
        "{error}"
    );
    server.query("set global read_only = 0").unwrap();

    world
        .store
        .ensure_group("new", &crate::world::editor())
        .await
        .unwrap();
}
