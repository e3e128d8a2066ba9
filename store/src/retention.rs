//! Forgetting what is old, a little at a time, and never what the audit of ticks still needs.

use jiff::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::row::args;
use crate::statement::Statement;

impl Store {
    /// Deletes about `limit` of the oldest ended runs with fire times before `before`, with their attempts and output.
    /// What lies above the watermark stays. Returns whether there is more to delete.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn delete_runs_before(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<bool, StoreError> {
        static BOUND: Statement = Statement::new(
            "select max(old.fire_time), count(*)
            from (
                select r.fire_time
                from runs r
                where r.state = 'done'
                    and r.fire_time < ?
                    and r.fire_time < (select c.audited_until from cluster c where c.id = 1)
                order by r.fire_time
                limit ?
            ) old",
        );
        static DELETE_RUNS: Statement =
            Statement::new("delete from runs where fire_time <= ? and state = 'done'");
        static DELETE_ATTEMPTS: Statement = Statement::new(
            "delete from attempts
            where fire_time <= ?
                and not exists (
                    select 1 from runs r
                    where r.fire_time = attempts.fire_time and r.job_id = attempts.job_id
                        and r.kind = attempts.kind and r.slot = attempts.slot
                )",
        );
        static DELETE_OUTPUTS: Statement = Statement::new(
            "delete from run_outputs
            where fire_time <= ?
                and not exists (
                    select 1 from runs r
                    where r.fire_time = run_outputs.fire_time and r.job_id = run_outputs.job_id
                        and r.kind = run_outputs.kind and r.slot = run_outputs.slot
                )",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let row = change.only_row(&BOUND, args![before, limit]).await?;
            let mut cells = row.cells();
            let (bound, count) = (cells.int_or_none()?, cells.int()?);
            let Some(bound) = bound else {
                change.roll_back().await?;
                return Ok(false);
            };
            change.execute(&DELETE_RUNS, args![bound]).await?;
            change.execute(&DELETE_ATTEMPTS, args![bound]).await?;
            change.execute(&DELETE_OUTPUTS, args![bound]).await?;
            change.commit().await?;
            Ok(count >= i64::from(limit))
        })
        .await
    }

    /// Deletes the output of ended runs with fire times before `before`, about `limit` chunks of the oldest. Returns whether
    /// there is more to delete.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn delete_outputs_before(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<bool, StoreError> {
        static BOUND: Statement = Statement::new(
            "select max(old.fire_time), count(*)
            from (
                select o.fire_time from run_outputs o where o.fire_time < ? order by o.fire_time limit ?
            ) old",
        );
        static DELETE: Statement = Statement::new(
            "delete from run_outputs
            where fire_time <= ?
                and not exists (
                    select 1 from runs r
                    where r.fire_time = run_outputs.fire_time and r.job_id = run_outputs.job_id
                        and r.kind = run_outputs.kind and r.slot = run_outputs.slot
                        and r.state <> 'done'
                )",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let row = change.only_row(&BOUND, args![before, limit]).await?;
            let mut cells = row.cells();
            let (bound, count) = (cells.int_or_none()?, cells.int()?);
            let Some(bound) = bound else {
                change.roll_back().await?;
                return Ok(false);
            };
            let deleted = change.execute(&DELETE, args![bound]).await?;
            change.commit().await?;
            Ok(deleted > 0 && count >= i64::from(limit))
        })
        .await
    }
}
