//! Which fault may be the cause of what: a tick that did not run needs one that was there in its time and can have done it.

use super::fault::{Kind, Suffered};
use super::history::{History, Row};

/// Seconds after its end in which a fault is still felt: programs start again, connections are made anew, what a node
/// held is compared with its journal, and an agent that heard nothing has asked again.
const FELT_AFTER_US: i64 = 5_000_000;

/// A claim is made so long before the fire time, and what precedes it is measured by this, too.
const AHEAD_US: i64 = 1_000_000;

/// What explains that a tick did not run, or that nobody knows how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excuse {
    /// A fault of the timetable.
    Injected,
    /// Nothing but that the machine was busy with something else.
    BusyMachine,
}

/// The better one of those there are.
pub(crate) fn excuse(history: &History, row: &Row) -> Option<Excuse> {
    let node = history.node_name(row.node);
    let (from, until) = trial(row);
    let may = |fault: &&Suffered| {
        can_cause(fault.kind, &row.outcome, &row.reason)
            && !costs_no_tick(fault)
            && node.is_none_or(|node| fault.target.touches(node))
            && meets(fault, from, until)
    };
    let found = history.faults.iter().filter(may);
    let excuses = found.map(|fault| match fault.kind {
        Kind::MachineBusy => Excuse::BusyMachine,
        _ => Excuse::Injected,
    });
    excuses.min_by_key(|excuse| *excuse == Excuse::BusyMachine)
}

/// Whether anything was wrong with this node, or with what it needs, between two moments.
pub(crate) fn was_troubled(history: &History, node: Option<&str>, from: i64, until: i64) -> bool {
    history.faults.iter().any(|fault| {
        !costs_no_tick(fault)
            && node.is_none_or(|node| fault.target.touches(node))
            && meets(fault, from, until)
    })
}

/// Whether the node's runner stood still from one moment to the other.
pub(crate) fn was_stopped(history: &History, node: &str, from: i64, until: i64) -> bool {
    history.faults.iter().any(|fault| {
        fault.kind == Kind::RunnerStopped
            && fault.target.touches(node)
            && fault.from_us <= from
            && until <= fault.until_us
    })
}

/// The time in which it would have been decided and started; for one that had been claimed, until its record was closed.
fn trial(row: &Row) -> (i64, i64) {
    let until = match row.outcome.as_str() {
        "lost" | "interrupted" => row.ended_us.unwrap_or(row.start_until_us),
        _ => row.last_us + (row.start_until_us - row.fire_us),
    };
    (row.fire_us - AHEAD_US, until)
}

fn meets(fault: &Suffered, from: i64, until: i64) -> bool {
    fault.from_us <= until && from <= fault.until_us + FELT_AFTER_US
}

/// Redis decides nothing: whatever befalls it costs no tick. An edit costs none either; what it overtakes is skipped.
fn costs_no_tick(fault: &Suffered) -> bool {
    use super::fault::Target::{Job, Redis, RedisEdge};
    matches!(fault.target, Redis | RedisEdge(_) | Job(_))
}

fn can_cause(kind: Kind, outcome: &str, reason: &str) -> bool {
    use Kind::{
        AgentKilled, AgentStopped, ConnectionsKilled, DatabaseKilled, DatabaseReadOnly,
        DatabaseStopped, EdgeBlackHole, EdgeHalfOpen, EdgeReset, EdgeSlow, MachineBusy,
        NodeDrained, NodeKilled, NodeRestarted, ReplyDropped, RollingRestart, RunnerKilled,
        RunnerStopped,
    };
    let store = [
        DatabaseKilled,
        DatabaseStopped,
        ConnectionsKilled,
        DatabaseReadOnly,
        EdgeSlow,
        EdgeBlackHole,
        EdgeHalfOpen,
        EdgeReset,
        ReplyDropped,
        MachineBusy,
    ];
    let node = [
        AgentKilled,
        AgentStopped,
        NodeKilled,
        RunnerKilled,
        RunnerStopped,
        NodeRestarted,
        RollingRestart,
        MachineBusy,
    ];
    let (is_store, is_node) = (store.contains(&kind), node.contains(&kind));
    match (outcome, reason) {
        ("missed", "store_unavailable") => is_store,
        // Every node drained leaves nobody; one drained leaves its own seats.
        ("missed", "no_eligible_node") => is_node || kind == NodeDrained,
        // The runner had a place and did not use it.
        ("missed", "no_capacity") => is_store || is_node,
        ("missed", _) => is_store || is_node || kind == NodeDrained,
        // Only the end of a runner hides the end of a command.
        ("interrupted", _) => [NodeKilled, RunnerKilled].contains(&kind),
        ("lost", _) => is_store || is_node,
        _ => false,
    }
}
