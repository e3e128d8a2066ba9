//! Logs go to standard error, for people or for machines.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// What a log line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// A sentence with its fields; coloured on a terminal unless `NO_COLOR` is set.
    Text,
    /// One JSON object a line.
    Json,
}

/// Sends the log of this process to standard error.
///
/// What is shown is decided by `CARILLON_LOG`, else `RUST_LOG`, else `info`; a filter looks like
/// `info,carillon_agent=debug`. Without `format`, `CARILLON_LOG_FORMAT=json` chooses JSON.
/// A second call changes nothing.
pub fn init(format: Option<LogFormat>) {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let wanted = variable("CARILLON_LOG").or_else(|| variable("RUST_LOG"));
    let (filter, refused) = match wanted.as_deref().map(EnvFilter::try_new) {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new("info"), Some(error)),
        None => (EnvFilter::new("info"), None),
    };
    let named = variable("CARILLON_LOG_FORMAT").filter(|_| format.is_none());
    let (format, unknown) = match (format, named.as_deref()) {
        (Some(format), _) => (format, None),
        (None, Some("json")) => (LogFormat::Json, None),
        (None, None | Some("text")) => (LogFormat::Text, None),
        (None, Some(other)) => (LogFormat::Text, Some(other)),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(std::io::stderr);
    let installed = match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal() && variable("NO_COLOR").is_none();
            builder.with_ansi(colours).with_target(false).try_init()
        }
    };
    if installed.is_err() {
        return;
    }
    if let (Some(error), Some(wanted)) = (refused, wanted) {
        tracing::warn!(
            "the log filter {wanted:?} is not understood, showing info and above: {error}"
        );
    }
    if let Some(other) = unknown {
        tracing::warn!("CARILLON_LOG_FORMAT is {other:?}, known are text and json; showing text");
    }
}
