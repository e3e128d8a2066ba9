//! Which jobs keep to a calendar. Asked of an index, never of the jobs themselves.

use carillon_core::identity::{CalendarId, GroupId, JobId};

use crate::Store;
use crate::error::StoreError;
use crate::link::Link;
use crate::row::args;
use crate::statement::Statement;

/// How many jobs keep to a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CalendarUses {
    /// All that are not deleted.
    pub jobs: u64,
    /// Those that hold older rules than the calendar has.
    pub behind: u64,
}

/// A job that keeps to a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarJob {
    /// The job.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// Its group.
    pub group: GroupId,
}

impl Store {
    /// How many jobs keep to each calendar; those that no job keeps to are left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn calendar_uses(&self) -> Result<Vec<(CalendarId, CalendarUses)>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select j.calendar_id, count(*), count(case when j.calendar_version < c.rules_version then 1 end)
            from jobs j
            join calendars c on c.id = j.calendar_id
            where j.calendar_id is not null
            group by j.calendar_id",
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            let rows = link.rows(&SELECT, Vec::new()).await?;
            rows.iter()
                .map(|row| {
                    let mut cells = row.cells();
                    let id = CalendarId(cells.int()?);
                    let (jobs, behind) = (cells.small()?.into(), cells.small()?.into());
                    Ok((id, CalendarUses { jobs, behind }))
                })
                .collect()
        })
        .await
    }

    /// How many jobs keep to one calendar.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn uses_of_calendar(&self, id: CalendarId) -> Result<CalendarUses, StoreError> {
        self.read(Store::TIMEOUT, |mut link| async move {
            count_uses(&mut link, id).await
        })
        .await
    }

    /// The jobs that keep to a calendar and are not deleted, at most `limit`, in the order of the index: those that
    /// are behind come first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn jobs_of_calendar(
        &self,
        id: CalendarId,
        limit: u32,
    ) -> Result<Vec<CalendarJob>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select id, name, group_id from jobs where calendar_id = ? order by calendar_version, id limit ?",
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            let rows = link.rows(&SELECT, args![id, limit]).await?;
            rows.iter()
                .map(|row| {
                    let mut cells = row.cells();
                    Ok(CalendarJob {
                        id: cells.job()?,
                        name: cells.text()?,
                        group: GroupId(cells.int()?),
                    })
                })
                .collect()
        })
        .await
    }
}

/// The same within a transaction.
pub(crate) async fn count_uses(
    link: &mut Link,
    id: CalendarId,
) -> Result<CalendarUses, StoreError> {
    static SELECT: Statement = Statement::new(
        "select count(*), count(case when j.calendar_version < c.rules_version then 1 end)
        from jobs j
        join calendars c on c.id = j.calendar_id
        where j.calendar_id = ?",
    );
    let row = link.only_row(&SELECT, args![id]).await?;
    let mut cells = row.cells();
    let (jobs, behind) = (cells.small()?.into(), cells.small()?.into());
    Ok(CalendarUses { jobs, behind })
}
