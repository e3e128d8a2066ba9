//! The last runs of a job as one small bar each: outcome by colour and shape, duration by height.

use std::collections::HashMap;
use std::fmt::Write as _;

use carillon_core::identity::JobId;
use carillon_core::run::Outcome;
use carillon_store::{Run, Store, StoreError};

use crate::words::Words;

/// Bars in a strip.
const BARS: u32 = 30;
const BAR_WIDTH: u32 = 5;
const HEIGHT: i64 = 24;

/// The latest runs of each of these jobs as strips.
pub(crate) async fn strips(
    store: &Store,
    jobs: &[JobId],
    words: &Words,
) -> Result<HashMap<JobId, String>, StoreError> {
    let runs = store.latest_runs(jobs, BARS).await?;
    let mut by_job: HashMap<JobId, Vec<Run>> = HashMap::new();
    for run in runs {
        by_job.entry(run.tick.job).or_default().push(run);
    }
    Ok(by_job
        .into_iter()
        .map(|(job, runs)| (job, draw(&runs, words)))
        .collect())
}

/// Draws runs given newest first, the newest to the right.
pub(crate) fn draw(newest_first: &[Run], words: &Words) -> String {
    let lasted = |run: &Run| match (run.started_at, run.ended_at) {
        (Some(started), Some(ended)) => (ended.as_microsecond() - started.as_microsecond()).max(1),
        _ => 1,
    };
    let mut lengths: Vec<i64> = newest_first
        .iter()
        .filter(|run| run.ended_at.is_some())
        .map(lasted)
        .collect();
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(1).max(1);
    let width = BARS * BAR_WIDTH;
    let troubles = newest_first
        .iter()
        .filter(|run| run.outcome.is_some_and(Outcome::is_trouble))
        .count();
    let label = format!("{} / {}", newest_first.len() - troubles, newest_first.len());
    let mut svg = format!(
        "<svg class=\"strip\" viewBox=\"0 0 {width} {HEIGHT}\" role=\"img\" aria-label=\"{label}\">"
    );
    for (place, run) in newest_first.iter().take(BARS as usize).enumerate() {
        let x = width - BAR_WIDTH * (u32::try_from(place).unwrap_or(0) + 1);
        let is_absent = run.outcome.is_some_and(|outcome| !outcome.may_have_run());
        let height = if is_absent {
            8
        } else {
            (lasted(run) * 12 / median).clamp(4, HEIGHT)
        };
        let state = run.outcome.map_or(run.state.word(), Outcome::word);
        let word = run
            .outcome
            .map_or(words.phase(run.state), |outcome| words.outcome(outcome));
        let time = run.tick.fire_time.strftime("%m-%d %H:%M:%S UTC");
        let _ = write!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"{}\" height=\"{height}\" data-state=\"{state}\"><title>{time} {word}</title></rect>",
            HEIGHT - height,
            BAR_WIDTH - 1,
        );
    }
    svg.push_str("</svg>");
    svg
}
