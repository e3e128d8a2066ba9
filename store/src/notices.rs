//! News owed to a human, written with the end of the run it is about. The monitor takes and deletes them.

use carillon_core::run::Outcome;
use carillon_core::tick::Tick;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::Store;
use crate::error::StoreError;
use crate::link::Change;
use crate::row::{Origin, args};
use crate::run::Run;
use crate::run_row::{kind_number, read_tick};
use crate::statement::Statement;

/// News about one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// Its number; later news have greater ones.
    pub id: i64,
    /// When it was written.
    pub made_at: Timestamp,
    /// The run.
    pub tick: Tick,
    /// How it ended.
    pub outcome: Outcome,
}

/// Writes a notice for each of these runs that ended in trouble.
pub(crate) async fn insert_notices(change: &mut Change, runs: &[&Run]) -> Result<(), StoreError> {
    static INSERT: Statement = Statement::new(
        "insert into notices (made_at, fire_time, job_id, kind, slot, outcome)
        select {now}, fire_time, job_id, kind, slot, outcome
        from {batch(fire_time, job_id, kind, slot, outcome text)}",
    );
    let row = |run: &&Run| {
        let outcome = run.outcome.filter(|outcome| outcome.is_trouble())?;
        let tick = run.tick;
        let fire_time = tick.fire_time.as_microsecond();
        Some(json!([
            fire_time,
            tick.job.0,
            kind_number(tick.kind),
            tick.slot,
            outcome
        ]))
    };
    let rows: Vec<Json> = runs.iter().filter_map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    change.execute(&INSERT, args![Json::Array(rows)]).await?;
    Ok(())
}

impl Store {
    /// The oldest notices after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or [`StoreError::Unavailable`] without an answer.
    pub async fn notices(&self, after: i64, limit: u32) -> Result<Vec<Notice>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select id, made_at, fire_time, job_id, kind, slot, outcome
            from notices
            where id > ?
            order by id
            limit ?",
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            let rows = link.rows(&SELECT, args![after, limit]).await?;
            rows.iter()
                .map(|row| {
                    let mut cells = row.cells();
                    let (id, made_at) = (cells.int()?, cells.time()?);
                    let tick = read_tick(&mut cells)?;
                    let origin = Origin {
                        table: "notices",
                        id: &id,
                    };
                    Ok(Notice {
                        id,
                        made_at,
                        tick,
                        outcome: origin.parse("outcome", &cells.text()?)?,
                    })
                })
                .collect()
        })
        .await
    }

    /// Deletes the notices up to `id`: they have been taken over.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn delete_notices_until(&self, id: i64) -> Result<(), StoreError> {
        static DELETE: Statement = Statement::new("delete from notices where id <= ?");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            change.execute(&DELETE, args![id]).await?;
            change.commit().await
        })
        .await
    }
}
