//! A declaration: a file that says which groups, calendars and jobs there are to be.
//!
//! Its text becomes values that know their lines (`text`), these become what is declared (`reading`), and compared with
//! what there is (`standing`) that becomes a plan (`plan`), which is told to people (`telling`) and carried out
//! (`performing`). `writing` makes a declaration of what there is. Jobs are documents as the API says them; what a file
//! does not say is the default, apart from a job's switch, which stays as somebody has set it.

mod emitting;
mod performing;
mod permitted;
mod plan;
mod reading;
mod standing;
mod telling;
mod text;
mod writing;

use std::fmt;

pub(crate) use performing::perform;
pub(crate) use permitted::{perform_for, plan_of, standing_of};
pub(crate) use plan::{Others, Plan, Step, plan};
pub(crate) use reading::read;
pub(crate) use standing::Standing;
pub(crate) use writing::write;

/// Something in a file that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Where, counted from 1.
    pub(crate) line: usize,
    /// What, and what to do about it.
    pub(crate) words: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.words)
    }
}

#[cfg(test)]
mod tests;
