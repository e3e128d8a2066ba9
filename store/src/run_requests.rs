//! Runs that a person or a program asks for.

use carillon_core::identity::{JobId, NodeId};
use carillon_core::parameters::Parameters;
use carillon_core::run::{Preference, Reason, Trigger};
use carillon_core::tick::{Tick, TickKind};
use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::error::StoreError;
use crate::jobs::store_now;
use crate::link::Change;
use crate::reports::raise_offers_revision;
use crate::row::args;
use crate::run::Run;
use crate::run_row::{insert_runs, read_tick};
use crate::statement::Statement;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRequest {
    /// The job.
    pub job: JobId,
    /// The node that must run it; none lets any eligible one.
    pub node: Option<NodeId>,
    /// Parameters as JSON, for the command's environment.
    pub parameters: Parameters,
    /// The same key for the same job asks for the same run: a double click starts one.
    pub key: Option<String>,
    /// The run that is repeated by it.
    pub repeats: Option<Tick>,
    /// How long it may wait for a node.
    pub patience: SignedDuration,
}

impl Store {
    /// Offers a run of the job to the nodes and returns its id. Its fire time is now.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the job is deleted, [`StoreError::Unavailable`] without an answer: with a key, ask again.
    pub async fn request_run(
        &self,
        request: &RunRequest,
        editor: &Editor,
    ) -> Result<Tick, StoreError> {
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let (version, group) = lock_job(&mut change, request.job).await?;
            if let Some(tick) = asked_before(&mut change, request).await? {
                change.roll_back().await?;
                return Ok(tick);
            }
            let now = store_now(&mut change).await?;
            let run = run_of(request, version, now, editor);
            insert_runs(&mut change, &[&run]).await?;
            let deed = Deed {
                editor,
                verb: AuditVerb::RunJob,
                object: format!("job {}", request.job),
                group: Some(carillon_core::identity::GroupId(group)),
                before: None,
                after: Some(
                    serde_json::json!({ "run": run.tick.to_string(), "node": request.node, "parameters": request.parameters })
                        .to_string(),
                ),
            };
            write_deed(&mut change, deed).await?;
            raise_offers_revision(&mut change).await?;
            change.commit().await?;
            Ok(run.tick)
        })
        .await
    }
}

async fn lock_job(change: &mut Change, job: JobId) -> Result<(i64, i64), StoreError> {
    static LOCK: Statement = Statement::new(
        "select version, group_id from jobs where id = ? and deleted_at is null {for update}",
    );
    let row = change.row(&LOCK, args![job]).await?;
    let row = row.ok_or_else(|| StoreError::NotFound {
        what: "job",
        id: job.to_string(),
    })?;
    let mut cells = row.cells();
    Ok((cells.int()?, cells.int()?))
}

async fn asked_before(
    change: &mut Change,
    request: &RunRequest,
) -> Result<Option<Tick>, StoreError> {
    static SELECT: Statement = Statement::new(
        "select fire_time, job_id, kind, slot from runs where job_id = ? and request_key = ?",
    );
    let Some(key) = &request.key else {
        return Ok(None);
    };
    let row = change.row(&SELECT, args![request.job, key]).await?;
    row.map(|row| read_tick(&mut row.cells())).transpose()
}

fn run_of(request: &RunRequest, version: i64, now: Timestamp, editor: &Editor) -> Run {
    let tick = Tick {
        fire_time: now,
        job: request.job,
        kind: TickKind::Manual,
        slot: 0,
    };
    let until = now
        .saturating_add(request.patience)
        .unwrap_or(Timestamp::MAX);
    let mut run = Run::new(tick, Trigger::Manual, version, until);
    run.reason = Some(Reason::WaitingForNode);
    run.detail = request.repeats.map(|tick| format!("repeats {tick}"));
    run.preference = request.node.map_or(Preference::Any, Preference::Only);
    run.requested_by = Some(editor.name.clone());
    run.request_key.clone_from(&request.key);
    run.parameters = parameters_text(&request.parameters);
    run
}

fn parameters_text(parameters: &Parameters) -> Option<String> {
    let is_empty = parameters.is_empty();
    (!is_empty).then(|| serde_json::json!(parameters).to_string())
}
