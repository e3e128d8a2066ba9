//! What time it is for this node: the store's time, kept by a clock that nobody can set.
//!
//! The only place of the agent that reads clocks. Between two measurements against the store the node counts on by
//! `CLOCK_BOOTTIME`, so a wall clock that jumps changes nothing, and a host that slept knows it.

use std::sync::{Arc, Mutex, PoisonError};

use carillon_core::contact::Contact;
use carillon_core::node::{CLOCK_UNCERTAINTY_MAX, ClockOffset};
use carillon_core::scheduler::Grant;
use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// The node's clock, shared by all its tasks.
#[derive(Debug, Clone)]
pub struct Clock {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    best: Option<Measurement>,
    /// What was told last: time does not go back by a correction.
    told: Timestamp,
    /// The beats that the store has taken.
    contact: Option<Contact>,
}

#[derive(Debug, Clone, Copy)]
struct Measurement {
    /// Store time minus boot time.
    base: SignedDuration,
    uncertainty: SignedDuration,
    measured_at: SignedDuration,
}

/// A quartz clock drifts by up to this share, so old measurements become uncertain.
const DRIFT: f64 = 100e-6;

/// A correction further back than this is a clock that was set, not an error of measurement.
const STEP: SignedDuration = SignedDuration::from_secs(2);

impl Clock {
    /// A clock that goes by the host until the store has been asked.
    pub fn new() -> Self {
        Clock {
            state: Arc::new(Mutex::new(State {
                best: None,
                told: Timestamp::MIN,
                contact: None,
            })),
        }
    }

    /// The time, by the store's clock as well as it is known.
    pub fn now(&self) -> Timestamp {
        let boot = boot_time();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = match state.best {
            Some(best) => at_base(best.base, boot),
            None => host_time(),
        };
        // Half a second back is held; more is a clock that was set, and is believed.
        if now < state.told && state.told.duration_since(now) < STEP {
            return state.told;
        }
        state.told = now;
        now
    }

    /// Starts a measurement: keep the returned instant until the store has answered.
    pub fn ask(&self) -> Asked {
        Asked(boot_time())
    }

    /// Takes in what the store said, in answer to what was asked then.
    pub fn measure(&self, asked: Asked, store_now: Timestamp) {
        let answered = boot_time();
        let uncertainty = (answered - asked.0) / 2;
        let base = store_now.duration_since(Timestamp::UNIX_EPOCH) - (asked.0 + uncertainty);
        let fresh = Measurement {
            base,
            uncertainty,
            measured_at: answered,
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_better = state.best.is_none_or(|best| {
            let apart = (best.base - fresh.base).abs();
            let aged = best.aged(answered);
            // A better measurement, or one that the old measurement cannot be true beside.
            fresh.uncertainty <= aged || apart > aged + fresh.uncertainty
        });
        if is_better {
            state.best = Some(fresh);
        }
    }

    /// The store has seen this node at `seen_at` of its clock: it has taken the beat that was sent then.
    pub fn seen(&self, sent: Asked, seen_at: Timestamp) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.contact = Some(match state.contact {
            Some(contact) => contact.go_on(sent.0, seen_at),
            None => Contact::begin(sent.0, seen_at),
        });
    }

    /// Until when, in nanoseconds of `CLOCK_BOOTTIME`, a run may start: no longer than others are sure to believe in this
    /// node, since afterwards they may have called the run lost.
    pub fn start_until_boottime_ns(&self, grant: &Grant) -> i64 {
        let contact = self
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contact;
        let asked_at = SignedDuration::from_nanos(self.to_boottime_ns(grant.asked_at));
        let believed_until = contact.map_or(i64::MAX, |contact| {
            let until = contact.believed_until(asked_at).as_nanos();
            i64::try_from(until).unwrap_or(i64::MAX)
        });
        self.to_boottime_ns(grant.start_until).min(believed_until)
    }

    /// How far the host's clock is from the store's; none before the first measurement.
    pub fn offset(&self) -> Option<ClockOffset> {
        let boot = boot_time();
        let best = self
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .best?;
        let offset = at_base(best.base, boot).duration_since(host_time());
        Some(ClockOffset {
            offset,
            uncertainty: best.aged(boot),
        })
    }

    /// The instant as the runner counts, in nanoseconds of `CLOCK_BOOTTIME`.
    pub fn to_boottime_ns(&self, at: Timestamp) -> i64 {
        let nanoseconds = (at.duration_since(Timestamp::UNIX_EPOCH) - self.base()).as_nanos();
        i64::try_from(nanoseconds).unwrap_or(i64::MAX)
    }

    /// As [`Clock::to_boottime_ns`], but not before that instant even if the measurement erred as far as it can: what starts
    /// then does not start early. The price is half a round trip to the store, less than a millisecond where it is near.
    pub fn surely_reached_boottime_ns(&self, at: Timestamp) -> i64 {
        let uncertainty = self.offset().map_or(SignedDuration::ZERO, |offset| {
            offset.uncertainty.min(CLOCK_UNCERTAINTY_MAX)
        });
        self.to_boottime_ns(at.saturating_add(uncertainty).unwrap_or(Timestamp::MAX))
    }

