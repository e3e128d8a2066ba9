//! Trouble from its first sight to its end: open, reminded of, resolved.
//!
//! A pure state machine over one incident. Each step either changes nothing or yields the incident as it is to be
//! written; the writer compares the revision, so that of two monitors that see the same facts one takes the step.
//! What somebody must be told is written with the step, as `owed`. Who is told, and in which words, is decided
//! elsewhere.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::evidence::Evidence;
use crate::rule::{IncidentKey, Rule, Subject};

crate::words! {
    /// What about an incident somebody must still be told.
    Owed, "announcement" {
        /// That it began.
        Opened = "opened",
        /// That it still lasts.
        Reminder = "reminder",
        /// That it is over.
        Resolved = "resolved",
    }
}

/// How patient the monitor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// A node that has not beaten for so long is silent.
    pub silent_after: SignedDuration,
    /// An open incident is told again this often; zero is never.
    pub remind_every: SignedDuration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            silent_after: SignedDuration::from_secs(30),
            remind_every: SignedDuration::from_hours(4),
        }
    }
}

/// Openings within this time make a flapper.
pub const FLAP_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// What is owed is told within this time, unless it is muted.
const TOLD_WITHIN: SignedDuration = SignedDuration::from_secs(60);

impl Patience {
    /// How long all must be well before an incident is over. The first of the hour ends at once, so that the good
    /// news comes early; what opened before must prove itself, so that a flapper sends a handful of mails an hour.
    pub fn steady_for(&self, openings: u32) -> SignedDuration {
        match openings {
            0 | 1 => SignedDuration::ZERO,
            2 => self.silent_after * 2,
            _ => (self.silent_after * 10).min(SignedDuration::from_mins(30)),
        }
    }
}

/// An incident as the store keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its number; 0 until it is stored.
    pub id: i64,
    /// Counts the steps; makes a concurrent step visible.
    pub revision: i64,
    /// What was broken.
    pub rule: Rule,
    /// Whose trouble it is.
    pub subject: Subject,
    /// When the trouble began, as far as known.
    pub since_at: Timestamp,
    /// When it was noticed.
    pub opened_at: Timestamp,
    /// When trouble was last seen.
    pub last_trouble_at: Timestamp,
    /// How often trouble was seen.
    pub trouble_count: i64,
    /// How often the same opened within [`FLAP_WINDOW`], this one included.
    pub openings: u32,
    /// Since when all is well while the incident must still prove steady.
    pub well_since: Option<Timestamp>,
    /// When it ended.
    pub resolved_at: Option<Timestamp>,
    /// When somebody was last told.
    pub told_at: Option<Timestamp>,
    /// [`Incident::trouble_count`] when somebody was last told.
    pub told_count: i64,
    /// What somebody must still be told.
    pub owed: Option<Owed>,
    /// Since when.
    pub owed_at: Option<Timestamp>,
    /// When somebody said: I am on it. No reminders from then on.
    pub acknowledged_at: Option<Timestamp>,
    /// Who.
    pub acknowledged_by: Option<String>,
    /// What is known.
    pub evidence: Evidence,
}

impl Incident {
    /// A new incident, noticed at `now`. `openings` counts how often the same opened within [`FLAP_WINDOW`] before.
    pub fn open(sighting: Sighting, openings_before: u32, now: Timestamp) -> Self {
        Incident {
            id: 0,
            revision: 0,
            rule: sighting.rule,
            subject: sighting.subject,
            since_at: sighting.since_at,
            opened_at: now,
            last_trouble_at: now,
            trouble_count: sighting.count,
            openings: openings_before + 1,
            well_since: None,
            resolved_at: None,
            told_at: None,
            told_count: 0,
            owed: Some(Owed::Opened),
            owed_at: Some(now),
            acknowledged_at: None,
            acknowledged_by: None,
            evidence: sighting.evidence,
        }
    }

    /// What no two open incidents share.
    pub fn key(&self) -> IncidentKey {
        IncidentKey::new(self.rule, &self.subject)
    }

    /// Whether it lasts.
    pub fn is_open(&self) -> bool {
        self.resolved_at.is_none()
    }

