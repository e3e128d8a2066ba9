//! The seats of a tick are for different nodes: a node that has had one gets no other.

use std::collections::HashSet;

use carillon_core::identity::NodeId;
use carillon_core::run::takes_seat;
use carillon_core::tick::Tick;

use crate::error::StoreError;
use crate::link::Link;
use crate::row::{Origin, args};
use crate::run_row::{key_batch, read_tick};
use crate::statement::Statement;

/// The seats that one node has, or had, among the occurrences it asks for.
#[derive(Debug, Default)]
pub(crate) struct Seats(HashSet<Tick>);

impl Seats {
    pub(crate) fn insert(&mut self, tick: Tick) {
        self.0.insert(tick);
    }

    /// Whether the node sits elsewhere at the same occurrence.
    pub(crate) fn holds_another(&self, tick: Tick) -> bool {
        self.0.iter().any(|seat| seat.is_other_seat(tick))
    }
}

/// The seats of `node` at the occurrences of these ticks.
pub(crate) async fn seats_of(
    link: &mut Link,
    node: NodeId,
    ticks: impl Iterator<Item = Tick>,
) -> Result<Seats, StoreError> {
    static SELECT: Statement = Statement::new(
        "select r.fire_time, r.job_id, r.kind, r.slot, r.state, r.outcome, r.attempt
        from {batch(fire_time, job_id, kind, slot)}
        {then} runs r
            on r.fire_time = batch.fire_time and r.job_id = batch.job_id and r.kind = batch.kind
            and r.slot <> batch.slot and r.node_id = ?",
    );
    let mut seats = Seats::default();
    for row in &link.rows(&SELECT, args![key_batch(ticks), node]).await? {
        let mut cells = row.cells();
        let tick = read_tick(&mut cells)?;
        let origin = Origin {
            table: "runs",
            id: &tick,
        };
        let state = origin.parse("state", &cells.text()?)?;
        let outcome = origin.parse_or_none("outcome", cells.text_or_none()?)?;
        let attempt = u32::try_from(cells.int()?).unwrap_or(u32::MAX);
        if takes_seat(state, outcome, attempt) {
            seats.insert(tick);
        }
    }
    Ok(seats)
}
