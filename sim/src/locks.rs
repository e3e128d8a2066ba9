//! The tick lock as a map that forgets, lies and vanishes. Nothing may depend on it.

use std::collections::BTreeMap;

use carillon_core::tick::Tick;
use carillon_core::token::Token;

use crate::time::Micros;

#[derive(Debug, Default)]
pub(crate) struct Locks {
    held: BTreeMap<Tick, Token>,
    pub(crate) down_until: Micros,
    pub(crate) deny_until: Micros,
    pub(crate) grant_until: Micros,
}

impl Locks {
    /// Sets each key that is not set; the same token is granted again.
    pub(crate) fn take(&mut self, ticks: &[(Tick, Token)], now: Micros) -> Vec<bool> {
        let (is_denying, is_granting) = (now < self.deny_until, now < self.grant_until);
        let mut take = |(tick, token): &(Tick, Token)| {
            let owner = *self.held.entry(*tick).or_insert(*token);
            (owner == *token || is_granting) && !is_denying
        };
        ticks.iter().map(&mut take).collect()
    }

    pub(crate) fn wipe(&mut self) {
        self.held.clear();
    }
}
