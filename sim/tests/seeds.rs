//! Worlds in which everything goes wrong, and not one broken law. Four parts, so that they run side by side.
//!
//! A seed that fails is replayed by `sim replay SEED`.

use carillon_sim::{Telling, live};

/// Worlds in one part.
const WORLDS: u64 = 500;

fn every_law_holds_from(first: u64) {
    for seed in first..first + WORLDS {
        let verdict = live(seed, None, Telling::Silent);

        assert_eq!(verdict.broken, Vec::<String>::new(), "seed {seed}");
    }
}

#[test]
fn every_law_holds_in_the_first_worlds() {
    every_law_holds_from(0);
}

#[test]
fn every_law_holds_in_the_second_worlds() {
    every_law_holds_from(WORLDS);
}

#[test]
fn every_law_holds_in_the_third_worlds() {
    every_law_holds_from(2 * WORLDS);
}

#[test]
fn every_law_holds_in_the_fourth_worlds() {
    every_law_holds_from(3 * WORLDS);
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    let once = live(5, None, Telling::Aloud);
    let again = live(5, None, Telling::Aloud);

    assert!(once.story.len() > 20);
    assert_eq!(once.story, again.story);
}
