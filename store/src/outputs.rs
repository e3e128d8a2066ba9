//! What commands wrote, chunk by chunk and byte by byte.

use carillon_core::launch::Stream;
use carillon_core::tick::Tick;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::Store;
use crate::error::StoreError;
use crate::row::{Row, args};
use crate::run_row::kind_number;
use crate::statement::Statement;

/// The number that a stream has in a row.
fn stream_number(stream: Stream) -> i64 {
    match stream {
        Stream::Stdout => 1,
        Stream::Stderr => 2,
    }
}

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputChunk {
    /// The run.
    pub tick: Tick,
    /// The attempt that wrote it.
    pub attempt: u32,
    /// Counts the attempt's chunks of both streams in the order of writing.
    pub number: i64,
    /// Where it was written to.
    pub stream: Stream,
    /// How many bytes of this stream came before it.
    pub offset: i64,
    /// When.
    pub written_at: Timestamp,
    /// The bytes.
    pub content: Vec<u8>,
}

/// Bytes of content in one statement, about; a server takes 16 MB, and bytes travel as two digits each.
const APPEND_BYTES_MAX: usize = 1 << 20;
/// Chunks in one statement.
const APPEND_CHUNKS_MAX: usize = 500;

impl Store {
    /// Keeps chunks. One that is already kept is left alone, so a batch may be repeated.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer: repeat the batch.
    pub async fn append_output(&self, chunks: &[OutputChunk]) -> Result<(), StoreError> {
        let mut rest = chunks;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |chunk: &&OutputChunk| {
                bytes += chunk.content.len();
                bytes <= APPEND_BYTES_MAX
            };
            let count = rest.iter().take(APPEND_CHUNKS_MAX).take_while(fits).count();
            let (batch, after) = rest.split_at(count.max(1));
            self.append_once(batch).await?;
            rest = after;
        }
        Ok(())
    }

    async fn append_once(&self, chunks: &[OutputChunk]) -> Result<(), StoreError> {
        static INSERT: Statement = Statement::new(
            "insert into run_outputs
                (fire_time, job_id, kind, slot, attempt, chunk, stream, stream_offset, written_at, content)
            select fire_time, job_id, kind, slot, attempt, chunk, stream, stream_offset, written_at, unhex(content)
            from {batch(fire_time, job_id, kind, slot, attempt, chunk, stream, stream_offset, written_at, content text)}
            where true
            {or keep run_outputs.chunk}",
        );
        let rows: Vec<Json> = chunks.iter().map(chunk_json).collect();
        let batch: &str = &Json::Array(rows).to_string();
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            change.execute(&INSERT, args![batch]).await?;
            change.commit().await
        })
        .await
    }

    /// The chunks of an attempt after the chunk numbered `after` (−1 for all), of one stream or both, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn output(
        &self,
        tick: Tick,
        attempt: u32,
        stream: Option<Stream>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<OutputChunk>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select chunk, stream, stream_offset, written_at, content
            from run_outputs
            where fire_time = ? and job_id = ? and kind = ? and slot = ? and attempt = ?
                and chunk > ?
                and (? is null or stream = ?)
            order by chunk
            limit ?",
        );
        let stream = stream.map(stream_number);
        self.read(Store::TIMEOUT, |mut link| async move {
            let kind = kind_number(tick.kind);
            let values = args![
                tick.fire_time,
                tick.job,
                kind,
                tick.slot,
                attempt,
                after,
                stream,
                stream,
                limit
            ];
            let rows = link.rows(&SELECT, values).await?;
            rows.iter()
                .map(|row| read_chunk(row, tick, attempt))
                .collect()
        })
        .await
    }

    /// Forgets the chunks of one stream of an attempt between two that stay: the middle of a long output.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn trim_output(
        &self,
        tick: Tick,
        attempt: u32,
        stream: Stream,
        (after, before): (i64, i64),
    ) -> Result<(), StoreError> {
        static DELETE: Statement = Statement::new(
            "delete from run_outputs
            where fire_time = ? and job_id = ? and kind = ? and slot = ? and attempt = ?
                and stream = ? and chunk > ? and chunk < ?",
        );
        self.write(Store::TIMEOUT, || async {
            let kind = kind_number(tick.kind);
            let values = args![
                tick.fire_time,
                tick.job,
                kind,
                tick.slot,
                attempt,
                stream_number(stream),
                after,
                before
            ];
            let mut change = self.begin().await?;
            change.execute(&DELETE, values).await?;
            change.commit().await
        })
        .await
    }
}

fn chunk_json(chunk: &OutputChunk) -> Json {
    json!([
        chunk.tick.fire_time.as_microsecond(),
        chunk.tick.job.0,
        kind_number(chunk.tick.kind),
        chunk.tick.slot,
        chunk.attempt,
        chunk.number,
        stream_number(chunk.stream),
        chunk.offset,
        chunk.written_at.as_microsecond(),
        hex(&chunk.content),
    ])
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

fn read_chunk(row: &Row, tick: Tick, attempt: u32) -> Result<OutputChunk, StoreError> {
    let mut cells = row.cells();
    Ok(OutputChunk {
        tick,
        attempt,
        number: cells.int()?,
        stream: match cells.int()? {
            1 => Stream::Stdout,
            _ => Stream::Stderr,
        },
        offset: cells.int()?,
        written_at: cells.time()?,
        content: cells.bytes()?,
    })
}
