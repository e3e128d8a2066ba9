//! What applying a declaration would change, step by step, decided before anything is touched.

use std::collections::{BTreeSet, HashMap};

use carillon_core::access::Verb;
use carillon_core::identity::{CalendarId, GroupId, JobId};
use carillon_core::job::JobDraft;
use carillon_core::lang::Lang;
use carillon_store::{Calendar, CalendarDraft, GroupLimits, GroupMail, JobGroup};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Mistake;
use super::reading::{Declaration, DeclaredJob, GroupText};
use super::standing::Standing;
use crate::difference::{Line, differences};
use crate::jobs::calendar_choice::settle;
use crate::jobs::document::{apply, blank, require, write_draft};

/// What becomes of jobs that a file does not name, in groups that it does name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    Keep,
    Delete,
}

/// What happens to one group, calendar or job.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// `group`, `calendar` or `job`.
    pub(crate) noun: &'static str,
    /// The name; a job's with its group.
    pub(crate) name: String,
    pub(crate) fields: Vec<Line>,
    pub(crate) deed: Deed,
}

/// What carries a step out.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    MakeGroup(GroupText),
    ChangeGroup(GroupId, GroupText, GroupText),
    MakeCalendar(CalendarDraft),
    ChangeCalendar(CalendarId, i64, CalendarDraft),
    DeleteJob(Seen),
    ChangeJob(Seen, Box<JobDraft>),
    MakeJob(Box<JobDraft>),
}

/// A job as it was when the plan was made.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) id: JobId,
    pub(crate) version: i64,
    pub(crate) draft: Box<JobDraft>,
}

impl Step {
    /// `create`, `change` or `delete`.
    pub(crate) fn verb(&self) -> &'static str {
        match self.deed {
            Deed::MakeGroup(_) | Deed::MakeCalendar(_) | Deed::MakeJob(_) => "create",
            Deed::ChangeGroup(..) | Deed::ChangeCalendar(..) | Deed::ChangeJob(..) => "change",
            Deed::DeleteJob(_) => "delete",
        }
    }

    /// What whoever carries it out must be allowed to do; in a group, where it is of one that there is.
    pub(crate) fn needs(&self) -> Vec<(Verb, Option<GroupId>)> {
        let of = |draft: &JobDraft| (draft.group.0 > 0).then_some(draft.group);
        let edit = |old: Option<&JobDraft>, new: &JobDraft| {
            let mut needs = vec![(Verb::Edit, of(new))];
            let user = old.and_then(|old| old.spec.launch.run_as.as_ref());
            if user != new.spec.launch.run_as.as_ref() {
                needs.push((Verb::RunAs, of(new)));
            }
            needs
        };
        match &self.deed {
            Deed::MakeGroup(_) | Deed::ChangeGroup(..) => vec![(Verb::ManageGroups, None)],
            Deed::MakeCalendar(_) | Deed::ChangeCalendar(..) => {
                vec![(Verb::ManageCalendars, None)]
            }
            Deed::DeleteJob(seen) => vec![(Verb::Edit, of(&seen.draft))],
            Deed::ChangeJob(seen, draft) => edit(Some(&seen.draft), draft),
            Deed::MakeJob(draft) => edit(None, draft),
        }
    }
}

/// Everything that applying would change, in the order in which it happens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// Declared things that are as declared.
    pub(crate) same: usize,
    /// The groups that do not exist yet, by the numbers their jobs have until then.
    pub(super) to_come: HashMap<GroupId, String>,
}

impl Plan {
    /// How many steps there are of a verb.
    pub(crate) fn count(&self, verb: &str) -> usize {
        self.steps.iter().filter(|step| step.verb() == verb).count()
    }
}

