//! The audit log's chain: what was changed, taken out or cut off is named, and writers do not wait for it.

use carillon_core::overlap::Overlap;
use carillon_store::{AuditFilter, AuditVerb, BrokenSeal, Seal};

use crate::on_both;
use crate::world::{World, editor};

/// Writes so many entries and seals them.
async fn sealed(world: &World, entries: usize) -> Seal {
    for number in 0..entries {
        let object = format!("user {number}");
        world
            .store
            .log_deed(&editor(), AuditVerb::SignIn, &object)
            .await
            .unwrap();
    }
    let end = world.store.seal_audit_entries().await.unwrap().unwrap();
    assert_eq!(world.store.seal_audit_entries().await.unwrap(), None);
    end
}

/// The numbers of the entries, oldest first.
async fn ids(world: &World) -> Vec<i64> {
    let entries = world
        .store
        .audit_entries(&AuditFilter::default(), 500)
        .await
        .unwrap();
    entries.iter().rev().map(|entry| entry.id).collect()
}

async fn broken(world: &World, noted: Option<Seal>) -> Option<BrokenSeal> {
    world.store.verify_audit_chain(noted).await.unwrap().broken
}

on_both! {
    async fn a_log_that_nobody_touched_fits(mut world) {
        world.job("a", Overlap::Skip).await;
        let first = sealed(&world, 5).await;
        let end = sealed(&world, 3).await;
        world.store.log_deed(&editor(), AuditVerb::SignIn, "user 9").await.unwrap();

        let verdict = world.store.verify_audit_chain(Some(first)).await.unwrap();

        assert_eq!((verdict.end, verdict.unsealed, verdict.broken), (end, 1, None));
        assert_eq!(end.place, first.place + 3);
        assert_eq!(end.to_string().parse::<Seal>().unwrap(), end);
    }

    async fn a_changed_byte_is_named(mut world) {
        world.job("a", Overlap::Skip).await;
        sealed(&world, 6).await;
        let id = ids(&world).await[3];
        for column in ["actor", "verb", "object", "address", "before_text", "after_text"] {
            world.sql(&format!("update audit_log set {column} = concat(coalesce({column}, ''), 'x') where id = {id}")).await;

            assert_eq!(broken(&world, None).await, Some(BrokenSeal { place: 4, entry: Some(id) }), "{column}");

            let restored = match column {
                "address" | "before_text" | "after_text" => "null".to_owned(),
                _ => format!("substr({column}, 1, length({column}) - 1)"),
            };
            world.sql(&format!("update audit_log set {column} = {restored} where id = {id}")).await;
            assert_eq!(broken(&world, None).await, None, "{column}");
        }
        world.sql(&format!("update audit_log set made_at = made_at + 1 where id = {id}")).await;
        assert_eq!(broken(&world, None).await, Some(BrokenSeal { place: 4, entry: Some(id) }));
    }

    async fn a_deleted_entry_is_named(mut world) {
        world.job("a", Overlap::Skip).await;
        sealed(&world, 6).await;
        let all = ids(&world).await;
        world.sql(&format!("delete from audit_log where id = {}", all[2])).await;
        assert_eq!(broken(&world, None).await, Some(BrokenSeal { place: 3, entry: None }));
    }

    async fn a_chain_that_was_cut_off_or_made_anew_is_named(mut world) {
        world.job("a", Overlap::Skip).await;
        let end = sealed(&world, 6).await;
        let last = *ids(&world).await.last().unwrap();

        world.sql(&format!("delete from audit_log where id = {last}")).await;
        assert_eq!(broken(&world, None).await, Some(BrokenSeal { place: end.place, entry: None }));

        // Who can write to the whole database makes it fit again; what was noted elsewhere does not.
        world.sql("update audit_log set place = null, seal = null").await;
        world.sql(&format!("update audit_chain set place = 0, seal = {}", zeroes())).await;
        world.store.seal_audit_entries().await.unwrap();
        assert_eq!(broken(&world, None).await, None);
        assert_eq!(broken(&world, Some(end)).await, Some(BrokenSeal { place: end.place, entry: None }));
        sealed(&world, 1).await;
        assert_eq!(broken(&world, Some(end)).await.map(|broken| broken.place), Some(end.place));
    }

    async fn writers_and_sealers_at_once_make_one_chain(world) {
        let tasks = (0..4).map(|number| {
            let store = world.another();
            tokio::spawn(async move {
                for entry in 0..25 {
                    store.log_deed(&editor(), AuditVerb::SignIn, &format!("user {number}-{entry}")).await.unwrap();
                    store.seal_audit_entries().await.unwrap();
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }

        let verdict = world.store.verify_audit_chain(None).await.unwrap();

        assert_eq!((verdict.end.place, verdict.unsealed, verdict.broken), (100, 0, None));
    }
}

/// The seal before the first entry, as both databases write it.
fn zeroes() -> String {
    format!("x'{}'", "00".repeat(32))
}
