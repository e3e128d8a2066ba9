//! The output of one attempt while the runner holds it: head and tail of each stream, in order, until the agent has it. It reads no pipe.

use std::collections::VecDeque;

use carillon_core::launch::{OutputCap, Stream};

use crate::clock::MS;
use crate::protocol::CHUNK_BYTES_MAX;

/// Pieces that arrive within this time are one chunk.
const JOIN_NS: i64 = 50 * MS;
/// Pieces of a chunk shorter than this are joined for longer, so that an absent agent's chunks do not become countless.
const SHORT_BYTES: usize = 4096;
const JOIN_SHORT_NS: i64 = 1_000 * MS;
/// What a chunk costs beside its bytes.
const CHUNK_COST: u64 = 96;

/// A piece of one stream that arrived at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) seq: u64,
    pub(crate) offset: u64,
    pub(crate) at_boottime_ns: i64,
    pub(crate) bytes: Vec<u8>,
    /// Sent on this connection.
    is_shipped: bool,
    /// Sent on any connection: an agent may know it under its number, so it never changes again.
    is_sealed: bool,
}

/// Both streams of an attempt.
#[derive(Debug)]
pub(crate) struct Capture {
    cap: OutputCap,
    next_seq: u64,
    streams: [Kept; 2],
    /// Bytes sent on this connection and not acknowledged.
    in_flight: u64,
}

#[derive(Debug, Default)]
struct Kept {
    chunks: VecDeque<Chunk>,
    total: u64,
    dropped: u64,
    /// Bytes and cost of the chunks behind the head that were not sent; only those may be dropped.
    behind_head: u64,
    in_memory: u64,
}

impl Capture {
    /// An empty capture that continues at these positions.
    pub(crate) fn resume(cap: OutputCap, next_seq: u64, offsets: [u64; 2]) -> Self {
        let kept = |total| Kept {
            total,
            ..Kept::default()
        };
        Self {
            cap,
            next_seq,
            streams: offsets.map(kept),
            in_flight: 0,
        }
    }

    /// Takes what a stream has just given.
    pub(crate) fn push(&mut self, stream: Stream, bytes: &[u8], at_boottime_ns: i64) {
        let head = self.cap.head_bytes;
        let kept = &mut self.streams[index(stream)];
        let mut rest = bytes;
        while !rest.is_empty() {
            // A chunk lies wholly in the head or wholly behind it.
            let room = if kept.total < head {
                head - kept.total
            } else {
                u64::MAX
            };
            let length = rest
                .len()
                .min(CHUNK_BYTES_MAX)
                .min(usize::try_from(room).unwrap_or(usize::MAX));
            let (piece, others) = rest.split_at(length);
            if !kept.join(piece, head, self.next_seq, at_boottime_ns) {
                kept.add(piece, head, self.next_seq, at_boottime_ns);
                self.next_seq += 1;
            }
            rest = others;
        }
        kept.drop_middle(head, self.cap.tail_bytes);
    }

    /// Takes bytes that are counted and not kept, since the runner has no memory left for them.
    pub(crate) fn skip(&mut self, stream: Stream, bytes: u64) {
        let kept = &mut self.streams[index(stream)];
        kept.total += bytes;
        kept.dropped += bytes;
    }

    /// The next chunk to send, and marks it sent; none if all is sent or more than `window` bytes are unacknowledged.
    pub(crate) fn ship_next(&mut self, window: u64) -> Option<(Stream, &Chunk)> {
        if self.in_flight >= window {
            return None;
        }
        let first = |kept: &Kept| {
            kept.chunks
                .iter()
                .find(|chunk| !chunk.is_shipped)
                .map(|chunk| chunk.seq)
        };
        let [out, err] = [first(&self.streams[0]), first(&self.streams[1])];
        let stream = match (out, err) {
            (None, None) => return None,
            (Some(out), Some(err)) if err < out => Stream::Stderr,
            (None, Some(_)) => Stream::Stderr,
            _ => Stream::Stdout,
        };
        let Kept {
            chunks,
            behind_head,
            ..
        } = &mut self.streams[index(stream)];
        let chunk = chunks.iter_mut().find(|chunk| !chunk.is_shipped)?;
        (chunk.is_shipped, chunk.is_sealed) = (true, true);
        self.in_flight += chunk.bytes.len() as u64;
        *behind_head -= if chunk.offset >= self.cap.head_bytes {
            chunk.cost()
        } else {
            0
        };
        Some((stream, chunk))
    }

