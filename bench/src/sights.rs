//! What there is to ask the admin for: every page and every answer of its API, with the filters that people use.

use jiff::{SignedDuration, Timestamp};

use crate::history::House;
use crate::round::Visit;

fn minutes_before(house: &House, minutes: i64) -> Timestamp {
    house.sights.newest.fire_time - SignedDuration::from_mins(minutes)
}

fn list(visits: &[(&str, String)]) -> Vec<Visit> {
    let visit = |(name, path): &(&str, String)| Visit::of(name, path);
    visits.iter().map(visit).collect()
}

/// Every page, as an owner sees it.
pub fn pages(house: &House) -> Vec<Visit> {
    let mut visits = job_pages(house);
    visits.extend(run_pages(house));
    visits.extend(house_pages(house));
    visits
}

fn job_pages(house: &House) -> Vec<Visit> {
    let (busy, daily, group) = (house.busy, house.daily, house.group);
    let schedule = "schedule=*/5+8-18+*+*+MON-FRI&zone=Europe/Berlin&dst=cron";
    list(&[
        ("sign-in", "/sign-in".to_owned()),
        ("overview", "/".to_owned()),
        ("jobs", "/jobs".to_owned()),
        ("jobs, a word", "/jobs?q=invoice".to_owned()),
        ("jobs, a word nobody has", "/jobs?q=nowhere".to_owned()),
        (
            "jobs, name and group",
            format!("/jobs?q=name:backup&group={group}"),
        ),
        (
            "jobs, three tests",
            "/jobs?q=-name:backup+zone:europe/berlin+node:node-03&state=off".to_owned(),
        ),
        ("jobs, last:failed", "/jobs?q=last:failed".to_owned()),
        ("jobs, last:lost", "/jobs?q=last:lost".to_owned()),
        ("jobs, last:never", "/jobs?q=last:never".to_owned()),
        (
            "jobs, far down",
            "/jobs?after=WyJyZXBvcnQgb2YgY3VzdG9tZXIgMDA1Iiw1XQ".to_owned(),
        ),
        ("deleted jobs", "/jobs/deleted".to_owned()),
        ("a job, every minute", format!("/jobs/{busy}")),
        ("a job, every day", format!("/jobs/{daily}")),
        ("editor, new", "/jobs/new".to_owned()),
        ("editor", format!("/jobs/{busy}/edit")),
        ("preview of a schedule", format!("/jobs/preview?{schedule}")),
        (
            "where a job would run",
            "/jobs/where?placement=one&labels=".to_owned(),
        ),
    ])
}

fn run_pages(house: &House) -> Vec<Visit> {
    let (busy, quiet) = (house.busy, house.quiet);
    let (newest, old) = (house.sights.newest, house.sights.old);
    let middle = minutes_before(house, house.sights.minutes / 2);
    let retried = house.sights.retried.unwrap_or(newest);
    list(&[
        ("runs", "/runs".to_owned()),
        ("runs, far down", format!("/runs?after={old}")),
        ("runs, trouble", "/runs?outcome=trouble".to_owned()),
        ("runs, missed", "/runs?outcome=missed".to_owned()),
        (
            "runs, interrupted (there are none)",
            "/runs?outcome=interrupted".to_owned(),
        ),
        ("runs, succeeded", "/runs?outcome=succeeded".to_owned()),
        ("runs, open", "/runs?outcome=open".to_owned()),
        ("runs, from a time", format!("/runs?before={middle}")),
        ("runs, of a node", format!("/runs?node={}", house.node)),
        ("runs, of a quiet node", format!("/runs?node={quiet}")),
        (
            "runs, trouble of a quiet node",
            format!("/runs?outcome=trouble&node={quiet}"),
        ),
        ("runs, of a job", format!("/runs?job={busy}")),
        (
            "runs, of a job, far down",
            format!("/runs?job={busy}&after={old}"),
        ),
        (
            "runs, of a job, lost",
            format!("/runs?job={busy}&outcome=lost"),
        ),
        (
            "runs, of a job, interrupted (none)",
            format!("/runs?job={busy}&outcome=interrupted"),
        ),
        ("a run", format!("/runs/{old}")),
        ("a run, three attempts", format!("/runs/{retried}")),
        ("a run, much output", format!("/runs/{}", house.talkative)),
    ])
}

