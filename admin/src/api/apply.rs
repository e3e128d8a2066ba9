//! `/api/v1/apply`: groups, calendars and jobs as a text declares them.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Query, Request, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::declaration::{Mistake, Others, Plan, perform_for, plan_of};
use crate::faults::Fault;
use crate::viewer::Viewer;

/// How to apply.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    prune: bool,
    dry_run: bool,
}

/// The plan of the text in the body, carried out unless that is not wanted.
pub(crate) async fn apply(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
    request: Request,
) -> Result<Response, Fault> {
    let body = Bytes::from_request(request, &app).await;
    let body = body.map_err(|rejection| Fault::Malformed(rejection.body_text()))?;
    let text = std::str::from_utf8(&body)
        .map_err(|error| Fault::Malformed(format!("the body is no UTF-8: {error}")))?;
    let others = match asked.prune {
        true => Others::Delete,
        false => Others::Keep,
    };
    let planned = plan_of(&app, &viewer, (text, others)).await?;
    let plan = planned.map_err(|mistakes| Fault::Fields(mistakes.iter().map(told).collect()))?;
    let answer = write(&plan, !asked.dry_run);
    if !asked.dry_run {
        perform_for(&app, &viewer, plan).await?;
    }
    Ok(Json(answer).into_response())
}

fn told(mistake: &Mistake) -> (String, String) {
    (format!("line {}", mistake.line), mistake.words.clone())
}

fn write(plan: &Plan, is_applied: bool) -> Value {
    let steps = plan.steps.iter().map(|step| {
        let fields = step.fields.iter().map(
            |line| json!({"field": line.field, "before": line.before, "after": line.after}),
        );
        json!({"do": step.verb(), "kind": step.noun, "name": step.name, "fields": fields.collect::<Vec<_>>()})
    });
    json!({
        "steps": steps.collect::<Vec<_>>(),
        "unchanged": plan.same,
        "applied": is_applied,
    })
}
