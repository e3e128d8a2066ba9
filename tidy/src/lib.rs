//! The house's rules as functions from its files to a list of complaints.
//!
//! Responsible for what the compiler and clippy cannot see: who may use whom, where clocks, unsafe
//! code, SQL and child processes may be, names, lengths, and documents that still tell the truth.
//! It must not know what the code does. What clippy checks (lengths of functions, numbers of
//! parameters, `unwrap`) is left to clippy; here is only checked that nobody opts out.

pub mod arrows;
pub mod documents;
pub mod house;
pub mod migrations;
pub mod places;
pub mod shape;

pub use house::House;