/// Compares what is declared with what there is.
///
/// # Errors
/// With everything that is wrong with declared jobs.
pub(crate) fn plan(
    declaration: &Declaration,
    standing: &Standing,
    others: Others,
) -> Result<Plan, Vec<Mistake>> {
    let mut planner = Planner {
        standing,
        groups: standing.job_groups(),
        calendars: standing.calendars.clone(),
        plan: Plan::default(),
    };
    planner.plan_groups(declaration);
    planner.plan_calendars(declaration);
    let (edits, named) = planner.plan_jobs(declaration)?;
    if others == Others::Delete {
        planner.plan_deletions(declaration, &named);
    }
    planner.plan.steps.extend(edits);
    Ok(planner.plan)
}

struct Planner<'s> {
    standing: &'s Standing,
    /// Those there are and those to come.
    groups: Vec<JobGroup>,
    calendars: Vec<Calendar>,
    plan: Plan,
}

/// Jobs that a file names, by group and name.
type Named = HashMap<(GroupId, String), usize>;

impl Planner<'_> {
    fn plan_groups(&mut self, declaration: &Declaration) {
        for (number, group) in (1..).zip(&declaration.groups) {
            let mut known = self.standing.groups.iter();
            let found = known.find(|(one, _)| one.name == group.name);
            let before = found.map_or(json!({}), |(_, is)| group_document(is));
            let fields = differences(&before, &group_document(&group.is));
            let deed = match found {
                Some((_, is)) if *is == group.is => {
                    self.plan.same += 1;
                    continue;
                }
                Some((one, is)) => Deed::ChangeGroup(one.id, is.clone(), group.is.clone()),
                None => {
                    let id = GroupId(-number);
                    self.plan.to_come.insert(id, group.name.clone());
                    self.groups.push(JobGroup {
                        id,
                        name: group.name.clone(),
                        description: String::new(),
                        limits: GroupLimits::default(),
                        mail: GroupMail::default(),
                        created_at: Timestamp::UNIX_EPOCH,
                    });
                    Deed::MakeGroup(group.is.clone())
                }
            };
            self.push("group", group.name.clone(), fields, deed);
        }
    }

    fn plan_calendars(&mut self, declaration: &Declaration) {
        for calendar in &declaration.calendars {
            let draft = &calendar.draft;
            let mut known = self.standing.calendars.iter();
            let found = known.find(|one| one.draft.name == draft.name);
            let deed = match found {
                Some(one) if one.draft == *draft => {
                    self.plan.same += 1;
                    continue;
                }
                Some(one) => Deed::ChangeCalendar(one.id, one.version, draft.clone()),
                None => Deed::MakeCalendar(draft.clone()),
            };
            let before = found.map_or(json!({}), |one| calendar_document(&one.draft));
            let fields = differences(&before, &calendar_document(draft));
            self.calendars.retain(|one| one.draft.name != draft.name);
            self.calendars.push(to_be(draft));
            self.push("calendar", draft.name.to_string(), fields, deed);
        }
    }

    /// The steps of declared jobs: edits of those there are before new ones.
    fn plan_jobs(&mut self, declaration: &Declaration) -> Result<(Vec<Step>, Named), Vec<Mistake>> {
        let (mut mistakes, mut named) = (Vec::new(), Named::new());
        let (mut changed, mut new) = (Vec::new(), Vec::new());
        for job in &declaration.jobs {
            match self.plan_job(job, &mut named) {
                Ok(Some(step)) if step.verb() == "change" => changed.push(step),
                Ok(Some(step)) => new.push(step),
                Ok(None) => self.plan.same += 1,
                Err(wrong) => mistakes.extend(wrong),
            }
        }
        changed.append(&mut new);
        match mistakes.is_empty() {
            true => Ok((changed, named)),
            false => Err(mistakes),
        }
    }

    fn plan_job(
        &self,
        declared: &DeclaredJob,
        named: &mut Named,
    ) -> Result<Option<Step>, Vec<Mistake>> {
        let group = self.groups.iter().find(|one| one.name == declared.group);
        let name = declared.document.get("name").and_then(Value::as_str);
        let key = group.zip(name);
        let key = key.map(|(group, name)| (group.id, name.trim().to_owned()));
        let old = key.as_ref().and_then(|key| self.standing.jobs.get(key));
        let mut draft = blank(group.map_or(GroupId(0), |group| group.id));
        draft.enabled = old.is_none_or(|job| job.draft.enabled);
        if declared.document.contains_key("ping_url") {
            // What readers see of an address stands for the address there is.
            draft.spec.ping_url = old.and_then(|job| job.draft.spec.ping_url.clone());
        }
        let id = old.map_or(JobId(0), |job| job.id);
        let mut errors = apply(&declared.document, &mut draft, &self.groups, id, Lang::En);
        settle(&mut draft, &self.calendars, id, &mut errors);
        require(&declared.document, &mut errors);
        if let Some(key) = key
            && let Some(first) = named.insert(key, declared.line)
        {
            let wrong = format!("it is declared on line {first} already; keep one");
            errors.add("name", wrong);
        }
        if !errors.is_empty() {
            let told = errors.all().iter();
            return Err(told
                .map(|(field, wrong)| declared.mistake(field, wrong))
                .collect());
        }
        let before = match old {
            Some(job) => job_document(&job.draft, &self.groups),
            None => job_document(&blank(GroupId(0)), &[]),
        };
        let mut fields = differences(&before, &job_document(&draft, &self.groups));
        if old.is_none() {
            // Both stand in the step's name.
            fields.retain(|line| !matches!(line.field.as_str(), "name" | "group"));
            // There was nothing before.
            fields.iter_mut().for_each(|line| line.before = None);
        }
        let deed = match old {
            Some(_) if fields.is_empty() => return Ok(None),
            Some(job) => Deed::ChangeJob(Seen::of(job), Box::new(draft)),
            None => Deed::MakeJob(Box::new(draft)),
        };
        Ok(Some(Step {
            noun: "job",
            name: declared.called(),
            fields,
            deed,
        }))
    }

    fn plan_deletions(&mut self, declaration: &Declaration, named: &Named) {
        let of_jobs = declaration.jobs.iter().map(|job| job.group.as_str());
        let of_groups = declaration.groups.iter().map(|group| group.name.as_str());
        let names: BTreeSet<&str> = of_jobs.chain(of_groups).collect();
        let standing = self.standing;
        for group in names {
            let Some(id) = standing.group_named(group) else {
                continue;
            };
            let jobs = standing.jobs.range((id, String::new())..);
            for (key, job) in jobs.take_while(|(key, _)| key.0 == id) {
                if !named.contains_key(key) {
                    let name = format!("{group}/{}", key.1);
                    self.push("job", name, Vec::new(), Deed::DeleteJob(Seen::of(job)));
                }
            }
        }
    }

    fn push(&mut self, noun: &'static str, name: String, fields: Vec<Line>, deed: Deed) {
        self.plan.steps.push(Step {
            noun,
            name,
            fields,
            deed,
        });
    }
}

