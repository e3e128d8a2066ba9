//! What the end of an attempt means for its run: the outcome, and whether another attempt follows.

use jiff::{SignedDuration, Timestamp};

use crate::identity::NodeId;
use crate::job::{Delivery, JobSpec};
use crate::launch;
use crate::retry::RetryNode;
use crate::run::{Conclusion, News, Outcome, Preference, Reason};

/// The facts about one attempt that its end is judged by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttemptEnd {
    /// Counted from 1.
    pub attempt: u32,
    /// The node that made it.
    pub node: NodeId,
    /// When the command started, if it did.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Until when it might have begun: of a second attempt or a later one, when the run's budget and timeout let no more begin.
    pub start_until: Timestamp,
    /// Drawn from [0, 1), for the jitter of the delay.
    pub chance: f64,
}

/// How long the next attempt may wait for a node after its delay.
const RETRY_PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// The outcome of an attempt that ended so.
pub fn conclude(spec: &JobSpec, ending: &launch::Ending) -> Conclusion {
    let mut conclusion = Conclusion {
        outcome: Outcome::Failed,
        exit_code: None,
        signal: None,
        reason: None,
        detail: None,
    };
    match ending {
        launch::Ending::Exited { code } => {
            conclusion.exit_code = Some(*code);
            if spec.is_success(*code) {
                conclusion.outcome = Outcome::Succeeded;
            }
        }
        launch::Ending::Signaled { signal, .. } => conclusion.signal = Some(*signal),
        launch::Ending::TimedOut { which } => {
            conclusion.outcome = Outcome::TimedOut;
            conclusion.detail = Some(match which {
                launch::Timeout::Attempt => "it ran for longer than its timeout".to_owned(),
                launch::Timeout::Idle => {
                    "it wrote nothing for longer than its idle timeout".to_owned()
                }
                launch::Timeout::Run => {
                    "all attempts together took longer than the run's timeout".to_owned()
                }
            });
        }
        launch::Ending::OutOfMemory { limit_bytes } => {
            conclusion.signal = Some(9);
            conclusion.reason = Some(Reason::OutOfMemory);
            conclusion.detail = Some(format!(
                "its processes reached the limit of {limit_bytes} bytes of memory"
            ));
        }
        launch::Ending::Killed { by } => {
            conclusion.outcome = Outcome::Killed;
            conclusion.detail = Some(format!("ended by {by}"));
        }
        launch::Ending::CouldNotStart { why } => {
            conclusion.outcome = Outcome::CouldNotStart;
            conclusion.reason = Some(Reason::SpawnRefused);
            conclusion.detail = Some(why.to_string());
        }
        launch::Ending::Interrupted => {
            conclusion.outcome = Outcome::Interrupted;
            conclusion.detail = Some("the command ended while nobody watched it".to_owned());
        }
    }
    conclusion
}

/// The report of an attempt that ended: the end of the run, or the way to the next attempt.
pub fn report(spec: &JobSpec, end: AttemptEnd, ending: Conclusion) -> News {
    let AttemptEnd {
        started_at,
        ended_at: at,
        ..
    } = end;
    let Some(delay) = delay_before_next(spec, end, ending.outcome) else {
        return News::Ended {
            started_at,
            at,
            ending,
        };
    };
    let not_before = at.saturating_add(delay).unwrap_or(Timestamp::MAX);
    let until = attempts_end(spec, end).unwrap_or_else(|| {
        not_before
            .saturating_add(RETRY_PATIENCE)
            .unwrap_or(Timestamp::MAX)
    });
    let node = match spec.retry.node {
        RetryNode::Same => Preference::Only(end.node),
        RetryNode::PreferOther => Preference::RatherNot(end.node),
        RetryNode::MustOther => Preference::Not(end.node),
    };
    News::Retrying {
        started_at,
        at,
        ending,
        not_before,
        until,
        node,
    }
}

