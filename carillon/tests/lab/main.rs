//! The whole system on one machine, judged from outside.
//!
//! Real agents on a private MariaDB and Redis run jobs whose command is a witness. What the store
//! records is compared with what the witness wrote.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::allow_attributes,
    reason = "tests may unwrap and tell what they saw"
)]

mod agent;
mod calendars;
mod clocks;
mod draw;
mod embedded;
mod experiments;
mod failover;
mod first_hour;
mod from_swc;
mod full_disk;
mod kills;
mod laws;
mod long;
mod moving;
mod nemesis;
mod overlap;
mod points;
mod refusals;
mod rig;
mod two_releases;
mod upgrade;
mod verbs;
mod weather;