    /// Trouble was seen again: by a further run, or after a moment in which all seemed well.
    pub fn see_trouble(&self, sighting: &Sighting, now: Timestamp) -> Option<Incident> {
        let is_news = self.rule.is_by_run() || self.well_since.is_some();
        is_news.then(|| Incident {
            last_trouble_at: now,
            trouble_count: self.trouble_count + sighting.count,
            well_since: None,
            evidence: sighting.evidence.clone(),
            ..self.clone()
        })
    }

    /// All is well at `now`. Resolves when it has been for long enough.
    pub fn see_well(&self, patience: &Patience, now: Timestamp) -> Option<Incident> {
        // A run that ended badly is news even when the next one went well at once.
        let is_untold = self.rule.is_by_run() && self.owed == Some(Owed::Opened);
        if is_untold && now.duration_since(self.opened_at) < TOLD_WITHIN {
            return None;
        }
        let well_since = self.well_since.unwrap_or(now);
        if now.duration_since(well_since) >= patience.steady_for(self.openings) {
            return Some(self.resolve(now));
        }
        self.well_since.is_none().then(|| Incident {
            well_since: Some(now),
            ..self.clone()
        })
    }

    /// Ends the incident without a word: its subject was drained, retired or deleted by somebody who knows.
    pub fn hush(&self, now: Timestamp) -> Incident {
        Incident {
            resolved_at: Some(now),
            owed: None,
            owed_at: None,
            ..self.clone()
        }
    }

    /// Asks for a reminder when one is due. What lasts is reminded of as such; what is by run only when it has
    /// happened again.
    pub fn remind(&self, patience: &Patience, now: Timestamp) -> Option<Incident> {
        let told_at = self.told_at?;
        let is_quiet = !self.is_open()
            || self.owed.is_some()
            || self.acknowledged_at.is_some()
            || self.well_since.is_some()
            || patience.remind_every <= SignedDuration::ZERO;
        let has_news = !self.rule.is_by_run() || self.trouble_count > self.told_count;
        let pause = patience.remind_every.max(self.rule.remind_pause_min());
        let is_due = now.duration_since(told_at) >= pause;
        (!is_quiet && has_news && is_due).then(|| Incident {
            owed: Some(Owed::Reminder),
            owed_at: Some(now),
            ..self.clone()
        })
    }

    /// Somebody was told what was owed.
    pub fn tell(&self, now: Timestamp) -> Incident {
        Incident {
            told_at: Some(now),
            told_count: self.trouble_count,
            owed: None,
            owed_at: None,
            ..self.clone()
        }
    }

    /// The good news is owed to those who had the bad news, and to nobody else.
    fn resolve(&self, now: Timestamp) -> Incident {
        let owed = self.told_at.map(|_| Owed::Resolved);
        Incident {
            well_since: Some(self.well_since.unwrap_or(now)),
            resolved_at: Some(now),
            owed,
            owed_at: owed.map(|_| now),
            ..self.clone()
        }
    }
}

