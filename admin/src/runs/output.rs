//! What a command wrote: for the page, and raw. While it runs, `events` tells what is new.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use carillon_core::launch::Stream as OutputStream;
use carillon_core::run::Phase;
use carillon_core::tick::Tick;
use carillon_store::{OutputChunk, Store, StoreError};
use serde::Deserialize;
use serde_json::json;

use super::actions::read_tick;
use super::painting::{Painter, Span};
use crate::app::App;
use crate::faults::Fault;

/// Chunks read from the store at once.
pub(super) const CHUNKS: u32 = 200;
/// Bytes of a page that are for output; the raw output has all.
const PAGE_BYTES_MAX: usize = 44_000;

/// The output on a page.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) pieces: Vec<Piece>,
    /// The number of the last chunk, to go on from.
    pub(crate) last: i64,
    /// Whether the beginning was left out for the page's weight.
    pub(crate) is_cut: bool,
}

/// Neighbouring chunks of one stream.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) stream: &'static str,
    pub(crate) spans: Vec<Span>,
    /// Bytes of this stream that are missing before it.
    pub(crate) gap: Option<i64>,
}

/// Everything kept of an attempt, in the order of writing.
pub(crate) async fn read_all(
    store: &Store,
    tick: Tick,
    attempt: u32,
    stream: Option<OutputStream>,
) -> Result<Vec<OutputChunk>, StoreError> {
    let mut chunks: Vec<OutputChunk> = Vec::new();
    loop {
        let after = chunks.last().map_or(-1, |chunk| chunk.number);
        let page = store.output(tick, attempt, stream, after, CHUNKS).await?;
        let is_last = page.len() < CHUNKS as usize;
        chunks.extend(page);
        if is_last {
            return Ok(chunks);
        }
    }
}

/// The output for the page: all of it when it is short, else its end.
pub(crate) async fn read_shown(
    store: &Store,
    tick: Tick,
    attempt: u32,
) -> Result<Shown, StoreError> {
    let chunks = read_all(store, tick, attempt, None).await?;
    let mut bytes = 0;
    let kept = chunks.iter().rev().take_while(|chunk| {
        bytes += weight(&chunk.content);
        bytes <= PAGE_BYTES_MAX
    });
    let kept = kept.count().max(1).min(chunks.len());
    let (dropped, shown) = chunks.split_at(chunks.len() - kept);
    let mut gaps = Gaps::default();
    dropped.iter().for_each(|chunk| {
        gaps.before(chunk);
    });
    Ok(Shown {
        is_cut: !dropped.is_empty(),
        last: chunks.last().map_or(-1, |chunk| chunk.number),
        pieces: pieces(shown, &mut gaps),
    })
}

/// About the bytes that this becomes on a page, where some characters take five and a colour more.
fn weight(content: &[u8]) -> usize {
    let one = |byte: &u8| match byte {
        b'<' | b'>' | b'&' | b'"' | b'\'' => 5,
        0x1b => 20,
        _ => 1,
    };
    content.iter().map(one).sum()
}

fn pieces(chunks: &[OutputChunk], gaps: &mut Gaps) -> Vec<Piece> {
    let mut pieces: Vec<(Piece, Vec<u8>)> = Vec::new();
    for chunk in chunks {
        let gap = gaps.before(chunk);
        match pieces.last_mut() {
            Some((piece, bytes)) if piece.stream == stream_word(chunk.stream) && gap.is_none() => {
                bytes.extend_from_slice(&chunk.content);
            }
            _ => {
                let piece = Piece {
                    stream: stream_word(chunk.stream),
                    spans: Vec::new(),
                    gap,
                };
                pieces.push((piece, chunk.content.clone()));
            }
        }
    }
    pieces
        .into_iter()
        .map(|(piece, bytes)| Piece {
            spans: Painter::paint_whole(&bytes),
            ..piece
        })
        .collect()
}

/// Where the next chunk of each stream should begin.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    stdout: i64,
    stderr: i64,
}

