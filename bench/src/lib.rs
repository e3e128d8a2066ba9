//! Measurements of Carillon beside the bare limit of the same machine, in the same run.
//!
//! Responsible for what every measurement shares: the machine, the bare loops, real agents on real stores, tables. It
//! must not know how the product works inside: it sees processes, a witness, what the store says
//! and, for what is measured by itself, the calls of its store and tick lock and the socket of its runner.

pub mod burst;
pub mod capture;
pub mod claims;
pub mod cluster;
pub mod document;
pub mod every_second;
pub mod growth;
pub mod history;
pub mod limit;
pub mod loss;
pub mod machine;
pub mod past;
pub mod peer;
pub mod pen;
pub mod process;
pub mod programs;
pub mod round;
pub mod sights;
pub mod spread;
pub mod table;
pub mod tick_locks;
pub mod viewers;
pub mod visitor;
pub mod weight;
