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
    let format = format.unwrap_or_else(|| match variable("CARILLON_LOG_FORMAT").as_deref() {
        Some("json") => LogFormat::Json,
        _ => LogFormat::Text,
    });
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
    if let (Ok(()), Some(error)) = (installed, refused) {
        tracing::warn!("the log filter is not understood, showing info and above: {error}");
    }
}
