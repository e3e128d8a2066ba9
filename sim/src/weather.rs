//! What goes wrong in a world, drawn before it begins.

use carillon_core::identity::NodeId;

use crate::dice::Dice;
use crate::happening::Fault;
use crate::time::{MILLISECOND, Micros, SECOND};

/// How often small things go wrong, per thousand, and how big things are spread.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    pub(crate) request_lost: u32,
    pub(crate) reply_lost: u32,
    /// The request is applied long after the asker has given up.
    pub(crate) late: u32,
    pub(crate) twice: u32,
    pub(crate) slow: u32,
    /// An agent dies between two acts.
    pub(crate) step_crash: u32,
    /// A runner dies between journal and start.
    pub(crate) runner_crash: u32,
    pub(crate) spawn_refused: u32,
    /// Microseconds a second that clocks drift at most.
    pub(crate) drift_max: Micros,
}

impl Weather {
    /// One world in eight is calm: there, every tick must simply run.
    pub(crate) fn draw(seed: u64, dice: &mut Dice) -> Self {
        if seed.is_multiple_of(8) {
            return Weather::default();
        }
        Weather {
            request_lost: *dice.pick(&[0, 5, 30, 100]),
            reply_lost: *dice.pick(&[0, 5, 30, 100]),
            late: *dice.pick(&[0, 5, 30]),
            twice: *dice.pick(&[0, 20]),
            slow: *dice.pick(&[0, 20, 200]),
            step_crash: *dice.pick(&[0, 0, 2, 8]),
            runner_crash: *dice.pick(&[0, 0, 10]),
            spawn_refused: *dice.pick(&[0, 0, 20, 200]),
            drift_max: *dice.pick(&[0, 200, 20 * MILLISECOND]),
        }
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.drift_max == 0 && self.request_lost + self.reply_lost + self.late + self.slow == 0
    }

    /// When, after the world has begun, which fault.
    pub(crate) fn draw_faults(length: Micros, nodes: i64, dice: &mut Dice) -> Vec<(Micros, Fault)> {
        let count = dice.between(0, 1 + *dice.clone().pick(&[4, 12, 24]));
        let mut faults: Vec<_> = (0..count)
            .map(|_| (dice.between(SECOND, length), draw_fault(nodes, dice)))
            .collect();
        if dice.chance(200) {
            faults.push((dice.between(SECOND, length), Fault::Join(NodeId(nodes + 1))));
        }
        faults
    }
}

fn draw_fault(nodes: i64, dice: &mut Dice) -> Fault {
    let node = NodeId(dice.between(1, nodes + 1));
    let short = dice.between(100 * MILLISECOND, 8 * SECOND);
    let long = dice.between(SECOND, *dice.clone().pick(&[10, 50]) * SECOND);
    let step = dice.between(-4, 5) * *dice.clone().pick(&[200 * MILLISECOND, 3 * SECOND]);
    match dice.between(0, 30) {
        0..=4 => Fault::AgentCrash(node),
        5 | 6 => Fault::RunnerCrash(node),
        7 | 8 => Fault::HostCrash(node),
        9 | 10 => Fault::AgentPause(node, long),
        11 | 12 => Fault::Freeze(node, long),
        13 => Fault::ClockStep(node, step),
        14 | 15 => Fault::StoreDown(long),
        16 => Fault::StoreClockStep(step),
        17 | 18 => Fault::Partition(node, long),
        19 => Fault::LocksDown(long),
        20 | 21 => Fault::LocksWipe,
        22 => Fault::LocksDeny(short),
        23 => Fault::LocksGrant(short),
        24 => Fault::Leave(node),
        25 => Fault::Drain(node, long),
        26 | 27 => Fault::Edit,
        28 => Fault::Delete,
        _ => Fault::RunNow,
    }
}
