//! Who is told what, and how often: monitors on real stores, with a real mail server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod back_test;
mod certificates;
mod delivery;
mod delivery_limit;
mod failures;
mod fitness;
mod history;
mod limits;
mod outage;
mod pings;
mod quiet;
mod rules;
mod scene;
mod silence;
mod stuck;
mod webhook;
