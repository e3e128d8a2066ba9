//! The editor's form: its fields as typed, turned into a job's document, and a job turned into fields.

use std::collections::HashMap;
use std::time::Duration;

use carillon_core::job::JobDraft;
use carillon_core::priority::Priority;
use carillon_lifecycle::config::parse_duration;
use serde_json::{Map, Value, json};

use super::document::Document;
use super::draft_texts::{texts_of_limits, texts_of_place, texts_of_work};
use super::watch_fields::{WATCH_FIELDS, texts_of_watch, watch_document};
use crate::form::FieldErrors;
use crate::posted::Posted;
use crate::words::fill;

/// Fields with one value.
const SINGLE: &[&str] = &[
    "name",
    "group",
    "description",
    "command",
    "schedule",
    "zone",
    "dst",
    "calendar",
    "on_blackout",
    "enabled",
    "shell",
    "cwd",
    "env",
    "secrets",
    "stdin",
    "run_as",
    "placement",
    "placement_n",
    "labels",
    "nodes",
    "exclude_nodes",
    "overlap",
    "overlap_n",
    "concurrency_key",
    "priority",
    "misfire",
    "misfire_n",
    "misfire_window",
    "start_deadline",
    "timeout",
    "run_timeout",
    "keep_output",
    "kill_grace",
    "max_attempts",
    "backoff",
    "delay",
    "max_delay",
    "retry_node",
    "delivery",
    "success_codes",
    "mail",
    "mail_to",
    "ping_url",
];

/// What the form's fields hold.
type Texts = HashMap<&'static str, String>;

/// The fields of the form, as typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    texts: Texts,
    retry_on: Vec<String>,
}

impl Fields {
    /// A field's text.
    pub(crate) fn of(&self, name: &str) -> &str {
        self.texts.get(name).map_or("", String::as_str)
    }

    /// Whether a field is set to `value`.
    pub(crate) fn is(&self, name: &str, value: &str) -> bool {
        self.of(name) == value
    }

    /// Whether an outcome earns another attempt.
    pub(crate) fn retries(&self, outcome: &str) -> bool {
        self.retry_on.iter().any(|word| word == outcome)
    }

    /// The form as it was sent.
    pub(crate) fn of_posted(posted: &Posted) -> Self {
        let texts = SINGLE
            .iter()
            .chain(WATCH_FIELDS)
            .map(|&name| (name, posted.text(name).replace("\r\n", "\n")));
        Fields {
            texts: texts.collect(),
            retry_on: posted.all("retry_on").map(str::to_owned).collect(),
        }
    }

    /// The form that would make this draft.
    pub(crate) fn of_draft(draft: &JobDraft) -> Self {
        let mut texts: Texts = texts_of_work(draft).into();
        texts.extend(texts_of_place(&draft.spec));
        texts.extend(texts_of_limits(&draft.spec));
        texts.extend(texts_of_watch(&draft.spec.watch));
        let retry_on = draft
            .spec
            .retry
            .on
            .iter()
            .map(ToString::to_string)
            .collect();
        Fields { texts, retry_on }
    }

    /// The same without an address to ping: who waits for one job's pings does not wait for its copy's.
    pub(crate) fn without_ping(mut self) -> Self {
        self.texts.insert("ping_url", String::new());
        self
    }

    /// The same without a name: a new job needs one of its own.
    pub(crate) fn without_name(mut self) -> Self {
        self.texts.insert("name", String::new());
        self
    }

    /// The document the form stands for; what cannot be read is a complaint about its field.
    pub(crate) fn document(&self, errors: &mut FieldErrors) -> Document {
        let mut document = Document::new();
        self.put_texts(&mut document);
        for name in ["enabled", "keep_output"] {
            document.insert(name.to_owned(), json!(self.is(name, "1")));
        }
        let group = self.of("group");
        document.insert(
            "group".to_owned(),
            group
                .parse::<i64>()
                .map_or_else(|_| json!(group), |id| json!(id)),
        );
        for name in ["placement", "overlap", "misfire"] {
            document.insert(name.to_owned(), self.policy(name));
        }
        for (field, key) in [
            ("misfire_window", "misfire_window_s"),
            ("start_deadline", "start_deadline_s"),
            ("timeout", "timeout_s"),
            ("run_timeout", "run_timeout_s"),
            ("kill_grace", "kill_grace_s"),
        ] {
            self.put_duration(field, key, &mut document, errors);
        }
        document.insert("calendar".to_owned(), json!(self.of("calendar")));
        let on_blackout = match self.of("calendar").trim().is_empty() {
            true => Value::Null,
            false => json!(self.of("on_blackout")),
        };
        document.insert("on_blackout".to_owned(), on_blackout);
        for name in ["env", "secrets"] {
            document.insert(name.to_owned(), self.pairs(name, &['\n'], errors));
        }
        document.insert(
            "labels".to_owned(),
            self.pairs("labels", &[',', '\n'], errors),
        );
        document.insert("nodes".to_owned(), json!(self.names("nodes")));
        document.insert(
            "exclude_nodes".to_owned(),
            json!(self.names("exclude_nodes")),
        );
        document.insert("retry".to_owned(), self.retry(errors));
        document.insert("priority".to_owned(), self.priority());
        document.insert("success_codes".to_owned(), self.codes(errors));
        document.insert("mail_to".to_owned(), self.mail());
        document.insert("watch".to_owned(), watch_document(self, errors));
        document
    }

