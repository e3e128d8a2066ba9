//! A deterministic simulation of the whole cluster around the real core.
//!
//! The core's scheduler, misfire rule and settlement are the real ones. The store, the tick lock, the runner with its
//! journal, the network and every clock are models driven by one seed, and so is what goes wrong. A seed that breaks
//! a law is replayed by `sim replay SEED`, which tells its story line by line. Nothing here performs I/O.

mod agent;
mod bug;
mod calendar;
mod crontab;
mod dice;
mod happening;
mod host;
mod law;
mod ledger;
mod locks;
mod story;
mod time;
mod weather;
mod world;

pub use bug::Bug;
pub use world::{Telling, Verdict, live};
