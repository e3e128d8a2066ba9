//! `monitor back-test`: what the limits of a job would have told of, held against its runs. Reads, and touches nothing.

use anyhow::Context as _;
use carillon_core::back_test::{PastRun, RuleTest, back_test, by_rule};
use carillon_core::job::Job;
use carillon_core::watch::Watch;
use carillon_lifecycle::config::parse_duration;
use carillon_store::Store;
use clap::Args;
use jiff::SignedDuration;
use jiff::tz::TimeZone;

/// The most runs that are held against the limits; of more, the newest.
const RUNS_MAX: usize = 100_000;

/// The firings of a rule that are listed.
const LISTED_MAX: usize = 20;

/// Which job, and which limits instead of its own.
#[derive(Debug, Args)]
pub(crate) struct BackTest {
    /// The job's number, or its name.
    job: String,
    /// How far back, in days.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=400))]
    days: u16,
    /// Tell after so many bad ends.
    #[arg(long, value_name = "N")]
    failures: Option<u32>,
    /// Among so many last runs.
    #[arg(long, value_name = "N")]
    failures_of: Option<u32>,
    /// Tell of a run that starts so long after it was due.
    #[arg(long, value_name = "DURATION")]
    late_after: Option<String>,
    /// Tell of a run that takes longer.
    #[arg(long, value_name = "DURATION")]
    slow_after: Option<String>,
    /// Tell of a run that takes more than so many times the usual.
    #[arg(long, value_name = "N")]
    slower_times: Option<u32>,
    /// Tell of a success in less than one part in so many of the usual.
    #[arg(long, value_name = "N")]
    faster_times: Option<u32>,
    /// Tell when there is no success for so long.
    #[arg(long, value_name = "DURATION")]
    success_within: Option<String>,
}

impl BackTest {
    /// What there is to say, line by line.
    ///
    /// # Errors
    /// When there is no such job, a limit is none, or the store does not answer.
    pub(crate) async fn act(&self, store: &Store) -> anyhow::Result<Vec<String>> {
        let job = store.job(store.job_called(&self.job).await?).await?;
        let watch = self.watch(job.draft.spec.watch)?;
        let now = store.now().await?;
        let since = now.saturating_sub(SignedDuration::from_hours(24 * i64::from(self.days)))?;
        let runs = store.past_runs(job.id, since, RUNS_MAX).await?;
        let blackouts = job.draft.spec.calendar.as_ref();
        let blackouts = blackouts.map(|calendar| calendar.blackouts()).transpose()?;
        let firings = back_test(&watch, blackouts.as_deref(), &runs, now);
        let mut lines = vec![self.heading(&job, &runs)];
        lines.extend(by_rule(&watch, &firings).iter().flat_map(report));
        Ok(lines)
    }

    /// The limits asked for, and the job's own where none are.
    fn watch(&self, own: Watch) -> anyhow::Result<Watch> {
        let seconds = |said: &Option<String>, own: Option<u32>| match said {
            Some(text) => {
                let lasts = parse_duration(text).context("reading a limit")?;
                Ok(Some(u32::try_from(lasts.as_secs())?))
            }
            None => anyhow::Ok(own),
        };
        let watch = Watch {
            failures: self.failures.or(own.failures),
            failures_of: self.failures_of.or(own.failures_of),
            late_after_s: seconds(&self.late_after, own.late_after_s)?,
            slow_after_s: seconds(&self.slow_after, own.slow_after_s)?,
            slower_times: self.slower_times.or(own.slower_times),
            faster_times: self.faster_times.or(own.faster_times),
            success_within_s: seconds(&self.success_within, own.success_within_s)?,
        };
        watch.judge().map_err(anyhow::Error::msg)?;
        Ok(watch)
    }

    fn heading(&self, job: &Job, runs: &[PastRun]) -> String {
        let (name, days) = (&job.draft.name, counted(self.days.into(), "day"));
        let Some(first) = runs.first() else {
            return format!("job {name}: the store holds no run of the last {days}");
        };
        let all = match runs.len() >= RUNS_MAX {
            true => "the newest",
            false => "all",
        };
        format!(
            "job {name}: {all} {} of the last {days} that the store holds, from {}",
            counted(runs.len(), "run"),
            time(first.ended_at)
        )
    }
}

fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

fn time(at: jiff::Timestamp) -> String {
    at.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M:%S UTC")
        .to_string()
}

fn report(test: &RuleTest) -> Vec<String> {
    let word = test.rule.word();
    if !test.is_watched {
        return vec![format!("{word:<20} no limit")];
    }
    let mut lines = vec![format!("{word:<20} {}", test.firings.len())];
    for firing in test.firings.iter().take(LISTED_MAX) {
        let run = firing.run.as_deref().unwrap_or("no run");
        lines.push(format!("  {}  {run}", time(firing.since_at)));
    }
    if test.firings.len() > LISTED_MAX {
        lines.push(format!("  and {} more", test.firings.len() - LISTED_MAX));
    }
    lines
}
