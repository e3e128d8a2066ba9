//! Jobs: the list, the page of one, its editor, and the preview of a schedule.

pub(crate) mod back_test;
pub(crate) mod bulk;
pub(crate) mod calendar_choice;
pub(crate) mod deleted;
pub(crate) mod document;
mod draft_texts;
pub(crate) mod editor;
pub(crate) mod fields;
mod judgement;
pub(crate) mod list;
mod ping_field;
pub(crate) mod placing;
pub(crate) mod preview;
pub(crate) mod query;
pub(crate) mod search;
pub(crate) mod show;
pub(crate) mod switch;
pub(crate) mod versions;
mod watch_fields;
