//! Starting, speaking and stopping, the same in every program.
//!
//! Responsible for configuration, logs, signals and the service manager. It must not know the
//! product: no job, no store, no page; a key of the configuration is a name, a form and a default.

pub mod config;
pub mod host_zone;
pub mod logging;
pub mod private_folder;
pub mod service_manager;
pub mod shutdown;
pub mod verdicts;
