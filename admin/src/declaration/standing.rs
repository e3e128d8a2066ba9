//! What there is, as a declaration is compared with it.

use std::collections::BTreeMap;

use carillon_core::identity::GroupId;
use carillon_core::job::{Job, JobDraft};
use carillon_store::{Calendar, JobFilter, JobGroup, Store, StoreError};

use serde_json::Value;

use super::reading::GroupText;
use crate::jobs::document;

/// Jobs read at once.
const PAGE: u32 = 500;

/// Groups, calendars and jobs of the store.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    pub(super) groups: Vec<(JobGroup, GroupText)>,
    pub(super) calendars: Vec<Calendar>,
    /// By group and name.
    pub(super) jobs: BTreeMap<(GroupId, String), Job>,
    /// What is wrong with rows that cannot be read; nothing happens to their jobs.
    pub(crate) unread: Vec<String>,
    /// The groups whose jobs are written with their secrets.
    revealed: Vec<GroupId>,
}

impl Standing {
    /// Reads what there is: of the jobs, those in `groups`, or all.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn read(
        store: &Store,
        groups: Option<Vec<GroupId>>,
    ) -> Result<Standing, StoreError> {
        let mut standing = Standing {
            calendars: store.calendars().await?,
            ..Standing::default()
        };
        for group in store.groups().await? {
            let text = GroupText {
                description: group.description.clone(),
                limits: group.limits,
                mail: group.mail.clone(),
            };
            standing.groups.push((group, text));
        }
        let mut filter = JobFilter {
            groups,
            ..JobFilter::default()
        };
        loop {
            let page = store.jobs(&filter, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            filter.after = None;
            for listed in page {
                match listed.job {
                    Ok(job) => {
                        let name = job.draft.name.to_string();
                        filter.after = Some((name.clone(), job.id));
                        standing.jobs.insert((job.draft.group, name), job);
                    }
                    Err(corrupt) => standing.unread.push(corrupt.to_string()),
                }
            }
            if is_last || filter.after.is_none() {
                return Ok(standing);
            }
        }
    }

    /// Writes the jobs of the groups that `may_edit` admits with their secrets.
    pub(crate) fn reveal(&mut self, may_edit: impl Fn(GroupId) -> bool) {
        let ids = self.groups.iter().map(|(group, _)| group.id);
        self.revealed = ids.filter(|id| may_edit(*id)).collect();
    }

    /// Adds to the document of a job what only those see who may edit it.
    pub(super) fn unveil(&self, draft: &JobDraft, document: &mut Value) {
        if let Some(url) = &draft.spec.ping_url
            && self.revealed.contains(&draft.group)
        {
            document["ping_url"] = url.reveal().into();
        }
    }

    /// The jobs as the API says them, by name.
    pub(crate) fn job_documents(&self) -> Vec<Value> {
        let groups = self.job_groups();
        let mut jobs: Vec<_> = self.jobs.values().collect();
        jobs.sort_by(|a, b| (&a.draft.name, a.id).cmp(&(&b.draft.name, b.id)));
        jobs.iter()
            .map(|job| {
                let mut document = document::write(job, &groups);
                self.unveil(&job.draft, &mut document);
                document
            })
            .collect()
    }

    /// The groups alone.
    pub(super) fn job_groups(&self) -> Vec<JobGroup> {
        self.groups.iter().map(|(group, _)| group.clone()).collect()
    }

    /// The number of a group, if there is one of that name.
    pub(crate) fn group_named(&self, name: &str) -> Option<GroupId> {
        let found = self.groups.iter().find(|(group, _)| group.name == name);
        found.map(|(group, _)| group.id)
    }
}
