//! Who is told what, together with what: incidents that owe a word, gathered into announcements.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::incident::{Incident, Owed};
use crate::rule::{Rule, SubjectKind};

/// What owes a word waits so long for others to join it. More than one heartbeat, since nodes that go together are
/// found missing one by one.
pub const GROUP_WAIT: SignedDuration = SignedDuration::from_secs(4);

/// From so many on, what goes to the same people is told in one mail.
pub const GROUP_FROM: usize = 4;

/// The most incidents of one announcement.
pub const GROUP_MAX: usize = 500;

/// Where news about a subject goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// To these addresses.
    Addresses(Vec<String>),
    /// To nobody, as somebody asked for.
    Nobody,
    /// To nobody, because no address is known; somebody should name one.
    Unknown,
}

impl Audience {
    /// The first that is set of what the job says, what its group says and what goes for all. A job or group that
    /// says the empty text wants nobody told; one that names nothing usable falls back, so that news is not lost.
    pub fn choose(wishes: &[Option<&str>], default: &[String]) -> Audience {
        for wish in wishes.iter().flatten() {
            if wish.trim().is_empty() {
                return Audience::Nobody;
            }
            let addresses = split_addresses(wish);
            if !addresses.is_empty() {
                return Audience::Addresses(addresses);
            }
        }
        match default {
            [] => Audience::Unknown,
            default => Audience::Addresses(default.to_vec()),
        }
    }
}

/// The addresses of a list with commas, semicolons or blanks. What has no `@` is no address.
pub fn split_addresses(text: &str) -> Vec<String> {
    let mut addresses: Vec<String> = text
        .split([',', ';', ' ', '\t', '\r', '\n'])
        .filter(|part| part.contains('@') && !part.chars().any(char::is_control))
        .map(str::to_owned)
        .collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

/// Silence that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mute {
    /// Its number.
    pub id: i64,
    /// For one rule; none is every rule.
    pub rule: Option<Rule>,
    /// For one kind of subject; none is everything.
    pub subject_kind: Option<SubjectKind>,
    /// For one subject of that kind; none is every.
    pub subject_id: Option<i64>,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub made_by: String,
    /// Since when.
    pub from_at: Timestamp,
    /// It ends by itself.
    pub until_time: Timestamp,
}

impl Mute {
    /// Whether it holds back news about `incident` at `now`.
    pub fn covers(&self, incident: &Incident, now: Timestamp) -> bool {
        let is_asked = |wish: Option<bool>| wish.unwrap_or(true);
        self.from_at <= now
            && now < self.until_time
            && is_asked(self.rule.map(|rule| rule == incident.rule))
            && is_asked(self.subject_kind.map(|kind| kind == incident.subject.kind))
            && is_asked(self.subject_id.map(|id| id == incident.subject.id))
    }
}

/// What is told once, as it was when it was told: every address gets the same, however late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// What is told.
    pub owed: Owed,
    /// When it was decided to tell it.
    pub made_at: Timestamp,
    /// About these, oldest first; never empty.
    pub incidents: Vec<Incident>,
}

/// An incident that owes a word.
#[derive(Debug, Clone, PartialEq)]
pub struct Debt {
    /// The incident.
    pub incident: Incident,
    /// To whom it is owed.
    pub audience: Audience,
    /// Until when these people are not disturbed by it.
    pub hold_until: Option<Timestamp>,
}

/// Incidents that are told together, in one mail to each address.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// What is told about them.
    pub owed: Owed,
    /// To whom.
    pub audience: Audience,
    /// Until when these people are not disturbed by it.
    pub hold_until: Option<Timestamp>,
    /// About these, oldest first; never empty.
    pub incidents: Vec<Incident>,
}

/// Gathers what owes a word into what is told at `now`. What is still within [`GROUP_WAIT`] is left for later, unless
/// it joins an older one; what is muted is left until the mute ends.
pub fn gather(owing: Vec<Debt>, mutes: &[Mute], now: Timestamp) -> Vec<Batch> {
    type Key = (Owed, SubjectKind, Audience, Option<Timestamp>);
    let mut groups: BTreeMap<Key, Vec<Incident>> = BTreeMap::new();
    for debt in owing {
        let incident = debt.incident;
        let is_muted = mutes.iter().any(|mute| mute.covers(&incident, now));
        if let (Some(owed), false) = (incident.owed, is_muted) {
            let kind = incident.subject.kind;
            let key = (owed, kind, debt.audience, debt.hold_until);
            groups.entry(key).or_default().push(incident);
        }
    }
    groups
        .into_iter()
        .filter(|(_, incidents)| is_ripe(incidents, now))
        .flat_map(|((owed, _, audience, hold_until), incidents)| {
            split(incidents).into_iter().map(move |incidents| Batch {
                owed,
                audience: audience.clone(),
                hold_until,
                incidents,
            })
        })
        .collect()
}

