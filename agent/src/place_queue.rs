//! Claimed attempts that wait for a place on this node: the higher priority first, then the earlier fire time, then the
//! job's number. Knows nothing of what the attempts are.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use carillon_core::priority::Priority;
use carillon_core::tick::Tick;
use carillon_core::token::Token;

/// Attempts in the order in which they get a place.
#[derive(Debug, Default)]
pub(crate) struct PlaceQueue(BTreeSet<(Reverse<Priority>, Tick, Token)>);

impl PlaceQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, priority: Priority, tick: Tick, token: Token) {
        self.0.insert((Reverse(priority), tick, token));
    }

    /// Takes out whoever is next.
    pub(crate) fn pop(&mut self) -> Option<Token> {
        self.0.pop_first().map(|(_, _, token)| token)
    }

    /// Takes out all for which `is_out` holds, in their order.
    pub(crate) fn take(&mut self, is_out: impl Fn(Token) -> bool) -> Vec<Token> {
        let out: Vec<_> = self.0.iter().map(|entry| entry.2).collect();
        self.0.retain(|entry| !is_out(entry.2));
        out.into_iter().filter(|token| is_out(*token)).collect()
    }
}

#[cfg(test)]
mod tests {
    use carillon_core::identity::JobId;
    use carillon_core::token::TokenMint;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn higher_priorities_go_first_then_earlier_fire_times_then_lower_jobs() {
        let mut mint = TokenMint::new(1);
        let tick = |second, job| {
            let fire_time = Timestamp::from_second(second).unwrap();
            Tick::scheduled(JobId(job), fire_time, 0)
        };
        let ordered = [
            (9, tick(30, 4)),
            (5, tick(10, 9)),
            (5, tick(20, 2)),
            (5, tick(20, 3)),
            (0, tick(5, 1)),
        ]
        .map(|(priority, tick)| (Priority::try_from(priority).unwrap(), tick, mint.mint()));
        let mut queue = PlaceQueue::default();
        for place in [3, 0, 4, 2, 1] {
            let (priority, tick, token) = ordered[place];
            queue.push(priority, tick, token);
        }

        let gone = queue.take(|token| token == ordered[2].2);
        let popped: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();

        assert_eq!(gone, [ordered[2].2]);
        assert_eq!(popped, [0, 1, 3, 4].map(|place| ordered[place].2));
    }
}
