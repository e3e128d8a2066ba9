//! Which facts are trouble, and whose. One rule, one question; nothing here knows who is told.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::identity::{JobId, NodeId};
use crate::run::Outcome;

crate::words! {
    /// What the monitor looks for.
    Rule, "rule" {
        /// A node no longer beats.
        NodeSilent = "node_silent",
        /// A node's clock is off, or not known well enough.
        NodeClock = "node_clock",
        /// A node reads time zones from another release than most others.
        NodeTzdb = "node_tzdb",
        /// A node runs another version than most others.
        NodeVersion = "node_version",
        /// A node beats and claims nothing.
        NodeNotClaiming = "node_not_claiming",
        /// The disk of a node's data directory is nearly full.
        NodeDisk = "node_disk",
        /// A command ended badly.
        JobFailed = "job_failed",
        /// A command took too long and was ended.
        JobTimedOut = "job_timed_out",
        /// A run's node fell silent.
        JobLost = "job_lost",
        /// A tick nobody could start.
        JobMissed = "job_missed",
        /// A command could not be executed.
        JobCouldNotStart = "job_could_not_start",
        /// A command's end was not seen.
        JobInterrupted = "job_interrupted",
        /// A run waits long after it was due.
        JobLate = "job_late",
        /// A command takes longer than it should.
        JobSlow = "job_slow",
        /// A command takes longer than the job usually does.
        JobSlower = "job_slower",
        /// A command succeeded sooner than the job usually does.
        JobFaster = "job_faster",
        /// A job has not succeeded for its longest time.
        JobNoSuccess = "job_no_success",
        /// A run stays where it is, and nothing that should move it on does.
        JobStuck = "job_stuck",
        /// Runs wait and no node takes them.
        Backlog = "backlog",
        /// The store does not answer.
        StoreUnreachable = "store_unreachable",
        /// Redis does not answer nodes that use it.
        RedisUnreachable = "redis_unreachable",
        /// An API token ends soon.
        TokenExpiring = "token_expiring",
        /// The certificate that an endpoint shows ends soon, or has ended.
        CertificateExpiring = "certificate_expiring",
        /// Another monitor no longer beats.
        MonitorSilent = "monitor_silent",
    }
}

impl Rule {
    /// The rule that a run's outcome breaks. A run that somebody had ended is no news to anybody.
    pub fn broken_by(outcome: Outcome) -> Option<Rule> {
        match outcome {
            Outcome::Failed => Some(Rule::JobFailed),
            Outcome::TimedOut => Some(Rule::JobTimedOut),
            Outcome::Lost => Some(Rule::JobLost),
            Outcome::Missed => Some(Rule::JobMissed),
            Outcome::CouldNotStart => Some(Rule::JobCouldNotStart),
            Outcome::Interrupted => Some(Rule::JobInterrupted),
            Outcome::Succeeded | Outcome::Skipped | Outcome::Killed => None,
        }
    }

    /// Whether the trouble is one run's end, so that it is over with the job's next success; other trouble lasts
    /// and is over when its facts are.
    pub fn is_by_run(self) -> bool {
        match self {
            Rule::JobFailed
            | Rule::JobTimedOut
            | Rule::JobLost
            | Rule::JobMissed
            | Rule::JobCouldNotStart
            | Rule::JobInterrupted => true,
            Rule::NodeSilent
            | Rule::NodeClock
            | Rule::NodeTzdb
            | Rule::NodeVersion
            | Rule::NodeNotClaiming
            | Rule::NodeDisk
            | Rule::JobLate
            | Rule::JobSlow
            | Rule::JobSlower
            | Rule::JobFaster
            | Rule::JobNoSuccess
            | Rule::JobStuck
            | Rule::Backlog
            | Rule::StoreUnreachable
            | Rule::RedisUnreachable
            | Rule::TokenExpiring
            | Rule::CertificateExpiring
            | Rule::MonitorSilent => false,
        }
    }

