//! Measurements of Carillon beside the bare limit of the same machine, in the same run.
//!
//! Responsible for what every measurement shares: the machine, the bare loops, real agents on real stores, tables. It
//! must not know how the product works inside: it sees processes, a witness and what the store says.

pub mod burst;
pub mod cluster;
pub mod every_second;
pub mod limit;
pub mod machine;
pub mod peer;
pub mod process;
pub mod spread;
pub mod table;
pub mod weight;
