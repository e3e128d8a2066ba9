//! The jobs that ran last: what a picture of the present begins with.

use carillon_core::identity::{GroupId, JobId};
use jiff::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::row::{Value, args};
use crate::statement::Statement;

/// So many runs are looked at,
const LOOKS: u32 = 1_000;

/// and so many where only some of them are of the groups that are asked for.
const LOOKS_IN_GROUPS: u32 = 5_000;

// Keys alone, in the order of the primary key, so many and no more.
macro_rules! latest {
    ($index:literal, $own:literal) => {
        concat!(
            "select looked.job_id
            from (
                select r.fire_time, r.job_id
                from runs r ",
            $index,
            " where r.fire_time >= ?
                order by r.fire_time desc, r.job_id desc, r.kind desc, r.slot desc
                limit ?) as looked ",
            $own,
            " group by looked.job_id
            order by max(looked.fire_time) desc, looked.job_id desc
            limit ?"
        )
    };
}

/// Those of the keys whose jobs are in these groups.
macro_rules! latest_of_groups {
    ($index:literal) => {
        latest!(
            $index,
            "{then} (
                select distinct j.id
                from {batch(group_id)}
                {then} jobs j on j.group_id = batch.group_id) as own on own.id = looked.job_id"
        )
    };
}

impl Store {
    /// The jobs with the newest runs since `from`, the latest first, at most `limit`: of these groups, or of all. Where very
    /// many others ran since, some are not found.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn jobs_ran_since(
        &self,
        from: Timestamp,
        groups: Option<&[GroupId]>,
        limit: u32,
    ) -> Result<Vec<JobId>, StoreError> {
        static ALL: Statement =
            Statement::of(latest!("force index (primary)", ""), latest!("", ""));
        static OF_GROUPS: Statement = Statement::of(
            latest_of_groups!("force index (primary)"),
            latest_of_groups!(""),
        );
        let (statement, values) = match groups {
            None => (&ALL, args![from, LOOKS, limit]),
            Some(groups) => {
                let batch: Vec<_> = groups.iter().map(|group| [group.0]).collect();
                let batch = Value::from(serde_json::json!(batch));
                (&OF_GROUPS, args![from, LOOKS_IN_GROUPS, batch, limit])
            }
        };
        self.read(Store::TIMEOUT, |mut link| {
            let values = values.clone();
            async move {
                let rows = link.rows(statement, values).await?;
                rows.iter().map(|row| row.cells().job()).collect()
            }
        })
        .await
    }
}
