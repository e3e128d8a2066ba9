//! A job as the API says it: one flat document of named fields, written from a job and applied to a draft.
//! The editor's form is turned into the same document, so that pages and programs obey the same rules.

use carillon_core::identity::{GroupId, JobId};
use carillon_core::job::{Job, JobDraft, JobSpec, POLICY_SECONDS_MAX, ScheduleText};
use carillon_core::lang::Lang;
use carillon_core::launch::Leftovers;
use carillon_core::retry::Retry;
use carillon_core::schedule::DstRule;
use carillon_core::secret_name::SecretName;
use carillon_store::JobGroup;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::calendar_choice::{put_calendar, put_on_blackout};
use super::judgement::judge;
use super::ping_field::{put_ping_url, veiled};
use super::watch_fields::put_watch;
use crate::form::FieldErrors;
use crate::moment::rfc3339;
use crate::words::words;

/// The longest command, description or other text of a job, in bytes.
const TEXT_SIZE_MAX: usize = 64 * 1024;
/// Variables of a job whose values are kept on the nodes, at most.
const SECRETS_MAX: usize = 100;

/// Named fields of a job; only those that are to be set.
pub(crate) type Document = Map<String, Value>;

/// A job nobody has described yet. Its name is not valid on purpose: the document has to bring one.
pub(crate) fn blank(group: GroupId) -> JobDraft {
    JobDraft {
        name: "unnamed".parse().expect("a plain word is a job name"),
        group,
        description: String::new(),
        enabled: true,
        schedule: ScheduleText {
            expression: String::new(),
            zone: "UTC".to_owned(),
            dst: DstRule::default(),
        },
        spec: JobSpec::default(),
    }
}

/// The document of a job.
pub(crate) fn write(job: &Job, groups: &[JobGroup]) -> Value {
    let mut document = write_draft(&job.draft, groups);
    document["id"] = json!(job.id);
    document["version"] = json!(job.version);
    document["created_at"] = json!(rfc3339(job.created_at));
    document["updated_at"] = json!(rfc3339(job.updated_at));
    document["deleted_at"] = json!(job.deleted_at.map(rfc3339));
    document
}

/// The document of a draft, without the secret part of its address to ping.
pub(crate) fn write_draft(draft: &JobDraft, groups: &[JobGroup]) -> Value {
    let (spec, launch) = (&draft.spec, &draft.spec.launch);
    let group = groups.iter().find(|group| group.id == draft.group);
    let env: Map<String, Value> = launch
        .env
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    let secrets: Map<String, Value> = launch
        .secrets
        .iter()
        .map(|(variable, name)| (variable.clone(), json!(name)))
        .collect();
    let mut document = json!({
        "name": draft.name,
        "group": group.map_or_else(|| draft.group.to_string(), |group| group.name.clone()),
        "group_id": draft.group,
        "description": draft.description,
        "enabled": draft.enabled,
        "schedule": draft.schedule.expression,
        "zone": draft.schedule.zone,
        "dst": draft.schedule.dst.to_string(),
        "command": launch.command,
        "shell": launch.shell,
        "cwd": launch.cwd,
        "env": env,
        "secrets": secrets,
        "stdin": launch.stdin,
        "run_as": launch.run_as,
        "umask": launch.umask.map(|mask| format!("{mask:03o}")),
        "nice": launch.nice,
        "ionice": launch.ionice,
        "limits": launch.limits,
        "timeout_s": launch.timeout_ms.map(seconds),
        "run_timeout_s": spec.run_timeout_ms.map(seconds),
        "idle_timeout_s": launch.idle_timeout_ms.map(seconds),
        "kill_grace_s": seconds(launch.kill_grace_ms),
        "output_head_bytes": launch.output.head_bytes,
        "output_tail_bytes": launch.output.tail_bytes,
        "keep_output": launch.keep_output,
        "leftovers": launch.leftovers,
        "placement": spec.placement,
        "labels": spec.target.labels,
        "nodes": spec.target.nodes,
        "exclude_nodes": spec.target.exclude,
        "overlap": spec.overlap,
        "concurrency_key": spec.concurrency_key,
        "priority": spec.priority,
        "misfire": spec.misfire,
        "misfire_window_s": spec.misfire_window_s,
        "start_deadline_s": spec.start_deadline_s,
        "retry": spec.retry,
        "delivery": spec.delivery,
        "success_codes": spec.success_codes,
        "mail_to": spec.mail_to,
    });
    write_told(&mut document, spec);
    document
}

/// Who is told what of it, and when nobody expects it to run.
fn write_told(document: &mut Value, spec: &JobSpec) {
    document["ping_url"] = veiled(spec.ping_url.as_ref());
    document["watch"] = json!(spec.watch);
    let calendar = spec.calendar.as_ref();
    document["calendar"] = json!(calendar.map(|kept| &kept.name));
    document["on_blackout"] = json!(calendar.map(|kept| kept.on_blackout));
}

fn seconds(ms: u64) -> Value {
    match ms % 1000 {
        0 => json!(ms / 1000),
        _ => json!(ms as f64 / 1000.0),
    }
}

