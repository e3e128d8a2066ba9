//! The page of one job: what it is, when it fires next, what became of its due times, and how it came to be so.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use carillon_core::access::Verb;
use carillon_core::calendar::{CalendarUse, OnBlackout};
use carillon_core::identity::{GroupId, JobId};
use carillon_core::job::{Job, JobDraft, JobSpec};
use carillon_core::misfire::Misfire;
use carillon_core::node::Limits;
use carillon_core::priority::Priority;
use carillon_core::retry::Retry;
use carillon_core::schedule::time_zone;
use carillon_core::secret_name::SecretName;
use carillon_store::{JobGroup, JobVersion, Node, RunFilter};
use serde_json::{Value, json};

use super::document::write_draft;
use super::fields::duration;
use super::list::switch_badge;
use super::ping_field::ping_words;
use super::preview::{Asked, Preview};
use super::watch_fields::watch_words;
use crate::app::App;
use crate::badge::Badge;
use crate::difference::{Line, differences};
use crate::faults::Fault;
use crate::moment::{Moment, in_zone};
use crate::page::{Chrome, show as show_page};
use crate::runs::actions::form_key;
use crate::runs::row::RunRow;
use crate::runs::strip;
use crate::viewer::Viewer;
use crate::words::{Words, fill};

/// Runs shown of the job's history.
const RUNS: u32 = 15;
/// Versions shown.
const VERSIONS: usize = 20;

#[derive(Template)]
#[template(path = "jobs/show.html")]
struct JobPage {
    chrome: Chrome,
    w: &'static Words,
    id: JobId,
    version: i64,
    name: String,
    group: String,
    description: String,
    badge: Badge,
    enabled: bool,
    is_deleted: bool,
    command: String,
    facts: Vec<(&'static str, String)>,
    expression: String,
    preview: Preview,
    /// Why nothing fires now, while a blackout of its calendar holds.
    blackout: Option<String>,
    strip: String,
    runs: Vec<RunRow>,
    show_job: bool,
    versions: Vec<VersionRow>,
    nodes: Vec<Node>,
    key: String,
    may_run: bool,
    may_pause: bool,
    may_edit: bool,
}

struct VersionRow {
    number: i64,
    by: String,
    at: Moment,
    lines: Vec<Line>,
    is_current: bool,
}

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
    viewer: Viewer,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let job = app.store.job(id).await?;
    let groups = app.store.groups().await?;
    let filter = RunFilter {
        job: Some(id),
        ..RunFilter::default()
    };
    let runs = app.store.runs(&filter, RUNS).await?;
    let latest = strip::latest(&app.store, id).await?;
    let nodes = app.store.nodes(Limits::default()).await?;
    let target = &job.draft.spec.target;
    let may = |verb| viewer.rights.allows_in(verb, job.draft.group);
    let asked = Asked {
        schedule: job.draft.schedule.expression.clone(),
        zone: job.draft.schedule.zone.clone(),
        dst: job.draft.schedule.dst.to_string(),
        id: Some(id.0),
        ..Asked::default()
    };
    let calendar = job.draft.spec.calendar.as_ref();
    let w = chrome.words;
    let mut facts = facts(&job, w);
    facts.extend(ping(&app, &job, &chrome).await?);
    show_page(&JobPage {
        version: job.version,
        name: job.draft.name.to_string(),
        group: group_name(&groups, job.draft.group),
        description: job.draft.description.clone(),
        badge: if job.deleted_at.is_some() {
            Badge::new("retired", w.jobs.deleted)
        } else {
            switch_badge(job.draft.enabled, w)
        },
        enabled: job.draft.enabled,
        is_deleted: job.deleted_at.is_some(),
        command: job.draft.spec.launch.command.clone(),
        facts,
        expression: job.draft.schedule.expression.clone(),
        preview: Preview::of(&asked, calendar, &chrome.moments),
        blackout: job.draft.enabled.then(|| blackout(&job, &chrome)).flatten(),
        strip: strip::draw(&latest, w),
        runs: runs
            .iter()
            .map(|run| RunRow::of(run, &chrome.moments))
            .collect(),
        show_job: false,
        versions: version_rows(&app.store.job_versions(id).await?, &groups, &chrome),
        nodes: nodes
            .into_iter()
            .filter(|node| target.allows(&node.peer.name, &node.peer.labels))
            .collect(),
        key: form_key(),
        may_run: may(Verb::Run) && job.deleted_at.is_none(),
        may_pause: may(Verb::Pause) && job.deleted_at.is_none(),
        may_edit: may(Verb::Edit),
        id,
        w,
        chrome,
    })
}

/// Whom it pings, and how that went.
async fn ping(
    app: &App,
    job: &Job,
    chrome: &Chrome,
) -> Result<Option<(&'static str, String)>, Fault> {
    let Some(url) = &job.draft.spec.ping_url else {
        return Ok(None);
    };
    let last = app.store.last_ping(job.id).await?;
    let told = ping_words(url, last.as_ref(), &chrome.moments);
    Ok(Some((chrome.words.jobs.ping, told)))
}