fn house_pages(house: &House) -> Vec<Visit> {
    list(&[
        ("timeline, an hour", "/timeline".to_owned()),
        ("timeline, 15 minutes", "/timeline?minutes=15".to_owned()),
        ("timeline, six hours", "/timeline?minutes=360".to_owned()),
        ("timeline, a day", "/timeline?minutes=1440".to_owned()),
        ("nodes", "/nodes".to_owned()),
        ("a node", format!("/nodes/{}", house.node)),
        ("calendars", "/calendars".to_owned()),
        ("a calendar", "/calendars/1".to_owned()),
        ("a new calendar", "/calendars/new".to_owned()),
        ("alerts", "/alerts".to_owned()),
        ("import", "/import".to_owned()),
        ("apply", "/apply".to_owned()),
        ("system", "/system".to_owned()),
        ("groups", "/groups".to_owned()),
        ("users", "/users".to_owned()),
        ("a user", "/users/1".to_owned()),
        ("tokens", "/tokens".to_owned()),
        ("account", "/account".to_owned()),
        ("audit", "/audit".to_owned()),
        (
            "audit, of a job",
            format!("/audit?object=job+{}", house.busy),
        ),
        (
            "audit, of an early job",
            format!("/audit?object=job+{}", house.daily),
        ),
        ("audit, of a person", "/audit?actor=nobody".to_owned()),
        ("audit, far down", "/audit?before=1000".to_owned()),
    ])
}

/// The lists as somebody sees them whose rights end at one group.
pub fn member_pages(house: &House) -> Vec<Visit> {
    list(&[
        ("overview", "/".to_owned()),
        ("jobs", "/jobs".to_owned()),
        ("jobs, a word", "/jobs?q=invoice".to_owned()),
        ("runs", "/runs".to_owned()),
        ("runs, trouble", "/runs?outcome=trouble".to_owned()),
        ("runs, lost", "/runs?outcome=lost".to_owned()),
        (
            "runs, of a quiet node",
            format!("/runs?node={}", house.quiet),
        ),
        ("timeline, an hour", "/timeline".to_owned()),
        ("timeline, a day", "/timeline?minutes=1440".to_owned()),
    ])
}

/// Every question that programs ask.
pub fn api(house: &House) -> Vec<Visit> {
    let (busy, newest, old, quiet) = (
        house.busy,
        house.sights.newest,
        house.sights.old,
        house.quiet,
    );
    let one = |path: &str| {
        (
            path.trim_start_matches("/api/v1/").to_owned(),
            path.to_owned(),
        )
    };
    let paths = [
        "/api/v1/jobs".to_owned(),
        "/api/v1/jobs?limit=200".to_owned(),
        "/api/v1/jobs?q=invoice".to_owned(),
        "/api/v1/jobs?q=last:failed".to_owned(),
        "/api/v1/jobs?deleted=true".to_owned(),
        format!("/api/v1/jobs/{busy}"),
        format!("/api/v1/jobs/{busy}/versions"),
        "/api/v1/runs".to_owned(),
        "/api/v1/runs?limit=200".to_owned(),
        "/api/v1/runs?trigger=manual".to_owned(),
        "/api/v1/runs?state=running".to_owned(),
        "/api/v1/runs?outcome=lost".to_owned(),
        format!("/api/v1/runs?node={quiet}"),
        format!("/api/v1/runs?job={busy}"),
        format!("/api/v1/runs?job={busy}&outcome=lost"),
        format!("/api/v1/runs/{old}"),
        format!("/api/v1/runs/{newest}/attempts"),
        format!("/api/v1/runs/{newest}/output"),
        "/api/v1/nodes".to_owned(),
        format!("/api/v1/nodes/{quiet}"),
        "/api/v1/groups".to_owned(),
        format!("/api/v1/groups/{}", house.group),
        "/api/v1/calendars".to_owned(),
        "/api/v1/calendars/1".to_owned(),
        "/api/v1/schedules/preview?schedule=*/5+*+*+*+*".to_owned(),
        "/api/v1/incidents".to_owned(),
        "/api/v1/incidents/1".to_owned(),
        "/api/v1/users".to_owned(),
        "/api/v1/users/1".to_owned(),
        "/api/v1/tokens".to_owned(),
        "/api/v1/audit".to_owned(),
        "/api/openapi.json".to_owned(),
        "/healthz".to_owned(),
        "/metrics".to_owned(),
    ];
    let visits = paths.iter().map(|path| one(path));
    visits.map(|(name, path)| Visit { name, path }).collect()
}
