//! The laws are tested themselves: without any one ingredient of the protocol they are broken within a thousand worlds.

use carillon_sim::{Bug, Telling, live};

/// A bug is found within so many worlds.
const WORLDS: u64 = 1000;

#[test]
fn every_planted_bug_is_found() {
    let is_unfound = |bug: &&Bug| {
        (0..WORLDS).all(|seed| live(seed, Some(**bug), Telling::Silent).broken.is_empty())
    };
    let unfound: Vec<_> = Bug::ALL.iter().filter(is_unfound).collect();

    assert_eq!(unfound, Vec::<&Bug>::new());
}
