//! What was held back for one address, in its quiet hours or because it had been told so much, as one story of each
//! incident.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::announcement::Announcement;
use crate::incident::{Incident, Owed};

crate::words! {
    /// What holds news back.
    HoldCause, "cause of a hold" {
        /// The people at the address are not to be disturbed.
        QuietHours = "quiet_hours",
        /// The address has been told as much as it takes within an hour.
        Limit = "limit",
    }
}

/// News is held back. The latest of several counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hold {
    /// Until then.
    pub until: Timestamp,
    /// By what.
    pub cause: HoldCause,
}

/// What is told of one incident in a digest.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// The incident as it was told last.
    pub incident: Incident,
    /// Whether its trouble is news here, and not only its end.
    pub is_trouble_news: bool,
}

/// Everything that was held back for one address.
#[derive(Debug, Clone, PartialEq)]
pub struct Digest {
    /// What held it back, until it was made.
    pub hold: Hold,
    /// One for each incident, in the order in which they began.
    pub stories: Vec<Story>,
}

impl Digest {
    /// Puts announcements, in the order they were made, together at the end of `hold`. What was told of an incident more than
    /// once is told once, as it stood last.
    pub fn of(announcements: &[Announcement], hold: Hold) -> Self {
        let mut stories: BTreeMap<i64, Story> = BTreeMap::new();
        for announcement in announcements {
            let is_trouble = announcement.owed != Owed::Resolved;
            for incident in &announcement.incidents {
                let earlier = stories.get(&incident.id);
                let is_trouble_news = is_trouble || earlier.is_some_and(|s| s.is_trouble_news);
                let incident = incident.clone();
                let story = Story {
                    incident,
                    is_trouble_news,
                };
                stories.insert(story.incident.id, story);
            }
        }
        let mut stories: Vec<Story> = stories.into_values().collect();
        stories.sort_by_key(|story| (story.incident.since_at, story.incident.id));
        Digest { hold, stories }
    }

    /// How many incidents are still open.
    pub fn open_count(&self) -> usize {
        let open = self.stories.iter().filter(|one| one.incident.is_open());
        open.count()
    }

    /// The same as one announcement, for headers and receivers that know nothing else.
    pub fn announcement(&self) -> Announcement {
        Announcement {
            owed: match self.open_count() {
                0 => Owed::Resolved,
                _ => Owed::Opened,
            },
            made_at: self.hold.until,
            incidents: self.stories.iter().map(|s| s.incident.clone()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Evidence;
    use crate::identity::JobId;
    use crate::incident::Sighting;
    use crate::rule::{Rule, Subject};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn night() -> Hold {
        Hold {
            until: at(100),
            cause: HoldCause::QuietHours,
        }
    }

    fn failed(id: i64) -> Incident {
        let sighting = Sighting {
            rule: Rule::JobFailed,
            subject: Subject::job(JobId(id), "backup"),
            since_at: at(id),
            count: 1,
            evidence: Evidence::None,
        };
        Incident {
            id,
            ..Incident::open(sighting, 0, at(id))
        }
    }

    fn told(owed: Owed, incident: Incident) -> Announcement {
        Announcement {
            owed,
            made_at: at(5),
            incidents: vec![incident],
        }
    }

    fn over(incident: Incident) -> Incident {
        Incident {
            resolved_at: Some(at(90)),
            ..incident
        }
    }

    #[test]
    fn an_incident_is_told_once_however_often_it_was_held_back() {
        let held = [
            told(Owed::Opened, failed(1)),
            told(Owed::Reminder, failed(1)),
            told(Owed::Opened, failed(2)),
            told(Owed::Resolved, over(failed(1))),
        ];

        let digest = Digest::of(&held, night());

        let stories: Vec<_> = digest
            .stories
            .iter()
            .map(|one| (one.incident.id, one.incident.is_open(), one.is_trouble_news))
            .collect();
        assert_eq!(stories, [(1, false, true), (2, true, true)]);
        assert_eq!(digest.announcement().owed, Owed::Opened);
    }

    #[test]
    fn the_end_of_what_was_told_before_is_no_news_of_trouble() {
        let digest = Digest::of(&[told(Owed::Resolved, over(failed(1)))], night());

        assert!(!digest.stories[0].is_trouble_news);
        assert_eq!(digest.open_count(), 0);
        assert_eq!(digest.announcement().owed, Owed::Resolved);
    }
}
