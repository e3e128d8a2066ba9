//! Tells the right people, once, when something of Carillon is not well, and again when it is.
//!
//! Facts come from the store, rules from `carillon-core`; this crate watches, writes letters and delivers them. It
//! must not know SQL, nor how jobs are run, nor any page.
//!
//! [`serve`] makes a *round* every second. A round asks what there is to do, judges nodes, runs and limits, and writes
//! the steps of incidents; what these owe becomes an announcement with a delivery for every address, and couriers
//! carry deliveries out. Any number of monitors may do so at once: every step compares what it steps from, and a
//! delivery is claimed.

mod alarm;
mod back_test;
mod certificate;
mod certificate_rounds;
pub mod cli;
mod clock;
mod commanding;
mod delivering;
mod endpoint;
pub mod envelope;
mod history_rounds;
mod job_rounds;
mod ledger;
pub mod letter;
mod limit_rounds;
pub mod mailer;
mod node_rounds;
mod options;
mod outage;
mod pinging;
mod pulse_outside;
mod quiet_policy;
mod random;
mod rounds;
mod serve;
mod stuck_rounds;
mod telling;
mod token_rounds;
pub mod webhook;
mod work_queue;

pub use endpoint::{Endpoint, EndpointError};
pub use options::{MailOptions, MonitorOptions, OptionsError, Pace, Thresholds};
pub use quiet_policy::QuietPolicy;
pub use serve::{MonitorError, serve};
