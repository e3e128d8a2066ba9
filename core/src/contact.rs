//! Whether others still believe in a node: what they may have called lost, it must not start.

use jiff::{SignedDuration, Timestamp};

use crate::node::STARTS_UNSEEN_FOR;

/// The unbroken row of beats that the store has taken from a node. Sent is by a clock of the node that nobody sets, seen by
/// the store's, which is the one that others judge by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contact {
    /// When its first beat was sent.
    since: SignedDuration,
    /// When its last beat was sent.
    until: SignedDuration,
    /// When the store saw the last one.
    seen_at: Timestamp,
}

impl Contact {
    /// A row that begins with this beat.
    pub fn begin(sent: SignedDuration, seen_at: Timestamp) -> Self {
        Contact {
            since: sent,
            until: sent,
            seen_at,
        }
    }

    /// One more beat. If the store saw it too long after the one before, others may have called the node silent meanwhile,
    /// and a new row begins.
    #[must_use]
    pub fn go_on(self, sent: SignedDuration, seen_at: Timestamp) -> Self {
        match seen_at.duration_since(self.seen_at) > STARTS_UNSEEN_FOR {
            true => Contact::begin(sent, seen_at),
            false => Contact {
                since: self.since,
                until: sent,
                seen_at,
            },
        }
    }

    /// Until when the node may start what it asked for at `asked_at`. What it asked for before this row began it may have
    /// lost by now, so that instant has passed.
    pub fn believed_until(self, asked_at: SignedDuration) -> SignedDuration {
        match asked_at < self.since {
            true => self.since,
            false => self.until + STARTS_UNSEEN_FOR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Limits;

    const fn s(seconds: i64) -> SignedDuration {
        SignedDuration::from_secs(seconds)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn node_starts_while_its_beats_follow_each_other() {
        let contact = Contact::begin(s(100), at(0)).go_on(s(103), at(3));

        assert_eq!(contact.believed_until(s(101)), s(103) + STARTS_UNSEEN_FOR);
        assert_eq!(contact.believed_until(s(104)), s(103) + STARTS_UNSEEN_FOR);
        assert!(STARTS_UNSEEN_FOR < Limits::default().silent_after);
    }

    #[test]
    fn what_was_asked_for_before_a_silence_is_never_started() {
        // The clock of the node may have stood still meanwhile; the store's did not.
        let contact = Contact::begin(s(100), at(0)).go_on(s(103), at(40));

        assert_eq!(contact.believed_until(s(101)), s(103));
        assert_eq!(contact.believed_until(s(103)), s(103) + STARTS_UNSEEN_FOR);
    }
}