fn is_ripe(incidents: &[Incident], now: Timestamp) -> bool {
    incidents
        .iter()
        .filter_map(|incident| incident.owed_at)
        .min()
        .is_some_and(|oldest| now.duration_since(oldest) >= GROUP_WAIT)
}

fn split(mut incidents: Vec<Incident>) -> Vec<Vec<Incident>> {
    incidents.sort_by_key(|incident| (incident.since_at, incident.id));
    let size = match incidents.len() {
        few if few < GROUP_FROM => 1,
        _ => GROUP_MAX,
    };
    incidents.chunks(size).map(<[Incident]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Evidence;
    use crate::identity::NodeId;
    use crate::incident::Sighting;
    use crate::rule::Subject;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn silent(id: i64, owed_at: i64) -> Incident {
        let sighting = Sighting {
            rule: Rule::NodeSilent,
            subject: Subject::node(NodeId(id), &format!("web-{id}")),
            since_at: at(0),
            count: 1,
            evidence: Evidence::None,
        };
        Incident {
            id,
            ..Incident::open(sighting, 0, at(owed_at))
        }
    }

    fn ops() -> Audience {
        Audience::Addresses(vec!["ops@example.org".to_owned()])
    }

    fn debt(incident: Incident) -> Debt {
        Debt {
            incident,
            audience: ops(),
            hold_until: None,
        }
    }

    fn owing(count: i64) -> Vec<Debt> {
        (1..=count).map(|id| debt(silent(id, id % 3))).collect()
    }

    #[test]
    fn ten_nodes_make_one_mail_and_two_make_two() {
        let many = gather(owing(10), &[], at(4));
        let few = gather(owing(2), &[], at(10));

        assert_eq!((many.len(), many[0].incidents.len()), (1, 10));
        assert_eq!(few.len(), 2);
    }

    #[test]
    fn what_has_just_begun_waits_for_others() {
        assert!(gather(vec![debt(silent(1, 10))], &[], at(13)).is_empty());
        assert_eq!(gather(vec![debt(silent(1, 10))], &[], at(14)).len(), 1);
    }

    #[test]
    fn different_people_get_different_mails() {
        let other = Audience::Addresses(vec!["dba@example.org".to_owned()]);
        let mut owing = owing(8);
        for debt in owing.iter_mut().take(4) {
            debt.audience = other.clone();
        }

        let batches = gather(owing, &[], at(10));

        assert_eq!(batches.len(), 2);
        assert!(batches.iter().all(|batch| batch.incidents.len() == 4));
    }

    #[test]
    fn what_can_wait_is_not_told_with_what_cannot() {
        let mut owing = owing(8);
        for debt in owing.iter_mut().take(4) {
            debt.hold_until = Some(at(1000));
        }

        let batches = gather(owing, &[], at(10));

        let holds: Vec<_> = batches.iter().map(|batch| batch.hold_until).collect();
        assert_eq!(holds, [None, Some(at(1000))]);
    }

    #[test]
    fn a_mute_holds_the_word_back_until_it_ends() {
        let mute = Mute {
            id: 1,
            rule: None,
            subject_kind: Some(SubjectKind::Node),
            subject_id: Some(1),
            reason: "new disk".to_owned(),
            made_by: "ann".to_owned(),
            from_at: at(0),
            until_time: at(100),
        };
        let owing = || vec![debt(silent(1, 10)), debt(silent(2, 10))];

        let muted = gather(owing(), std::slice::from_ref(&mute), at(99));
        assert_eq!(muted.len(), 1);
        assert_eq!(muted[0].incidents[0].subject.id, 2);
        assert_eq!(gather(owing(), &[mute], at(100)).len(), 2);
    }

    #[test]
    fn the_job_decides_before_the_group_and_the_group_before_all() {
        let default = vec!["all@example.org".to_owned()];
        let choose = |job, group| Audience::choose(&[job, group], &default);
        let only = |address: &str| Audience::Addresses(vec![address.to_owned()]);

        assert_eq!(choose(Some("a@b.c"), Some("g@b.c")), only("a@b.c"));
        assert_eq!(choose(None, Some("g@b.c")), only("g@b.c"));
        assert_eq!(choose(None, None), only("all@example.org"));
        assert_eq!(choose(Some(""), Some("g@b.c")), Audience::Nobody);
        assert_eq!(choose(Some("root"), None), only("all@example.org"));
        assert_eq!(Audience::choose(&[None], &[]), Audience::Unknown);
    }

    #[test]
    fn a_list_of_addresses_is_read_with_any_separator() {
        assert_eq!(
            split_addresses("b@x.org, a@x.org;b@x.org\r\nBcc: c@x.org"),
            ["a@x.org", "b@x.org", "c@x.org"]
        );
    }
}
