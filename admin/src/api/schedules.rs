//! `/api/v1/schedules/preview`: what a schedule means.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use carillon_core::calendar::{CalendarUse, OnBlackout};
use carillon_core::identity::JobId;
use carillon_core::job::ScheduleText;
use carillon_core::lang::Lang;
use carillon_core::schedule::{Fate, Foreseen, Schedule, Subject, time_zone};
use carillon_core::text_form::UnknownWord;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::wrong_field;
use crate::app::App;
use crate::faults::Fault;
use crate::jobs::calendar_choice::hold;
use crate::moment::{in_zone, rfc3339};

/// Fire times asked for unless the caller says otherwise, and at most.
const FIRES: usize = 10;
const FIRES_MAX: usize = 1000;

/// The schedule.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    #[serde(alias = "expr", alias = "expression")]
    schedule: String,
    zone: Option<String>,
    dst: Option<String>,
    from: Option<String>,
    #[serde(alias = "count")]
    n: Option<usize>,
    /// The job's number, which `H` hashes.
    #[serde(alias = "id", alias = "job_id")]
    seed: Option<i64>,
    /// The name of the calendar it keeps to.
    calendar: Option<String>,
    on_blackout: Option<String>,
}

/// The schedule in words and its next fire times, or what is wrong with it.
pub(crate) async fn preview(
    State(app): State<Arc<App>>,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    let zone = asked
        .zone
        .filter(|zone| !zone.is_empty())
        .unwrap_or_else(|| "UTC".to_owned());
    let dst = match asked.dst.as_deref() {
        None | Some("") => Ok(Default::default()),
        Some(word) => word
            .parse()
            .map_err(|error: UnknownWord| wrong_field("dst", error.to_string())),
    };
    let from: Timestamp = match asked.from.as_deref() {
        None | Some("") => app.now(),
        Some(text) => text
            .parse()
            .map_err(|_| wrong_field("from", format!("{text:?} is no RFC 3339 time")))?,
    };
    let text = ScheduleText {
        expression: asked.schedule.trim().to_owned(),
        zone,
        dst: dst?,
    };
    let kept = kept(&app, (&asked.calendar, &asked.on_blackout)).await?;
    let schedule = text.keeping_to(kept.as_ref(), JobId(asked.seed.unwrap_or(0)));
    let schedule = schedule.map_err(|error| {
        let field = match error.subject() {
            Subject::Zone => "zone",
            Subject::Expression | Subject::Field(_) => "schedule",
            Subject::Calendar { .. } => "calendar",
        };
        wrong_field(field, error.to_string())
    })?;
    let tz = time_zone(&text.zone).unwrap_or(TimeZone::UTC);
    let count = asked.n.unwrap_or(FIRES).min(FIRES_MAX);
    let times: Vec<Timestamp> = schedule
        .fire_times(from, Timestamp::MAX)
        .take(count)
        .collect();
    let local: Vec<String> = times
        .iter()
        .map(|time| in_zone(*time, &tz, "%Y-%m-%dT%H:%M:%S%:z"))
        .collect();
    Ok(Json(json!({
        "schedule": text.expression,
        "zone": text.zone,
        "dst": text.dst.to_string(),
        "description": { "en": schedule.describe(Lang::En), "zh": schedule.describe(Lang::Zh) },
        "fire_times": times.iter().map(|time| rfc3339(*time)).collect::<Vec<_>>(),
        "local_times": local,
        "never": times.is_empty(),
        "held": held(&schedule, from, times.last().copied()),
    }))
    .into_response())
}

/// What a job would hold of the calendar that is named.
async fn kept(
    app: &App,
    (calendar, on_blackout): (&Option<String>, &Option<String>),
) -> Result<Option<CalendarUse>, Fault> {
    let on_blackout = match on_blackout.as_deref() {
        None | Some("") => Ok(OnBlackout::default()),
        Some(word) => word
            .parse()
            .map_err(|error: UnknownWord| wrong_field("on_blackout", error.to_string())),
    }?;
    let Some(name) = calendar.as_deref().filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    let found = app.store.calendar_named(name).await?;
    let found =
        found.ok_or_else(|| wrong_field("calendar", format!("there is no calendar {name:?}")))?;
    Ok(Some(hold(&found, on_blackout)))
}

/// What blackouts do to ticks up to the last one that is told.
fn held(schedule: &Schedule, from: Timestamp, last: Option<Timestamp>) -> Vec<Value> {
    let foreseen = schedule.foresee(from).take(FIRES_MAX);
    let told = foreseen.take_while(|seen| last.is_none_or(|last| seen.time <= last));
    let held = told.filter_map(|Foreseen { time, fate }| match fate {
        Fate::Fires => None,
        Fate::Skipped { by, until } => Some(json!({
            "time": rfc3339(time), "blackout": by, "until": until.map(rfc3339), "shifted_to": null,
        })),
        Fate::Shifted { by, to } => Some(json!({
            "time": rfc3339(time), "blackout": by, "until": rfc3339(to), "shifted_to": rfc3339(to),
        })),
    });
    held.collect()
}