/// How long to wait before the next attempt; none when there is none. A run whose end nobody knows is only repeated
/// when the job bears to be started twice.
fn delay_before_next(spec: &JobSpec, end: AttemptEnd, outcome: Outcome) -> Option<SignedDuration> {
    let is_unknown = matches!(outcome, Outcome::Lost | Outcome::Interrupted);
    if is_unknown && spec.delivery == Delivery::AtMostOnce {
        return None;
    }
    let delay = spec.retry.delay_after(end.attempt, outcome, end.chance)?;
    let delay = SignedDuration::try_from(delay).ok()?;
    let is_in_time = attempts_end(spec, end).is_none_or(|ends_at| {
        end.ended_at
            .saturating_add(delay)
            .is_ok_and(|next| next < ends_at)
    });
    is_in_time.then_some(delay)
}

/// What is left of the run's timeout for an attempt that begins then, with its number and until when it may begin. None
/// where the run has no timeout.
pub fn run_time_left(
    spec: &JobSpec,
    attempt: u32,
    start_until: Timestamp,
    begin: Timestamp,
) -> Option<SignedDuration> {
    let whole = run_timeout(spec)?;
    if attempt <= 1 {
        return Some(whole);
    }
    // What sets the end of the attempts tells the first start, too.
    let first_start = start_until.saturating_sub(attempts_last(spec)?).ok()?;
    Some(whole - begin.duration_since(first_start))
}

/// When no further attempt may begin. The first attempt sets it; every later one was offered until then, so that it need
/// not be kept apart.
fn attempts_end(spec: &JobSpec, end: AttemptEnd) -> Option<Timestamp> {
    let last = attempts_last(spec)?;
    if end.attempt > 1 {
        return Some(end.start_until);
    }
    let first_start = end.started_at.unwrap_or(end.ended_at);
    Some(first_start.saturating_add(last).unwrap_or(Timestamp::MAX))
}

/// For how long from the first start on attempts may begin: while budget and timeout of the run both last.
fn attempts_last(spec: &JobSpec) -> Option<SignedDuration> {
    let budget = spec.retry.budget_s;
    let budget =
        budget.map(|s| SignedDuration::try_from_secs_f64(s).unwrap_or(SignedDuration::MAX));
    budget.into_iter().chain(run_timeout(spec)).min()
}

