//! `carillon describe`: an expression in words.

use std::io::{self, Write};

use carillon_core::lang::Lang;
use carillon_core::schedule::{DstRule, Schedule};
use clap::Args;

use crate::failure::{Failure, finish_output};

/// Says in words when a schedule fires.
#[derive(Args)]
pub(crate) struct Describe {
    /// The schedule, as for `carillon next`.
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    expression: String,

    /// The language: en or zh.
    #[arg(long, default_value = "en")]
    lang: String,
}

impl Describe {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let lang: Lang = self.lang.parse().map_err(Failure::usage)?;
        // Words name no zone, and a rule for clock changes does not alter them.
        let schedule = Schedule::parse(&self.expression, "UTC", DstRule::default(), 0)
            .map_err(Failure::usage)?;
        finish_output(writeln!(io::stdout(), "{}", schedule.describe(lang)))
    }
}
