//! The pages and the API over real HTTP, a real store and real sessions.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "tests may unwrap and tell what they saw"
)]

mod api;
mod apply;
mod back_test;
mod calendars;
mod commands;
mod every_route;
mod finding;
mod furniture;
mod fuzz;
mod group_limits;
mod live_output;
mod pages;
mod pings;
mod second_step;
mod slow_store;
mod step_up;
mod support;
mod views;
mod wake_up;
mod watch;
mod weight;
