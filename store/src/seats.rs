//! The seats of a tick are for different nodes: a node that has had one gets no other.

use std::collections::HashMap;

use carillon_core::identity::NodeId;
use carillon_core::run::{Outcome, Phase, takes_seat};
use carillon_core::tick::Tick;

use crate::error::StoreError;
use crate::link::Link;
use crate::row::{Cells, Origin, args};
use crate::run_row::{key_batch, read_tick};
use crate::statement::Statement;

/// The seats that one node has, or had, among the occurrences it asks for: slots by their first seat.
#[derive(Debug, Default)]
pub(crate) struct Seats(HashMap<Tick, Vec<i64>>);

impl Seats {
    pub(crate) fn insert(&mut self, tick: Tick) {
        self.0.entry(tick.first_seat()).or_default().push(tick.slot);
    }

    /// Whether the node sits elsewhere at the same occurrence.
    pub(crate) fn holds_another(&self, tick: Tick) -> bool {
        let slots = self.0.get(&tick.first_seat());
        slots.is_some_and(|slots| slots.iter().any(|slot| *slot != tick.slot))
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
        let seat = read_seat(&mut row.cells())?;
        if seat.is_taken {
            seats.insert(seat.tick);
        }
    }
    Ok(seats)
}

/// A run as far as its seat goes.
pub(crate) struct Seat {
    pub(crate) tick: Tick,
    pub(crate) state: Phase,
    pub(crate) outcome: Option<Outcome>,
    /// Whether it keeps its node from another seat.
    pub(crate) is_taken: bool,
}

/// Reads `fire_time, job_id, kind, slot, state, outcome, attempt`.
pub(crate) fn read_seat(cells: &mut Cells<'_>) -> Result<Seat, StoreError> {
    let tick = read_tick(cells)?;
    let origin = Origin {
        table: "runs",
        id: &tick,
    };
    let state = origin.parse("state", &cells.text()?)?;
    let outcome = origin.parse_or_none("outcome", cells.text_or_none()?)?;
    let attempt = u32::try_from(cells.int()?).unwrap_or(u32::MAX);
    Ok(Seat {
        tick,
        state,
        outcome,
        is_taken: takes_seat(state, outcome, attempt),
    })
}
