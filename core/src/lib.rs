//! The domain of Carillon as plain values and pure functions.
//!
//! A *job* has a *schedule* that yields *fire times*. Job, fire time and slot make a *tick*; one node decides the
//! tick by a *claim*, which leaves a *run*; a run has *attempts*, each one process, and ends in one *outcome*.
//! The [`scheduler`] turns events and the time into effects; others perform them.
//!
//! Nothing here does I/O, reads a clock, draws a random number, awaits, or knows SQL or HTML: time and randomness
//! arrive as arguments. Read the modules in the order below.

pub mod access;
pub mod announcement;
pub mod back_test;
pub mod calendar;
pub mod claim;
pub mod command_channel;
pub mod command_line;
pub mod conclusion;
pub mod concurrency_key;
pub mod contact;
pub mod crontab;
pub mod digest;
pub mod evidence;
pub mod fitness;
pub mod icalendar;
pub mod identity;
pub mod import;
pub mod incident;
pub mod ionice;
pub mod job;
pub mod lang;
pub mod launch;
pub mod misfire;
pub mod node;
pub mod offer;
pub mod overlap;
pub mod parameters;
pub mod ping;
pub mod placement;
pub mod priority;
pub mod quiet;
pub mod reimport;
pub mod retry;
pub mod rule;
pub mod run;
pub mod saved_view;
pub mod schedule;
pub mod scheduler;
pub mod secret_name;
pub mod settlement;
pub mod silence;
pub mod stuck;
pub mod text_form;
pub mod tick;
pub mod token;
pub mod usual;
pub mod watch;