    /// Whether something waits to be sent.
    pub(crate) fn has_unshipped(&self) -> bool {
        self.streams
            .iter()
            .any(|kept| kept.chunks.back().is_some_and(|chunk| !chunk.is_shipped))
    }

    /// Forgets what the agent has.
    pub(crate) fn acknowledge(&mut self, seq: u64) {
        for kept in &mut self.streams {
            while kept
                .chunks
                .front()
                .is_some_and(|chunk| chunk.is_shipped && chunk.seq <= seq)
            {
                let chunk = kept.take_at(0);
                self.in_flight = self.in_flight.saturating_sub(chunk.bytes.len() as u64);
            }
        }
    }

    /// The agent has gone: what it did not acknowledge is to be sent again.
    pub(crate) fn unship(&mut self) {
        self.in_flight = 0;
        for Kept {
            chunks,
            behind_head,
            ..
        } in &mut self.streams
        {
            for chunk in chunks.iter_mut().filter(|chunk| chunk.is_shipped) {
                chunk.is_shipped = false;
                *behind_head += if chunk.offset >= self.cap.head_bytes {
                    chunk.cost()
                } else {
                    0
                };
            }
        }
    }

    /// Sequence number and offsets behind everything that was sent.
    pub(crate) fn position(&self) -> (u64, [u64; 2]) {
        let unshipped = |kept: &Kept| {
            kept.chunks
                .iter()
                .find(|chunk| !chunk.is_shipped)
                .map(|chunk| chunk.offset)
        };
        let offset = |kept: &Kept| unshipped(kept).unwrap_or(kept.total);
        (
            self.next_seq,
            [offset(&self.streams[0]), offset(&self.streams[1])],
        )
    }

    /// Bytes that each stream gave so far.
    pub(crate) fn totals(&self) -> [u64; 2] {
        [self.streams[0].total, self.streams[1].total]
    }

    /// Bytes that were not kept.
    pub(crate) fn dropped(&self) -> u64 {
        self.streams.iter().map(|kept| kept.dropped).sum()
    }

    /// Bytes of memory in use.
    pub(crate) fn in_memory(&self) -> u64 {
        self.streams.iter().map(|kept| kept.in_memory).sum()
    }
}

impl Chunk {
    /// Bytes of memory that it takes.
    fn cost(&self) -> u64 {
        self.bytes.len() as u64 + CHUNK_COST
    }
}

impl Kept {
    /// Joins bytes to the last chunk if that is still here, is the newest of both streams, and young.
    fn join(&mut self, bytes: &[u8], head: u64, next_seq: u64, at: i64) -> bool {
        let Some(last) = self.chunks.back_mut() else {
            return false;
        };
        let length = last.bytes.len() + bytes.len();
        let age = at - last.at_boottime_ns;
        let is_young = age < JOIN_NS || (length < SHORT_BYTES && age < JOIN_SHORT_NS);
        let is_newest =
            last.seq + 1 == next_seq && last.offset + last.bytes.len() as u64 == self.total;
        let crosses_head = last.offset < head && self.total >= head;
        if last.is_sealed || !is_newest || !is_young || length > CHUNK_BYTES_MAX || crosses_head {
            return false;
        }
        last.bytes.extend_from_slice(bytes);
        let is_behind_head = last.offset >= head;
        self.count(bytes.len() as u64, is_behind_head);
        true
    }

    fn add(&mut self, bytes: &[u8], head: u64, seq: u64, at_boottime_ns: i64) {
        let offset = self.total;
        self.chunks.push_back(Chunk {
            seq,
            offset,
            at_boottime_ns,
            bytes: bytes.to_vec(),
            is_shipped: false,
            is_sealed: false,
        });
        self.count(bytes.len() as u64, offset >= head);
        self.in_memory += CHUNK_COST;
        self.behind_head += if offset >= head { CHUNK_COST } else { 0 };
    }

    fn count(&mut self, bytes: u64, is_behind_head: bool) {
        self.total += bytes;
        self.in_memory += bytes;
        self.behind_head += if is_behind_head { bytes } else { 0 };
    }

    /// Drops the oldest chunks behind the head while those that remain still are the whole tail.
    fn drop_middle(&mut self, head: u64, tail: u64) {
        while self.behind_head > tail {
            let is_middle = |chunk: &Chunk| chunk.offset >= head && !chunk.is_shipped;
            let Some(oldest) = self.chunks.iter().position(is_middle) else {
                return;
            };
            let cost = self.chunks[oldest].cost();
            if self.behind_head - cost < tail {
                return;
            }
            self.behind_head -= cost;
            self.dropped += self.take_at(oldest).bytes.len() as u64;
        }
    }

