//! The state of the installation: this program, the store and what it guarantees, the monitors.

use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use carillon_core::access::Groups;

use crate::app::App;
use crate::faults::Fault;
use crate::moment::{Moment, duration, offset};
use crate::page::{Chrome, show as show_page};
use crate::roster::Filter;
use crate::words::{Words, fill};

#[derive(Template)]
#[template(path = "system/health.html")]
struct HealthPage {
    chrome: Chrome,
    w: &'static Words,
    started: Moment,
    facts: Vec<(&'static str, String)>,
    findings: Vec<String>,
    monitors: Vec<MonitorRow>,
}

struct MonitorRow {
    name: String,
    version: String,
    seen: Moment,
    problem: String,
}

/// The page.
pub(crate) async fn show(State(app): State<Arc<App>>, chrome: Chrome) -> Result<Response, Fault> {
    let s = &chrome.words.system;
    let asked = Instant::now();
    let store_now = app.store.now().await?;
    let answered_us = i64::try_from(asked.elapsed().as_micros()).unwrap_or(0);
    let offset_us = store_now.as_microsecond() - app.now().as_microsecond() + answered_us / 2;
    app.refresh_roster().await?;
    let streams = fill(s.streams_of, &[&app.streams_open(), &app.feeds.count()]);
    let facts = vec![
        (s.version, env!("CARGO_PKG_VERSION").to_owned()),
        (s.store, app.store.url().to_string()),
        (s.store_answer, duration(answered_us)),
        (s.store_clock, offset(offset_us)),
        (s.tzdb, carillon_core::schedule::tzdb_version().to_owned()),
        (s.streams, streams),
        (
            s.roster,
            app.roster.count(&Filter::all_of(Groups::Every)).to_string(),
        ),
    ];
    let monitors = app
        .store
        .monitors()
        .await?
        .into_iter()
        .map(|monitor| MonitorRow {
            seen: chrome.moments.since(monitor.last_beat_at),
            name: monitor.name,
            version: monitor.version,
            problem: monitor.problem,
        });
    show_page(&HealthPage {
        monitors: monitors.collect(),
        findings: app
            .store
            .preflight()
            .await?
            .iter()
            .map(ToString::to_string)
            .collect(),
        started: chrome.moments.at(app.started_at),
        facts,
        w: chrome.words,
        chrome,
    })
}
