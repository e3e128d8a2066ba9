//! The last runs of a job as one small bar each: outcome by colour and shape, duration by height.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::time::Duration;

use carillon_core::identity::JobId;
use carillon_core::run::Outcome;
use carillon_store::{RecentRun, Store, StoreError};
use jiff::Timestamp;

use crate::words::Words;

/// Bars in a strip.
const BARS: u32 = 30;
const BAR_WIDTH: u32 = 5;
const HEIGHT: i64 = 24;

/// How long a list waits for its strips, whose runs may have to be fetched from a disk first.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Patience {
    /// The list refreshes itself, and has them then.
    Short,
    /// Nobody looks again unless somebody asks.
    Long,
}

impl Patience {
    fn lasts(self) -> Duration {
        match self {
            Patience::Short => Duration::from_millis(50),
            Patience::Long => Duration::from_millis(500),
        }
    }
}

/// The latest runs of each of these jobs as strips of few bytes, since a list has many; none when that takes too long.
pub(crate) async fn strips(
    store: &Store,
    jobs: &[JobId],
    patience: Patience,
) -> Result<Option<HashMap<JobId, String>>, StoreError> {
    let reading = store.recent_runs(jobs, Timestamp::MIN, BARS);
    let Ok(runs) = tokio::time::timeout(patience.lasts(), reading).await else {
        return Ok(None);
    };
    let runs = runs?;
    let mut by_job: HashMap<JobId, Vec<RecentRun>> = HashMap::new();
    for run in runs {
        by_job.entry(run.tick.job).or_default().push(run);
    }
    let strips = by_job.into_iter();
    Ok(Some(
        strips.map(|(job, runs)| (job, sketch(&runs))).collect(),
    ))
}

/// The runs of one job that a strip shows, newest first.
pub(crate) async fn latest(store: &Store, job: JobId) -> Result<Vec<RecentRun>, StoreError> {
    store.recent_runs(&[job], Timestamp::MIN, BARS).await
}

/// One bar of a strip.
struct Bar<'r> {
    run: &'r RecentRun,
    x: u32,
    height: i64,
    state: &'static str,
    /// Nothing was meant to run, or could: drawn as an outline.
    is_hollow: bool,
}

/// The bars of runs given newest first, the newest to the right.
fn bars(newest_first: &[RecentRun]) -> impl Iterator<Item = Bar<'_>> {
    let lasted = |run: &RecentRun| match (run.started_at, run.ended_at) {
        (Some(started), Some(ended)) => (ended.as_microsecond() - started.as_microsecond()).max(1),
        _ => 1,
    };
    let ended = newest_first.iter().filter(|run| run.ended_at.is_some());
    let mut lengths: Vec<i64> = ended.map(lasted).collect();
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(1).max(1);
    (1..=BARS).zip(newest_first).map(move |(place, run)| {
        let is_absent = run.outcome.is_some_and(|outcome| !outcome.may_have_run());
        Bar {
            run,
            x: (BARS - place) * BAR_WIDTH,
            height: match is_absent {
                true => 8,
                false => (lasted(run) * 12 / median).clamp(4, HEIGHT),
            },
            state: run.outcome.map_or(run.state.word(), Outcome::word),
            is_hollow: matches!(run.outcome, Some(Outcome::Missed | Outcome::Skipped)),
        }
    })
}

/// The beginning of the drawing, which tells how many went well to whoever cannot see it.
fn open(newest_first: &[RecentRun]) -> String {
    let width = BARS * BAR_WIDTH;
    let outcomes = newest_first.iter().filter_map(|run| run.outcome);
    let troubles = outcomes.filter(|outcome| outcome.is_trouble()).count();
    let label = format!("{} / {}", newest_first.len() - troubles, newest_first.len());
    format!(
        "<svg class=\"strip\" viewBox=\"0 0 {width} {HEIGHT}\" role=\"img\" aria-label=\"{label}\">"
    )
}

/// Draws runs given newest first; each bar tells its time.
pub(crate) fn draw(newest_first: &[RecentRun], words: &Words) -> String {
    let mut svg = open(newest_first);
    for bar in bars(newest_first) {
        let run = bar.run;
        let word = run
            .outcome
            .map_or(words.phase(run.state), |outcome| words.outcome(outcome));
        let time = run.tick.fire_time.strftime("%m-%d %H:%M:%S UTC");
        let _ = write!(
            svg,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" data-state=\"{}\"><title>{time} {word}</title></rect>",
            bar.x,
            HEIGHT - bar.height,
            BAR_WIDTH - 1,
            bar.height,
            bar.state,
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Draws the same as one path for all bars of a state: a tenth of the bytes, and no times.
fn sketch(newest_first: &[RecentRun]) -> String {
    let mut paths: BTreeMap<&str, String> = BTreeMap::new();
    for bar in bars(newest_first) {
        let path = paths.entry(bar.state).or_default();
        let _ = match bar.is_hollow {
            true => write!(
                path,
                "M{} {HEIGHT}v-{}h3v{}z",
                bar.x, bar.height, bar.height
            ),
            false => write!(path, "M{} {HEIGHT}v-{}", bar.x + 2, bar.height),
        };
    }
    let mut svg = open(newest_first);
    for (state, path) in paths {
        let _ = write!(svg, "<path data-state=\"{state}\" d=\"{path}\"/>");
    }
    svg.push_str("</svg>");
    svg
}
