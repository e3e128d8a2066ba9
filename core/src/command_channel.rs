//! Incidents that start a job: which of them do, and what its command is told. All of it is data, in variables of its own
//! kind; nothing of it is ever part of a command line.

use jiff::Timestamp;

use crate::announcement::Announcement;
use crate::evidence::Evidence;
use crate::identity::JobId;
use crate::incident::Incident;
use crate::parameters::{PARAMETER_BYTES_MAX, Parameters};
use crate::rule::{Rule, SubjectKind};

/// The most jobs that incidents start.
pub const COMMAND_CHANNELS_MAX: usize = 20;

/// The state that a test tells.
const TEST: &str = "test";

/// Whether `incident` starts the jobs of `channels`. What is wrong with such a job starts none of them, or two of them
/// that fail would start each other without end; nor do runs that no node takes, since these would wait with them.
pub fn starts_commands(incident: &Incident, channels: &[JobId]) -> bool {
    let subject = &incident.subject;
    let is_channel = subject.kind == SubjectKind::Job && channels.contains(&JobId(subject.id));
    !is_channel && incident.rule != Rule::Backlog
}

/// What the command is told of those incidents of `announcement` that start it, the oldest in full; none when none does.
/// `headline` says the same in words, `link` is where to read on.
pub fn parameters(
    announcement: &Announcement,
    channels: &[JobId],
    headline: &str,
    link: Option<&str>,
) -> Option<Parameters> {
    let all = announcement.incidents.iter();
    let told: Vec<&Incident> = all.filter(|one| starts_commands(one, channels)).collect();
    let first = *told.first()?;
    let (run, node) = place(&first.evidence);
    let of_kind = |kind| (first.subject.kind == kind).then(|| first.subject.name.clone());
    let pairs = [
        ("STATE", Some(announcement.owed.word().to_owned())),
        ("RULE", Some(first.rule.word().to_owned())),
        ("INCIDENT", Some(first.id.to_string())),
        ("SUBJECT_KIND", Some(first.subject.kind.word().to_owned())),
        ("SUBJECT", Some(first.subject.name.clone())),
        ("JOB", of_kind(SubjectKind::Job)),
        ("NODE", of_kind(SubjectKind::Node).or(node)),
        ("RUN", run),
        ("SINCE", Some(first.since_at.to_string())),
        ("COUNT", Some(told.len().to_string())),
        ("INCIDENTS", Some(list(&told, |one| one.id.to_string()))),
        (
            "SUBJECTS",
            Some(list(&told, |one| one.subject.name.clone())),
        ),
        ("HEADLINE", Some(headline.to_owned())),
        ("LINK", link.map(str::to_owned)),
    ];
    Some(of_pairs(pairs))
}

/// What the command is told when somebody tries it.
pub fn test_parameters(now: Timestamp) -> Parameters {
    of_pairs([
        ("STATE", Some(TEST.to_owned())),
        ("SINCE", Some(now.to_string())),
        ("COUNT", Some("0".to_owned())),
        ("HEADLINE", Some("A test: nothing is wrong".to_owned())),
    ])
}

/// By this the run for an announcement is asked for: the same however often, and nobody can know it before.
pub fn request_key(number: i64, announcement: &Announcement) -> String {
    let made_at_us = announcement.made_at.as_microsecond();
    format!("announcement {number} of {made_at_us}")
}

fn of_pairs<const N: usize>(pairs: [(&str, Option<String>); N]) -> Parameters {
    let given = pairs
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), fit(value?))));
    Parameters::new(given).expect("the names are good and the values fit")
}

/// The run that it is about, and its node.
fn place(evidence: &Evidence) -> (Option<String>, Option<String>) {
    match evidence {
        Evidence::Run(run) => (Some(run.run.clone()), run.node.clone()),
        Evidence::Stuck { run, node, .. } => (Some(run.clone()), node.clone()),
        Evidence::Overdue { run, .. } | Evidence::Unusual { run, .. } => (Some(run.clone()), None),
        _ => (None, None),
    }
}