/// The blackout that holds now, and until when.
fn blackout(job: &Job, chrome: &Chrome) -> Option<String> {
    let (calendar, moments) = (job.draft.spec.calendar.as_ref()?, &chrome.moments);
    let blackouts = calendar.blackouts().ok()?;
    let until = blackouts.span_at(moments.now)?.until;
    let by = blackouts.name_at(moments.now);
    let (w, zone) = (
        &chrome.words.jobs,
        time_zone(&job.draft.schedule.zone).ok()?,
    );
    let shown = |until| in_zone(until, &zone, "%a %Y-%m-%d %H:%M:%S %Z");
    Some(match (until, calendar.on_blackout) {
        (None, _) => fill(w.blackout_for_ever, &[&by, &calendar.name]),
        (Some(until), OnBlackout::Skip) => {
            fill(w.blackout_skips, &[&by, &calendar.name, &shown(until)])
        }
        (Some(until), OnBlackout::Shift) => {
            fill(w.blackout_shifts, &[&by, &calendar.name, &shown(until)])
        }
    })
}

/// The name of a group.
pub(crate) fn group_name(groups: &[JobGroup], id: GroupId) -> String {
    let group = groups.iter().find(|group| group.id == id);
    group.map_or_else(|| id.to_string(), |group| group.name.clone())
}

/// What the job is, as far as it differs from what nobody would ask about.
fn facts(job: &Job, w: &Words) -> Vec<(&'static str, String)> {
    let (spec, launch, j) = (&job.draft.spec, &job.draft.spec.launch, &w.jobs);
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let facts = [
        (j.where_, place(spec, w)),
        (j.calendar, calendar(spec.calendar.as_ref(), w)),
        (j.overlap, w.overlap(spec.overlap)),
        (
            j.concurrency_key,
            spec.concurrency_key
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
        ),
        (j.priority, priority(spec.priority)),
        (j.misfire, misfire(spec.misfire, w)),
        (j.retry, retry(&spec.retry, w)),
        (
            j.timeout,
            launch.timeout_ms.map(duration).unwrap_or_default(),
        ),
        (
            j.run_timeout,
            spec.run_timeout_ms.map(duration).unwrap_or_default(),
        ),
        (j.kill_grace, duration(launch.kill_grace_ms)),
        (
            j.keep_output,
            if launch.keep_output {
                j.on_its_node
            } else {
                ""
            }
            .to_owned(),
        ),
        (j.user, text(&launch.run_as)),
        (j.directory, text(&launch.cwd)),
        (j.shell, text(&launch.shell)),
        (
            j.environment,
            pairs(launch.env.iter().map(|(name, value)| (name, value))),
        ),
        (j.secrets, secrets(&launch.secrets)),
        (j.input, text(&launch.stdin)),
        (
            j.mail,
            match spec.mail_to.as_deref() {
                None => j.mail_group.to_owned(),
                Some("") => j.mail_nobody.to_owned(),
                Some(addresses) => addresses.to_owned(),
            },
        ),
        (j.watch, watch_words(&spec.watch, w)),
    ];
    facts
        .into_iter()
        .filter(|(_, fact)| !fact.is_empty())
        .collect()
}

/// On which nodes it runs.
fn place(spec: &JobSpec, w: &Words) -> String {
    let target = &spec.target;
    let mut place = vec![w.placement(spec.placement), pairs(target.labels.iter())];
    place.push(target.nodes.join(", "));
    place.extend(target.exclude.iter().map(|name| format!("≠ {name}")));
    place.retain(|part| !part.is_empty());
    place.join(" · ")
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let words = pairs.map(|(name, value)| format!("{name}={value}"));
    words.collect::<Vec<_>>().join(" ")
}

/// Variables and the names of what they hold; the values are known to nobody but the nodes.
fn secrets(secrets: &[(String, SecretName)]) -> String {
    let words = secrets
        .iter()
        .map(|(variable, name)| format!("{variable}={name}"));
    words.collect::<Vec<_>>().join(", ")
}

fn calendar(kept: Option<&CalendarUse>, w: &Words) -> String {
    kept.map(|kept| format!("{} · {}", kept.name, w.on_blackout(kept.on_blackout)))
        .unwrap_or_default()
}

/// Said where it is not what everybody has.
fn priority(priority: Priority) -> String {
    match priority == Priority::default() {
        true => String::new(),
        false => priority.to_string(),
    }
}

fn misfire(chosen: Option<Misfire>, w: &Words) -> String {
    chosen.map_or_else(
        || w.editor.misfire_default.to_owned(),
        |misfire| w.misfire(misfire),
    )
}

fn retry(retry: &Retry, w: &Words) -> String {
    match retry.max_attempts {
        1 => w.jobs.one_attempt.to_owned(),
        attempts => fill(w.jobs.attempts, &[&attempts]),
    }
}

/// A version's document, with what it holds of its calendar: following an edit of it is a change, too.
fn told(draft: &JobDraft, groups: &[JobGroup]) -> Value {
    let mut document = write_draft(draft, groups);
    if let Some(kept) = &draft.spec.calendar {
        document["blackouts"] = json!(kept.rules);
    }
    document
}

/// The versions, newest first, each with what it changed.
fn version_rows(versions: &[JobVersion], groups: &[JobGroup], chrome: &Chrome) -> Vec<VersionRow> {
    let mut sorted: Vec<&JobVersion> = versions.iter().collect();
    sorted.sort_by_key(|version| std::cmp::Reverse(version.version));
    let newest = sorted.first().map(|version| version.version);
    let row = |(place, version): (usize, &&JobVersion)| {
        let before = sorted
            .get(place + 1)
            .map(|older| told(&older.draft, groups));
        let after = told(&version.draft, groups);
        VersionRow {
            number: version.version,
            by: version.edited_by.clone(),
            at: chrome.moments.at(version.valid_from),
            lines: before
                .map(|before| differences(&before, &after))
                .unwrap_or_default(),
            is_current: Some(version.version) == newest,
        }
    };
    sorted.iter().enumerate().take(VERSIONS).map(row).collect()
}
