//! The description of the API, made from the same table of routes that serves it.

use axum::Json;
use axum::http::Method;
use serde_json::{Value, json};

use crate::guard::{Medium, Need};
use crate::routes::{Listed, listing};

/// The document.
pub(crate) async fn show() -> Json<Value> {
    Json(document())
}

/// The OpenAPI 3.1 document.
pub(crate) fn document() -> Value {
    let mut paths = serde_json::Map::new();
    for listed in listing()
        .into_iter()
        .filter(|listed| listed.medium == Medium::Api)
    {
        let path = paths
            .entry(listed.path.to_owned())
            .or_insert_with(|| json!({}));
        path[listed.method.as_str().to_ascii_lowercase()] = operation(&listed);
    }
    let schemas: Value =
        serde_json::from_str(include_str!("schemas.json")).expect("the embedded schemas are JSON");
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Carillon",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A distributed cron scheduler. Lists are {items, next}: pass next as cursor for more. Times are RFC 3339 in UTC with microseconds, durations are seconds in fields that end in _s. Errors are problem documents (RFC 9457).",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas,
        },
    })
}

/// What an address returns when all is well: the status and the schema.
fn success(listed: &Listed) -> (&'static str, Option<&'static str>) {
    let noun = listed
        .path
        .trim_start_matches("/api/v1/")
        .split('/')
        .next()
        .unwrap_or_default();
    let is_item = listed.path.contains("{id}");
    let item = match noun {
        "jobs" => "Job",
        "runs" => "Run",
        "nodes" => "Node",
        "groups" => "Group",
        "calendars" => "Calendar",
        "users" => "User",
        "tokens" => "Token",
        "incidents" => "Incident",
        "command-channels" => "CommandChannel",
        "audit" => "AuditEntry",
        "views" => "SavedView",
        "apply" => "Plan",
        _ => "SchedulePreview",
    };
    let lists = [
        "Jobs",
        "Runs",
        "Nodes",
        "Groups",
        "Calendars",
        "Users",
        "Tokens",
        "Incidents",
        "CommandChannels",
        "AuditEntries",
        "SavedViews",
    ];
    let list = lists
        .iter()
        .copied()
        .find(|list| list.to_lowercase().starts_with(&item.to_lowercase()[..3]));
    match (listed.method.as_str(), listed.path) {
        ("DELETE", _) => ("204", None),
        (_, "/api/v1/apply") => ("200", Some("Plan")),
        (_, path) if path.ends_with("/output") => ("200", None),
        (_, path) if path.ends_with("/versions") || path.ends_with("/attempts") => {
            ("200", Some("List"))
        }
        (_, path) if path.ends_with("/run") || path.ends_with("/again") => ("202", Some("Run")),
        (_, path) if path.ends_with("/test") => ("202", Some("Run")),
        (_, path) if path.ends_with("/kill") => ("202", Some("Run")),
        ("POST", _) if !is_item => ("201", Some(item)),
        ("GET", path) if !is_item && !path.ends_with("/preview") => ("200", list.or(Some("List"))),
        _ => ("200", Some(item)),
    }
}

fn operation(listed: &Listed) -> Value {
    let (status, schema) = success(listed);
    let ok = match schema {
        None if status == "204" => json!({ "description": "done" }),
        None => {
            json!({ "description": "what the command wrote", "content": { "text/plain": {}, "application/json": {} } })
        }
        Some(schema) => json!({
            "description": "done",
            "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } },
        }),
    };
    let mut responses = json!({ status: ok });
    if listed.path.ends_with("/kill") {
        responses["200"] = responses["202"].clone();
    }
    if listed.method == Method::PUT {
        responses["201"] = responses["200"].clone();
    }
    for (status, told) in problems(listed) {
        responses[status] = json!({
            "description": told,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
        });
    }
    let name = listed
        .path
        .trim_start_matches("/api/v1/")
        .replace(['/', '{', '}'], "_");
    let mut operation = json!({
        "operationId": format!("{}_{}", listed.method.as_str().to_ascii_lowercase(), name.trim_matches('_').replace("__", "_")),
        "description": needed(listed.need),
        "parameters": parameters(listed),
        "responses": responses,
    });
    if matches!(listed.method, Method::POST | Method::PATCH | Method::PUT) {
        operation["requestBody"] =
            json!({ "content": { "application/json": { "schema": { "type": "object" } } } });
    }
    operation
}

fn problems(listed: &Listed) -> Vec<(&'static str, &'static str)> {
    let mut problems = vec![
        ("400", "the request cannot be read"),
        ("401", "no valid token"),
        ("403", "the token may not do this"),
        ("422", "values are wrong, field by field"),
        ("503", "the store does not answer"),
    ];
    let names_others = listed.path.contains("{id}") || listed.path == "/api/v1/runs";
    if names_others || matches!(listed.method, Method::POST | Method::PATCH) {
        problems.push(("404", "there is none, or none the token may know of"));
    }
    if listed.method != Method::GET || listed.path.ends_with("/preview") {
        problems.push(("409", "somebody else changed it in between"));
        problems.push(("413", "the body is too large"));
    }
    problems
}

fn parameters(listed: &Listed) -> Value {
    let query = |name: &str| json!({ "name": name, "in": "query", "schema": { "type": "string" } });
    let mut parameters: Vec<Value> = Vec::new();
    for name in ["id"] {
        if listed.path.contains(&format!("{{{name}}}")) {
            parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
        }
    }
    let names: &[&str] = match (listed.method.as_str(), listed.path) {
        ("GET", "/api/v1/jobs") => &[
            "limit", "cursor", "group", "name", "q", "enabled", "deleted",
        ],
        ("GET", "/api/v1/runs") => &[
            "limit", "cursor", "job", "state", "outcome", "node", "trigger", "from", "before",
        ],
        ("GET", "/api/v1/audit") => &["limit", "cursor", "object", "actor"],
        ("GET", "/api/v1/incidents") => &["limit", "cursor", "state"],
        ("GET", "/api/v1/views") => &["list"],
        ("GET", "/api/v1/schedules/preview") => &[
            "schedule",
            "zone",
            "dst",
            "from",
            "n",
            "seed",
            "calendar",
            "on_blackout",
        ],
        ("GET", path) if path.ends_with("/output") => &["attempt", "stream", "offset"],
        ("DELETE", "/api/v1/jobs/{id}") => &["version"],
        ("POST", "/api/v1/apply") => &["prune", "dry_run"],
        _ => &[],
    };
    parameters.extend(names.iter().map(|name| query(name)));
    Value::Array(parameters)
}

fn needed(need: Need) -> String {
    match need {
        Need::Nothing => "Needs nothing.".to_owned(),
        Need::SignedIn => "Needs a valid token.".to_owned(),
        Need::Somewhere(verb) => format!("Needs the permission {verb} in some group."),
        Need::Everywhere(verb) => format!("Needs the permission {verb} everywhere."),
        Need::OfJob(verb) => format!("Needs the permission {verb} in the job's group."),
        Need::OfRun(verb) => format!("Needs the permission {verb} in the group of the run's job."),
    }
}
