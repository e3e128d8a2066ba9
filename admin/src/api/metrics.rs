//! `/healthz` for load balancers and `/metrics` for Prometheus: numbers, no names.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use carillon_core::node::{Duty, Limits, Liveness};
use carillon_core::run::Outcome;
use carillon_store::{Node, RunTotal};
use jiff::SignedDuration;

use crate::app::App;
use crate::faults::Fault;
use crate::roster::Filter;

/// Answers 200 when the store answers, since nothing can be served without it.
pub(crate) async fn health(State(app): State<Arc<App>>) -> Response {
    match app.store.now().await {
        Ok(_) => (StatusCode::OK, "ok\n").into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

/// The state of the installation as Prometheus text.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Fault> {
    app.refresh_roster().await?;
    let now = app.store.now().await?;
    let mut nodes = app.store.nodes(Limits::default()).await?;
    // Nobody waits for a node that was retired.
    nodes.retain(|node| node.peer.duty != Duty::Retired);
    let totals = app
        .store
        .run_totals(now - SignedDuration::from_mins(5), now)
        .await?;
    let everything = Filter::all_of(carillon_core::access::Groups::Every);
    let enabled = Filter {
        enabled: Some(true),
        ..everything.clone()
    };
    let jobs = (app.roster.count(&everything), app.roster.count(&enabled));
    let open = app.store.open_incidents().await?.len();
    let mut text = String::new();
    tell_jobs_and_nodes(&mut text, jobs, &nodes);
    tell_runs(&mut text, &totals);
    gauge(
        &mut text,
        "carillon_incidents_open",
        "Open incidents.",
        open as f64,
    );
    Ok((
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    )
        .into_response())
}

fn tell_jobs_and_nodes(text: &mut String, (jobs, enabled): (usize, usize), nodes: &[Node]) {
    gauge(
        text,
        "carillon_jobs",
        "Jobs that are not deleted.",
        jobs as f64,
    );
    gauge(
        text,
        "carillon_jobs_enabled",
        "Jobs whose schedule fires.",
        enabled as f64,
    );
    let count = |liveness| {
        nodes
            .iter()
            .filter(|node| node.peer.liveness == liveness)
            .count() as f64
    };
    let by_liveness = Liveness::ALL
        .iter()
        .map(|liveness| (format!("{{liveness=\"{liveness}\"}}"), count(*liveness)));
    let help = "Nodes by what their heartbeats say.";
    labelled(
        text,
        "carillon_nodes",
        help,
        &by_liveness.collect::<Vec<_>>(),
    );
    let running: u32 = nodes.iter().map(|node| node.running).sum();
    gauge(
        text,
        "carillon_running",
        "Commands that run.",
        f64::from(running),
    );
}

fn tell_runs(text: &mut String, totals: &[RunTotal]) {
    let ended = |outcome| {
        let of_outcome = totals.iter().filter(|total| total.outcome == outcome);
        of_outcome.map(|total| total.runs).sum::<i64>() as f64
    };
    let by_outcome = Outcome::ALL
        .iter()
        .map(|outcome| (format!("{{outcome=\"{outcome}\"}}"), ended(*outcome)));
    let help = "Runs that ended in the last five minutes.";
    labelled(
        text,
        "carillon_runs_ended_5m",
        help,
        &by_outcome.collect::<Vec<_>>(),
    );
    let worst = totals
        .iter()
        .map(|total| total.lateness_max_us)
        .max()
        .unwrap_or(0);
    let help = "Worst start lateness of the last five minutes.";
    gauge(
        text,
        "carillon_lateness_max_seconds_5m",
        help,
        worst as f64 / 1e6,
    );
}

fn gauge(text: &mut String, name: &str, help: &str, value: f64) {
    labelled(text, name, help, &[(String::new(), value)]);
}

fn labelled(text: &mut String, name: &str, help: &str, samples: &[(String, f64)]) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
    for (labels, value) in samples {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}