fn run_timeout(spec: &JobSpec) -> Option<SignedDuration> {
    let ms = spec.run_timeout_ms?;
    Some(SignedDuration::from_millis(
        i64::try_from(ms).unwrap_or(i64::MAX),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::Retry;

    fn end(attempt: u32) -> AttemptEnd {
        AttemptEnd {
            attempt,
            node: NodeId(7),
            started_at: Some(Timestamp::from_second(100).unwrap()),
            ended_at: Timestamp::from_second(110).unwrap(),
            start_until: Timestamp::from_second(160).unwrap(),
            chance: 0.5,
        }
    }

    fn failed() -> Conclusion {
        conclude(&JobSpec::default(), &launch::Ending::Exited { code: 137 })
    }

    #[test]
    fn a_signal_is_never_a_success_and_137_is_only_a_code() {
        let spec = JobSpec {
            success_codes: vec![0, 137],
            ..JobSpec::default()
        };
        let killed = conclude(
            &spec,
            &launch::Ending::Signaled {
                signal: 9,
                core_dumped: false,
            },
        );
        let exited = conclude(&spec, &launch::Ending::Exited { code: 137 });

        assert_eq!(
            (killed.outcome, killed.signal, killed.exit_code),
            (Outcome::Failed, Some(9), None)
        );
        assert_eq!(
            (exited.outcome, exited.exit_code),
            (Outcome::Succeeded, Some(137))
        );
        assert_eq!(failed().outcome, Outcome::Failed);
    }

    #[test]
    fn the_next_attempt_waits_its_delay_and_goes_elsewhere() {
        let retry = Retry {
            max_attempts: 2,
            node: RetryNode::MustOther,
            ..Retry::default()
        };
        let spec = JobSpec {
            retry,
            ..JobSpec::default()
        };

        let News::Retrying {
            not_before, node, ..
        } = report(&spec, end(1), failed())
        else {
            panic!()
        };
        assert_eq!(not_before, Timestamp::from_second(120).unwrap());
        assert_eq!(node, Preference::Not(NodeId(7)));
        assert!(matches!(
            report(&spec, end(2), failed()),
            News::Ended { .. }
        ));
    }

    #[test]
    fn an_unknown_end_is_not_repeated_unless_the_job_bears_it() {
        let retry = Retry {
            max_attempts: 3,
            on: vec![Outcome::Interrupted],
            ..Retry::default()
        };
        let at_most_once = JobSpec {
            retry,
            ..JobSpec::default()
        };
        let at_least_once = JobSpec {
            delivery: Delivery::AtLeastOnce,
            ..at_most_once.clone()
        };
        let interrupted = || conclude(&at_most_once, &launch::Ending::Interrupted);

        assert!(matches!(
            report(&at_most_once, end(1), interrupted()),
            News::Ended { .. }
        ));
        assert!(matches!(
            report(&at_least_once, end(1), interrupted()),
            News::Retrying { .. }
        ));
    }

    #[test]
    fn run_timeout_is_shared_by_all_attempts_whatever_the_budget() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let seconds = |s| Some(SignedDuration::from_secs(s));
        let spec = |budget_s| JobSpec {
            run_timeout_ms: Some(40_000),
            retry: Retry {
                max_attempts: 9,
                jitter: 0.0,
                budget_s,
                ..Retry::default()
            },
            ..JobSpec::default()
        };

        for (budget_s, begins_until) in [(None, 140), (Some(100.0), 140), (Some(25.0), 125)] {
            let spec = spec(budget_s);
            let News::Retrying { until, .. } = report(&spec, end(1), failed()) else {
                panic!("{budget_s:?}")
            };
            assert_eq!(until, at(begins_until), "{budget_s:?}");
            assert_eq!(run_time_left(&spec, 1, at(900), at(100)), seconds(40));
            assert_eq!(run_time_left(&spec, 2, until, at(120)), seconds(20));
            assert_eq!(run_time_left(&spec, 3, until, at(141)), seconds(-1));
        }
        assert_eq!(
            run_time_left(&JobSpec::default(), 2, at(140), at(120)),
            None
        );
    }

    #[test]
    fn no_attempt_begins_beyond_the_run_timeout() {
        let spec = JobSpec {
            run_timeout_ms: Some(60_000),
            retry: Retry {
                max_attempts: 9,
                delay_s: 10.0,
                jitter: 0.0,
                ..Retry::default()
            },
            ..JobSpec::default()
        };
        let timed_out = conclude(
            &spec,
            &launch::Ending::TimedOut {
                which: launch::Timeout::Run,
            },
        );
        let ended = |second| AttemptEnd {
            ended_at: Timestamp::from_second(second).unwrap(),
            ..end(2)
        };

        assert!(matches!(
            report(&spec, ended(149), failed()),
            News::Retrying { .. }
        ));
        assert!(matches!(
            report(&spec, ended(150), failed()),
            News::Ended { .. }
        ));
        let News::Ended { ending, .. } = report(&spec, ended(161), timed_out) else {
            panic!("it is tried again")
        };
        assert_eq!(ending.outcome, Outcome::TimedOut);
        assert!(ending.detail.unwrap().contains("all attempts together"));
    }

    #[test]
    fn budget_counts_from_the_first_start_and_goes_along() {
        let retry = Retry {
            max_attempts: 9,
            delay_s: 10.0,
            jitter: 0.0,
            budget_s: Some(60.0),
            ..Retry::default()
        };
        let spec = JobSpec {
            retry,
            ..JobSpec::default()
        };
        let at = |second| Timestamp::from_second(second).unwrap();
        let later = |ended_at| AttemptEnd {
            ended_at: at(ended_at),
            ..end(5)
        };

        let News::Retrying { until, .. } = report(&spec, end(1), failed()) else {
            panic!()
        };
        assert_eq!(until, at(160), "60 s after the first start");
        let News::Retrying { until, .. } = report(&spec, later(149), failed()) else {
            panic!()
        };
        assert_eq!(until, at(160), "and no attempt moves it");
        assert!(matches!(
            report(&spec, later(150), failed()),
            News::Ended { .. }
        ));
    }
}