    fn take_at(&mut self, at: usize) -> Chunk {
        let chunk = self
            .chunks
            .remove(at)
            .expect("the caller found the chunk at this place");
        self.in_memory -= chunk.cost();
        chunk
    }
}

fn index(stream: Stream) -> usize {
    match stream {
        Stream::Stdout => 0,
        Stream::Stderr => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: OutputCap = OutputCap {
        head_bytes: 100_000,
        tail_bytes: 200_000,
    };

    fn ship_all(capture: &mut Capture) -> Vec<(Stream, u64, Vec<u8>)> {
        let mut shipped = Vec::new();
        while let Some((stream, chunk)) = capture.ship_next(u64::MAX) {
            shipped.push((stream, chunk.offset, chunk.bytes.clone()));
        }
        shipped
    }

    #[test]
    fn streams_are_shipped_in_the_order_of_arrival() {
        let mut capture = Capture::resume(CAP, 0, [0, 0]);
        capture.push(Stream::Stdout, b"a", 0);
        capture.push(Stream::Stderr, b"b", 1);
        capture.push(Stream::Stdout, b"c", 2);
        capture.push(Stream::Stdout, b"d", 3);

        let shipped = ship_all(&mut capture);

        let (out, err) = (Stream::Stdout, Stream::Stderr);
        assert_eq!(
            shipped,
            [
                (out, 0, b"a".to_vec()),
                (err, 0, b"b".to_vec()),
                (out, 1, b"cd".to_vec())
            ]
        );
    }

    #[test]
    fn flood_keeps_head_and_tail_and_counts_the_rest() {
        let mut capture = Capture::resume(CAP, 0, [0, 0]);
        let block: Vec<u8> = (0..50_021_u32).map(|number| number as u8).collect();
        let whole: Vec<u8> = std::iter::repeat_n(block.as_slice(), 100)
            .flatten()
            .copied()
            .collect();
        for (at, piece) in (0..).zip(whole.chunks(50_021)) {
            capture.push(Stream::Stdout, piece, at);
        }
        assert!(
            capture.in_memory() < 100_000 + 200_000 + 2 * 65_536,
            "{}",
            capture.in_memory()
        );

        let shipped = ship_all(&mut capture);

        let kept: u64 = shipped.iter().map(|(_, _, bytes)| bytes.len() as u64).sum();
        assert_eq!(kept + capture.dropped(), whole.len() as u64);
        assert_eq!(capture.totals(), [whole.len() as u64, 0]);
        for (_, offset, bytes) in &shipped {
            assert_eq!(bytes, &whole[*offset as usize..][..bytes.len()]);
        }
        let (head, tail): (Vec<_>, Vec<_>) =
            shipped.iter().partition(|(_, offset, _)| *offset < 100_000);
        assert_eq!(
            head.iter().map(|(_, _, bytes)| bytes.len()).sum::<usize>(),
            100_000
        );
        assert!(tail.iter().map(|(_, _, bytes)| bytes.len()).sum::<usize>() >= 200_000 - 4096);
    }

    #[test]
    fn unacknowledged_chunks_are_shipped_again() {
        let mut capture = Capture::resume(CAP, 0, [0, 0]);
        capture.push(Stream::Stdout, b"a", 0);
        ship_all(&mut capture);
        capture.push(Stream::Stdout, b"b", 1);
        capture.push(Stream::Stderr, b"c", 2);
        ship_all(&mut capture);
        capture.acknowledge(0);

        capture.unship();
        capture.push(Stream::Stderr, b"d", 3);

        let shipped: Vec<_> = ship_all(&mut capture)
            .into_iter()
            .map(|(_, _, bytes)| bytes)
            .collect();
        assert_eq!(
            shipped,
            [b"b", b"c", b"d"],
            "a chunk changed after it was sent"
        );
        capture.acknowledge(3);
        assert_eq!((capture.in_memory(), capture.in_flight), (0, 0));
    }

    #[test]
    fn window_holds_back_what_is_not_acknowledged() {
        let mut capture = Capture::resume(CAP, 0, [0, 0]);
        capture.push(Stream::Stdout, &[0; 90_000], 0);

        assert!(capture.ship_next(10).is_some());
        assert!(capture.ship_next(10).is_none());
        capture.acknowledge(0);
        assert!(capture.ship_next(10).is_some());
    }
}
