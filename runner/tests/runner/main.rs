//! The runner as a process, with real commands, from the agent's side of the socket.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot arrange its world has failed"
)]

mod containment;
mod delegation;
mod endings;
mod hostile;
mod kept;
mod output;
mod refusals;
mod rig;
mod secrets;
mod starts;
mod survival;
mod torture;
