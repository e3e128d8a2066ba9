//! The agent: one on each node, no leader among them.
//!
//! [`pump`] turns the effects of `core`'s scheduler into calls to the store, the tick lock and the runner, and their
//! answers into events. Around it: the clock, heartbeats, the reload of jobs, the outbox of results, the audit of
//! ticks, and the control socket that the command line talks to. Only `tick_lock` and `wake_up` know Redis.

pub mod agent;
pub mod attempt;
mod bulletin;
mod check;
pub mod cli;
pub mod clock;
mod closing;
pub mod control;
mod hearing;
mod heartbeat;
pub mod host;
mod leftovers;
pub mod loaded_job;
mod message;
pub mod node_folder;
pub mod node_health;
mod obeying;
mod outages;
mod outbox;
mod output_tail;
mod owning;
mod performing;
mod place_queue;
pub mod pump;
pub mod reexec;
mod renewal;
mod retention;
mod runner_link;
mod spans;
mod starting;
pub mod stats;
mod tick_audit;
pub mod tick_lock;
pub mod tracer;
mod verbs;
pub mod wake_up;
