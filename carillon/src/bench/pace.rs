//! One step of a bench: so many ticks every second, and how late each start was.

use std::fmt;
use std::time::Duration;

use anyhow::bail;
use carillon_core::identity::GroupId;
use carillon_core::job::{JobDraft, JobSpec, ScheduleText};
use carillon_core::launch::LaunchSpec;
use carillon_core::run::{Outcome, Phase};
use carillon_core::schedule::DstRule;
use carillon_lifecycle::shutdown::{Shutdown, Stage};
use carillon_store::{Editor, ImportedJob, Run, RunFilter, Store};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Jobs made in one transaction.
const BATCH: u32 = 500;

/// Runs read at a time.
const PAGE: u32 = 1000;

/// Starts that are later than this are too late: the next second has begun.
const LATE_MS: f64 = 1000.0;

/// New jobs count from here on; every agent knows them by then.
const LEAD: SignedDuration = SignedDuration::from_secs(3);

/// What is not decided so long after the last tick is not waited for.
const PATIENCE: SignedDuration = SignedDuration::from_secs(75);

/// The heads of [`Pace`]'s columns.
pub(super) const HEAD: &str = "ticks/s   late p50        p99        max  succeeded      other";

/// What became of the ticks of one step.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Pace {
    /// Ticks a second.
    pub rate: u32,
    /// Ticks in all.
    pub ticks: u64,
    /// Those whose command started and ended well.
    pub succeeded: u64,
    /// How late half of the starts were, in milliseconds.
    pub p50_ms: f64,
    /// How late all but one in a hundred were.
    pub p99_ms: f64,
    /// The latest.
    pub max_ms: f64,
}

impl Pace {
    /// Whether every tick started, nearly all within their second.
    pub(super) fn is_borne(&self) -> bool {
        self.succeeded == self.ticks && self.p99_ms < LATE_MS
    }

    fn of(rate: u32, ticks: u64, runs: &[Run]) -> Self {
        let late = |run: &Run| {
            let late = run.started_at?.duration_since(run.tick.fire_time);
            Some(late.as_secs_f64() * 1000.0)
        };
        let mut late: Vec<f64> = runs.iter().filter_map(late).collect();
        late.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (late.len() as f64 * share).ceil() as usize;
            late.get(place.saturating_sub(1))
                .copied()
                .unwrap_or(f64::NAN)
        };
        let succeeded = runs
            .iter()
            .filter(|run| run.outcome == Some(Outcome::Succeeded));
        Pace {
            rate,
            ticks,
            succeeded: succeeded.count() as u64,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            max_ms: at(1.0),
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>7} {:>7.1} ms {:>7.1} ms {:>7.1} ms {:>10} {:>10}",
            self.rate,
            self.p50_ms,
            self.p99_ms,
            self.max_ms,
            self.succeeded,
            self.ticks - self.succeeded,
        )
    }
}

/// The jobs of a bench, more with each step.
pub(super) struct Track<'a> {
    store: &'a Store,
    editor: Editor,
    group: GroupId,
    jobs: u32,
}

impl<'a> Track<'a> {
    pub(super) async fn begin(store: &'a Store) -> anyhow::Result<Self> {
        let editor = Editor::program("carillon bench");
        let group = store.ensure_group("bench", &editor).await?;
        Ok(Track {
            store,
            editor,
            group,
            jobs: 0,
        })
    }

    /// Lives `seconds` seconds with `rate` jobs of each.
    pub(super) async fn run(
        &mut self,
        rate: u32,
        seconds: u32,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Pace> {
        while self.jobs < rate {
            let numbers = self.jobs..rate.min(self.jobs + BATCH);
            self.jobs = numbers.end;
            let batch: anyhow::Result<Vec<_>> = numbers.map(|number| self.job(number)).collect();
            self.store
                .import_jobs("bench", &batch?, &self.editor)
                .await?;
        }
        let from = (self.store.now().await? + LEAD).as_second();
        let from = Timestamp::from_second(from)?;
        let until = from + SignedDuration::from_secs(seconds.into());
        let ticks = u64::from(rate) * u64::from(seconds);
        loop {
            if shutdown.stage() != Stage::Running {
                bail!("stopped before the end; the trial's database is dropped");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now = self.store.now().await?;
            if now < until {
                continue;
            }
            let runs = self.read_runs(from, until).await?;
            let decided: i64 = runs
                .iter()
                .filter(|run| run.state == Phase::Done)
                .map(|run| run.tick_count)
                .sum();
            if decided.unsigned_abs() >= ticks || now > until + PATIENCE {
                return Ok(Pace::of(rate, ticks, &runs));
            }
        }
    }

    async fn read_runs(&self, from: Timestamp, until: Timestamp) -> anyhow::Result<Vec<Run>> {
        let mut filter = RunFilter {
            from: Some(from),
            before: Some(until),
            ..RunFilter::default()
        };
        let mut runs: Vec<Run> = Vec::new();
        loop {
            let page = self.store.runs(&filter, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            runs.extend(page.into_iter().map(|listed| listed.run));
            filter.after = runs.last().map(|run| run.tick);
            if is_last {
                return Ok(runs);
            }
        }
    }

    fn job(&self, number: u32) -> anyhow::Result<ImportedJob> {
        let key = format!("bell {number}");
        let launch = LaunchSpec {
            command: "true".to_owned(),
            ..LaunchSpec::default()
        };
        let draft = JobDraft {
            name: key.parse()?,
            group: self.group,
            description: String::new(),
            enabled: true,
            schedule: ScheduleText {
                expression: "* * * * * *".to_owned(),
                zone: "UTC".to_owned(),
                dst: DstRule::default(),
            },
            spec: JobSpec {
                launch,
                ..JobSpec::default()
            },
        };
        Ok(ImportedJob { key, draft })
    }
}
