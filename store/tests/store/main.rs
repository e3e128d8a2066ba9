//! The store's rules, each on SQLite and on MariaDB.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod audit;
mod audit_chain;
mod backups;
mod calendars;
mod claim_model;
mod claims;
mod concurrency_keys;
mod group_limits;
mod jobs;
mod listings;
mod offers;
mod outages;
mod reports;
mod requests;
mod retention;
mod world;
