//! The output of a living run as server-sent events, each with the number of its last chunk: a reader that comes back
//! says it in `Last-Event-ID` and misses nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use carillon_core::launch::Stream as OutputStream;
use carillon_core::run::Phase;
use carillon_core::tick::Tick;
use carillon_store::OutputChunk;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::actions::read_tick;
use super::feed::{Feed, Seen};
use super::output::{Asked, CHUNKS, stream_word};
use super::painting::Painter;
use crate::app::App;
use crate::faults::Fault;

/// The stream.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let tick = read_tick(&id)?;
    let run = app.store.run(tick).await?.run;
    let permit = Arc::clone(&app.streams).try_acquire_owned();
    let permit = permit.map_err(|_| Fault::TooMany { wait_s: 5 })?;
    let resumed = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let attempt = asked.attempt.unwrap_or(run.attempt);
    let after = resumed.or(asked.after).unwrap_or(-1);
    let feed = app.feeds.follow(&app.store, (tick, attempt), after);
    let tail = Tail {
        seen: feed.watch(),
        phase: None,
        is_over: false,
        stdout: Painter::default(),
        stderr: Painter::default(),
        _feed: feed,
        app,
        tick,
        attempt,
        after,
        _permit: permit,
    };
    let events =
        Sse::new(tail.into_events()).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)));
    Ok(events.into_response())
}

/// One reader of a living run.
struct Tail {
    app: Arc<App>,
    tick: Tick,
    attempt: u32,
    after: i64,
    phase: Option<Phase>,
    is_over: bool,
    stdout: Painter,
    stderr: Painter,
    seen: watch::Receiver<Seen>,
    _feed: Arc<Feed>,
    _permit: OwnedSemaphorePermit,
}

impl Tail {
    fn into_events(self) -> impl futures_util::Stream<Item = Result<Event, Infallible>> {
        futures_util::stream::unfold(self, |mut tail| async move {
            let event = tail.next_event().await?;
            Some((Ok(event), tail))
        })
    }

    /// The next event, or none when the run is over and everything has been told.
    async fn next_event(&mut self) -> Option<Event> {
        while !self.is_over {
            let seen = self.seen.borrow_and_update().clone();
            let chunks = self.chunks_after(&seen).await?;
            if let Some(last) = chunks.last() {
                self.after = last.number;
                return Some(self.output_event(&chunks));
            }
            if let Some(state) = seen.over {
                self.is_over = true;
                return Some(Event::default().event("end").data(state.word()));
            }
            let before = seen.phase.and_then(|phase| self.phase.replace(phase));
            if let Some(phase) = seen
                .phase
                .filter(|phase| before.is_some_and(|old| old != *phase))
            {
                return Some(Event::default().event("state").data(phase.word()));
            }
            // Who asks for the store in vain goes; the browser comes back.
            self.seen.changed().await.ok()?;
        }
        None
    }

    /// What this reader has not had: of what is remembered for all, else of the store.
    async fn chunks_after(&self, seen: &Seen) -> Option<Vec<Arc<OutputChunk>>> {
        if seen.last <= self.after {
            return Some(Vec::new());
        }
        if let Some(chunks) = seen.after(self.after) {
            return Some(chunks);
        }
        let read = self
            .app
            .store
            .output(self.tick, self.attempt, None, self.after, CHUNKS);
        Some(read.await.ok()?.into_iter().map(Arc::new).collect())
    }

    fn output_event(&mut self, chunks: &[Arc<OutputChunk>]) -> Event {
        let mut pieces = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let painter = match chunk.stream {
                OutputStream::Stdout => &mut self.stdout,
                OutputStream::Stderr => &mut self.stderr,
            };
            let spans = painter.paint(&chunk.content);
            let spans: Vec<_> = spans
                .iter()
                .map(|span| json!([span.class, span.text]))
                .collect();
            pieces.push(json!({"stream": stream_word(chunk.stream), "offset": chunk.offset, "size": chunk.content.len(), "spans": spans}));
        }
        Event::default()
            .event("output")
            .id(self.after.to_string())
            .data(json!(pieces).to_string())
    }
}
