//! Calendars, and how the jobs that keep to one follow its edits.

use carillon_core::calendar::{CalendarText, CalendarUse, OnBlackout};
use carillon_core::job::{Job, JobDraft};
use carillon_core::overlap::Overlap;
use carillon_store::{
    AuditFilter, Calendar, CalendarDraft, CalendarUses, HAND_ON_BATCH_MAX, ImportedJob, JobChange,
    Store, StoreError,
};

use crate::on_both;
use crate::world::{draft, editor};

fn described(name: &str, text: &str) -> CalendarDraft {
    CalendarDraft {
        name: name.parse().unwrap(),
        zone: "Europe/Berlin".to_owned(),
        text: CalendarText::parse(text).unwrap(),
    }
}

/// A draft that keeps to a calendar and knows nothing but its name, as an editor's.
fn keeping(job: &str, calendar: &str) -> JobDraft {
    let mut draft = draft(job, Overlap::Skip);
    draft.spec.calendar = Some(CalendarUse {
        name: calendar.parse().unwrap(),
        on_blackout: OnBlackout::Shift,
        zone: String::new(),
        rules: String::new(),
    });
    draft
}

async fn calendar(store: &Store, text: &str) -> Calendar {
    store
        .create_calendar(&described("holidays", text), &editor())
        .await
        .unwrap()
}

fn rules(job: &Job) -> &str {
    &job.draft.spec.calendar.as_ref().unwrap().rules
}

