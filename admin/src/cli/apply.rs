//! `admin apply`: makes groups, calendars and jobs what a file declares, once its plan was seen.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use carillon_store::Store;
use clap::Args;

use super::{editor, say};
use crate::declaration::{Others, Plan, Standing, perform, plan, read};
use crate::words::fill;

/// What `--check` answers where something would change.
const WOULD_CHANGE: u8 = 3;

#[derive(Debug, Args)]
pub(super) struct Apply {
    /// The file, YAML or JSON, as `admin export --format yaml` prints it; `-` is standard input.
    file: PathBuf,
    /// Deletes the jobs that the file does not name in the groups that it does name.
    #[arg(long)]
    prune: bool,
    /// Applies without asking.
    #[arg(long, conflicts_with_all = ["dry_run", "check"])]
    yes: bool,
    /// Prints the plan and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// As --dry-run; the exit code is 0 where nothing would change and 3 where something would.
    #[arg(long)]
    check: bool,
}

impl Apply {
    pub(super) async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        let is_stdin = self.file.as_os_str() == "-";
        let file = match is_stdin {
            true => "stdin".to_owned(),
            false => self.file.display().to_string(),
        };
        let Some(plan) = self.plan(store, &file).await? else {
            return Ok(ExitCode::FAILURE);
        };
        for line in plan.to_string().lines() {
            say(line)?;
        }
        let has_changes = !plan.steps.is_empty();
        if self.check && has_changes {
            return Ok(ExitCode::from(WOULD_CHANGE));
        }
        if self.dry_run || self.check || !has_changes {
            return Ok(ExitCode::SUCCESS);
        }
        if !self.yes && !ask(is_stdin)? {
            eprintln!("nothing was changed");
            return Ok(ExitCode::FAILURE);
        }
        let steps = plan.steps.len();
        perform(store, plan, &editor()).await?;
        say(&fill("{}: {} {change|changes} applied", &[&file, &steps]))?;
        Ok(ExitCode::SUCCESS)
    }

    /// The plan, or none where the file has mistakes, which are printed.
    async fn plan(&self, store: &Store, file: &str) -> anyhow::Result<Option<Plan>> {
        let text = match file {
            "stdin" => std::io::read_to_string(std::io::stdin()).context("reading standard input"),
            _ => std::fs::read_to_string(&self.file).with_context(|| format!("reading {file}")),
        }?;
        let standing = Standing::read(store, None).await?;
        for unread in &standing.unread {
            eprintln!("left alone: {unread}");
        }
        let others = match self.prune {
            true => Others::Delete,
            false => Others::Keep,
        };
        let planned = read(&text).and_then(|declared| plan(&declared, &standing, others));
        match planned {
            Ok(plan) => Ok(Some(plan)),
            Err(mistakes) => {
                for mistake in &mistakes {
                    eprintln!("{file}:{mistake}");
                }
                let told = "{} {mistake|mistakes}, nothing was changed";
                eprintln!("{}", fill(told, &[&mistakes.len()]));
                Ok(None)
            }
        }
    }
}

/// Asks whoever sits at the terminal.
fn ask(is_stdin_read: bool) -> anyhow::Result<bool> {
    if is_stdin_read || !std::io::stdin().is_terminal() {
        bail!("nobody can be asked whether to apply this; say --yes, --dry-run or --check");
    }
    eprint!("apply? [y/N] ");
    std::io::stderr().flush().context("asking")?;
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .context("reading the answer")?;
    Ok(matches!(
        answer.trim().to_lowercase().as_str(),
        "y" | "yes" | "是"
    ))
}
