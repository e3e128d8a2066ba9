//! Which stored output of a run is still its tail: what lies between head and tail is dropped from the store again.
//!
//! Output is stored while it comes, so that people can watch it; only then it turns out that it was not the last.

use std::collections::{HashMap, VecDeque};

use carillon_core::launch::{OutputCap, Stream};
use carillon_core::tick::Tick;
use carillon_core::token::Token;

/// The middle is dropped in pieces of at least this many bytes.
const PIECE_BYTES: u64 = 1024 * 1024;

/// A piece of the middle: the chunks of a stream after one number and before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Middle {
    pub(crate) tick: Tick,
    pub(crate) attempt: u32,
    pub(crate) stream: Stream,
    /// The last chunk of the head.
    pub(crate) after: i64,
    /// The first chunk of the tail.
    pub(crate) before: i64,
}

/// A chunk that has been stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredChunk {
    pub(crate) token: Token,
    pub(crate) tick: Tick,
    pub(crate) attempt: u32,
    pub(crate) stream: Stream,
    pub(crate) number: i64,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    pub(crate) cap: OutputCap,
}

/// The tails of all runs that write.
#[derive(Debug, Default)]
pub(crate) struct OutputTails {
    tails: HashMap<(Token, Stream), Tail>,
}

#[derive(Debug)]
struct Tail {
    /// The last chunk of the head.
    head: i64,
    /// Number and bytes of the chunks after the head, the oldest first.
    chunks: VecDeque<(i64, u64)>,
    bytes: u64,
    /// Bytes that have left the tail and are still stored.
    middle_bytes: u64,
}

impl OutputTails {
    /// Takes in a stored chunk. The middle that can be dropped now, if it is worth it.
    pub(crate) fn add(&mut self, chunk: StoredChunk) -> Option<Middle> {
        let tail = self
            .tails
            .entry((chunk.token, chunk.stream))
            .or_insert(Tail {
                head: -1,
                chunks: VecDeque::new(),
                bytes: 0,
                middle_bytes: 0,
            });
        if chunk.offset < chunk.cap.head_bytes {
            tail.head = tail.head.max(chunk.number);
            return None;
        }
        tail.chunks.push_back((chunk.number, chunk.bytes));
        tail.bytes += chunk.bytes;
        while let Some(&(_, oldest)) = tail.chunks.front()
            && tail.bytes - oldest >= chunk.cap.tail_bytes
        {
            tail.chunks.pop_front();
            tail.bytes -= oldest;
            tail.middle_bytes += oldest;
        }
        let &(before, _) = tail.chunks.front()?;
        (tail.middle_bytes >= PIECE_BYTES).then(|| {
            tail.middle_bytes = 0;
            let StoredChunk {
                tick,
                attempt,
                stream,
                ..
            } = chunk;
            Middle {
                tick,
                attempt,
                stream,
                after: tail.head,
                before,
            }
        })
    }

    /// Forgets an attempt that writes no more.
    pub(crate) fn forget(&mut self, token: Token) {
        self.tails.remove(&(token, Stream::Stdout));
        self.tails.remove(&(token, Stream::Stderr));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use carillon_core::identity::JobId;
    use jiff::Timestamp;

    fn chunk(number: i64, offset: u64, bytes: u64) -> StoredChunk {
        StoredChunk {
            token: Token::from_bytes([1; 16]),
            tick: Tick::scheduled(JobId(1), Timestamp::UNIX_EPOCH, 0),
            attempt: 1,
            stream: Stream::Stdout,
            number,
            offset,
            bytes,
            cap: OutputCap {
                head_bytes: 100,
                tail_bytes: PIECE_BYTES,
            },
        }
    }

    #[test]
    fn middle_is_dropped_and_head_and_tail_stay() {
        let mut tails = OutputTails::default();
        assert_eq!(tails.add(chunk(0, 0, 100)), None);
        let pieces = (1_i64..10).filter_map(|number| {
            let offset = 100 + (number.cast_unsigned() - 1) * PIECE_BYTES;
            tails.add(chunk(number, offset, PIECE_BYTES))
        });
        let pieces: Vec<_> = pieces.collect();

        // The tail is the newest chunk alone, as large as the cap.
        assert_eq!(pieces.len(), 8);
        let last = pieces.last().unwrap();
        assert_eq!((last.after, last.before), (0, 9));
    }

    #[test]
    fn short_output_loses_nothing() {
        let mut tails = OutputTails::default();

        assert!((0_i64..100).all(|number| {
            tails
                .add(chunk(number, number.cast_unsigned() * 10, 10))
                .is_none()
        }));
    }
}