    /// The instant of the store's clock that the runner saw.
    pub fn from_boottime_ns(&self, boottime_ns: i64) -> Timestamp {
        at_base(self.base(), SignedDuration::from_nanos(boottime_ns))
    }

    fn base(&self) -> SignedDuration {
        let best = self
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .best;
        best.map_or_else(
            || host_time().duration_since(Timestamp::UNIX_EPOCH) - boot_time(),
            |best| best.base,
        )
    }
}

impl Default for Clock {
    fn default() -> Self {
        Clock::new()
    }
}

impl Measurement {
    fn aged(&self, boot: SignedDuration) -> SignedDuration {
        self.uncertainty + (boot - self.measured_at).mul_f64(DRIFT)
    }
}

/// When the store was asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked(SignedDuration);

fn at_base(base: SignedDuration, boot: SignedDuration) -> Timestamp {
    Timestamp::UNIX_EPOCH
        .saturating_add(base + boot)
        .unwrap_or(Timestamp::MAX)
}

fn boot_time() -> SignedDuration {
    let time = clock_gettime(ClockId::Boottime);
    SignedDuration::new(time.tv_sec, i32::try_from(time.tv_nsec).unwrap_or(0))
}

#[expect(clippy::disallowed_methods, reason = "this file is the agent's clock")]
fn host_time() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use carillon_core::identity::JobId;
    use carillon_core::node::STARTS_UNSEEN_FOR;
    use carillon_core::run::Trigger;
    use carillon_core::tick::Tick;
    use carillon_core::token::Token;

    use super::*;

    #[test]
    fn store_time_is_believed_over_the_host() {
        let clock = Clock::new();
        let ahead = host_time() + SignedDuration::from_hours(5);

        clock.measure(clock.ask(), ahead);

        assert!(clock.now().duration_since(ahead) < SignedDuration::from_secs(1));
        let offset = clock.offset().unwrap();
        assert!(
            (offset.offset - SignedDuration::from_hours(5)).abs() < SignedDuration::from_secs(1)
        );
        assert!(offset.is_trusted());
    }

    #[test]
    fn instants_survive_the_way_to_the_runner_and_back() {
        let clock = Clock::new();
        clock.measure(clock.ask(), host_time());
        let at = clock.now() + SignedDuration::from_millis(1234);

        assert_eq!(clock.from_boottime_ns(clock.to_boottime_ns(at)), at);
    }

    #[test]
    fn slow_answer_of_the_store_starts_nothing_early() {
        let clock = Clock::new();
        let asked = clock.ask();
        // The store takes its time and then speaks; nobody knows that it was at the end.
        while (boot_time() - asked.0) < SignedDuration::from_millis(20) {}
        let (store_now, spoken) = (host_time(), boot_time());
        clock.measure(asked, store_now);
        let at = store_now + SignedDuration::from_secs(5);
        let truth = spoken + SignedDuration::from_secs(5);

        let start = SignedDuration::from_nanos(clock.surely_reached_boottime_ns(at));

        assert!(start >= truth, "{:?} early", truth - start);
    }

    #[test]
    fn what_others_may_call_lost_starts_no_more() {
        let clock = Clock::new();
        clock.measure(clock.ask(), host_time());
        let grant = |asked_at, start_until| Grant {
            tick: Tick::scheduled(JobId(1), start_until, 0),
            trigger: Trigger::Schedule,
            version: 1,
            attempt: 1,
            token: Token::from_bytes([1; 16]),
            asked_at,
            start_at: start_until,
            start_until,
        };
        let tomorrow = host_time() + SignedDuration::from_hours(24);
        let until = |asked_at| clock.start_until_boottime_ns(&grant(asked_at, tomorrow));
        let before = host_time() - SignedDuration::from_secs(60);
        assert_eq!(until(before), clock.to_boottime_ns(tomorrow));

        let sent = clock.ask();
        clock.seen(sent, clock.now());

        let believed_until = (sent.0 + STARTS_UNSEEN_FOR).as_nanos();
        assert_eq!(i128::from(until(clock.now())), believed_until);
        assert_eq!(i128::from(until(before)), sent.0.as_nanos());
        let now = clock.now();
        let soon = clock.start_until_boottime_ns(&grant(now, now));
        assert!(soon <= clock.to_boottime_ns(now));
    }

    #[test]
    fn time_does_not_go_back_by_a_correction() {
        let clock = Clock::new();
        let start = host_time();
        clock.measure(clock.ask(), start);
        let told = clock.now();
        clock.measure(clock.ask(), start - SignedDuration::from_millis(400));

        assert!(clock.now() >= told);
    }
}
