//! The job that a person means.

use carillon_core::identity::JobId;

use crate::Store;
use crate::error::StoreError;
use crate::link::Link;
use crate::row::args;
use crate::statement::Statement;

impl Store {
    /// The job of that number, or of that name where one group alone has such a job.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Rejected`] when several groups have one, [`StoreError::Unavailable`] without
    /// an answer.
    pub async fn job_called(&self, text: &str) -> Result<JobId, StoreError> {
        static BY_NAME: Statement =
            Statement::new("select id from jobs where live_name = ? order by id limit 2");
        static BY_NUMBER: Statement =
            Statement::new("select id from jobs where id = ? and deleted_at is null");
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = match text.parse::<JobId>() {
                Ok(id) => link.rows(&BY_NUMBER, args![id]).await?,
                Err(_) => link.rows(&BY_NAME, args![text]).await?,
            };
            match rows.as_slice() {
                [] => Err(StoreError::NotFound {
                    what: "job",
                    id: text.to_owned(),
                }),
                [row] => row.cells().job(),
                [..] => Err(StoreError::Rejected(format!(
                    "several groups have a job {text:?}; give its number"
                ))),
            }
        })
        .await
    }
}
