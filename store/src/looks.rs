//! Which ticks are decided already: the question before a late claim.

use std::collections::HashSet;

use carillon_core::tick::Tick;

use crate::Store;
use crate::error::StoreError;
use crate::row::args;
use crate::run_row::{key_batch, read_tick};
use crate::statement::Statement;

impl Store {
    /// Those of `ticks` that have a run.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn look(&self, ticks: &[Tick]) -> Result<HashSet<Tick>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select r.fire_time, r.job_id, r.kind, r.slot
            from {batch(fire_time, job_id, kind, slot)}
            {then} runs r
                on r.fire_time = batch.fire_time and r.job_id = batch.job_id
                and r.kind = batch.kind and r.slot = batch.slot",
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            let keys = key_batch(ticks.iter().copied());
            let rows = link.rows(&SELECT, args![keys]).await?;
            rows.iter().map(|row| read_tick(&mut row.cells())).collect()
        })
        .await
    }
}
