//! Calendars: the list, the page and editor of one, and what hands their edits on to jobs.

pub(crate) mod actions;
pub(crate) mod editor;
pub(crate) mod hand_on;
pub(crate) mod list;
mod preview;
mod year;
