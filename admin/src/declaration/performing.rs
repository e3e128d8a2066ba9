//! A plan carried out: groups, calendars, then jobs; deletions before edits before new jobs, so that a job that gets
//! another name is never there twice. New jobs come in batches, each in one transaction.

use std::collections::HashMap;

use carillon_core::identity::{CalendarId, GroupId, JobId};
use carillon_core::job::JobDraft;
use carillon_store::{
    Editor, GroupLimits, IMPORT_BATCH_MAX, ImportedJob, JobChange, Store, StoreError,
};

use super::plan::{Deed, Plan, Seen, job_document};
use super::reading::GroupText;
use crate::calendars::hand_on::hand_on_all;
use crate::secret;

/// What new jobs are said to come from.
const SOURCE: &str = "declaration";

/// How often a job is looked at again that has another version but the same fields: its calendar was edited.
const LOOKS_MAX: usize = 3;

/// Why a plan was not carried out to its end. What was done before stays; applying again does the rest.
#[derive(Debug, thiserror::Error)]
#[error("{noun} {name}: {source}; {done} of {all} steps are done, apply again for the rest")]
pub(crate) struct Stopped {
    noun: &'static str,
    name: String,
    done: usize,
    all: usize,
    #[source]
    pub(crate) source: StoreError,
}

/// Does every step of the plan.
///
/// # Errors
/// At the first step that the store refuses: somebody has edited the same in between, or it does not answer.
pub(crate) async fn perform(store: &Store, plan: Plan, editor: &Editor) -> Result<(), Stopped> {
    let all = plan.steps.len();
    let mut performer = Performer {
        store,
        editor,
        groups: HashMap::new(),
        to_come: plan.to_come,
        calendars: Vec::new(),
        new: Vec::new(),
    };
    let mut done = 0;
    for step in plan.steps {
        let (noun, name) = (step.noun, step.name);
        let stopped = |source| Stopped {
            noun,
            name: name.clone(),
            done,
            all,
            source,
        };
        performer.perform(&name, step.deed).await.map_err(stopped)?;
        if performer.new.is_empty() {
            done += 1;
        }
    }
    let made = performer.make_jobs().await;
    made.map_err(|(made, source)| Stopped {
        noun: "new jobs",
        name: String::new(),
        done: done + made,
        all,
        source,
    })?;
    for calendar in performer.calendars {
        hand_on_all(store, calendar, editor)
            .await
            .map_err(|source| Stopped {
                noun: "the jobs of calendar",
                name: calendar.to_string(),
                done: all,
                all,
                source,
            })?;
    }
    Ok(())
}

struct Performer<'s> {
    store: &'s Store,
    editor: &'s Editor,
    /// The numbers of groups that were made, by those they had in the plan.
    groups: HashMap<GroupId, GroupId>,
    to_come: HashMap<GroupId, String>,
    /// Whose jobs are to follow. Declared jobs are edited before, at the versions that the plan saw.
    calendars: Vec<CalendarId>,
    new: Vec<ImportedJob>,
}

impl Performer<'_> {
    async fn perform(&mut self, name: &str, deed: Deed) -> Result<(), StoreError> {
        let (store, editor) = (self.store, self.editor);
        match deed {
            Deed::MakeGroup(is) => {
                let id = store.create_group(name, &is.description, editor).await?;
                let planned = self.to_come.iter().find(|(_, called)| *called == name);
                if let Some((planned, _)) = planned {
                    self.groups.insert(*planned, id);
                }
                let made = GroupText {
                    description: is.description.clone(),
                    ..GroupText::default()
                };
                self.change_group((id, name), &made, &is).await
            }
            Deed::ChangeGroup(id, old, new) => self.change_group((id, name), &old, &new).await,
            Deed::MakeCalendar(draft) => store.create_calendar(&draft, editor).await.map(drop),
            Deed::ChangeCalendar(id, version, draft) => {
                self.calendars.push(id);
                let changed = store.change_calendar(id, version, &draft, editor).await;
                changed.map(drop)
            }
            Deed::DeleteJob(seen) => self.change_job(seen, &JobChange::Delete).await,
            Deed::ChangeJob(seen, draft) => {
                let change = JobChange::Replace(self.settled(draft));
                self.change_job(seen, &change).await
            }
            Deed::MakeJob(draft) => {
                let draft = *self.settled(draft);
                // Asked for again after an answer that was lost, it is known by its key.
                let key = format!("{SOURCE} {}", secret::draw());
                self.new.push(ImportedJob { key, draft });
                Ok(())
            }
        }
    }

    /// The draft in the group as it is numbered now.
    fn settled(&self, mut draft: Box<JobDraft>) -> Box<JobDraft> {
        if let Some(id) = self.groups.get(&draft.group) {
            draft.group = *id;
        }
        draft
    }

    async fn change_group(
        &self,
        (id, name): (GroupId, &str),
        old: &GroupText,
        new: &GroupText,
    ) -> Result<(), StoreError> {
        let (store, editor) = (self.store, self.editor);
        if old.description != new.description {
            store
                .rename_group(id, name, &new.description, editor)
                .await?;
        }
        let limits: GroupLimits = new.limits;
        if old.limits != limits {
            store.set_group_limits(id, limits, editor).await?;
        }
        if old.mail != new.mail {
            store.set_group_mail(id, &new.mail, editor).await?;
        }
        Ok(())
    }

    /// Changes a job that is as it was seen. Another version of the same fields is: its calendar has changed.
    async fn change_job(&self, seen: Seen, change: &JobChange) -> Result<(), StoreError> {
        let mut version = seen.version;
        for _ in 0..LOOKS_MAX {
            let done = self.store.change_job(seen.id, version, change, self.editor);
            let conflict = match done.await {
                Err(conflict @ StoreError::Conflict { .. }) => conflict,
                done => return done.map(drop),
            };
            let now = self.store.job(seen.id).await?;
            let is_same = now.deleted_at.is_none()
                && job_document(&now.draft, &[]) == job_document(&seen.draft, &[]);
            if !is_same {
                return Err(conflict);
            }
            version = now.version;
        }
        self.conflict(seen.id, version).await
    }

    async fn conflict(&self, job: JobId, expected: i64) -> Result<(), StoreError> {
        let current = self.store.job(job).await?.version;
        Err(StoreError::Conflict { expected, current })
    }

    /// Makes the new jobs; how many are there where it stopped.
    async fn make_jobs(&self) -> Result<(), (usize, StoreError)> {
        for (number, batch) in self.new.chunks(IMPORT_BATCH_MAX).enumerate() {
            let made = self.store.import_jobs(SOURCE, batch, self.editor).await;
            made.map_err(|error| (number * IMPORT_BATCH_MAX, error))?;
        }
        Ok(())
    }
}