impl Gaps {
    /// Bytes of the chunk's stream that are missing before it, if any.
    pub(crate) fn before(&mut self, chunk: &OutputChunk) -> Option<i64> {
        let expected = match chunk.stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        };
        let gap = chunk.offset - *expected;
        *expected = chunk.offset + i64::try_from(chunk.content.len()).unwrap_or(0);
        (gap > 0).then_some(gap)
    }
}

pub(crate) fn stream_word(stream: OutputStream) -> &'static str {
    match stream {
        OutputStream::Stdout => "stdout",
        OutputStream::Stderr => "stderr",
    }
}

/// What of the output is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    pub(super) attempt: Option<u32>,
    stream: Option<String>,
    offset: Option<i64>,
    pub(super) after: Option<i64>,
    download: Option<String>,
}

impl Asked {
    fn stream(&self) -> Result<Option<OutputStream>, Fault> {
        match self.stream.as_deref() {
            None | Some("" | "both") => Ok(None),
            Some("stdout") => Ok(Some(OutputStream::Stdout)),
            Some("stderr") => Ok(Some(OutputStream::Stderr)),
            Some(other) => Err(Fault::Malformed(format!(
                "{other:?} is no stream; it is stdout or stderr"
            ))),
        }
    }
}

/// The output as it was written, as text; or as JSON for who accepts only that.
pub(crate) async fn raw(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let tick = read_tick(&id)?;
    let run = app.store.run(tick).await?.run;
    let attempt = asked.attempt.unwrap_or(run.attempt);
    let stream = asked.stream()?;
    let offset = asked.offset.unwrap_or(0).max(0);
    if offset > 0 && stream.is_none() {
        return Err(Fault::Malformed(
            "an offset counts bytes of one stream; add stream=stdout or stream=stderr".to_owned(),
        ));
    }
    let chunks = read_all(&app.store, tick, attempt, stream).await?;
    let mut gaps = Gaps::default();
    let omitted: i64 = chunks.iter().filter_map(|chunk| gaps.before(chunk)).sum();
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if accept.contains("application/json") {
        let is_done = run.state == Phase::Done || attempt < run.attempt;
        return Ok(axum::Json(as_json(&chunks, offset, omitted, is_done)).into_response());
    }
    let body: Vec<u8> = chunks
        .iter()
        .flat_map(|chunk| from_offset(chunk, offset))
        .copied()
        .collect();
    let mut response =
        ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response();
    let headers = response.headers_mut();
    headers.insert(
        HeaderName::from_static("carillon-omitted-bytes"),
        HeaderValue::from(omitted),
    );
    // What a command wrote is data: nothing in it may act, however it is opened.
    headers.insert(
        "content-security-policy",
        HeaderValue::from_static("sandbox; default-src 'none'"),
    );
    if asked.download.is_some() {
        let name = format!("attachment; filename=\"{tick}-{attempt}.txt\"");
        let name = HeaderValue::from_str(&name).map_err(|error| Fault::Internal(error.into()))?;
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

fn from_offset(chunk: &OutputChunk, offset: i64) -> &[u8] {
    let skipped = usize::try_from(offset - chunk.offset)
        .unwrap_or(0)
        .min(chunk.content.len());
    &chunk.content[skipped..]
}

fn as_json(chunks: &[OutputChunk], offset: i64, omitted: i64, is_done: bool) -> serde_json::Value {
    let end = |wanted| {
        let last = chunks.iter().rev().find(|chunk| chunk.stream == wanted);
        last.map_or(0, |chunk| {
            chunk.offset + i64::try_from(chunk.content.len()).unwrap_or(0)
        })
    };
    let pieces = chunks.iter().filter_map(|chunk| {
        let content = from_offset(chunk, offset);
        (!content.is_empty()).then(|| {
            json!({
                "stream": stream_word(chunk.stream),
                "offset": chunk.offset.max(offset),
                "written_at": crate::moment::rfc3339(chunk.written_at),
                "text": String::from_utf8_lossy(content),
            })
        })
    });
    json!({
        "chunks": pieces.collect::<Vec<_>>(),
        "omitted_bytes": omitted,
        "next_offset": { "stdout": end(OutputStream::Stdout), "stderr": end(OutputStream::Stderr) },
        "done": is_done,
    })
}
