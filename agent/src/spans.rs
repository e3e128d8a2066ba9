//! What a run looks like to OpenTelemetry: a trace for the run, in it a span of each attempt, wherever it was made.
//!
//! The numbers of traces come from the run's name, those of spans from the attempt's token, so that nodes agree on them
//! without asking each other, and an attempt that is told twice is the same span and one that was handed back is not the next. The form is that of OTLP over HTTP in JSON (OpenTelemetry protocol 1,
//! `opentelemetry/proto/trace/v1/trace.proto`); what commands are told is a `traceparent` (W3C Trace Context 1, section 3.2).

use carillon_core::run::{Conclusion, News};
use carillon_core::tick::Tick;
use carillon_core::token::Token;
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
    pub(crate) token: Token,
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
            "spanId": span_id(self.tick, self.token, part),
            "name": name,
            "kind": KIND_INTERNAL,
            "startTimeUnixNano": from.as_nanosecond().to_string(),
            "endTimeUnixNano": to.max(from).as_nanosecond().to_string(),
            "attributes": self.attributes(),
        });
        if let Some(parent) = parent {
            span["parentSpanId"] = json!(span_id(self.tick, self.token, parent));
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
pub(crate) fn traceparent(tick: Tick, token: Token) -> String {
    format!(
        "00-{}-{}-01",
        trace_id(tick),
        span_id(tick, token, "command")
    )
}

fn trace_id(tick: Tick) -> String {
    digits(&format!("run {tick}"), 16)
}

/// A run has one span, whichever attempt ends it.
fn span_id(tick: Tick, token: Token, part: &str) -> String {
    match part {
        "run" => digits(&format!("run of {tick}"), 8),
        _ => digits(&format!("{part} of {token}"), 8),
    }
}

fn digits(text: &str, bytes: usize) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash[..bytes]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use carillon_core::identity::JobId;

    pub(crate) fn attempt(token: u8, end: TracedEnd) -> TracedAttempt {
        let at = |second| Timestamp::from_second(second).unwrap();
        TracedAttempt {
            tick: Tick::scheduled(JobId(1), at(100), 0),
            token: Token::from_bytes([token; 16]),
            attempt: 1,
            job: "nightly".to_owned(),
            node: "n1".to_owned(),
            asked_at: at(99),
            held_at: at(99),
            started_at: None,
            over_at: at(101),
            end,
        }
    }

    pub(crate) fn end(is_last: bool) -> TracedEnd {
        TracedEnd {
            outcome: "failed",
            is_trouble: true,
            detail: None,
            exit_code: None,
            is_last,
        }
    }

    /// Both are the first attempt of the run: what is handed back is made again under its number.
    #[test]
    fn attempt_that_was_handed_back_is_another_span_of_the_same_trace() {
        let (first, second) = (
            attempt(1, end(false)).spans(),
            attempt(2, end(true)).spans(),
        );

        let run = &second.last().unwrap()["spanId"];
        for (one, other) in first.iter().zip(&second) {
            assert_eq!(one["traceId"], other["traceId"]);
            assert_ne!(one["spanId"], other["spanId"]);
        }
        assert_eq!(
            (&first[0]["parentSpanId"], &second[0]["parentSpanId"]),
            (run, run)
        );
        assert_eq!(
            attempt(1, end(false)).spans(),
            first,
            "told twice, it is the same"
        );
    }
}
