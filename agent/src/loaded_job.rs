//! What the agent keeps of each job: the scheduler's plan, and the rest as text until a tick needs it.
//!
//! A million jobs are loaded and a handful run, so the spec stays JSON in memory and is read when a run starts.

use std::collections::HashMap;
use std::sync::Arc;

use carillon_core::identity::JobId;
use carillon_core::job::{Job, JobDraft, JobSpec};
use carillon_core::placement::Target;
use carillon_core::schedule::ScheduleError;
use carillon_core::scheduler::Plan;
use carillon_store::JobVersion;
use jiff::Timestamp;

/// What a start needs of a job besides its plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobText {
    /// The version it is of.
    pub version: i64,
    /// The job's name.
    pub name: Box<str>,
    spec: Box<str>,
}

impl JobText {
    /// Keeps what `draft` says.
    pub fn of(version: i64, draft: &JobDraft) -> Self {
        // The plan has the calendar, shared with every other job of it; a copy of its text for each would be much.
        let spec = JobSpec {
            calendar: None,
            ..draft.spec.clone()
        };
        let spec = serde_json::to_string(&spec).expect("a spec has only text keys");
        JobText {
            version,
            name: draft.name.as_str().into(),
            spec: spec.into(),
        }
    }

    /// The spec as a value.
    pub fn spec(&self) -> JobSpec {
        serde_json::from_str(&self.spec).expect("it was written from a spec")
    }
}

/// A job whose schedule this agent does not understand. It is left to newer agents and shown to operators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("job {job} ({name}) has a schedule that is not understood: {source}")]
pub struct UnreadableJob {
    /// The job.
    pub job: JobId,
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub source: Box<ScheduleError>,
}

/// The texts of all loaded jobs, and the targets they share.
#[derive(Debug, Default)]
pub struct JobTexts {
    texts: HashMap<JobId, JobText>,
    /// Most jobs have one of a few targets.
    targets: Vec<Arc<Target>>,
}

impl JobTexts {
    /// Keeps the text of a job and makes its plan.
    ///
    /// # Errors
    /// When the schedule is not understood.
    pub fn load(&mut self, job: &Job) -> Result<Plan, UnreadableJob> {
        let mut plan = plan(job.id, job.version, &job.draft, job.valid_from)?;
        plan.target = self.share(plan.target);
        self.texts
            .insert(job.id, JobText::of(job.version, &job.draft));
        Ok(plan)
    }

    /// Forgets a job.
    pub fn remove(&mut self, job: JobId) {
        self.texts.remove(&job);
    }

    /// The text of a job in this version; none when it is another one.
    pub fn get(&self, job: JobId, version: i64) -> Option<&JobText> {
        self.texts.get(&job).filter(|text| text.version == version)
    }

    fn share(&mut self, target: Arc<Target>) -> Arc<Target> {
        if let Some(shared) = self.targets.iter().find(|shared| **shared == target) {
            return Arc::clone(shared);
        }
        self.targets.retain(|shared| Arc::strong_count(shared) > 1);
        self.targets.push(Arc::clone(&target));
        target
    }
}

/// The plan of a version that may be past.
///
/// # Errors
/// When the schedule is not understood.
pub fn plan_version(version: &JobVersion) -> Result<Plan, UnreadableJob> {
    plan(
        version.job,
        version.version,
        &version.draft,
        version.valid_from,
    )
}

fn plan(
    job: JobId,
    version: i64,
    draft: &JobDraft,
    valid_from: Timestamp,
) -> Result<Plan, UnreadableJob> {
    let unreadable = |source| UnreadableJob {
        job,
        name: draft.name.to_string(),
        source: Box::new(source),
    };
    let schedule = draft.due(job).map_err(unreadable)?;
    Ok(Plan {
        job,
        version,
        enabled: draft.enabled,
        late: draft.spec.late_policy(&schedule),
        schedule,
        placement: draft.spec.placement,
        priority: draft.spec.priority,
        target: Arc::new(draft.spec.target.clone()),
        valid_from,
    })
}