/// Sets the named fields of a draft, judging all of them in the words of `lang`; `job` is what `H` in a schedule hashes.
pub(crate) fn apply(
    document: &Document,
    draft: &mut JobDraft,
    groups: &[JobGroup],
    job: JobId,
    lang: Lang,
) -> FieldErrors {
    let mut errors = FieldErrors::default();
    for (key, value) in document {
        let set = set_identity(key, value, draft, groups)
            .or_else(|| set_launch(key, value, draft))
            .or_else(|| set_policy(key, value, &mut draft.spec));
        match set {
            Some(Ok(())) => {}
            Some(Err(wrong)) => errors.add(key, wrong),
            None => errors.add(key, unknown(key)),
        }
    }
    judge(draft, job, words(lang), &mut errors);
    errors
}

/// Says which fields a new job lacks.
pub(crate) fn require(document: &Document, errors: &mut FieldErrors) {
    for key in ["name", "command", "schedule"] {
        if !document.contains_key(key) && errors.of(key).is_none() {
            errors.add(key, format!("a job needs a {key}; add it"));
        }
    }
}

fn unknown(key: &str) -> String {
    let known = "name, group, description, enabled, schedule, zone, dst, command, shell, cwd, env, secrets, stdin, run_as, umask, nice, ionice, \
         limits, timeout_s, run_timeout_s, idle_timeout_s, kill_grace_s, output_head_bytes, output_tail_bytes, keep_output, leftovers, placement, \
         labels, nodes, exclude_nodes, calendar, on_blackout, overlap, concurrency_key, priority, misfire, misfire_window_s, start_deadline_s, retry, delivery, success_codes, mail_to, ping_url, watch";
    format!("a job has no field {key:?}; it has {known}")
}

type Set = Option<Result<(), String>>;

/// Reads a JSON value into a place.
fn put<T: DeserializeOwned>(place: &mut T, value: &Value) -> Set {
    Some(
        T::deserialize(value)
            .map(|read| *place = read)
            .map_err(|error| error.to_string()),
    )
}

/// Reads a text of bounded size into a place.
fn put_text(place: &mut String, value: &Value) -> Set {
    let read = match value {
        Value::String(text) if text.len() > TEXT_SIZE_MAX => Err(format!(
            "it has {} bytes, the limit is {TEXT_SIZE_MAX}; shorten it",
            text.len()
        )),
        Value::String(text) if text.contains('\0') => {
            Err("it holds a NUL character; remove it".to_owned())
        }
        Value::String(text) => Ok(text.clone()),
        other => Err(format!("expected a text, got {other}")),
    };
    Some(read.map(|text| *place = text))
}

/// Reads a text or nothing; an empty text is nothing.
fn put_optional_text(place: &mut Option<String>, value: &Value) -> Set {
    if value.is_null() || value.as_str() == Some("") {
        *place = None;
        return Some(Ok(()));
    }
    let mut text = String::new();
    let set = put_text(&mut text, value);
    if set == Some(Ok(())) {
        *place = Some(text);
    }
    set
}

fn put_milliseconds(value: &Value) -> Result<u64, String> {
    let seconds = value
        .as_f64()
        .ok_or_else(|| format!("expected a number of seconds, got {value}"))?;
    let limit = f64::from(POLICY_SECONDS_MAX);
    if !(seconds > 0.0 && seconds <= limit) {
        return Err(format!(
            "{seconds} s is not between 0 and {POLICY_SECONDS_MAX} s (30 days); choose a value between"
        ));
    }
    Ok((seconds * 1000.0).round() as u64)
}

fn put_optional_milliseconds(place: &mut Option<u64>, value: &Value) -> Set {
    if value.is_null() {
        *place = None;
        return Some(Ok(()));
    }
    Some(put_milliseconds(value).map(|ms| *place = Some(ms)))
}

fn set_identity(key: &str, value: &Value, draft: &mut JobDraft, groups: &[JobGroup]) -> Set {
    match key {
        "name" => put(&mut draft.name, value),
        "description" => put_text(&mut draft.description, value),
        "enabled" => put(&mut draft.enabled, value),
        "schedule" => put_text(&mut draft.schedule.expression, value),
        "zone" => put_text(&mut draft.schedule.zone, value),
        "dst" => put(&mut draft.schedule.dst, value),
        "group" | "group_id" => {
            let is_it = |group: &&JobGroup| match value {
                Value::Number(number) => number.as_i64() == Some(group.id.0),
                Value::String(name) => *name == group.name,
                _ => false,
            };
            let found = groups.iter().find(is_it);
            Some(found.map(|group| draft.group = group.id).ok_or_else(|| {
                format!("there is no group {value} that you may edit jobs in; create it first or choose another")
            }))
        }
        _ => None,
    }
}

