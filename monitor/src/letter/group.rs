//! The headline of several incidents: how many, what they are, and the first names.

use std::collections::BTreeSet;

use carillon_core::incident::{Incident, Owed};
use carillon_core::rule::{Rule, SubjectKind};

use super::Speech;

/// A headline of several names so many of them.
const NAMES_MAX: usize = 3;

/// The headline of a group: how many, what, and the first names.
pub(crate) fn headline(speech: &Speech, incidents: &[Incident]) -> String {
    let count = incidents.len();
    let names = first_names(speech, incidents.iter());
    let what = what_of_group(speech, incidents);
    speech.say(
        format!("{count} {what}: {names}"),
        format!("{count} 个{what}：{names}"),
    )
}

/// The first names of whom the incidents are about, each once, and how many more there are.
pub(crate) fn first_names<'a>(
    speech: &Speech,
    incidents: impl Iterator<Item = &'a Incident>,
) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut told = BTreeSet::new();
    for subject in incidents.map(|incident| &incident.subject) {
        if told.insert((subject.kind, &subject.name)) {
            names.push(match subject.kind {
                SubjectKind::Cluster => speech.say("cluster", "集群"),
                _ => &subject.name,
            });
        }
    }
    let count = names.len();
    names.truncate(NAMES_MAX);
    let first = names.join(speech.say(", ", "、"));
    let rest = match count.saturating_sub(NAMES_MAX) {
        0 => String::new(),
        rest => speech.say(format!(" and {rest} more"), format!(" 等 {count} 个")),
    };
    format!("{first}{rest}")
}

fn what_of_group(speech: &Speech, incidents: &[Incident]) -> &'static str {
    let first = &incidents[0];
    let is_one_rule = incidents.iter().all(|incident| incident.rule == first.rule);
    let kind = first.subject.kind;
    match (speech.owed, kind, is_one_rule.then_some(first.rule)) {
        (Owed::Opened, SubjectKind::Node, Some(Rule::NodeSilent)) => {
            speech.say("nodes are silent", "节点失联")
        }
        (Owed::Reminder, SubjectKind::Node, Some(Rule::NodeSilent)) => {
            speech.say("nodes are still silent", "节点仍未恢复")
        }
        (Owed::Resolved, SubjectKind::Node, Some(Rule::NodeSilent)) => {
            speech.say("nodes are back", "节点已恢复")
        }
        (Owed::Opened, SubjectKind::Job, Some(Rule::JobFailed)) => {
            speech.say("jobs failed", "作业执行失败")
        }
        (Owed::Opened, SubjectKind::Job, Some(Rule::JobMissed)) => {
            speech.say("jobs did not run", "作业未运行")
        }
        (Owed::Opened, SubjectKind::Job, _) => speech.say("troubles with jobs", "作业异常"),
        (Owed::Opened, _, _) => speech.say("troubles", "异常"),
        (Owed::Reminder, SubjectKind::Job, _) => {
            speech.say("troubles with jobs still last", "作业异常仍未恢复")
        }
        (Owed::Reminder, _, _) => speech.say("troubles still last", "异常仍未恢复"),
        (Owed::Resolved, SubjectKind::Job, _) => {
            speech.say("troubles with jobs are over", "作业异常已恢复")
        }
        (Owed::Resolved, _, _) => speech.say("troubles are over", "异常已恢复"),
    }
}

/// What a grouped letter does not list.
pub(crate) fn more(speech: &Speech, count: usize) -> String {
    match count {
        0 => String::new(),
        count => speech.say(
            format!("and {count} more, see the incidents page"),
            format!("另有 {count} 个，请见告警页面"),
        ),
    }
}
