//! Runs: the list, the page of one with its live output, and what can be done to one.

pub(crate) mod actions;
pub(crate) mod events;
pub(crate) mod feed;
pub(crate) mod list;
pub(crate) mod output;
mod painting;
pub(crate) mod row;
pub(crate) mod show;
pub(crate) mod strip;