fn set_launch(key: &str, value: &Value, draft: &mut JobDraft) -> Set {
    let launch = &mut draft.spec.launch;
    match key {
        "command" => put_text(&mut launch.command, value),
        "shell" => put_optional_text(&mut launch.shell, value),
        "cwd" => put_optional_text(&mut launch.cwd, value),
        "stdin" => put_optional_text(&mut launch.stdin, value),
        "run_as" => put_optional_text(&mut launch.run_as, value),
        "nice" => put(&mut launch.nice, value),
        "ionice" if value.as_str() == Some("") => {
            launch.ionice = None;
            Some(Ok(()))
        }
        "ionice" => put(&mut launch.ionice, value),
        "limits" => put(&mut launch.limits, value),
        "timeout_s" => put_optional_milliseconds(&mut launch.timeout_ms, value),
        "idle_timeout_s" => put_optional_milliseconds(&mut launch.idle_timeout_ms, value),
        "kill_grace_s" => Some(put_milliseconds(value).map(|ms| launch.kill_grace_ms = ms)),
        "output_head_bytes" => put(&mut launch.output.head_bytes, value),
        "output_tail_bytes" => put(&mut launch.output.tail_bytes, value),
        "keep_output" => put(&mut launch.keep_output, value),
        "leftovers" => {
            let mut leftovers = Leftovers::default();
            let set = put(&mut leftovers, value);
            launch.leftovers = leftovers;
            set
        }
        "umask" => Some(read_umask(value).map(|mask| launch.umask = mask)),
        "env" => Some(read_env(value).map(|env| launch.env = env)),
        "secrets" => Some(read_secrets(value).map(|secrets| launch.secrets = secrets)),
        _ => None,
    }
}

fn read_umask(value: &Value) -> Result<Option<u32>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => u32::from_str_radix(text, 8)
            .ok()
            .filter(|mask| *mask <= 0o777)
            .map(Some)
            .ok_or_else(|| format!("{text:?} is no umask; write three octal digits, e.g. 022")),
        other => Err(format!("expected octal digits as a text, got {other}")),
    }
}

fn read_env(value: &Value) -> Result<Vec<(String, String)>, String> {
    let read = |(name, value): (&String, &Value)| match value.as_str() {
        Some(text) if text.len() <= TEXT_SIZE_MAX && !text.contains('\0') => {
            Ok((name.clone(), text.to_owned()))
        }
        _ => Err(format!(
            "the value of {name} is no text of at most {TEXT_SIZE_MAX} bytes"
        )),
    };
    read_variables(value)?.map(read).collect()
}

/// Variables and the names of their secrets.
fn read_secrets(value: &Value) -> Result<Vec<(String, SecretName)>, String> {
    let variables = read_variables(value)?;
    if variables.len() > SECRETS_MAX {
        let count = variables.len();
        return Err(format!(
            "{count} secrets are too many, the limit is {SECRETS_MAX}; put several values into one file"
        ));
    }
    let read = |(variable, name): (&String, &Value)| {
        SecretName::deserialize(name)
            .map(|name| (variable.clone(), name))
            .map_err(|error| format!("{variable}: {error}"))
    };
    variables.map(read).collect()
}

/// The variables of an object, once all have names.
fn read_variables(value: &Value) -> Result<serde_json::map::Iter<'_>, String> {
    let Value::Object(variables) = value else {
        return Err(format!(
            "expected an object of names and values, got {value}"
        ));
    };
    let is_name = |name: &&String| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    match variables.keys().find(|name| !is_name(name)) {
        Some(name) => Err(format!(
            "{name:?} is no name of a variable; use letters, digits and _"
        )),
        None => Ok(variables.iter()),
    }
}

fn set_policy(key: &str, value: &Value, spec: &mut JobSpec) -> Set {
    match key {
        "placement" => put(&mut spec.placement, value),
        "labels" => put(&mut spec.target.labels, value),
        "nodes" => put(&mut spec.target.nodes, value),
        "exclude_nodes" => put(&mut spec.target.exclude, value),
        "calendar" => Some(put_calendar(&mut spec.calendar, value)),
        "on_blackout" => Some(put_on_blackout(&mut spec.calendar, value)),
        "overlap" => put(&mut spec.overlap, value),
        "concurrency_key" if value.as_str() == Some("") => {
            spec.concurrency_key = None;
            Some(Ok(()))
        }
        "concurrency_key" => put(&mut spec.concurrency_key, value),
        "priority" => put(&mut spec.priority, value),
        "misfire" => put(&mut spec.misfire, value),
        "misfire_window_s" => put(&mut spec.misfire_window_s, value),
        "run_timeout_s" => put_optional_milliseconds(&mut spec.run_timeout_ms, value),
        "start_deadline_s" => put(&mut spec.start_deadline_s, value),
        "retry" if value.is_null() => {
            spec.retry = Retry::default();
            Some(Ok(()))
        }
        "retry" => put(&mut spec.retry, value),
        "delivery" => put(&mut spec.delivery, value),
        "success_codes" => put(&mut spec.success_codes, value),
        "mail_to" => put(&mut spec.mail_to, value),
        "ping_url" => Some(put_ping_url(&mut spec.ping_url, value)),
        "watch" => Some(put_watch(&mut spec.watch, value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
