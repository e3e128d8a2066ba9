//! Groups that keep less of their jobs' runs than the cluster does: a number of runs a job, or fewer days.

use carillon_core::identity::GroupId;

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::error::StoreError;
use crate::link::Link;
use crate::row::{Cells, args};
use crate::statement::Statement;

/// The most runs of a job that a group may name as its limit: to find the last of them, so many entries of an index are
/// read.
pub const KEEP_RUNS_MAX: u32 = 100_000;

/// The most days a group may name.
pub const KEEP_DAYS_MAX: u32 = 36_500;

/// What a group keeps of each of its jobs. None is as much as the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupLimits {
    /// So many of the newest runs, 1 to [`KEEP_RUNS_MAX`]. The seats of one tick go together.
    pub keep_runs: Option<u32>,
    /// The runs of so many days, 1 to [`KEEP_DAYS_MAX`].
    pub keep_days: Option<u32>,
}

impl Store {
    /// What the group keeps.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`] without an answer.
    pub async fn group_limits(&self, group: GroupId) -> Result<GroupLimits, StoreError> {
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            select_limits(&mut link, group).await
        })
        .await
    }

    /// Says what the group keeps.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Rejected`] for a limit out of its range, [`StoreError::Unavailable`] without an answer.
    pub async fn set_group_limits(
        &self,
        group: GroupId,
        limits: GroupLimits,
        editor: &Editor,
    ) -> Result<(), StoreError> {
        static UPDATE: Statement =
            Statement::new("update job_groups set keep_runs = ?, keep_days = ? where id = ?");
        judge("keep_runs", limits.keep_runs, KEEP_RUNS_MAX)?;
        judge("keep_days", limits.keep_days, KEEP_DAYS_MAX)?;
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let before = select_limits(&mut change, group).await?;
            let values = args![
                limits.keep_runs.map(i64::from),
                limits.keep_days.map(i64::from),
                group
            ];
            change.execute(&UPDATE, values).await?;
            let deed = Deed {
                editor,
                verb: AuditVerb::LimitGroup,
                object: format!("group {group}"),
                group: Some(group),
                before: Some(limits_text(before)),
                after: Some(limits_text(limits)),
            };
            write_deed(&mut change, deed).await?;
            change.commit().await
        })
        .await
    }
}

async fn select_limits(link: &mut Link, group: GroupId) -> Result<GroupLimits, StoreError> {
    static SELECT: Statement =
        Statement::new("select keep_runs, keep_days from job_groups where id = ?");
    let row = link.row(&SELECT, args![group]).await?;
    let row = row.ok_or_else(|| StoreError::NotFound {
        what: "group",
        id: group.to_string(),
    })?;
    read_limits(&mut row.cells())
}

pub(crate) fn read_limits(cells: &mut Cells<'_>) -> Result<GroupLimits, StoreError> {
    let limit = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
    Ok(GroupLimits {
        keep_runs: limit(cells.int_or_none()?),
        keep_days: limit(cells.int_or_none()?),
    })
}

fn judge(name: &str, limit: Option<u32>, max: u32) -> Result<(), StoreError> {
    match limit {
        Some(number) if number == 0 || number > max => Err(StoreError::Rejected(format!(
            "{name} is {number}, the limits are 1 and {max}; leave it out to keep as much as the cluster"
        ))),
        _ => Ok(()),
    }
}

fn limits_text(limits: GroupLimits) -> String {
    serde_json::json!({ "keep_runs": limits.keep_runs, "keep_days": limits.keep_days }).to_string()
}
