//! A named command with a schedule and policies.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::calendar::CalendarUse;
use crate::concurrency_key::ConcurrencyKey;
use crate::identity::{GroupId, JobId};
use crate::lang::Lang;
use crate::launch::LaunchSpec;
use crate::misfire::{CATCH_UP_WINDOW, LatePolicy, Misfire, start_deadline_for};
use crate::overlap::Overlap;
use crate::ping::PingUrl;
use crate::placement::{Placement, Target};
use crate::priority::Priority;
use crate::retry::Retry;
use crate::schedule::{DstRule, Schedule, ScheduleError};
use crate::watch::Watch;

/// The longest job name, in characters.
pub const JOB_NAME_LENGTH_MAX: usize = 190;

/// What people call a job. Unique within its group while the job is not deleted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobName(String);

/// The text is no job name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobNameError {
    /// Nothing but blanks.
    #[error("a job needs a name; say what it does, e.g. nightly backup")]
    Empty,
    /// Too long.
    #[error("job name has {length} characters, the limit is {JOB_NAME_LENGTH_MAX}; shorten it")]
    TooLong {
        /// Its length in characters.
        length: usize,
    },
    /// A character that would break lines or hide in a log.
    #[error("job name holds the control character {0:?}; remove it")]
    ControlCharacter(char),
}

impl JobNameError {
    /// What is wrong, and what cures it.
    pub fn told(&self, lang: Lang) -> String {
        match (self, lang) {
            (error, Lang::En) => error.to_string(),
            (JobNameError::Empty, Lang::Zh) => {
                "作业需要名称；写明它做什么，例如 每晚备份".to_owned()
            }
            (JobNameError::TooLong { length }, Lang::Zh) => {
                format!("作业名称有 {length} 个字符，上限为 {JOB_NAME_LENGTH_MAX}；请缩短")
            }
            (JobNameError::ControlCharacter(found), Lang::Zh) => {
                format!("作业名称中有控制字符 {found:?}；请删除")
            }
        }
    }
}

impl JobName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for JobName {
    type Err = JobNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let length = text.chars().count();
        if length == 0 {
            return Err(JobNameError::Empty);
        }
        if length > JOB_NAME_LENGTH_MAX {
            return Err(JobNameError::TooLong { length });
        }
        match text.chars().find(|c| c.is_control()) {
            Some(found) => Err(JobNameError::ControlCharacter(found)),
            None => Ok(JobName(text.to_owned())),
        }
    }
}

crate::text_serde!(JobName);

crate::words! {
    /// How often a tick may start.
    #[derive(Default)]
    Delivery, "delivery" {
        /// At most once, whatever happens.
        #[default]
        AtMostOnce = "at_most_once",
        /// Again when the first start was lost; the command must bear it.
        AtLeastOnce = "at_least_once",
    }
}

/// When a job is due, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleText {
    /// The expression, e.g. `0 3 * * *`.
    pub expression: String,
    /// The IANA name of the time zone it is read in.
    pub zone: String,
    /// What happens when clocks change.
    pub dst: DstRule,
}

impl ScheduleText {
    /// Reads the schedule of `job`, whose number is what `H` and `~` hash.
    ///
    /// # Errors
    /// When the expression or the zone is not understood; the error says where and what to write instead.
    pub fn parse(&self, job: JobId) -> Result<Schedule, ScheduleError> {
        Schedule::parse(
            &self.expression,
            &self.zone,
            self.dst,
            job.0.cast_unsigned(),
        )
    }

    /// The same for a job that keeps to a calendar, or to none.
    ///
    /// # Errors
    /// When the expression, a zone or the calendar is not understood.
    pub fn keeping_to(
        &self,
        calendar: Option<&CalendarUse>,
        job: JobId,
    ) -> Result<Schedule, ScheduleError> {
        let schedule = self.parse(job)?;
        match calendar {
            Some(calendar) => {
                Ok(schedule.with_calendar(calendar.blackouts()?, calendar.on_blackout))
            }
            None => Ok(schedule),
        }
    }
}

