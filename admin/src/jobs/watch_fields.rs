//! What people want to be told about a job: read from a document, typed into the editor's form, shown on the job's page.

use carillon_core::watch::Watch;
use carillon_lifecycle::config::parse_duration;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::fields::{Fields, duration};
use crate::form::FieldErrors;
use crate::words::judgements::Judgements;
use crate::words::{Words, fill};

/// The form's fields.
pub(super) const WATCH_FIELDS: &[&str] = &[
    "failures",
    "failures_of",
    "slower_times",
    "faster_times",
    "late_after",
    "slow_after",
    "success_within",
];

/// Those that are numbers; the others are durations.
const NUMBERS: usize = 4;

/// Reads the limits of a document; null is none.
pub(super) fn put_watch(place: &mut Watch, value: &Value) -> Result<(), String> {
    let watch = match value {
        Value::Null => Watch::default(),
        value => Watch::deserialize(value).map_err(|error| error.to_string())?,
    };
    watch.judge()?;
    *place = watch;
    Ok(())
}

/// The form's fields that would make these limits.
pub(super) fn texts_of_watch(watch: &Watch) -> [(&'static str, String); 7] {
    let number = |said: Option<u32>| said.map(|number| number.to_string()).unwrap_or_default();
    let span = |said: Option<u32>| {
        said.map(|seconds| duration(u64::from(seconds) * 1000))
            .unwrap_or_default()
    };
    [
        ("failures", number(watch.failures)),
        ("failures_of", number(watch.failures_of)),
        ("slower_times", number(watch.slower_times)),
        ("faster_times", number(watch.faster_times)),
        ("late_after", span(watch.late_after_s)),
        ("slow_after", span(watch.slow_after_s)),
        ("success_within", span(watch.success_within_s)),
    ]
}

/// What the form asks for, as a document says it.
pub(super) fn watch_document(fields: &Fields, errors: &mut FieldErrors) -> Value {
    let mut document = Map::new();
    for (place, name) in WATCH_FIELDS.iter().enumerate() {
        let text = fields.of(name).trim();
        if text.is_empty() {
            continue;
        }
        let j = &errors.words.judgements;
        let number = || text.parse::<u32>().map_err(|_| fill(j.number, &[&text]));
        let (key, number) = match place < NUMBERS {
            true => ((*name).to_owned(), number()),
            false => (format!("{name}_s"), seconds(text, j)),
        };
        if let Some(number) = errors.check("watch", number, |error| format!("{name}: {error}")) {
            document.insert(key, json!(number));
        }
    }
    Value::Object(document)
}

fn seconds(text: &str, j: &Judgements) -> Result<u32, String> {
    let lasts = parse_duration(text).map_err(|_| fill(j.duration, &[&text]))?;
    u32::try_from(lasts.as_secs()).map_err(|_| fill(j.long_duration, &[&text]))
}

/// The limits as the job's page shows them.
pub(super) fn watch_words(watch: &Watch, w: &Words) -> String {
    let j = &w.jobs;
    let number = |said: Option<u32>, message: &str| said.map(|number| fill(message, &[&number]));
    let span = |said: Option<u32>, message: &str| {
        said.map(|seconds| fill(message, &[&duration(u64::from(seconds) * 1000)]))
    };
    let failures = watch.failures.map(|failures| {
        let of = watch.failures_of.unwrap_or(failures);
        fill(j.watch_failures, &[&failures, &of])
    });
    let said = [
        failures,
        span(watch.late_after_s, j.watch_late),
        span(watch.slow_after_s, j.watch_slow),
        number(watch.slower_times, j.watch_slower),
        number(watch.faster_times, j.watch_faster),
        span(watch.success_within_s, j.watch_success),
    ];
    said.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}