impl Seen {
    fn of(job: &carillon_core::job::Job) -> Self {
        Seen {
            id: job.id,
            version: job.version,
            draft: Box::new(job.draft.clone()),
        }
    }
}

/// A calendar that is not in the store yet, as jobs choose among calendars.
fn to_be(draft: &CalendarDraft) -> Calendar {
    Calendar {
        id: CalendarId(0),
        draft: draft.clone(),
        version: 0,
        rules_version: 0,
        edited_by: String::new(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

/// The document of a job without what only the store knows.
pub(super) fn job_document(draft: &JobDraft, groups: &[JobGroup]) -> Value {
    let mut document = write_draft(draft, groups);
    if let Some(fields) = document.as_object_mut() {
        fields.remove("group_id");
    }
    document
}

/// The document of a group without its name.
pub(super) fn group_document(is: &GroupText) -> Value {
    json!({
        "description": is.description,
        "keep_runs": is.limits.keep_runs,
        "keep_days": is.limits.keep_days,
        "mail_to": is.mail.mail_to,
        "quiet_hours": is.mail.quiet_hours,
    })
}

/// The document of a calendar without its name.
pub(super) fn calendar_document(draft: &CalendarDraft) -> Value {
    json!({ "zone": draft.zone, "text": draft.text.to_string() })
}