    /// How long the facts must hold before they count: what mends itself within that time is no news. Silence has a
    /// limit of its own.
    pub fn holds_for(self) -> SignedDuration {
        match self {
            // A release is rolled out node by node.
            Rule::NodeVersion => SignedDuration::from_mins(10),
            Rule::NodeTzdb | Rule::NodeDisk => SignedDuration::from_secs(60),
            // A node that cannot start commands tries again every half minute: that must not look like health.
            Rule::NodeClock | Rule::NodeNotClaiming | Rule::RedisUnreachable => {
                SignedDuration::from_secs(20)
            }
            Rule::NodeSilent
            | Rule::JobFailed
            | Rule::JobTimedOut
            | Rule::JobLost
            | Rule::JobMissed
            | Rule::JobCouldNotStart
            | Rule::JobInterrupted
            | Rule::JobLate
            | Rule::JobSlow
            | Rule::JobSlower
            | Rule::JobFaster
            | Rule::JobNoSuccess
            | Rule::JobStuck
            | Rule::Backlog
            | Rule::StoreUnreachable
            | Rule::TokenExpiring
            | Rule::CertificateExpiring
            | Rule::MonitorSilent => SignedDuration::ZERO,
        }
    }

    /// The shortest pause between reminders: what changes from day to day is not pressing every few hours.
    pub fn remind_pause_min(self) -> SignedDuration {
        match self {
            Rule::TokenExpiring | Rule::CertificateExpiring | Rule::NodeDisk | Rule::JobFaster => {
                SignedDuration::from_hours(24)
            }
            _ => SignedDuration::ZERO,
        }
    }
}

crate::words! {
    /// What an incident is about.
    SubjectKind, "subject" {
        /// A node.
        Node = "node",
        /// A job.
        Job = "job",
        /// A monitor.
        Monitor = "monitor",
        /// An API token.
        Token = "token",
        /// An endpoint that shows a certificate.
        Endpoint = "endpoint",
        /// The cluster as a whole.
        Cluster = "cluster",
    }
}

/// Whose trouble it is. The name is what people called it then, and stays when the thing is renamed or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// Its number; 0 where there is only one.
    pub id: i64,
    /// Its name.
    pub name: String,
}

impl Subject {
    /// The node of that name.
    pub fn node(id: NodeId, name: &str) -> Self {
        Subject {
            kind: SubjectKind::Node,
            id: id.0,
            name: name.to_owned(),
        }
    }

    /// The job of that name.
    pub fn job(id: JobId, name: &str) -> Self {
        Subject {
            kind: SubjectKind::Job,
            id: id.0,
            name: name.to_owned(),
        }
    }

    /// The monitor of that name.
    pub fn monitor(id: i64, name: &str) -> Self {
        Subject {
            kind: SubjectKind::Monitor,
            id,
            name: name.to_owned(),
        }
    }

    /// The API token of that name and user.
    pub fn token(id: i64, name: &str, user: &str) -> Self {
        Subject {
            kind: SubjectKind::Token,
            id,
            name: format!("{name} ({user})"),
        }
    }

    /// The endpoint of that name. No table holds endpoints; its number is made of its name.
    pub fn endpoint(id: i64, name: &str) -> Self {
        Subject {
            kind: SubjectKind::Endpoint,
            id,
            name: name.to_owned(),
        }
    }

    /// The cluster as a whole.
    pub fn cluster() -> Self {
        Subject {
            kind: SubjectKind::Cluster,
            id: 0,
            name: "cluster".to_owned(),
        }
    }
}

/// What no two open incidents share: the rule and whose trouble it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IncidentKey(String);

impl IncidentKey {
    /// The key of `rule` broken by `subject`.
    pub fn new(rule: Rule, subject: &Subject) -> Self {
        IncidentKey(format!("{rule}:{}", subject.id))
    }

    /// The key as stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_that_is_trouble_breaks_a_rule_but_a_kill() {
        for outcome in Outcome::ALL.iter().copied() {
            let expected = outcome.is_trouble() && outcome != Outcome::Killed;

            assert_eq!(Rule::broken_by(outcome).is_some(), expected, "{outcome}");
        }
    }

    #[test]
    fn what_breaks_by_a_run_is_what_an_outcome_breaks() {
        for rule in Rule::ALL.iter().copied() {
            let by_outcome = Outcome::ALL
                .iter()
                .any(|outcome| Rule::broken_by(*outcome) == Some(rule));

            assert_eq!(rule.is_by_run(), by_outcome, "{rule}");
        }
    }

    #[test]
    fn a_key_tells_rule_and_subject_apart() {
        let node = Subject::node(NodeId(7), "web-1");
        let renamed = Subject::node(NodeId(7), "web-2");

        assert_eq!(
            IncidentKey::new(Rule::NodeSilent, &node),
            IncidentKey::new(Rule::NodeSilent, &renamed)
        );
        assert_ne!(
            IncidentKey::new(Rule::NodeSilent, &node),
            IncidentKey::new(Rule::NodeClock, &node)
        );
    }
}
