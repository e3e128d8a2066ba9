//! The incidents of one round: what was open when it began, and the steps that its sightings ask for.

use std::collections::HashMap;

use carillon_core::incident::{FLAP_WINDOW, Incident, Patience, Sighting};
use carillon_core::rule::{IncidentKey, Rule, Subject, SubjectKind};
use carillon_store::{IncidentSteps, Stepped, Store, StoreError};
use jiff::Timestamp;
use tracing::{debug, info, warn};

/// The incidents of one round.
pub(crate) struct Ledger {
    pub(crate) now: Timestamp,
    patience: Patience,
    open: HashMap<IncidentKey, Entry>,
    sightings: HashMap<IncidentKey, Sighting>,
    notices: Vec<i64>,
}

struct Entry {
    incident: Incident,
    is_changed: bool,
}

impl Ledger {
    /// A round that begins at `now` with these incidents open.
    pub(crate) fn new(open: Vec<Incident>, patience: Patience, now: Timestamp) -> Self {
        let entry = |incident: Incident| {
            let is_changed = false;
            (
                incident.key(),
                Entry {
                    incident,
                    is_changed,
                },
            )
        };
        Ledger {
            now,
            patience,
            open: open.into_iter().map(entry).collect(),
            sightings: HashMap::new(),
            notices: Vec::new(),
        }
    }

    /// The open incidents of one rule.
    pub(crate) fn open_by(&self, rule: Rule) -> Vec<Incident> {
        self.open
            .values()
            .filter(|entry| entry.incident.rule == rule)
            .map(|entry| entry.incident.clone())
            .collect()
    }

    /// The open incidents about one kind of subject.
    pub(crate) fn open_about(&self, kind: SubjectKind) -> Vec<Incident> {
        self.open
            .values()
            .filter(|entry| entry.incident.subject.kind == kind)
            .map(|entry| entry.incident.clone())
            .collect()
    }

    /// Whether `rule` is known to be broken by `subject`.
    pub(crate) fn is_open(&self, rule: Rule, subject: &Subject) -> bool {
        self.open.contains_key(&IncidentKey::new(rule, subject))
    }

    /// Trouble: opens an incident, or goes on with the open one.
    pub(crate) fn see_trouble(&mut self, sighting: Sighting) {
        let key = IncidentKey::new(sighting.rule, &sighting.subject);
        if self.open.contains_key(&key) {
            let now = self.now;
            self.step(&key, |incident| incident.see_trouble(&sighting, now));
            return;
        }
        let count = self.sightings.get(&key).map_or(0, |earlier| earlier.count);
        let since_at = self
            .sightings
            .get(&key)
            .map_or(sighting.since_at, |earlier| earlier.since_at);
        let sighting = Sighting {
            count: count + sighting.count,
            since_at,
            ..sighting
        };
        self.sightings.insert(key, sighting);
    }

    /// All is well with `subject` as to `rule`.
    pub(crate) fn see_well(&mut self, rule: Rule, subject: &Subject) {
        let (now, patience) = (self.now, self.patience);
        self.step(&IncidentKey::new(rule, subject), |incident| {
            incident.see_well(&patience, now)
        });
    }

    /// Nobody wants to hear of it any more.
    pub(crate) fn hush(&mut self, incident: &Incident) {
        let now = self.now;
        self.step(&incident.key(), |incident| Some(incident.hush(now)));
    }

    /// Asks for the reminders that are due.
    pub(crate) fn remind(&mut self) {
        let (now, patience) = (self.now, self.patience);
        let keys: Vec<IncidentKey> = self.open.keys().cloned().collect();
        for key in keys {
            self.step(&key, |incident| incident.remind(&patience, now));
        }
    }

    /// These notices are answered by the steps of this round.
    pub(crate) fn take_notice(&mut self, notice: i64) {
        self.notices.push(notice);
    }

    /// What would open, as rule and subject.
    #[cfg(test)]
    pub(crate) fn seen(&self) -> Vec<(Rule, i64)> {
        let sightings = self.sightings.values();
        sightings
            .map(|sighting| (sighting.rule, sighting.subject.id))
            .collect()
    }

    fn step(&mut self, key: &IncidentKey, step: impl FnOnce(&Incident) -> Option<Incident>) {
        let Some(entry) = self
            .open
            .get_mut(key)
            .filter(|entry| entry.incident.is_open())
        else {
            return;
        };
        if let Some(incident) = step(&entry.incident) {
            *entry = Entry {
                incident,
                is_changed: true,
            };
        }
    }

    /// Writes every step, all or none.
    pub(crate) async fn settle(self, store: &Store) -> Result<Stepped, StoreError> {
        let mut steps: Vec<Incident> = Vec::new();
        let changed = self.open.into_values().filter(|entry| entry.is_changed);
        steps.extend(changed.map(|entry| entry.incident));
        let flaps_since = self.now - FLAP_WINDOW;
        for sighting in self.sightings.into_values() {
            let (rule, subject) = (sighting.rule, &sighting.subject);
            let before = store.count_openings(rule, subject, flaps_since).await?;
            steps.push(Incident::open(sighting, before, self.now));
        }
        if steps.is_empty() && self.notices.is_empty() {
            return Ok(Stepped::Done);
        }
        // One order for all, so that two monitors do not lock each other out.
        steps.sort_by_key(Incident::key);
        let settlement = IncidentSteps {
            steps,
            notices: self.notices,
        };
        let stepped = store.step_incidents(&settlement).await?;
        match stepped {
            Stepped::Done => log_steps(&settlement.steps),
            Stepped::Stale => debug!("another monitor was first; looking again next round"),
        }
        Ok(stepped)
    }
}

fn log_steps(steps: &[Incident]) {
    for incident in steps {
        let (rule, name) = (incident.rule, &incident.subject.name);
        match (incident.id, incident.is_open()) {
            (0, _) => {
                warn!(incident.rule = %rule, incident.subject = %name, "incident opened: {rule} of {name}")
            }
            (id, false) => {
                info!(incident.id = id, incident.rule = %rule, incident.subject = %name, "incident over: {rule} of {name}");
            }
            (id, true) => debug!(incident.id = id, "incident goes on: {rule} of {name}"),
        }
    }
}
