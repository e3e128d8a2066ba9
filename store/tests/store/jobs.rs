//! Edits of jobs, their history, and what agents and people read of them.

use carillon_core::identity::GroupId;
use carillon_core::overlap::Overlap;
use carillon_store::{
    AuditFilter, FeedItem, Imported, ImportedJob, JobChange, JobCursor, JobFilter, StoreError,
};

use crate::on_both;
use crate::world::{draft, editor};

on_both! {
    async fn a_concurrent_edit_is_told_the_version_there_is(mut world) {
        let job = world.job("a", Overlap::Skip).await;
        world.store.change_job(job.id, 1, &JobChange::Disable, &editor()).await.unwrap();

        let error = world.store.change_job(job.id, 1, &JobChange::Enable, &editor()).await.unwrap_err();

        assert!(matches!(error, StoreError::Conflict { expected: 1, current: 2 }), "{error}");
    }

    async fn every_edit_is_kept_and_logged(mut world) {
        let job = world.job("a", Overlap::Skip).await;
        let mut new = draft("b", Overlap::Allow(2));
        new.description = "二".to_owned();
        let edited = world.store.change_job(job.id, 1, &JobChange::Replace(Box::new(new.clone())), &editor()).await.unwrap();

        let versions = world.store.job_versions(job.id).await.unwrap();
        let filter = AuditFilter { object: Some(format!("job {}", job.id)), ..AuditFilter::default() };
        let log = world.store.audit_entries(&filter, 10).await.unwrap();

        assert_eq!(edited.draft, new);
        assert_eq!(versions.iter().map(|version| version.version).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(versions[1].valid_until, Some(versions[0].valid_from));
        assert_eq!(versions[0].valid_from, edited.valid_from);
        assert_eq!(log.iter().map(|entry| entry.verb.as_str()).collect::<Vec<_>>(), ["edit job", "create job"]);
        assert!(log[0].before.as_ref().unwrap().contains("\"a\"") && log[0].after.as_ref().unwrap().contains("二"));
    }

    async fn a_name_is_taken_once_in_its_group_until_its_job_is_deleted(mut world) {
        let job = world.job("a", Overlap::Skip).await;
        let taken = world.store.create_job(&draft("a", Overlap::Skip), &editor()).await.unwrap_err();
        let other = world.store.create_group("other", "", &editor()).await.unwrap();
        let mut elsewhere = draft("a", Overlap::Skip);
        elsewhere.group = other;

        assert!(matches!(taken, StoreError::NameTaken(name) if name == "a"));
        world.store.create_job(&elsewhere, &editor()).await.unwrap();
        world.store.change_job(job.id, 1, &JobChange::Delete, &editor()).await.unwrap();
        world.store.create_job(&draft("a", Overlap::Skip), &editor()).await.unwrap();
        let restored = world.store.change_job(job.id, 2, &JobChange::Restore, &editor()).await;
        assert!(matches!(restored, Err(StoreError::NameTaken(_))));
    }

    async fn deleted_jobs_are_listed_by_when_they_were_deleted(mut world) {
        let mut jobs = Vec::new();
        for name in ["a", "b", "c"] {
            jobs.push(world.job(name, Overlap::Skip).await);
        }
        for job in [&jobs[1], &jobs[0]] {
            world.store.change_job(job.id, 1, &JobChange::Delete, &editor()).await.unwrap();
        }

        let all = world.store.deleted_jobs(None, None, 9).await.unwrap();
        let place = (all[0].job.as_ref().unwrap().deleted_at.unwrap(), all[0].id);
        let rest = world.store.deleted_jobs(Some(&[jobs[0].draft.group]), Some(place), 9).await.unwrap();
        let none = world.store.deleted_jobs(Some(&[]), None, 9).await.unwrap();
        let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
        let living = world.store.jobs_of(&ids).await.unwrap();

        assert_eq!(all.iter().map(|job| job.id).collect::<Vec<_>>(), [ids[0], ids[1]]);
        assert_eq!(rest.iter().map(|job| job.id).collect::<Vec<_>>(), [ids[1]]);
        assert!(none.is_empty());
        assert_eq!(living.iter().map(|job| job.id).collect::<Vec<_>>(), [ids[2]]);
    }

    async fn a_job_without_a_group_is_refused(world) {
        let mut lost = draft("a", Overlap::Skip);
        lost.group = GroupId(99);

        let error = world.store.create_job(&lost, &editor()).await.unwrap_err();

        assert!(matches!(error, StoreError::NotFound { what: "group", .. }), "{error}");
    }

    async fn the_feed_gives_each_changed_job_once(mut world) {
        let mut jobs = Vec::new();
        for number in 0..5 {
            jobs.push(world.job(&format!("job {number}"), Overlap::Skip).await);
        }
        let mut cursor = JobCursor::default();
        let mut seen = Vec::new();
        loop {
            let page = world.store.jobs_changed_since(cursor, 2).await.unwrap();
            seen.extend(page.items);
            cursor = page.next;
            if page.is_last { break }
        }
        assert_eq!(seen.len(), 5);

        world.store.change_job(jobs[1].id, 1, &JobChange::Disable, &editor()).await.unwrap();
        world.store.change_job(jobs[3].id, 1, &JobChange::Delete, &editor()).await.unwrap();
        let page = world.store.jobs_changed_since(cursor, 10).await.unwrap();

        assert!(matches!(&page.items[0], FeedItem::Current(job) if job.id == jobs[1].id && !job.draft.enabled));
        assert_eq!(page.items[1], FeedItem::Gone(jobs[3].id));
        assert_eq!(page.items.len(), 2);
        assert!(world.store.jobs_changed_since(page.next, 10).await.unwrap().items.is_empty());
    }

    async fn a_corrupt_row_does_not_stop_the_others(mut world) {
        let bad = world.job("bad", Overlap::Skip).await;
        let good = world.job("good", Overlap::Skip).await;
        world.sql(&format!("update jobs set spec = '{{\"no\": 1}}' where id = {}", bad.id)).await;

        let page = world.store.jobs_changed_since(JobCursor::default(), 10).await.unwrap();

        assert!(matches!(&page.items[0], FeedItem::Corrupt { job, error, .. } if *job == bad.id && error.column == "spec"));
        assert!(matches!(&page.items[1], FeedItem::Current(job) if job.id == good.id));
        assert!(matches!(world.store.job(bad.id).await, Err(StoreError::Corrupt(_))));
        let mended = JobChange::Replace(Box::new(draft("bad", Overlap::Skip)));
        world.store.change_job(bad.id, 1, &mended, &editor()).await.unwrap();
    }

    async fn importing_twice_changes_nothing(world) {
        let lines: Vec<_> = (0..3).map(|line| ImportedJob {
            key: format!("crontab:{line}"),
            draft: draft(&format!("line {line}"), Overlap::Skip),
        }).collect();

        let first = world.store.import_jobs("crontab", &lines, &editor()).await.unwrap();
        let again = world.store.import_jobs("crontab", &lines, &editor()).await.unwrap();

        assert!(first.iter().all(|imported| matches!(imported, Imported::Created(id) if id.0 > 0)));
        assert!(again.iter().all(|imported| matches!(imported, Imported::Known(_))));
        let page = world.store.jobs_changed_since(JobCursor::default(), 10).await.unwrap();
        assert_eq!(page.items.len(), 3);
        let Imported::Created(id) = first[0] else { panic!("{first:?}") };
        assert_eq!(world.store.job_versions(id).await.unwrap().len(), 1);
    }

    async fn an_import_remembers_what_it_made(world) {
        let line = ImportedJob { key: "crontab:a".to_owned(), draft: draft("a", Overlap::Skip) };
        world.store.import_jobs("crontab", &[line], &editor()).await.unwrap();
        let made = world.store.imports_of("crontab").await.unwrap().remove(0);

        let mut edited = made.current.clone();
        edited.schedule.expression = "5 * * * *".to_owned();
        let reimport = JobChange::Reimport { draft: Box::new(edited.clone()), key: "crontab:b".to_owned() };
        world.store.change_job(made.job, made.version, &reimport, &editor()).await.unwrap();
        world.store.change_job(made.job, 2, &JobChange::Disable, &editor()).await.unwrap();
        let now = world.store.imports_of("crontab").await.unwrap();

        assert_eq!((made.version, &made.current, made.key.as_str()), (1, &made.imported, "crontab:a"));
        assert_eq!((now[0].version, now[0].key.as_str(), &now[0].imported), (3, "crontab:b", &edited));
        assert!(!now[0].current.enabled && now.len() == 1);
        assert!(world.store.imports_of("another").await.unwrap().is_empty());
    }

    async fn an_import_says_which_name_is_taken(mut world) {
        world.job("second", Overlap::Skip).await;
        let lines: Vec<_> = ["first", "second", "third"].iter().map(|name| ImportedJob {
            key: format!("crontab:{name}"),
            draft: draft(name, Overlap::Skip),
        }).collect();

        let refused = world.store.import_jobs("crontab", &lines, &editor()).await.unwrap_err();

        assert!(matches!(refused, StoreError::NameTaken(name) if name == "second"));
        assert!(world.store.imports_of("crontab").await.unwrap().is_empty());
    }

    async fn jobs_are_listed_by_name_page_by_page(mut world) {
        for name in ["c", "a", "b"] {
            world.job(name, Overlap::Skip).await;
        }
        let first = world.store.jobs(&JobFilter::default(), 2).await.unwrap();
        let last = first[1].job.as_ref().unwrap();
        let filter = JobFilter { after: Some((last.draft.name.to_string(), last.id)), ..JobFilter::default() };
        let rest = world.store.jobs(&filter, 2).await.unwrap();

        let names = |jobs: &[carillon_store::ListedJob]| jobs.iter().map(|job| job.job.as_ref().unwrap().draft.name.to_string()).collect::<Vec<_>>();
        assert_eq!((names(&first), names(&rest)), (vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]));
        let nothing = JobFilter { groups: Some(vec![GroupId(7)]), ..JobFilter::default() };
        assert!(world.store.jobs(&nothing, 2).await.unwrap().is_empty());
        let found = JobFilter { groups: Some(vec![GroupId(1)]), text: Some("B".to_owned()), enabled: Some(true), ..JobFilter::default() };
        assert!(names(&world.store.jobs(&found, 5).await.unwrap()).contains(&"b".to_owned()));
    }
}
