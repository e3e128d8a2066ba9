//! A run as people look at it, with the names they know.

use carillon_core::identity::{GroupId, JobId, NodeId};
use carillon_core::run::{Outcome, Phase, Trigger};
use carillon_core::tick::Tick;
use jiff::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::row::{Row, args};
use crate::run::Run;
use crate::run_row::{RUN_COLUMNS_COUNT, kind_number, read_run, run_columns};
use crate::statement::Statement;

/// A run with the names that people know.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedRun {
    /// The run.
    pub run: Run,
    /// The job's present name; none when there is no such job.
    pub job_name: Option<String>,
    /// The job's group.
    pub group: Option<GroupId>,
    /// The node's name.
    pub node_name: Option<String>,
}

/// Which runs to show. What is empty admits all.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Only of this job.
    pub job: Option<JobId>,
    /// Only of jobs in these groups; none admits every group, and an empty list no run at all.
    pub groups: Option<Vec<GroupId>>,
    /// Only in these states.
    pub states: Vec<Phase>,
    /// Only with these outcomes.
    pub outcomes: Vec<Outcome>,
    /// Only on this node.
    pub node: Option<NodeId>,
    /// Only of this trigger.
    pub trigger: Option<Trigger>,
    /// Fire times from here on.
    pub from: Option<Timestamp>,
    /// Fire times before this.
    pub before: Option<Timestamp>,
    /// Only runs after this one in the list: older, by the order of the keys.
    pub after: Option<Tick>,
}

macro_rules! listed {
    ($rest:literal) => {
        concat!(
            "select ",
            run_columns!(),
            ", j.name, j.group_id, n.name
            from runs r
            left join jobs j on j.id = r.job_id
            left join nodes n on n.id = r.node_id
            where ",
            $rest
        )
    };
}

impl Store {
    /// One run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Corrupt`], or [`StoreError::Unavailable`] without an answer.
    pub async fn run(&self, tick: Tick) -> Result<ListedRun, StoreError> {
        static SELECT: Statement = Statement::new(listed!(
            "r.fire_time = ? and r.job_id = ? and r.kind = ? and r.slot = ?"
        ));
        self.read(Store::TIMEOUT, |mut link| async move {
            let values = args![tick.fire_time, tick.job, kind_number(tick.kind), tick.slot];
            let row = link.row(&SELECT, values).await?;
            let row = row.ok_or_else(|| StoreError::NotFound {
                what: "run",
                id: tick.to_string(),
            })?;
            read_listed(&row)
        })
        .await
    }
}

pub(crate) fn read_listed(row: &Row) -> Result<ListedRun, StoreError> {
    let run = read_run(row)?;
    let mut cells = row.cells_from(RUN_COLUMNS_COUNT);
    Ok(ListedRun {
        run,
        job_name: cells.text_or_none()?,
        group: cells.int_or_none()?.map(GroupId),
        node_name: cells.text_or_none()?,
    })
}