    fn put_texts(&self, document: &mut Document) {
        for name in ["description", "command", "stdin"] {
            document.insert(name.to_owned(), json!(self.of(name)));
        }
        for name in [
            "name",
            "schedule",
            "zone",
            "dst",
            "shell",
            "cwd",
            "run_as",
            "delivery",
            "concurrency_key",
            "ping_url",
        ] {
            document.insert(name.to_owned(), json!(self.of(name).trim()));
        }
    }

    fn priority(&self) -> Value {
        match self.of("priority").trim() {
            "" => json!(Priority::default()),
            text => text
                .parse::<i64>()
                .map_or_else(|_| json!(text), |number| json!(number)),
        }
    }

    fn codes(&self, errors: &mut FieldErrors) -> Value {
        let codes = self.names("success_codes");
        let codes: Result<Vec<i32>, _> = codes.iter().map(|code| code.parse()).collect();
        let told = errors.words.judgements.exit_codes;
        let codes = errors.check("success_codes", codes, |_| {
            fill(told, &[&self.of("success_codes")])
        });
        json!(codes.unwrap_or_default())
    }

    fn mail(&self) -> Value {
        match self.of("mail") {
            "nobody" => json!(""),
            "these" => json!(self.of("mail_to").trim()),
            _ => Value::Null,
        }
    }

    /// A policy with its number, as the API writes it.
    fn policy(&self, name: &str) -> Value {
        match self.of(name) {
            "" => Value::Null,
            word @ ("n" | "allow" | "queue" | "all") => {
                json!(format!("{word}({})", self.of(&format!("{name}_n")).trim()))
            }
            word => json!(word),
        }
    }

    fn put_duration(
        &self,
        field: &str,
        key: &str,
        document: &mut Document,
        errors: &mut FieldErrors,
    ) {
        let text = self.of(field).trim();
        let value = match text {
            "" if key == "kill_grace_s" => json!(10),
            "" => Value::Null,
            _ => match parse_duration(text) {
                Ok(lasts) => whole_or_not(lasts),
                Err(_) => {
                    errors.add(key, fill(errors.words.judgements.duration, &[&text]));
                    return;
                }
            },
        };
        document.insert(key.to_owned(), value);
    }

    fn names(&self, field: &str) -> Vec<String> {
        let pieces = self.of(field).split([',', '\n']).map(str::trim);
        pieces
            .filter(|piece| !piece.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn pairs(&self, field: &str, between: &[char], errors: &mut FieldErrors) -> Value {
        let mut pairs = Map::new();
        let lines = self
            .of(field)
            .split(between)
            .map(str::trim)
            .filter(|line| !line.is_empty());
        for line in lines {
            match line.split_once('=') {
                Some((name, value)) => {
                    pairs.insert(name.trim().to_owned(), json!(value.trim()));
                }
                None => errors.add(field, fill(errors.words.judgements.assignment, &[&line])),
            }
        }
        Value::Object(pairs)
    }

    fn retry(&self, errors: &mut FieldErrors) -> Value {
        let j = &errors.words.judgements;
        let mut seconds = |field: &str| {
            let parsed = parse_duration(self.of(field).trim()).map(|lasts| lasts.as_secs_f64());
            errors.check("retry", parsed, |_| fill(j.duration, &[&self.of(field)]))
        };
        let (delay_s, max_delay_s) = (seconds("delay"), seconds("max_delay"));
        let attempts = self.of("max_attempts").trim().parse::<u32>();
        let attempts = errors.check("retry", attempts, |_| {
            fill(j.attempts_number, &[&self.of("max_attempts")])
        });
        json!({
            "max_attempts": attempts.unwrap_or(1),
            "backoff": self.of("backoff"),
            "delay_s": delay_s.unwrap_or(10.0),
            "max_delay_s": max_delay_s.unwrap_or(3600.0),
            "on": self.retry_on,
            "node": self.of("retry_node"),
        })
    }
}

fn whole_or_not(lasts: Duration) -> Value {
    match lasts.subsec_millis() {
        0 => json!(lasts.as_secs()),
        _ => json!(lasts.as_secs_f64()),
    }
}

/// A duration as people type it: the largest unit that divides it.
pub(crate) fn duration(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1000, "s"),
    ];
    let unit = UNITS
        .iter()
        .find(|(length, _)| ms > 0 && ms.is_multiple_of(*length));
    unit.map_or_else(
        || format!("{ms}ms"),
        |(length, unit)| format!("{}{unit}", ms / length),
    )
}

pub(super) fn duration_s(seconds: f64) -> String {
    duration((seconds * 1000.0).round() as u64)
}

#[cfg(test)]
mod tests;
