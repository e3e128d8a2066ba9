//! What a run looks like to OpenTelemetry: a trace for the run, in it a span of each attempt, wherever it was made.
//!
//! Numbers of traces and spans come from the run's name, so that nodes agree on them without asking each other, and the
//! same attempt told twice is the same span. The form is that of OTLP over HTTP in JSON (OpenTelemetry protocol 1,
//! `opentelemetry/proto/trace/v1/trace.proto`); what commands are told is a `traceparent` (W3C Trace Context 1, section 3.2).

use carillon_core::run::{Conclusion, News};
use carillon_core::tick::Tick;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A piece of work inside its owner.
const KIND_INTERNAL: u8 = 1;
const STATUS_OK: u8 = 1;
const STATUS_ERROR: u8 = 2;

/// An attempt that is over.
#[derive(Debug, Clone)]
pub(crate) struct TracedAttempt {
    pub(crate) tick: Tick,
    pub(crate) attempt: u32,
    pub(crate) job: String,
    pub(crate) node: String,
    /// When the node asked for it.
    pub(crate) asked_at: Timestamp,
    /// When the node knew that it has it.
    pub(crate) held_at: Timestamp,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) over_at: Timestamp,
    pub(crate) end: TracedEnd,
}

/// How an attempt went.
#[derive(Debug, Clone)]
pub(crate) struct TracedEnd {
    /// An outcome of the glossary, or `handed_back`.
    outcome: &'static str,
    is_trouble: bool,
    detail: Option<String>,
    exit_code: Option<i32>,
    /// The run ends with it.
    is_last: bool,
}

impl TracedEnd {
    /// What is reported, as an end; none when it is no end.
    pub(crate) fn of(news: &News) -> Option<Self> {
        let ended = |ending: &Conclusion, is_last| TracedEnd {
            outcome: ending.outcome.word(),
            is_trouble: ending.outcome.is_trouble(),
            detail: ending.detail.clone(),
            exit_code: ending.exit_code,
            is_last,
        };
        match news {
            News::Started { .. } => None,
            News::Ended { ending, .. } => Some(ended(ending, true)),
            News::Retrying { ending, .. } => Some(ended(ending, false)),
            News::HandedBack { reason, .. } => Some(TracedEnd {
                outcome: "handed_back",
                is_trouble: true,
                detail: Some(reason.to_string()),
                exit_code: None,
                is_last: false,
            }),
        }
    }
}

impl TracedAttempt {
    /// Its spans: `attempt`, in it `claim`, `wait` and `command`, and around all attempts `run` when this was the last.
    pub(crate) fn spans(&self) -> Vec<Value> {
        let begins = self.started_at.unwrap_or(self.over_at);
        let mut spans = vec![
            self.span("attempt", Some("run"), (self.asked_at, self.over_at)),
            self.span("claim", Some("attempt"), (self.asked_at, self.held_at)),
            self.span("wait", Some("attempt"), (self.held_at, begins)),
        ];
        if self.started_at.is_some() {
            spans.push(self.span("command", Some("attempt"), (begins, self.over_at)));
        }
        if self.end.is_last {
            let from = self.tick.fire_time.min(self.asked_at);
            spans.push(self.span("run", None, (from, self.over_at)));
        }
        spans
    }

    fn span(&self, part: &str, parent: Option<&str>, (from, to): (Timestamp, Timestamp)) -> Value {
        let name = match part {
            "run" => self.job.clone(),
            _ => part.to_owned(),
        };
        let mut span = json!({
            "traceId": trace_id(self.tick),
            "spanId": span_id(self.tick, self.attempt, part),
            "name": name,
            "kind": KIND_INTERNAL,
            "startTimeUnixNano": from.as_nanosecond().to_string(),
            "endTimeUnixNano": to.max(from).as_nanosecond().to_string(),
            "attributes": self.attributes(),
        });
        if let Some(parent) = parent {
            span["parentSpanId"] = json!(span_id(self.tick, self.attempt, parent));
        }
        // Claim and wait went well, whatever came of the attempt.
        if matches!(part, "run" | "attempt" | "command") {
            span["status"] = match self.end.is_trouble {
                true => {
                    json!({ "code": STATUS_ERROR, "message": self.end.detail.as_deref().unwrap_or(self.end.outcome) })
                }
                false => json!({ "code": STATUS_OK }),
            };
        }
        span
    }

    fn attributes(&self) -> Vec<Value> {
        let text = |key, value: &str| json!({ "key": key, "value": { "stringValue": value } });
        // Whole numbers are texts in this form of JSON, as 64 bits do not fit into its numbers.
        let number =
            |key, value: i64| json!({ "key": key, "value": { "intValue": value.to_string() } });
        let mut attributes = vec![
            text("carillon.job.name", &self.job),
            number("carillon.job.id", self.tick.job.0),
            text("carillon.run.id", &self.tick.to_string()),
            number("carillon.attempt", i64::from(self.attempt)),
            text("carillon.node", &self.node),
            text("carillon.outcome", self.end.outcome),
        ];
        if let Some(code) = self.end.exit_code {
            attributes.push(number("process.exit.code", i64::from(code)));
        }
        attributes
    }
}

/// What a command is told, so that its own spans lie under that of the command.
pub(crate) fn traceparent(tick: Tick, attempt: u32) -> String {
    format!(
        "00-{}-{}-01",
        trace_id(tick),
        span_id(tick, attempt, "command")
    )
}

fn trace_id(tick: Tick) -> String {
    digits(&format!("run {tick}"), 16)
}

/// A run has one span, whichever attempt ends it.
fn span_id(tick: Tick, attempt: u32, part: &str) -> String {
    match part {
        "run" => digits(&format!("run of {tick}"), 8),
        _ => digits(&format!("{part} {attempt} of {tick}"), 8),
    }
}

fn digits(text: &str, bytes: usize) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash[..bytes]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
