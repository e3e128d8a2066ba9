//! How requests and reports are laid into bytes: a length (u32, little endian), a kind (one byte) and a body, JSON for all that is decided, raw bytes behind a
//! fixed head for output. It knows no socket.

use carillon_core::launch::Stream;
use carillon_core::token::Token;
use serde::{Deserialize, Serialize};

use crate::protocol::{OutputChunk, Report, Request, StartOrder};

/// Bytes of the longest frame that is read or written.
pub const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A frame that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Too long.
    #[error(
        "a frame has {bytes} bytes, the limit is {FRAME_BYTES_MAX}; shorten the standard input or the environment of the job"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Of an unknown kind.
    #[error(
        "a frame is of kind {kind}, known are {KIND_JSON} and {KIND_OUTPUT}; agent and runner must be of the same release"
    )]
    UnknownKind {
        /// Its kind.
        kind: u8,
    },
    /// Output without its head.
    #[error(
        "a frame of output has {bytes} bytes, its head alone has {OUTPUT_HEAD_BYTES}; agent and runner must be of the same release"
    )]
    ShortOutput {
        /// Its length.
        bytes: usize,
    },
    /// Not the JSON of a request or report.
    #[error("a frame is not understood ({0}); agent and runner must be of the same release")]
    Json(#[from] serde_json::Error),
}

const KIND_JSON: u8 = 0;
const KIND_OUTPUT: u8 = 1;
/// Length and kind.
pub(crate) const FRAME_HEAD_BYTES: usize = 5;
/// Token, stream, offset, sequence number, time.
const OUTPUT_HEAD_BYTES: usize = 16 + 1 + 8 + 8 + 8;

/// Appends a request as a frame.
///
/// # Errors
/// When the frame would be too long; `buffer` is then as before.
pub fn encode_request(request: &Request, buffer: &mut Vec<u8>) -> Result<(), FrameError> {
    encode_json(request, buffer)
}

/// Appends a report as a frame.
///
/// # Errors
/// When the frame would be too long; `buffer` is then as before.
pub fn encode_report(report: &Report, buffer: &mut Vec<u8>) -> Result<(), FrameError> {
    match report {
        Report::Output(chunk) => {
            encode_output(chunk, buffer);
            Ok(())
        }
        other => encode_json(other, buffer),
    }
}

/// Takes the first whole frame off `buffer` as a request; none means that more bytes are needed.
///
/// # Errors
/// When the frame is no request; the connection is then of no more use.
pub fn decode_request(buffer: &[u8]) -> Result<Option<(Request, usize)>, FrameError> {
    let Some((kind, body)) = split_frame(buffer)? else {
        return Ok(None);
    };
    if kind != KIND_JSON {
        return Err(FrameError::UnknownKind { kind });
    }
    let request = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => decode_start_partly(body).ok_or(error)?,
    };
    Ok(Some((request, FRAME_HEAD_BYTES + body.len())))
}

/// What can be read of orders of which one at least cannot.
fn decode_start_partly(body: &[u8]) -> Option<Request> {
    #[derive(Deserialize)]
    struct Start {
        request: String,
        orders: Vec<serde_json::Value>,
    }
    #[derive(Deserialize)]
    struct Unread {
        token: Token,
    }
    let start: Start = serde_json::from_slice(body).ok()?;
    if start.request != "start" {
        return None;
    }
    let (mut orders, mut unread) = (Vec::new(), Vec::new());
    for order in start.orders {
        match StartOrder::deserialize(&order) {
            Ok(order) => orders.push(order),
            Err(error) => unread.push((Unread::deserialize(&order).ok()?.token, error.to_string())),
        }
    }
    Some(Request::StartPartly { orders, unread })
}

/// Takes the first whole frame off `buffer` as a report; none means that more bytes are needed.
///
/// # Errors
/// When the frame is no report; the connection is then of no more use.
pub fn decode_report(buffer: &[u8]) -> Result<Option<(Report, usize)>, FrameError> {
    let Some((kind, body)) = split_frame(buffer)? else {
        return Ok(None);
    };
    let report = match kind {
        KIND_JSON => serde_json::from_slice(body)?,
        KIND_OUTPUT => Report::Output(decode_output(body)?),
        kind => return Err(FrameError::UnknownKind { kind }),
    };
    Ok(Some((report, FRAME_HEAD_BYTES + body.len())))
}

fn split_frame(buffer: &[u8]) -> Result<Option<(u8, &[u8])>, FrameError> {
    let Some((head, rest)) = buffer.split_at_checked(FRAME_HEAD_BYTES) else {
        return Ok(None);
    };
    let bytes = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if bytes > FRAME_BYTES_MAX {
        return Err(FrameError::TooLong { bytes });
    }
    Ok(rest.get(..bytes).map(|body| (head[4], body)))
}

fn encode_json<T: Serialize>(value: &T, buffer: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = begin_frame(KIND_JSON, buffer);
    let written = serde_json::to_writer(&mut *buffer, value);
    let bytes = buffer.len() - start - FRAME_HEAD_BYTES;
    if written.is_err() || bytes > FRAME_BYTES_MAX {
        buffer.truncate(start);
        written?;
        return Err(FrameError::TooLong { bytes });
    }
    end_frame(start, buffer);
    Ok(())
}

