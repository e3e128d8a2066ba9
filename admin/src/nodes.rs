//! Nodes: the list, the page of one, and draining.

pub(crate) mod duty;
pub(crate) mod list;
pub(crate) mod show;
