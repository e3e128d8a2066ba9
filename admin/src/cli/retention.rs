//! `admin retention`: what is old, and its end.

use std::process::ExitCode;

use carillon_lifecycle::config::Config;
use carillon_store::{Kept, Retention, Store, SurplusRound};
use clap::Args;

use super::say;

/// Records counted at most: nobody reads all of a large table to be told a number.
const COUNTED_MAX: u32 = 100_000;

/// Steps between two lines of progress.
const STEPS_PER_LINE: u64 = 20;

#[derive(Debug, Args)]
pub(super) struct Drop {
    /// Only says how many records are old.
    #[arg(long)]
    dry_run: bool,
}

impl Drop {
    pub(super) async fn act(self, config: &Config, store: &Store) -> anyhow::Result<ExitCode> {
        let retention = Retention {
            output: config.retention.output,
            runs: config.retention.runs,
            totals: config.retention.totals,
            history: config.retention.history,
        };
        let now = store.now().await?;
        for &kept in Kept::ALL {
            let before = retention.bound(kept, now);
            if self.dry_run {
                let rows = store.count_old(kept, before, COUNTED_MAX).await?;
                let more = if rows == u64::from(COUNTED_MAX) {
                    " or more"
                } else {
                    ""
                };
                say(&format!("{kept}: {rows}{more} older than {before:.0}"))?;
                continue;
            }
            let (mut rows, mut steps) = (0, 0_u64);
            loop {
                let dropped = store.drop_old(kept, before, Store::DROP_STEP).await?;
                (rows, steps) = (rows + dropped.rows, steps + 1);
                if !dropped.is_more {
                    break;
                }
                if steps.is_multiple_of(STEPS_PER_LINE) {
                    eprintln!("{kept}: {rows} dropped so far");
                }
            }
            say(&format!("{kept}: {rows} dropped, older than {before:.0}"))?;
        }
        let rows = self.act_on_surplus(store).await?;
        let done = if self.dry_run { "" } else { " dropped" };
        say(&format!("runs that their groups do not keep: {rows}{done}"))?;
        Ok(ExitCode::SUCCESS)
    }

    async fn act_on_surplus(&self, store: &Store) -> anyhow::Result<u64> {
        let (mut rows, mut round) = (0, SurplusRound::default());
        while let Some(job) = round.next_job(store).await? {
            if self.dry_run {
                rows += store.count_surplus(job, COUNTED_MAX).await?;
                continue;
            }
            loop {
                let dropped = store.drop_surplus(job, Store::DROP_STEP).await?;
                rows += dropped.rows;
                if !dropped.is_more {
                    break;
                }
            }
        }
        Ok(rows)
    }
}
