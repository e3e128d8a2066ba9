//! The indexes along which runs are listed, and what is asked along each of them.

use carillon_core::run::{Outcome, Phase};

use crate::row::Value;
use crate::run_list::RunFilter;
use crate::run_row::run_columns;
use crate::statement::Statement;

// Keys come first, so many and no more, from an index that has them in the order of the list; only they are looked up,
// and only what is shown gets its names. The index is told: by its statistics the optimizer likes to begin with another
// table, or to sort all runs of a job.
macro_rules! keys {
    ($index:expr, $access:expr, $time:expr) => {
        concat!(
            "select r.fire_time, r.job_id, r.kind, r.slot
            from runs r ",
            $index,
            " where ",
            $access,
            " and ",
            $time,
            " >= ? and ",
            $time,
            " <= ?
                and (",
            $time,
            " < ? or r.job_id < ? or (r.job_id = ? and (r.kind < ? or (r.kind = ? and r.slot < ?))))
            order by ",
            $time,
            " desc, r.fire_time desc, r.job_id desc, r.kind desc, r.slot desc "
        )
    };
}

/// The runs of these keys that are wanted, with their names.
macro_rules! wanted {
    ($keys:expr) => {
        concat!(
            "select ",
            run_columns!(),
            ", j.name, j.group_id, n.name
            from (",
            $keys,
            ") as page
            {then} runs r
                on r.fire_time = page.fire_time and r.job_id = page.job_id
                and r.kind = page.kind and r.slot = page.slot
            left join jobs j on j.id = r.job_id
            left join nodes n on n.id = r.node_id
            where (? is null or instr(?, concat(',', r.state, ',')) > 0)
                and (? is null or instr(?, concat(',', r.outcome, ',')) > 0)
                and (? is null or r.node_id = ?)
                and (? is null or r.run_trigger = ?)
            order by r.fire_time desc, r.job_id desc, r.kind desc, r.slot desc
            limit ?"
        )
    };
}

/// Those of the keys whose jobs are in these groups.
macro_rules! of_groups {
    ($keys:expr) => {
        concat!(
            "select looked.fire_time, looked.job_id, looked.kind, looked.slot
            from (",
            $keys,
            " limit ?) as looked
            {then} (
                select distinct j.id
                from {batch(group_id)}
                {then} jobs j on j.group_id = batch.group_id) as own on own.id = looked.job_id
            order by looked.fire_time desc, looked.job_id desc, looked.kind desc, looked.slot desc
            limit ?"
        )
    };
}

/// Those of the keys that did not succeed: the index of trouble knows them, and the runs themselves, which lie far apart,
/// are looked up for those alone.
macro_rules! in_trouble {
    ($keys:expr, $index:literal) => {
        concat!(
            "select t.fire_time, t.job_id, t.kind, t.slot
            from (",
            $keys,
            " limit ?) as near
            {then} runs t ",
            $index,
            " on t.trouble_time = near.fire_time and t.fire_time = near.fire_time
                and t.job_id = near.job_id and t.kind = near.kind and t.slot = near.slot
            order by t.fire_time desc, t.job_id desc, t.kind desc, t.slot desc "
        )
    };
}

/// What is asked along one index.
#[derive(Clone, Copy)]
pub(crate) struct Questions {
    /// The list, of all groups.
    pub(crate) all: &'static Statement,
    /// The list, of some groups.
    pub(crate) of_groups: &'static Statement,
    /// The key of the run that stands so many places further down; the index alone knows it.
    pub(crate) further_down: &'static Statement,
}

macro_rules! questions {
    ($index:literal, $access:literal, $time:literal) => {
        questions!(
            concat!("force index (", $index, ")"),
            concat!("indexed by ", $index),
            $access,
            $time
        )
    };
    ($mysql:expr, $sqlite:expr, $access:literal, $time:literal) => {
        questions!(
            keys!($mysql, $access, $time),
            keys!($sqlite, $access, $time);
            $mysql, $sqlite, $access, $time
        )
    };
    // What is looked at, and the keys that say how far that goes.
    ($looked:expr, $looked_sqlite:expr; $mysql:expr, $sqlite:expr, $access:literal, $time:literal) => {{
        static ALL: Statement = Statement::of(
            wanted!(concat!($looked, "limit ?")),
            wanted!(concat!($looked_sqlite, "limit ?")),
        );
        static OF_GROUPS: Statement = Statement::of(
            wanted!(of_groups!($looked)),
            wanted!(of_groups!($looked_sqlite)),
        );
        static FURTHER_DOWN: Statement = Statement::of(
            concat!(keys!($mysql, $access, $time), "limit 1 offset ?"),
            concat!(keys!($sqlite, $access, $time), "limit 1 offset ?"),
        );
        Questions {
            all: &ALL,
            of_groups: &OF_GROUPS,
            further_down: &FURTHER_DOWN,
        }
    }};
}

/// The index by which runs are read in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    All,
    OfJob,
    OfJobInTrouble,
    OfNode,
    InTrouble,
    Open,
}

/// So many runs are looked at in each round, as long as a page is not full: what many runs are is found in the first.
const LOOKS: &[u32] = &[1_000, 1_000];
/// More where an index says which of them are in trouble,
const LOOKS_FOR_TROUBLE: &[u32] = &[1_000, 2_000];
/// or where the key says whether a run is wanted, since none of the others is read then.
const LOOKS_AT_KEYS: &[u32] = &[1_000, 4_000, 15_000];

impl Way {
    /// The way on which the fewest runs are looked at that are not wanted.
    pub(crate) fn to(filter: &RunFilter) -> Way {
        let asks_open = !filter.states.is_empty() && !filter.states.contains(&Phase::Done);
        let asks_trouble =
            !filter.outcomes.is_empty() && !filter.outcomes.contains(&Outcome::Succeeded);
        match (filter.job, filter.node) {
            (Some(_), _) if asks_trouble => Way::OfJobInTrouble,
            (Some(_), _) => Way::OfJob,
            (None, _) if asks_open => Way::Open,
            (None, Some(_)) => Way::OfNode,
            (None, None) if asks_trouble => Way::InTrouble,
            (None, None) => Way::All,
        }
    }

    /// What is asked on it.
    pub(crate) fn questions(self) -> Questions {
        match self {
            Way::All => questions!("force index (primary)", "", "1 = 1", "r.fire_time"),
            Way::OfJob => questions!("runs_by_job", "r.job_id = ?", "r.fire_time"),
            Way::OfJobInTrouble => questions!(
                in_trouble!(
                    keys!("force index (runs_by_job)", "r.job_id = ?", "r.fire_time"),
                    "force index (runs_in_trouble)"
                ),
                in_trouble!(
                    keys!("indexed by runs_by_job", "r.job_id = ?", "r.fire_time"),
                    "indexed by runs_in_trouble"
                );
                "force index (runs_by_job)",
                "indexed by runs_by_job",
                "r.job_id = ?",
                "r.fire_time"
            ),
            Way::OfNode => questions!("runs_by_node", "r.node_id = ?", "r.fire_time"),
            // The index holds only what did not succeed, in the order of time.
            Way::InTrouble => questions!(
                "runs_in_trouble",
                "r.trouble_time is not null",
                "r.trouble_time"
            ),
            Way::Open => questions!("runs_open", "r.open_job > 0", "r.fire_time"),
        }
    }

    /// What stands before all other values of the statements.
    pub(crate) fn key(self, filter: &RunFilter) -> Vec<Value> {
        match self {
            Way::OfJob | Way::OfJobInTrouble => filter.job.map(Value::from).into_iter().collect(),
            Way::OfNode => filter.node.map(Value::from).into_iter().collect(),
            Way::All | Way::InTrouble | Way::Open => Vec::new(),
        }
    }

    /// How many runs to look at, round by round.
    pub(crate) fn looks(self, filter: &RunFilter) -> &'static [u32] {
        match self {
            _ if self.is_straight(filter) => LOOKS_AT_KEYS,
            Way::OfJobInTrouble => LOOKS_FOR_TROUBLE,
            Way::All | Way::OfJob | Way::OfNode | Way::InTrouble | Way::Open => LOOKS,
        }
    }

    /// Whether the keys alone say which runs are wanted, but for their groups.
    pub(crate) fn is_straight(self, filter: &RunFilter) -> bool {
        let node_is_key = filter.node.is_none() || self == Way::OfNode;
        node_is_key
            && filter.states.is_empty()
            && filter.outcomes.is_empty()
            && filter.trigger.is_none()
    }
}
