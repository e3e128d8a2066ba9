//! The jobs that a filter and a query admit, page by page: what memory knows first, then the last runs of those that
//! are left, so many jobs a page at most.

use std::collections::HashMap;
use std::sync::Arc;

use carillon_core::identity::JobId;
use carillon_store::{Run, StoreError};

use super::query::Query;
use crate::app::App;
use crate::roster::{Entry, Filter, Place};

/// Jobs whose last run is asked for at once.
const ROUND: usize = 100;
/// Rounds for one page; a page may be short and go on all the same.
const ROUNDS_MAX: usize = 10;

/// One page.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) entries: Vec<Arc<Entry>>,
    /// Where the next page begins; none when nothing follows.
    pub(crate) next: Option<Place>,
}

/// The jobs after a place, at most `limit`. The filter has the query's tests already.
/// # Errors
/// When the store does not answer.
pub(crate) async fn search(
    app: &App,
    (filter, query): (&Filter, &Query),
    after: Option<Place>,
    limit: usize,
) -> Result<Found, StoreError> {
    if !query.asks_for_runs() {
        let mut entries = app.roster.list(filter, after.as_ref(), limit + 1);
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| has_more);
        let next = next.map(|entry| entry.place());
        return Ok(Found { entries, next });
    }
    let mut found = Found {
        next: after,
        ..Found::default()
    };
    for _ in 0..ROUNDS_MAX {
        let round = app.roster.list(filter, found.next.as_ref(), ROUND);
        let ids: Vec<JobId> = round.iter().map(|entry| entry.id).collect();
        let runs = app.store.latest_runs(&ids, 1).await?;
        let last: HashMap<JobId, Run> = runs.into_iter().map(|run| (run.tick.job, run)).collect();
        let is_last_round = round.len() < ROUND;
        for entry in round {
            if found.entries.len() == limit {
                return Ok(found);
            }
            found.next = Some(entry.place());
            if query.admits_last(last.get(&entry.id)) {
                found.entries.push(entry);
            }
        }
        if is_last_round {
            found.next = None;
            return Ok(found);
        }
    }
    Ok(found)
}
