//! One run in a table, and its state as a badge, the same on every page.

use carillon_core::identity::{JobId, NodeId};
use carillon_core::run::{Outcome, Phase};
use carillon_store::{ListedRun, Run};

use crate::badge::Badge;
use crate::moment::{Moment, Moments, duration};
use crate::shortened::shorten;
use crate::words::{Words, fill};

/// Characters of a job's name that a row has room for.
const NAME_LENGTH_MAX: usize = 64;

/// A run as a row of a table.
#[derive(Debug)]
pub(crate) struct RunRow {
    pub(crate) id: String,
    pub(crate) job: JobId,
    pub(crate) job_name: String,
    pub(crate) badge: Badge,
    pub(crate) fire_time: Moment,
    pub(crate) trigger: &'static str,
    pub(crate) node: Option<(NodeId, String)>,
    pub(crate) lateness: String,
    pub(crate) duration: String,
    /// Why it ended so or waits, with what to do.
    pub(crate) why: String,
    pub(crate) attempt: u32,
}

impl RunRow {
    /// The row of a run.
    pub(crate) fn of(listed: &ListedRun, moments: &Moments) -> Self {
        let (run, w) = (&listed.run, moments.words);
        let job_name = listed.job_name.clone();
        RunRow {
            id: run.tick.to_string(),
            job: run.tick.job,
            job_name: job_name.map_or_else(
                || fill(w.runs.deleted_job, &[&run.tick.job]),
                |name| shorten(&name, NAME_LENGTH_MAX).into_owned(),
            ),
            badge: run_badge(run, w),
            fire_time: moments.at(run.tick.fire_time),
            trigger: w.trigger(run.trigger),
            node: run.node.map(|id| {
                (
                    id,
                    listed.node_name.clone().unwrap_or_else(|| id.to_string()),
                )
            }),
            lateness: lateness_us(run).map(duration).unwrap_or_default(),
            duration: duration_us(run, moments).map(duration).unwrap_or_default(),
            why: why(run, moments),
            attempt: run.attempt,
        }
    }
}

/// How late the command started, in microseconds.
pub(crate) fn lateness_us(run: &Run) -> Option<i64> {
    let planned = run.tick.fire_time.max(run.not_before);
    run.started_at
        .map(|at| (at.as_microsecond() - planned.as_microsecond()).max(0))
}

/// How long the command ran, or has run by now, in microseconds.
pub(crate) fn duration_us(run: &Run, moments: &Moments) -> Option<i64> {
    let started = run.started_at?;
    let until = match (run.ended_at, run.state) {
        (Some(ended), _) => ended,
        (None, Phase::Running) => moments.now,
        (None, _) => return None,
    };
    Some(until.as_microsecond() - started.as_microsecond())
}

/// Why the run ended so or waits: the reason in words, the exit, and the longer story.
pub(crate) fn why(run: &Run, moments: &Moments) -> String {
    let w = moments.words;
    let mut parts: Vec<String> = Vec::new();
    if let Some(reason) = run.reason {
        parts.push(w.reason(reason).to_owned());
    }
    if let Some(code) = run
        .exit_code
        .filter(|code| *code != 0 || run.outcome == Some(Outcome::Failed))
    {
        parts.push(fill(w.runs.ends_with, &[&code]));
    }
    if let Some(signal) = run.signal {
        parts.push(fill(w.runs.signal, &[&signal]));
    }
    if let Some(detail) = &run.detail {
        parts.push(detail.clone());
    }
    if let Some(until) = run.until {
        parts.push(fill(
            w.runs.stands_for,
            &[&run.tick_count, &moments.full(until)],
        ));
    }
    parts.join(" · ")
}

/// The state of a run: its outcome once it has one.
pub(crate) fn run_badge(run: &Run, w: &Words) -> Badge {
    match run.outcome {
        Some(outcome) => outcome_badge(outcome, w),
        None => Badge::new(run.state.word(), w.phase(run.state)),
    }
}

/// An outcome as a badge.
pub(crate) fn outcome_badge(outcome: Outcome, w: &Words) -> Badge {
    Badge::new(outcome.word(), w.outcome(outcome))
}