/// What a job does and under which policies: everything but its name, its schedule and its switch.
/// Stored as JSON, so a policy more is no migration; what is at its default is left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobSpec {
    /// The command and its surroundings.
    pub launch: LaunchSpec,
    /// On how many nodes.
    #[serde(skip_serializing_if = "is_default")]
    pub placement: Placement,
    /// On which nodes.
    #[serde(skip_serializing_if = "is_default")]
    pub target: Target,
    /// The calendar whose blackouts hold its ticks back.
    #[serde(skip_serializing_if = "is_default")]
    pub calendar: Option<CalendarUse>,
    /// What to do when the last run still lives.
    #[serde(skip_serializing_if = "is_default")]
    pub overlap: Overlap,
    /// Jobs of one group with the same key count as one for the overlap policy of each.
    #[serde(skip_serializing_if = "is_default")]
    pub concurrency_key: Option<ConcurrencyKey>,
    /// Which run starts first where a node has fewer places than runs.
    #[serde(skip_serializing_if = "is_default")]
    pub priority: Priority,
    /// What to do with late ticks; none takes the default of the schedule.
    #[serde(skip_serializing_if = "is_default")]
    pub misfire: Option<Misfire>,
    /// How far back a catch-up looks, in seconds; none is an hour.
    #[serde(skip_serializing_if = "is_default")]
    pub misfire_window_s: Option<u32>,
    /// How long after its fire time a tick may still start, in seconds; none takes the default of the schedule.
    #[serde(skip_serializing_if = "is_default")]
    pub start_deadline_s: Option<u32>,
    /// Further attempts.
    #[serde(skip_serializing_if = "is_default")]
    pub retry: Retry,
    /// After how many milliseconds from the first start the run is over, all its attempts and the waits between them together; none is never.
    #[serde(skip_serializing_if = "is_default")]
    pub run_timeout_ms: Option<u64>,
    /// How often a tick may start.
    #[serde(skip_serializing_if = "is_default")]
    pub delivery: Delivery,
    /// Exit codes that mean success; empty is 0 alone.
    #[serde(skip_serializing_if = "is_default")]
    pub success_codes: Vec<i32>,
    /// Where mail about this job goes: none to the group's operators, empty to nobody.
    #[serde(skip_serializing_if = "is_default")]
    pub mail_to: Option<String>,
    /// Whom outside its starts and ends are told to.
    #[serde(skip_serializing_if = "is_default")]
    pub ping_url: Option<PingUrl>,
    /// What else people want to be told about this job.
    #[serde(skip_serializing_if = "is_default")]
    pub watch: Watch,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The longest deadline and window a job may ask for, in seconds: 30 days.
pub const POLICY_SECONDS_MAX: u32 = 30 * 24 * 3600;

impl JobSpec {
    /// The facts that decide late ticks of this job under `schedule`.
    pub fn late_policy(&self, schedule: &Schedule) -> LatePolicy {
        let seconds = |s: u32| SignedDuration::from_secs(i64::from(s));
        LatePolicy {
            misfire: self
                .misfire
                .unwrap_or_else(|| Misfire::default_for(schedule)),
            window: self.misfire_window_s.map_or(CATCH_UP_WINDOW, seconds),
            start_deadline: self
                .start_deadline_s
                .map_or_else(|| start_deadline_for(schedule), seconds),
        }
    }

    /// Whether the command's exit code means success.
    pub fn is_success(&self, exit_code: i32) -> bool {
        match self.success_codes.as_slice() {
            [] => exit_code == 0,
            codes => codes.contains(&exit_code),
        }
    }
}

/// A job as an editor describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobDraft {
    /// What people call it.
    pub name: JobName,
    /// Who may touch it.
    pub group: GroupId,
    /// What it is for.
    pub description: String,
    /// Whether its schedule fires.
    pub enabled: bool,
    /// When it is due.
    pub schedule: ScheduleText,
    /// What it does.
    pub spec: JobSpec,
}

impl JobDraft {
    /// When it is due, as job number `job`.
    ///
    /// # Errors
    /// When the expression, a zone or the calendar is not understood.
    pub fn due(&self, job: JobId) -> Result<Schedule, ScheduleError> {
        self.schedule.keeping_to(self.spec.calendar.as_ref(), job)
    }
}

/// A job as the store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// Counts the edits; makes a concurrent edit visible, and no start of an older one happens after an edit.
    pub version: i64,
    /// What the editor described.
    pub draft: JobDraft,
    /// Fire times up to here belong to older versions.
    pub valid_from: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// When it was deleted, if it was.
    pub deleted_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_name_says_what_is_wrong_with_it() {
        assert_eq!("  ".parse::<JobName>(), Err(JobNameError::Empty));
        assert_eq!(
            "a".repeat(191).parse::<JobName>(),
            Err(JobNameError::TooLong { length: 191 })
        );
        assert_eq!(
            "a\nb".parse::<JobName>(),
            Err(JobNameError::ControlCharacter('\n'))
        );
        assert_eq!(
            " nightly 备份 ".parse::<JobName>().unwrap().as_str(),
            "nightly 备份"
        );
    }

    #[test]
    fn a_spec_keeps_silent_about_defaults() {
        let spec = JobSpec {
            overlap: Overlap::Allow(3),
            ..JobSpec::default()
        };
        let json = serde_json::to_value(&spec).unwrap();

        assert_eq!(json["overlap"], "allow(3)");
        assert!(json.get("retry").is_none());
        assert_eq!(serde_json::from_value::<JobSpec>(json).unwrap(), spec);
        assert!(serde_json::from_str::<JobSpec>(r#"{"uid": 0}"#).is_err());
    }
}