/// One for each incident, a line each; what does not fit is left out whole.
fn list(incidents: &[&Incident], word: impl Fn(&Incident) -> String) -> String {
    let mut lines = String::new();
    for incident in incidents {
        // A name with a line break would pass for two.
        let line = word(incident).replace(['\n', '\r'], " ");
        if lines.len() + 1 + line.len() > PARAMETER_BYTES_MAX {
            break;
        }
        if !lines.is_empty() {
            lines.push('\n');
        }
        lines.push_str(&line);
    }
    lines
}

/// As a variable can hold it.
fn fit(value: String) -> String {
    let mut value = value.replace('\0', "\u{fffd}");
    let mut end = value.len().min(PARAMETER_BYTES_MAX);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value.truncate(end);
    value
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::identity::NodeId;
    use crate::incident::{Owed, Sighting};
    use crate::rule::Subject;

    fn incident(id: i64, rule: Rule, subject: Subject) -> Incident {
        let sighting = Sighting {
            rule,
            subject,
            since_at: Timestamp::from_second(id).unwrap(),
            count: 1,
            evidence: Evidence::None,
        };
        Incident {
            id,
            ..Incident::open(sighting, 0, Timestamp::from_second(100).unwrap())
        }
    }

    fn told(incidents: Vec<Incident>, channels: &[JobId]) -> Option<BTreeMap<String, String>> {
        let announcement = Announcement {
            owed: Owed::Opened,
            made_at: Timestamp::from_second(100).unwrap(),
            incidents,
        };
        let parameters = parameters(&announcement, channels, "headline", Some("https://c/x"));
        parameters.map(|parameters| parameters.variables().collect())
    }

    #[test]
    fn a_command_is_told_what_happened_to_whom() {
        let silent = |id| {
            incident(
                id,
                Rule::NodeSilent,
                Subject::node(NodeId(id), &format!("web-{id}")),
            )
        };

        let told = told(vec![silent(3), silent(4)], &[]).unwrap();

        let of = |name: &str| {
            told.get(&format!("CARILLON_PARAM_{name}"))
                .map(String::as_str)
        };
        assert_eq!(of("STATE"), Some("opened"));
        assert_eq!(of("RULE"), Some("node_silent"));
        assert_eq!((of("NODE"), of("JOB")), (Some("web-3"), None));
        assert_eq!((of("INCIDENT"), of("COUNT")), (Some("3"), Some("2")));
        assert_eq!(
            (of("INCIDENTS"), of("SUBJECTS")),
            (Some("3\n4"), Some("web-3\nweb-4"))
        );
        assert_eq!(of("SINCE"), Some("1970-01-01T00:00:03Z"));
        assert_eq!(of("LINK"), Some("https://c/x"));
    }

    #[test]
    fn what_is_wrong_with_a_channel_starts_no_channel() {
        let failed = |id, job| incident(id, Rule::JobFailed, Subject::job(JobId(job), "x"));
        let channels = [JobId(7), JobId(8)];

        assert_eq!(told(vec![failed(1, 7), failed(2, 8)], &channels), None);
        let mixed = told(vec![failed(1, 7), failed(2, 9)], &channels).unwrap();
        assert_eq!(mixed["CARILLON_PARAM_INCIDENTS"], "2");
        let backlog = incident(3, Rule::Backlog, Subject::cluster());
        assert_eq!(told(vec![backlog], &channels), None);
    }

    #[test]
    fn whatever_a_name_holds_is_a_value_that_a_variable_can_hold() {
        let odd = "$(reboot)\0\n\"; rm -rf / #".to_owned();
        let long = "钟".repeat(3_000);
        let incidents = vec![
            incident(1, Rule::NodeSilent, Subject::node(NodeId(1), &odd)),
            incident(2, Rule::NodeSilent, Subject::node(NodeId(2), &long)),
        ];

        let told = told(incidents, &[]).unwrap();

        assert_eq!(
            told["CARILLON_PARAM_SUBJECT"],
            odd.replace('\0', "\u{fffd}")
        );
        assert_eq!(told["CARILLON_PARAM_SUBJECTS"].lines().count(), 1);
        assert_eq!(told["CARILLON_PARAM_COUNT"], "2");
    }
}
