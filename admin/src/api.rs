//! The JSON API: what the pages do, for programs. Documents and their fields are a contract; see `openapi`.

pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod calendars;
pub(crate) mod command_channels;
pub(crate) mod groups;
pub(crate) mod incidents;
pub(crate) mod job_list;
pub(crate) mod jobs;
pub(crate) mod metrics;
pub(crate) mod nodes;
pub(crate) mod openapi;
pub(crate) mod reply;
pub(crate) mod runs;
pub(crate) mod schedules;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod views;

pub(crate) use runs::run_document;
