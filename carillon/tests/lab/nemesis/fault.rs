//! The kinds of faults there are, what they befall, and how both are written down.

use std::fmt;
use std::str::FromStr;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    AgentKilled,
    RunnerKilled,
    NodeKilled,
    AgentStopped,
    RunnerStopped,
    NodeDrained,
    NodeRestarted,
    RollingRestart,
    RedisKilled,
    RedisFlushed,
    RedisStopped,
    RedisSlow,
    RedisBlackHole,
    DatabaseKilled,
    DatabaseStopped,
    ConnectionsKilled,
    DatabaseReadOnly,
    EdgeSlow,
    EdgeBlackHole,
    EdgeHalfOpen,
    EdgeReset,
    ReplyDropped,
    JobEdited,
    JobSwitched,
    JobDeleted,
    /// Done by nobody here: other programs had more than half of the machine.
    MachineBusy,
}

/// A kind's word, how often it is drawn, and how long it lasts, in milliseconds.
pub(crate) type Habit = (Kind, &'static str, u64, (u64, u64));

pub(crate) const HABITS: [Habit; 26] = [
    (Kind::AgentKilled, "agent_killed", 6, (500, 20_000)),
    (Kind::RunnerKilled, "runner_killed", 5, (1, 1)),
    (Kind::NodeKilled, "node_killed", 4, (500, 20_000)),
    (Kind::AgentStopped, "agent_stopped", 4, (500, 12_000)),
    (Kind::RunnerStopped, "runner_stopped", 4, (500, 8_000)),
    (Kind::NodeDrained, "node_drained", 3, (2_000, 10_000)),
    (Kind::NodeRestarted, "node_restarted", 3, (3_000, 4_000)),
    (Kind::RollingRestart, "rolling_restart", 1, (9_000, 12_000)),
    (Kind::RedisKilled, "redis_killed", 3, (200, 15_000)),
    (Kind::RedisFlushed, "redis_flushed", 2, (1_000, 8_000)),
    (Kind::RedisStopped, "redis_stopped", 2, (500, 8_000)),
    (Kind::RedisSlow, "redis_slow", 2, (1_000, 8_000)),
    (Kind::RedisBlackHole, "redis_black_hole", 2, (1_000, 8_000)),
    (Kind::DatabaseKilled, "database_killed", 2, (500, 10_000)),
    (Kind::DatabaseStopped, "database_stopped", 2, (500, 8_000)),
    (
        Kind::ConnectionsKilled,
        "connections_killed",
        2,
        (1_000, 6_000),
    ),
    (
        Kind::DatabaseReadOnly,
        "database_read_only",
        1,
        (1_000, 6_000),
    ),
    (Kind::EdgeSlow, "edge_slow", 4, (1_000, 10_000)),
    (Kind::EdgeBlackHole, "edge_black_hole", 4, (500, 12_000)),
    (Kind::EdgeHalfOpen, "edge_half_open", 3, (500, 10_000)),
    (Kind::EdgeReset, "edge_reset", 4, (1, 4_000)),
    (Kind::ReplyDropped, "reply_dropped", 5, (2_000, 15_000)),
    (Kind::JobEdited, "job_edited", 8, (1, 1)),
    (Kind::JobSwitched, "job_switched", 5, (500, 8_000)),
    (Kind::JobDeleted, "job_deleted", 3, (500, 8_000)),
    (Kind::MachineBusy, "machine_busy", 0, (1, 1)),
];

impl Kind {
    fn habit(self) -> &'static Habit {
        let own = HABITS.iter().find(|habit| habit.0 == self);
        own.expect("every kind has its habit")
    }

    pub(crate) fn word(self) -> &'static str {
        self.habit().1
    }

    /// How long it lasts.
    pub(crate) fn lengths(self) -> (u64, u64) {
        self.habit().3
    }

    /// What is done again and again while it lasts, so many milliseconds apart.
    pub(crate) fn repeats_ms(self) -> Option<u64> {
        match self {
            Kind::RedisFlushed | Kind::ReplyDropped => Some(200),
            Kind::RedisSlow => Some(600),
            Kind::ConnectionsKilled => Some(700),
            Kind::EdgeReset => Some(400),
            _ => None,
        }
    }
}

/// Whom it befalls. Nodes are counted from 0, and called `n1`, `n2`, … by everybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Node(usize),
    EveryNode,
    Redis,
    Database,
    RedisEdge(usize),
    DatabaseEdge(usize),
    /// By its number in the load.
    Job(usize),
    Machine,
}

impl Target {
    /// Whether one cannot be judged, or not be done, beside the other.
    pub(crate) fn collides(self, other: Self) -> bool {
        use Target::{EveryNode, Node, Redis, RedisEdge};
        match (self, other) {
            (EveryNode, Node(_)) | (Node(_), EveryNode) => true,
            (Redis, RedisEdge(_)) | (RedisEdge(_), Redis) => true,
            (one, other) => one == other,
        }
    }

    /// Whether this node has it: itself, its ways, or what all share.
    pub(crate) fn touches(self, node: &str) -> bool {
        match self {
            Target::Node(own) | Target::RedisEdge(own) | Target::DatabaseEdge(own) => {
                node == node_name(own)
            }
            Target::Job(_) => false,
            _ => true,
        }
    }
}

pub(crate) fn node_name(node: usize) -> String {
    format!("n{}", node + 1)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Node(node) => f.write_str(&node_name(*node)),
            Target::EveryNode => f.write_str("every-node"),
            Target::Redis => f.write_str("redis"),
            Target::Database => f.write_str("database"),
            Target::RedisEdge(node) => write!(f, "{}-redis", node_name(*node)),
            Target::DatabaseEdge(node) => write!(f, "{}-database", node_name(*node)),
            Target::Job(job) => write!(f, "job-{job}"),
            Target::Machine => f.write_str("machine"),
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no target");
        let number = |digits: &str| digits.parse::<usize>().map_err(|_| wrong());
        let node = |name: &str| number(name.strip_prefix('n').unwrap_or("")).map(|n| n - 1);
        Ok(match (text, text.split_once('-')) {
            ("every-node", _) => Target::EveryNode,
            ("redis", _) => Target::Redis,
            ("database", _) => Target::Database,
            ("machine", _) => Target::Machine,
            (_, Some(("job", job))) => Target::Job(number(job)?),
            (_, Some((name, "redis"))) => Target::RedisEdge(node(name)?),
            (_, Some((name, "database"))) => Target::DatabaseEdge(node(name)?),
            (name, _) => Target::Node(node(name)?),
        })
    }
}

/// A fault as it was, by the machine's clock in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Suffered {
    pub(crate) kind: Kind,
    pub(crate) target: Target,
    pub(crate) from_us: i64,
    pub(crate) until_us: i64,
}

impl Suffered {
    /// Reads `kind target from until`, separated by tabs.
    pub(crate) fn parse(line: &str) -> Self {
        let cells: Vec<&str> = line.split('\t').collect();
        let [kind, target, from, until] = cells[..] else {
            panic!("{line:?} is no fault");
        };
        let habit = HABITS.iter().find(|habit| habit.1 == kind);
        let us = |text: &str| text.parse().expect("a time is a number");
        Self {
            kind: habit.expect("a word of a kind").0,
            target: target.parse().expect("a target"),
            from_us: us(from),
            until_us: us(until),
        }
    }

    pub(crate) fn line(&self) -> String {
        let word = self.kind.word();
        format!(
            "{word}\t{}\t{}\t{}\n",
            self.target, self.from_us, self.until_us
        )
    }
}
