//! The store's silence, as this monitor sees it: remembered here, since there is nowhere to write it.
//!
//! Time is the store's, carried on by a steady clock while the store is away.

use std::time::{Duration, Instant};

use carillon_core::announcement::Announcement;
use carillon_core::evidence::Evidence;
use carillon_core::incident::{Incident, Owed, Sighting};
use carillon_core::rule::{Rule, Subject};
use jiff::{SignedDuration, Timestamp};

/// A monitor that is not the speaker speaks up so much later: the speaker may have died with the store.
const SPEAK_UP_AFTER: Duration = Duration::from_secs(300);

/// What a monitor remembers of the store's answers.
#[derive(Debug)]
pub(crate) struct StoreMemory {
    /// The store's clock at its last answer, or the host's when there was none yet.
    last_now: Timestamp,
    last_at: Instant,
    has_answered: bool,
    /// Whether this monitor is the one that speaks of the store.
    is_speaker: bool,
    /// How many outages the store had recorded: with it every monitor gives this one the same identity.
    recorded: u32,
    outage: Option<Outage>,
}

#[derive(Debug)]
struct Outage {
    error: String,
    told_at: Option<Timestamp>,
}

/// An outage that has ended.
#[derive(Debug)]
pub(crate) struct EndedOutage {
    /// As it is to be recorded.
    pub(crate) incident: Incident,
}

impl StoreMemory {
    /// Nothing is known yet, at `host_now` by the host's clock.
    pub(crate) fn new(host_now: Timestamp) -> Self {
        StoreMemory {
            last_now: host_now,
            last_at: Instant::now(),
            has_answered: false,
            is_speaker: true,
            recorded: 0,
            outage: None,
        }
    }

    /// The store's time of this moment, as far as it can be known.
    pub(crate) fn now(&self) -> Timestamp {
        let elapsed =
            SignedDuration::try_from(self.last_at.elapsed()).unwrap_or(SignedDuration::ZERO);
        self.last_now
            .saturating_add(elapsed)
            .unwrap_or(self.last_now)
    }

    /// Who speaks of the store, and how many outages it has recorded.
    pub(crate) fn learn(&mut self, is_speaker: bool, recorded: u32) {
        self.is_speaker = is_speaker;
        self.recorded = recorded;
    }

    /// The store answered at its time `now`. Yields the outage that ends with it, if people were told of it.
    pub(crate) fn answer(&mut self, now: Timestamp, steady_now: Instant) -> Option<EndedOutage> {
        let ended = self.outage.take().and_then(|outage| {
            let told_at = outage.told_at?;
            let incident = Incident {
                resolved_at: Some(now),
                well_since: Some(now),
                told_at: Some(told_at),
                told_count: 1,
                owed: Some(Owed::Resolved),
                owed_at: Some(now),
                ..self.incident(&outage.error, told_at)
            };
            Some(EndedOutage { incident })
        });
        self.last_now = now;
        self.last_at = steady_now;
        self.has_answered = true;
        ended
    }

    /// The store did not answer. Yields what people must be told, once it has been silent for long enough and until
    /// [`StoreMemory::tell`].
    pub(crate) fn miss(
        &mut self,
        error: &str,
        silent_after: SignedDuration,
    ) -> Option<Announcement> {
        let outage = self.outage.get_or_insert_with(|| Outage {
            error: String::new(),
            told_at: None,
        });
        error.clone_into(&mut outage.error);
        let silent_after = Duration::try_from(silent_after).unwrap_or(Duration::MAX);
        let patience = match self.is_speaker {
            true => silent_after,
            false => silent_after + SPEAK_UP_AFTER,
        };
        if outage.told_at.is_some() || self.last_at.elapsed() < patience {
            return None;
        }
        let now = self.now();
        Some(Announcement {
            owed: Owed::Opened,
            made_at: now,
            incidents: vec![self.incident(error, now)],
        })
    }

    /// People were told.
    pub(crate) fn tell(&mut self) {
        let now = self.now();
        if let Some(outage) = &mut self.outage {
            outage.told_at = Some(now);
        }
    }

    /// The identity of this outage, the same in every monitor.
    pub(crate) fn identity(&self) -> String {
        format!("store-{}", self.recorded + 1)
    }

    fn incident(&self, error: &str, now: Timestamp) -> Incident {
        let sighting = Sighting {
            rule: Rule::StoreUnreachable,
            subject: Subject::cluster(),
            since_at: self.last_now,
            count: 1,
            evidence: Evidence::Store {
                last_seen_at: self.has_answered.then_some(self.last_now),
                error: error.to_owned(),
            },
        };
        Incident::open(sighting, 0, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> StoreMemory {
        let mut memory = StoreMemory::new(Timestamp::UNIX_EPOCH);
        memory.answer(Timestamp::UNIX_EPOCH, Instant::now());
        memory
    }

    #[test]
    fn a_short_silence_of_the_store_is_no_news() {
        let mut memory = memory();

        assert!(memory.miss("gone", SignedDuration::from_secs(30)).is_none());
        assert!(
            memory
                .answer(Timestamp::UNIX_EPOCH, Instant::now())
                .is_none()
        );
    }

    #[test]
    fn a_long_silence_is_told_once_and_its_end_too() {
        let mut memory = memory();

        let told = memory.miss("gone", SignedDuration::ZERO).unwrap();
        assert_eq!(told.incidents[0].rule, Rule::StoreUnreachable);
        memory.tell();
        assert!(memory.miss("gone", SignedDuration::ZERO).is_none());

        let ended = memory
            .answer(Timestamp::UNIX_EPOCH, Instant::now())
            .unwrap();
        assert_eq!(ended.incident.owed, Some(Owed::Resolved));
        assert!(!ended.incident.is_open());
    }

    #[test]
    fn only_the_speaker_tells_at_once() {
        let mut memory = memory();
        memory.learn(false, 4);

        assert!(memory.miss("gone", SignedDuration::ZERO).is_none());
        assert_eq!(memory.identity(), "store-5");
    }
}
