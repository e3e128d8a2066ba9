//! `admin audit`: whether the audit log is what it was.

use std::process::ExitCode;

use carillon_store::{Seal, Store};
use clap::{Args, Subcommand};

use super::say;
use crate::words::fill;

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Goes through the whole audit log and names the first entry that was changed or taken out since it was sealed.
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// A seal that was noted earlier, as this command and the log of the admin print it: it must still be in the chain.
    #[arg(long, value_name = "PLACE:HASH")]
    noted: Option<Seal>,
}

impl Audit {
    pub(super) async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        let Audit::Verify(verify) = self;
        let verdict = store.verify_audit_chain(verify.noted).await?;
        if verdict.unsealed > 0 {
            let told =
                "{} {entry has|entries have} no seal yet; the admin seals them while it runs";
            say(&fill(told, &[&verdict.unsealed]))?;
        }
        match verdict.broken {
            None => {
                let told = "{} {entry is as it was|entries are as they were} sealed; note the end of the chain: {}";
                say(&fill(told, &[&verdict.end.place, &verdict.end]))?;
                Ok(ExitCode::SUCCESS)
            }
            Some(broken) => {
                let what = match broken.entry {
                    Some(entry) => format!(
                        "entry {entry}, in place {}, is not what was sealed",
                        broken.place
                    ),
                    None => format!("the entry in place {} is gone", broken.place),
                };
                let told = "{}; the {} before it {is|are} whole. Compare with a backup";
                say(&fill(told, &[&what, &verdict.end.place]))?;
                Ok(ExitCode::FAILURE)
            }
        }
    }
}