on_both! {
    async fn a_job_is_saved_with_the_rules_of_its_calendar(world) {
        calendar(&world.store, "# closed\n12-25  Christmas\n").await;

        let job = world.store.create_job(&keeping("a", "holidays"), &editor()).await.unwrap();
        let unknown = world.store.create_job(&keeping("b", "nowhere"), &editor()).await;

        let kept = job.draft.spec.calendar.as_ref().unwrap();
        assert_eq!((kept.zone.as_str(), kept.rules.as_str()), ("Europe/Berlin", "12-25  Christmas\n"));
        assert_eq!(kept.on_blackout, OnBlackout::Shift);
        assert!(matches!(unknown, Err(StoreError::NotFound { what: "calendar", .. })));
    }

    async fn jobs_follow_an_edited_calendar_in_batches_as_if_edited_by_hand(world) {
        let holidays = calendar(&world.store, "12-25\n").await;
        let count = u64::from(HAND_ON_BATCH_MAX) + 3;
        let jobs: Vec<_> = (0..count)
            .map(|i| ImportedJob { key: format!("line {i}"), draft: keeping(&format!("job {i}"), "holidays") })
            .collect();
        world.store.import_jobs("file", &jobs, &editor()).await.unwrap();
        let other = world.store.create_job(&draft("other", Overlap::Skip), &editor()).await.unwrap();
        let before = world.store.uses_of_calendar(holidays.id).await.unwrap();

        let edited = described("days off", "12-25\n12-26\n");
        world.store.change_calendar(holidays.id, 1, &edited, &editor()).await.unwrap();
        let first = world.store.hand_on_calendar(holidays.id, &editor()).await.unwrap();
        // As if the program had died here: somebody else finds what is left.
        let left = world.store.calendars_to_hand_on().await.unwrap();
        let second = world.store.hand_on_calendar(left[0].id, &editor()).await.unwrap();
        let third = world.store.hand_on_calendar(left[0].id, &editor()).await.unwrap();

        assert_eq!(before, CalendarUses { jobs: count, behind: 0 });
        assert_eq!((first.followed, first.behind), (u64::from(HAND_ON_BATCH_MAX), 3));
        assert_eq!((second.followed, second.behind), (3, 0));
        assert_eq!(third.followed, 0);
        assert!(world.store.calendars_to_hand_on().await.unwrap().is_empty());
        let follower = world.store.jobs_of_calendar(holidays.id, 1).await.unwrap().remove(0);
        let job = world.store.job(follower.id).await.unwrap();
        assert_eq!((job.version, rules(&job)), (2, "12-25\n12-26\n"));
        assert_eq!(job.draft.spec.calendar.as_ref().unwrap().name.as_str(), "days off");
        let versions = world.store.job_versions(job.id).await.unwrap();
        assert_eq!(versions.len(), 2);
        assert_eq!(versions[1].valid_until, Some(job.valid_from));
        assert!(versions[0].valid_from > versions[1].valid_from);
        let filter = AuditFilter { object: Some(format!("job {}", job.id)), ..AuditFilter::default() };
        let log = world.store.audit_entries(&filter, 10).await.unwrap();
        assert_eq!(log[0].verb, "follow calendar");
        assert_eq!(world.store.job(other.id).await.unwrap().version, other.version);
    }

    async fn an_agent_that_reads_changes_hears_of_every_follower(world) {
        let holidays = calendar(&world.store, "12-25\n").await;
        let job = world.store.create_job(&keeping("a", "holidays"), &editor()).await.unwrap();
        let heard = world.store.jobs_changed_since(Default::default(), 10).await.unwrap().next;

        world.store.change_calendar(holidays.id, 1, &described("holidays", "12-26\n"), &editor()).await.unwrap();
        world.store.hand_on_calendar(holidays.id, &editor()).await.unwrap();

        let page = world.store.jobs_changed_since(heard, 10).await.unwrap();
        assert_eq!(page.items.len(), 1, "{:?}", page.items);
        assert!(format!("{:?}", page.items[0]).contains("12-26"), "{} {:?}", job.id, page.items);
    }

    async fn a_comment_is_no_reason_to_edit_jobs(world) {
        let holidays = calendar(&world.store, "12-25\n").await;
        world.store.create_job(&keeping("a", "holidays"), &editor()).await.unwrap();

        let commented = described("holidays", "# by order of the board\n12-25\n");
        let edited = world.store.change_calendar(holidays.id, 1, &commented, &editor()).await.unwrap();

        assert_eq!((edited.version, edited.rules_version), (2, 1));
        assert_eq!(world.store.uses_of_calendar(holidays.id).await.unwrap(), CalendarUses { jobs: 1, behind: 0 });
    }

    async fn a_job_that_is_edited_takes_the_calendar_as_it_is_then(world) {
        let holidays = calendar(&world.store, "12-25\n").await;
        let job = world.store.create_job(&keeping("a", "holidays"), &editor()).await.unwrap();
        world.store.change_calendar(holidays.id, 1, &described("holidays", "12-26\n"), &editor()).await.unwrap();

        let paused = world.store.change_job(job.id, 1, &JobChange::Disable, &editor()).await.unwrap();

        assert_eq!(rules(&paused), "12-26\n");
        assert_eq!(world.store.uses_of_calendar(holidays.id).await.unwrap().behind, 0);
    }

    async fn a_calendar_is_deleted_only_when_no_job_keeps_to_it(world) {
        let holidays = calendar(&world.store, "12-25\n").await;
        let job = world.store.create_job(&keeping("a", "holidays"), &editor()).await.unwrap();

        let refused = world.store.delete_calendar(holidays.id, 1, &editor()).await.unwrap_err();
        world.store.change_job(job.id, 1, &JobChange::Delete, &editor()).await.unwrap();
        let stale = world.store.delete_calendar(holidays.id, 7, &editor()).await;
        world.store.delete_calendar(holidays.id, 1, &editor()).await.unwrap();
        let lost = world.store.change_job(job.id, 2, &JobChange::Restore, &editor()).await;
        calendar(&world.store, "12-31\n").await;
        let restored = world.store.change_job(job.id, 2, &JobChange::Restore, &editor()).await.unwrap();

        assert!(refused.to_string().contains("1 job keeps to the calendar holidays"), "{refused}");
        assert!(matches!(stale, Err(StoreError::Conflict { .. })));
        assert!(matches!(lost, Err(StoreError::NotFound { what: "calendar", .. })));
        assert_eq!(rules(&restored), "12-31\n");
    }

    async fn a_name_and_a_version_are_judged(world) {
        let holidays = calendar(&world.store, "12-25\n").await;
        world.store.create_calendar(&described("nights", "22:00 .. 06:00\n"), &editor()).await.unwrap();

        let taken = world.store.create_calendar(&described("nights", ""), &editor()).await;
        let renamed = world.store.change_calendar(holidays.id, 1, &described("nights", ""), &editor()).await;
        let stale = world.store.change_calendar(holidays.id, 3, &described("x", ""), &editor()).await;

        assert!(matches!(taken, Err(StoreError::NameTaken(name)) if name == "nights"));
        assert!(matches!(renamed, Err(StoreError::NameTaken(_))));
        assert!(matches!(stale, Err(StoreError::Conflict { expected: 3, current: 1 })));
        let names: Vec<_> = world.store.calendars().await.unwrap().iter().map(|c| c.draft.name.to_string()).collect();
        assert_eq!(names, ["holidays", "nights"]);
    }
}