/// Trouble as it was seen once.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// What is broken.
    pub rule: Rule,
    /// Whose trouble it is.
    pub subject: Subject,
    /// When it began, as far as known.
    pub since_at: Timestamp,
    /// So many times.
    pub count: i64,
    /// What is known.
    pub evidence: Evidence,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{JobId, NodeId};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn silence() -> Sighting {
        Sighting {
            rule: Rule::NodeSilent,
            subject: Subject::node(NodeId(1), "web-1"),
            since_at: at(0),
            count: 1,
            evidence: Evidence::None,
        }
    }

    fn failure() -> Sighting {
        Sighting {
            rule: Rule::JobFailed,
            subject: Subject::job(JobId(1), "backup"),
            ..silence()
        }
    }

    fn patience() -> Patience {
        Patience::default()
    }

    #[test]
    fn an_incident_is_told_when_it_opens_and_when_it_ends() {
        let opened = Incident::open(silence(), 0, at(30));
        assert_eq!(opened.owed, Some(Owed::Opened));

        let told = opened.tell(at(32));
        assert_eq!(told.owed, None);

        let resolved = told.see_well(&patience(), at(90)).unwrap();
        assert_eq!(resolved.resolved_at, Some(at(90)));
        assert_eq!(resolved.owed, Some(Owed::Resolved));
    }

    #[test]
    fn what_nobody_was_told_ends_without_a_word() {
        let opened = Incident::open(silence(), 0, at(30));

        let resolved = opened.see_well(&patience(), at(31)).unwrap();

        assert_eq!(resolved.owed, None);
    }

    #[test]
    fn a_failure_is_told_although_the_next_run_went_well() {
        let opened = Incident::open(failure(), 0, at(30));

        assert_eq!(opened.see_well(&patience(), at(31)), None);
        assert!(opened.tell(at(34)).see_well(&patience(), at(35)).is_some());
        assert!(opened.see_well(&patience(), at(90)).is_some());
    }

    #[test]
    fn lasting_trouble_is_written_once() {
        let opened = Incident::open(silence(), 0, at(30)).tell(at(31));

        assert_eq!(opened.see_trouble(&silence(), at(40)), None);
    }

    #[test]
    fn a_further_failure_is_counted_and_not_told() {
        let opened = Incident::open(failure(), 0, at(30)).tell(at(31));

        let again = opened.see_trouble(&failure(), at(40)).unwrap();

        assert_eq!((again.trouble_count, again.owed), (2, None));
    }

    #[test]
    fn reminders_keep_their_interval() {
        let hours = |hours: i64| at(hours * 3600);
        let told = Incident::open(silence(), 0, hours(0)).tell(hours(0));

        assert_eq!(told.remind(&patience(), at(4 * 3600 - 1)), None);
        let reminded = told.remind(&patience(), hours(4)).unwrap();
        assert_eq!(reminded.owed, Some(Owed::Reminder));
        assert_eq!(reminded.remind(&patience(), hours(5)), None);
        let told = reminded.tell(hours(4));
        assert_eq!(told.remind(&patience(), hours(7)), None);
        assert!(told.remind(&patience(), hours(8)).is_some());
    }

    #[test]
    fn what_changes_from_day_to_day_is_reminded_of_once_a_day() {
        let disk = Sighting {
            rule: Rule::NodeDisk,
            ..silence()
        };
        let told = Incident::open(disk, 0, at(0)).tell(at(0));

        assert_eq!(told.remind(&patience(), at(24 * 3600 - 1)), None);
        assert!(told.remind(&patience(), at(24 * 3600)).is_some());
    }

    #[test]
    fn nobody_is_reminded_of_what_is_acknowledged_or_switched_off() {
        let told = Incident::open(silence(), 0, at(0)).tell(at(0));
        let acknowledged = Incident {
            acknowledged_at: Some(at(1)),
            ..told.clone()
        };
        let never = Patience {
            remind_every: SignedDuration::ZERO,
            ..patience()
        };

        assert_eq!(acknowledged.remind(&patience(), at(90_000)), None);
        assert_eq!(told.remind(&never, at(90_000)), None);
    }

    #[test]
    fn a_failure_is_reminded_of_only_when_it_happened_again() {
        let told = Incident::open(failure(), 0, at(0)).tell(at(0));
        let again = told.see_trouble(&failure(), at(60)).unwrap();

        assert_eq!(told.remind(&patience(), at(90_000)), None);
        assert!(again.remind(&patience(), at(90_000)).is_some());
    }

    #[test]
    fn a_flapper_must_prove_steady_before_it_counts_as_well() {
        let flapper = Incident::open(silence(), 2, at(0)).tell(at(0));
        let hold = patience().steady_for(3).as_secs();

        let well = flapper.see_well(&patience(), at(10)).unwrap();
        assert!(well.is_open());
        assert_eq!(well.see_well(&patience(), at(11)), None);
        let relapsed = well.see_trouble(&silence(), at(40)).unwrap();
        assert_eq!((relapsed.well_since, relapsed.owed), (None, None));
        let well = relapsed.see_well(&patience(), at(50)).unwrap();
        let resolved = well.see_well(&patience(), at(50 + hold)).unwrap();
        assert_eq!(resolved.owed, Some(Owed::Resolved));
    }

    #[test]
    fn a_drained_subject_ends_its_incident_without_a_word() {
        let told = Incident::open(silence(), 0, at(0)).tell(at(0));

        let hushed = told.hush(at(5));

        assert_eq!((hushed.is_open(), hushed.owed), (false, None));
    }
}
