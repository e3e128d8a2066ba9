//! The connection to the one agent: bytes in, frames out, never blocking. It knows no attempt.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use crate::frame::{FrameError, decode_request, encode_report};
use crate::protocol::{Report, Request};

/// Bytes that one read takes.
const READ_BYTES: usize = 64 * 1024;
/// Reads before others have their turn.
const READS_PER_TURN: usize = 16;
/// Bytes that may wait for an agent before output stays where it is.
const OUTPUT_WAITING_MAX: usize = 1024 * 1024;
/// Bytes that may wait for an agent at all. One that leaves so much unread hangs and is dropped; it is told everything when it comes again.
const WAITING_MAX: usize = 64 * 1024 * 1024;

/// Why a connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("the agent closed the connection")]
    Closed,
    #[error("the agent leaves more than {WAITING_MAX} bytes unread")]
    Unread,
    #[error("the connection to the agent broke: {0}")]
    Broken(#[from] io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// The connected agent.
#[derive(Debug)]
pub(crate) struct AgentLink {
    socket: UnixStream,
    scratch: Box<[u8]>,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    /// Bytes of the outbox that are sent.
    sent: usize,
}

impl AgentLink {
    pub(crate) fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            scratch: vec![0; READ_BYTES].into_boxed_slice(),
            inbox: Vec::new(),
            outbox: Vec::new(),
            sent: 0,
        })
    }

    /// Reads what has come and returns the whole requests in it.
    pub(crate) fn receive(&mut self) -> Result<Vec<Request>, LinkError> {
        let mut requests = Vec::new();
        for _ in 0..READS_PER_TURN {
            match self.socket.read(&mut self.scratch) {
                Ok(0) => return Err(LinkError::Closed),
                Ok(length) => {
                    self.inbox.extend_from_slice(&self.scratch[..length]);
                    self.take_requests(&mut requests)?;
                    if length < READ_BYTES {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if self.inbox.is_empty() {
            self.inbox.shrink_to(READ_BYTES);
        }
        Ok(requests)
    }

    fn take_requests(&mut self, requests: &mut Vec<Request>) -> Result<(), LinkError> {
        let mut read = 0;
        while let Some((request, used)) = decode_request(&self.inbox[read..])? {
            requests.push(request);
            read += used;
        }
        self.inbox.drain(..read);
        Ok(())
    }

    /// Lays a report into the outbox; [`AgentLink::flush`] sends it.
    pub(crate) fn report(&mut self, report: &Report) {
        if let Err(error) = encode_report(report, &mut self.outbox) {
            tracing::error!("a report was not sent: {error}");
        }
    }

    /// Whether output may be laid into the outbox.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting() < OUTPUT_WAITING_MAX
    }

    /// Sends as much as the agent takes; true if more waits.
    pub(crate) fn flush(&mut self) -> Result<bool, LinkError> {
        while self.waiting() > 0 {
            match self.socket.write(&self.outbox[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if self.waiting() > WAITING_MAX {
            return Err(LinkError::Unread);
        }
        if self.sent == self.outbox.len() {
            self.outbox.clear();
            self.outbox.shrink_to(READ_BYTES);
            self.sent = 0;
        } else if self.sent > OUTPUT_WAITING_MAX {
            self.outbox.drain(..self.sent);
            self.sent = 0;
        }
        Ok(self.waiting() > 0)
    }

    fn waiting(&self) -> usize {
        self.outbox.len() - self.sent
    }
}

impl AsFd for AgentLink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
