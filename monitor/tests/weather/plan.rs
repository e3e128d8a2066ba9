//! What happens when, from a seed: each node has one long outage and some short ones, in an order nobody chose.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// Nodes that fall silent.
pub(crate) const NODES: usize = 10;
/// Nodes that are stopped in order; nobody is told.
pub(crate) const LEAVERS: usize = 2;
/// Nothing else happens around the database's outage, so that it is judged alone.
const CALM_BEFORE: u64 = 25;
const CALM_AFTER: u64 = 45;
/// Longer than a silence that is told.
const DATABASE_AWAY: u64 = 25;

/// A reproducible sequence of numbers (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, from: u64, until: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        from + (mixed ^ (mixed >> 31)) % (until - from)
    }
}

/// Something that is done to the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    Kill(usize),
    Start(usize),
    Pause(usize),
    Resume(usize),
    Leave(usize),
    Return(usize),
    MailDown,
    MailUp,
    KillMonitor(usize),
    StartMonitor(usize),
    DatabaseDown,
    DatabaseUp,
    /// A run of a job that fails, and one that does well.
    Fail(usize),
    Succeed(usize),
    /// Whatever is still down comes back.
    ClearUp,
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Deed::Kill(node) => write!(f, "kill -9 of the agent of web-{node:02}"),
            Deed::Start(node) => write!(f, "web-{node:02} starts again"),
            Deed::Pause(node) => write!(f, "the agent of web-{node:02} hangs"),
            Deed::Resume(node) => write!(f, "web-{node:02} goes on"),
            Deed::Leave(node) => write!(f, "the agent of leaver-{node} is stopped in order"),
            Deed::Return(node) => write!(f, "leaver-{node} starts again"),
            Deed::MailDown => write!(f, "the mail server goes down"),
            Deed::MailUp => write!(f, "the mail server is back"),
            Deed::KillMonitor(number) => write!(f, "kill -9 of monitor {number}"),
            Deed::StartMonitor(number) => write!(f, "monitor {number} starts again"),
            Deed::DatabaseDown => write!(f, "nobody reaches the database"),
            Deed::DatabaseUp => write!(f, "the database answers again"),
            Deed::Fail(job) => write!(f, "job-{job} fails"),
            Deed::Succeed(job) => write!(f, "job-{job} does well"),
            Deed::ClearUp => write!(f, "the weather is over"),
        }
    }
}

/// Everything that happens, in its order.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) deeds: Vec<(Duration, Deed)>,
    /// Jobs that fail once.
    pub(crate) jobs: usize,
}

impl Plan {
    /// The weather of `seed`, that lasts for about `lasts`.
    pub(crate) fn roll(seed: u64, lasts: Duration) -> Self {
        let (mut dice, seconds) = (Dice(seed), lasts.as_secs());
        let database_at = dice.roll(seconds / 3, seconds / 2);
        let mut days = Days {
            dice,
            end: seconds.saturating_sub(15),
            calm: database_at - CALM_BEFORE..database_at + DATABASE_AWAY + CALM_AFTER,
            deeds: vec![
                (database_at, Deed::DatabaseDown),
                (database_at + DATABASE_AWAY, Deed::DatabaseUp),
            ],
        };
        (0..NODES).for_each(|node| days.trouble_node(node));
        for node in 0..LEAVERS {
            let away = days.pick(14, 45);
            days.add(away, Deed::Leave(node), Deed::Return(node));
        }
        let jobs = usize::try_from(seconds / 60).unwrap();
        for job in 0..jobs {
            let trouble = days.pick(10, 40);
            days.add(trouble, Deed::Fail(job), Deed::Succeed(job));
        }
        let mut last = 0;
        for _ in 0..seconds / 90 {
            let down = days.pick(5, 25);
            if down.0 > last {
                days.add(down, Deed::MailDown, Deed::MailUp);
                last = down.1;
            }
        }
        for number in 0..2 {
            let down = days.pick(3, 15);
            days.add(down, Deed::KillMonitor(number), Deed::StartMonitor(number));
        }
        let mut deeds = days.deeds;
        deeds.sort_by_key(|(at, _)| *at);
        let deeds = deeds.into_iter();
        Plan {
            deeds: deeds
                .map(|(at, deed)| (Duration::from_secs(at), deed))
                .collect(),
            jobs,
        }
    }
}

impl Plan {
    /// What the long outage of the node of that name is.
    pub(crate) fn kind_of_outage(&self, name: &str) -> &'static str {
        let is_kill = |deed: &Deed| matches!(deed, Deed::Kill(node) if crate::fleet::node_name(*node) == name);
        match self.deeds.iter().any(|(_, deed)| is_kill(deed)) {
            true => "an agent killed with -9",
            false => "an agent that hangs",
        }
    }
}

/// A plan as it grows.
struct Days {
    dice: Dice,
    end: u64,
    /// Around the database's outage.
    calm: Range<u64>,
    deeds: Vec<(u64, Deed)>,
}

impl Days {
    /// A time outside the calm, that is over after so many seconds.
    fn pick(&mut self, from: u64, until: u64) -> (u64, u64) {
        loop {
            let (at, lasts) = (self.dice.roll(15, self.end), self.dice.roll(from, until));
            let is_outside = at + lasts + 15 < self.calm.start || at > self.calm.end;
            if at + lasts < self.end && is_outside {
                return (at, at + lasts);
            }
        }
    }

    fn add(&mut self, (from, until): (u64, u64), begin: Deed, finish: Deed) {
        self.deeds.extend([(from, begin), (until, finish)]);
    }

    fn trouble_node(&mut self, node: usize) {
        let long = self.pick(14, 45);
        match self.dice.roll(0, 2) {
            0 => self.add(long, Deed::Kill(node), Deed::Start(node)),
            _ => self.add(long, Deed::Pause(node), Deed::Resume(node)),
        }
        // A hitch, too short to be told, and not beside the long outage.
        let short = self.pick(2, 5);
        if short.1 + 20 < long.0 || short.0 > long.1 + 20 {
            self.add(short, Deed::Pause(node), Deed::Resume(node));
        }
    }
}
