//! The jobs that a filter and a query admit, page by page: what memory knows first, then the last runs of those that
//! are left, so many jobs a page at most.

use std::collections::HashMap;
use std::sync::Arc;

use carillon_core::identity::JobId;
use carillon_store::{LastRun, StoreError};

use super::query::Query;
use crate::app::App;
use crate::roster::{Entry, Filter, Place};

/// Jobs whose last runs are asked for at once, round by round; a page may be short after them and go on all the same.
const ROUNDS: [usize; 2] = [100, 500];

/// One page.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) entries: Vec<Arc<Entry>>,
    /// Where the next page begins; none when nothing follows.
    pub(crate) next: Option<Place>,
    /// How many there are on all pages, where that is known without looking at runs.
    pub(crate) count: Option<usize>,
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
        let (mut entries, count) = app.roster.find(filter, after.as_ref(), limit + 1);
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| has_more);
        let next = next.map(|entry| entry.place());
        return Ok(Found {
            entries,
            next,
            count: Some(count),
        });
    }
    let is_first = after.is_none();
    let mut found = Found {
        next: after,
        ..Found::default()
    };
    for size in ROUNDS {
        let round = app.roster.list(filter, found.next.as_ref(), size);
        let ids: Vec<JobId> = round.iter().map(|entry| entry.id).collect();
        let runs = app.store.last_runs(&ids).await?;
        let last: HashMap<JobId, LastRun> =
            runs.into_iter().map(|run| (run.tick.job, run)).collect();
        let is_last_round = round.len() < size;
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
            found.count = is_first.then_some(found.entries.len());
            return Ok(found);
        }
    }
    Ok(found)
}