fn encode_output(chunk: &OutputChunk, buffer: &mut Vec<u8>) {
    let start = begin_frame(KIND_OUTPUT, buffer);
    buffer.extend_from_slice(chunk.token.as_bytes());
    buffer.push(match chunk.stream {
        Stream::Stdout => 1,
        Stream::Stderr => 2,
    });
    buffer.extend_from_slice(&chunk.offset.to_le_bytes());
    buffer.extend_from_slice(&chunk.seq.to_le_bytes());
    buffer.extend_from_slice(&chunk.at_boottime_ns.to_le_bytes());
    buffer.extend_from_slice(&chunk.bytes);
    end_frame(start, buffer);
}

fn decode_output(body: &[u8]) -> Result<OutputChunk, FrameError> {
    let Some((head, bytes)) = body.split_first_chunk::<OUTPUT_HEAD_BYTES>() else {
        return Err(FrameError::ShortOutput { bytes: body.len() });
    };
    let number = |at: usize| {
        u64::from_le_bytes(
            head[at..at + 8]
                .try_into()
                .expect("the head holds three numbers"),
        )
    };
    Ok(OutputChunk {
        token: Token::from_bytes(
            head[..16]
                .try_into()
                .expect("the head begins with the token"),
        ),
        stream: if head[16] == 2 {
            Stream::Stderr
        } else {
            Stream::Stdout
        },
        offset: number(17),
        seq: number(25),
        at_boottime_ns: number(33) as i64,
        bytes: bytes.to_vec(),
    })
}

fn begin_frame(kind: u8, buffer: &mut Vec<u8>) -> usize {
    let start = buffer.len();
    buffer.extend_from_slice(&[0, 0, 0, 0, kind]);
    start
}

fn end_frame(start: usize, buffer: &mut [u8]) {
    let bytes = (buffer.len() - start - FRAME_HEAD_BYTES) as u32;
    buffer[start..start + 4].copy_from_slice(&bytes.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk() -> OutputChunk {
        OutputChunk {
            token: Token::from_bytes([7; 16]),
            stream: Stream::Stderr,
            offset: 1 << 40,
            seq: 3,
            at_boottime_ns: 12_345,
            bytes: vec![0, 255, b'\n'],
        }
    }

    #[test]
    fn frame_is_read_when_its_last_byte_has_come() {
        let mut buffer = Vec::new();
        encode_report(&Report::Output(chunk()), &mut buffer).unwrap();

        for end in 0..buffer.len() {
            assert!(decode_report(&buffer[..end]).unwrap().is_none());
        }
        let (report, used) = decode_report(&buffer).unwrap().unwrap();

        assert_eq!((report, used), (Report::Output(chunk()), buffer.len()));
    }

    #[test]
    fn request_survives_its_frame() {
        let request = Request::Kill {
            token: Token::from_bytes([1; 16]),
            by: "eve".to_owned(),
            grace_ms: None,
        };
        let mut buffer = Vec::new();

        encode_request(&request, &mut buffer).unwrap();

        assert_eq!(
            decode_request(&buffer).unwrap(),
            Some((request, buffer.len()))
        );
    }

    #[test]
    fn frame_above_the_limit_is_refused_before_its_body_is_awaited() {
        let head = [255, 255, 255, 255, 0];

        assert!(matches!(
            decode_request(&head),
            Err(FrameError::TooLong { .. })
        ));
    }

    /// Every request and report of the tests, with each bit flipped in turn and cut after each byte: understood, refused or
    /// awaited, and never more taken than there is.
    #[test]
    fn damaged_frame_is_refused_or_awaited_and_ends_nobody() {
        let tokens = vec![Token::from_bytes([9; 16])];
        let (by, grace_ms) = ("eve".to_owned(), Some(7));
        let token = Token::from_bytes([1; 16]);
        let mut frames = Vec::new();
        for request in [
            Request::Kill {
                token,
                by,
                grace_ms,
            },
            Request::Ack { tokens },
            Request::Start { orders: Vec::new() },
        ] {
            let mut frame = Vec::new();
            encode_request(&request, &mut frame).unwrap();
            frames.push(frame);
        }
        for report in [
            Report::Output(chunk()),
            Report::Refusing {
                why: "é".to_owned(),
            },
        ] {
            let mut frame = Vec::new();
            encode_report(&report, &mut frame).unwrap();
            frames.push(frame);
        }

        for frame in frames {
            for bit in 0..frame.len() * 8 {
                let mut damaged = frame.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                for end in [damaged.len(), bit / 8] {
                    let cut = &damaged[..end];
                    let used = decode_request(cut).ok().flatten().map(|(_, used)| used);
                    assert!(used.is_none_or(|used| used <= end));
                    let used = decode_report(cut).ok().flatten().map(|(_, used)| used);
                    assert!(used.is_none_or(|used| used <= end));
                }
            }
        }
    }
}
