//! That something was used: a mark that is good to have, and that nobody is refused or kept waiting for.

use std::time::Duration;

use crate::Store;
use crate::row::Value;
use crate::statement::Statement;

/// Somebody waits no longer for it.
const PATIENCE: Duration = Duration::from_millis(250);

impl Store {
    /// Makes the mark, if the store takes it at once; the next use makes it otherwise.
    pub(crate) async fn mark_use(&self, statement: &'static Statement, values: Vec<Value>) {
        let marked = self
            .write(PATIENCE, || async {
                let mut change = self.begin().await?;
                change.execute(statement, values.clone()).await?;
                change.commit().await
            })
            .await;
        if let Err(error) = marked {
            tracing::debug!("a use was not marked: {error}");
        }
    }
}
