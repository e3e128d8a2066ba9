//! Runs that are asked to end: a command to the node that owns each.

use carillon_core::run::{Conclusion, Outcome, Phase};
use carillon_core::tick::Tick;

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::claims::lock_jobs;
use crate::error::StoreError;
use crate::jobs::store_now;
use crate::link::Change;
use crate::node_commands::raise_commands_revision;
use crate::reaper::write_ended;
use crate::row::args;
use crate::run::Run;
use crate::run_row::lock_runs;
use crate::statement::Statement;

/// What became of the wish to end a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillAnswer {
    /// Its node has been asked.
    Asked,
    /// Nobody had started it: it is killed.
    Killed,
    /// It had ended.
    AlreadyDone,
}

impl Store {
    /// Ends a run: at once where it only waits, else by asking its node.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Unavailable`] without an answer.
    pub async fn kill_run(&self, tick: Tick, editor: &Editor) -> Result<KillAnswer, StoreError> {
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            lock_jobs(&mut change, &[tick.job]).await?;
            let now = store_now(&mut change).await?;
            let run = lock_runs(&mut change, [tick].into_iter())
                .await?
                .remove(&tick);
            let mut run = run.ok_or_else(|| StoreError::NotFound {
                what: "run",
                id: tick.to_string(),
            })?;
            let answer = match run.state {
                Phase::Done => {
                    change.roll_back().await?;
                    return Ok(KillAnswer::AlreadyDone);
                }
                Phase::Offered => {
                    let ending = Conclusion {
                        outcome: Outcome::Killed,
                        exit_code: None,
                        signal: None,
                        reason: None,
                        detail: Some(format!("ended by {} before it started", editor.name)),
                    };
                    run.end(now, &ending);
                    write_ended(&mut change, &[run]).await?;
                    KillAnswer::Killed
                }
                Phase::Claimed | Phase::Running => {
                    ask_kills(&mut change, &[run], &editor.name).await?;
                    KillAnswer::Asked
                }
            };
            let deed = Deed {
                editor,
                verb: AuditVerb::KillRun,
                object: format!("run {tick}"),
                group: None,
                before: None,
                after: None,
            };
            write_deed(&mut change, deed).await?;
            change.commit().await?;
            Ok(answer)
        })
        .await
    }
}

/// Asks the owners of these runs to end them. A run without an owner has nobody to ask.
pub(crate) async fn ask_kills(
    change: &mut Change,
    runs: &[Run],
    asked_by: &str,
) -> Result<(), StoreError> {
    static INSERT: Statement = Statement::new(
        "insert into node_commands (node_id, verb, run, asked_by, asked_at)
        values (?, 'kill', ?, ?, {now})",
    );
    let mut asked = false;
    for run in runs {
        let Some(node) = run.node else { continue };
        change
            .execute(&INSERT, args![node, run.tick.to_string(), asked_by])
            .await?;
        asked = true;
    }
    if asked {
        raise_commands_revision(change).await?;
    }
    Ok(())
}
