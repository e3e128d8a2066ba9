//! `/api/v1/schedules/preview`: what a schedule means.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use carillon_core::identity::JobId;
use carillon_core::job::ScheduleText;
use carillon_core::lang::Lang;
use carillon_core::schedule::{Subject, time_zone};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::json;

use super::reply::wrong_field;
use crate::app::App;
use crate::faults::Fault;
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
            .map_err(|error: carillon_core::text_form::UnknownWord| {
                wrong_field("dst", error.to_string())
            }),
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
    let schedule = text
        .parse(JobId(asked.seed.unwrap_or(0)))
        .map_err(|error| {
            wrong_field(
                if error.subject() == Subject::Zone {
                    "zone"
                } else {
                    "schedule"
                },
                error.to_string(),
            )
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
    }))
    .into_response())
}
