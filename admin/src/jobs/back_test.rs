//! What the limits of a job, or others, would have told of in the last days. The limits stand in the address.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use carillon_core::back_test::{Firing, RuleTest, back_test, by_rule};
use carillon_core::identity::JobId;
use carillon_core::job::Job;
use carillon_core::watch::Watch;
use jiff::SignedDuration;

use super::fields::Fields;
use super::watch_fields::{put_watch, watch_document};
use crate::app::App;
use crate::faults::Fault;
use crate::form::FieldErrors;
use crate::moment::{Moment, Moments};
use crate::page::{Chrome, show as show_page};
use crate::posted::Posted;
use crate::words::{Words, fill};

/// How far back the page looks.
const DAYS: i64 = 30;
/// The most runs that are read for one page; of more, the newest.
const RUNS_MAX: usize = 20_000;
/// The incidents of a rule that are listed: the newest.
const LISTED_MAX: usize = 10;

#[derive(Template)]
#[template(path = "jobs/back_test.html")]
struct BackTestPage {
    chrome: Chrome,
    w: &'static Words,
    id: JobId,
    name: String,
    v: Fields,
    errors: FieldErrors,
    runs: usize,
    /// What was read, as a sentence.
    read: String,
    rows: Vec<Row>,
}

struct Row {
    rule: String,
    is_watched: bool,
    count: usize,
    firings: Vec<Told>,
    more: usize,
}

struct Told {
    at: Moment,
    run: Option<String>,
}

impl Row {
    fn of(test: &RuleTest, moments: &Moments) -> Self {
        let told = |firing: &Firing| Told {
            at: moments.at(firing.since_at),
            run: firing.run.clone(),
        };
        Row {
            rule: moments.words.rule(test.rule),
            is_watched: test.is_watched,
            count: test.firings.len(),
            firings: test
                .firings
                .iter()
                .rev()
                .take(LISTED_MAX)
                .map(told)
                .collect(),
            more: test.firings.len().saturating_sub(LISTED_MAX),
        }
    }
}

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
    RawQuery(query): RawQuery,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let job = app.store.job(id).await?;
    let asked = query.filter(|query| !query.is_empty());
    let v = match &asked {
        Some(query) => Fields::of_posted(&Posted::parse(query.as_bytes())),
        None => Fields::of_draft(&job.draft),
    };
    let mut errors = FieldErrors::said_in(chrome.words);
    let document = watch_document(&v, &mut errors);
    let mut watch = Watch::default();
    if errors.is_empty()
        && let Err(wrong) = put_watch(&mut watch, &document)
    {
        errors.add("watch", wrong);
    }
    let mut page = BackTestPage {
        w: chrome.words,
        id,
        name: job.draft.name.to_string(),
        v,
        errors,
        runs: 0,
        read: String::new(),
        rows: Vec::new(),
        chrome,
    };
    if page.errors.is_empty() {
        page.look_back(&app, &job, &watch).await?;
    }
    show_page(&page)
}

impl BackTestPage {
    async fn look_back(&mut self, app: &App, job: &Job, watch: &Watch) -> Result<(), Fault> {
        let moments = &self.chrome.moments;
        let since = moments.now - SignedDuration::from_hours(24 * DAYS);
        let runs = app.store.past_runs(job.id, since, RUNS_MAX).await?;
        // A calendar that nobody understands any more holds nothing back.
        let calendar = job.draft.spec.calendar.as_ref();
        let blackouts = calendar.and_then(|calendar| calendar.blackouts().ok());
        let firings = back_test(watch, blackouts.as_deref(), &runs, moments.now);
        self.runs = runs.len();
        if let Some(first) = runs.first() {
            let from = moments.full(first.ended_at);
            self.read = fill(self.w.jobs.back_test_read, &[&runs.len(), &from]);
        }
        let tests = by_rule(watch, &firings);
        self.rows = tests.iter().map(|test| Row::of(test, moments)).collect();
        Ok(())
    }
}
