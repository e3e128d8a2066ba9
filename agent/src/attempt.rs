//! An attempt that this node holds: from the won claim to the report of its end.

use carillon_core::conclusion::{self, AttemptEnd};
use carillon_core::identity::NodeId;
use carillon_core::job::JobSpec;
use carillon_core::launch;
use carillon_core::parameters::Parameters;
use carillon_core::run::{Conclusion, News, Outcome, Reason, Report};
use carillon_core::scheduler::Grant;
use carillon_runner::protocol::{NotStarted, StartOrder};
use jiff::Timestamp;

use crate::clock::Clock;
use crate::message::Story;
use crate::spans::traceparent;

/// What a command learns of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The name of this node.
    pub node: String,
    /// The seat, counted from 0.
    pub slot: i64,
    /// How many seats there are.
    pub slots: i64,
    /// Variables that whoever asked for a manual run gave.
    pub parameters: Parameters,
    /// Whether its run is told to a collector of traces.
    pub is_traced: bool,
}

/// A run that this node owns.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The right to start it.
    pub grant: Grant,
    /// What it executes and under which policies.
    pub spec: JobSpec,
    /// The job's name.
    pub job_name: String,
    /// What its command is told.
    pub surroundings: Surroundings,
    /// When this node knew that it has it (store clock).
    pub held_at: Timestamp,
    /// When the command started (store clock), once it has.
    pub started_at: Option<Timestamp>,
    /// Who asked for its end, if somebody did.
    pub kill_by: Option<String>,
    /// The runner has been told to start it.
    pub(crate) is_ordered: bool,
    /// Its end is known and on its way to the store.
    is_over: bool,
}

impl Attempt {
    /// An attempt that nothing has happened to yet.
    pub fn new(grant: Grant, story: Story, surroundings: Surroundings, held_at: Timestamp) -> Self {
        Attempt {
            grant,
            spec: story.spec,
            job_name: story.name,
            surroundings,
            held_at,
            started_at: None,
            kill_by: None,
            is_ordered: false,
            is_over: false,
        }
    }

    /// Whether its command lives.
    pub fn is_running(&self) -> bool {
        self.started_at.is_some() && !self.is_over
    }

    /// Whether its command has neither started nor been given up.
    pub fn is_waiting(&self) -> bool {
        self.started_at.is_none() && !self.is_over
    }

    /// Whether it takes one of the node's places: the runner has it, and its command has not ended.
    pub(crate) fn takes_place(&self) -> bool {
        self.is_ordered && !self.is_over
    }

    /// Whether its end is known.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// The order for the runner.
    pub fn order(&self, clock: &Clock) -> StartOrder {
        let mut env = self.variables();
        env.extend(self.surroundings.parameters.variables());
        if self.surroundings.is_traced {
            let parent = traceparent(self.grant.tick, self.grant.token);
            env.push(("CARILLON_TRACEPARENT".to_owned(), parent));
        }
        StartOrder {
            token: self.grant.token,
            run: self.grant.tick.to_string(),
            spec: self.spec.launch.clone(),
            env,
            start_at_boottime_ns: clock.surely_reached_boottime_ns(self.grant.start_at),
            not_after_boottime_ns: clock.start_until_boottime_ns(&self.grant),
            run_timeout_ms: self.run_timeout_ms(clock.now()),
        }
    }

    /// What is left of the run's timeout when the attempt begins: now, or at its own time.
    fn run_timeout_ms(&self, now: Timestamp) -> Option<u64> {
        let Grant {
            attempt,
            start_until,
            start_at,
            ..
        } = self.grant;
        let left = conclusion::run_time_left(&self.spec, attempt, start_until, start_at.max(now))?;
        Some(u64::try_from(left.as_millis()).unwrap_or(0))
    }

    fn variables(&self) -> Vec<(String, String)> {
        let Grant { tick, attempt, .. } = self.grant;
        let variables = [
            ("CARILLON_JOB_ID", tick.job.to_string()),
            ("CARILLON_JOB_NAME", self.job_name.clone()),
            ("CARILLON_RUN_ID", tick.to_string()),
            ("CARILLON_FIRE_TIME", tick.fire_time.to_string()),
            ("CARILLON_ATTEMPT", attempt.to_string()),
            ("CARILLON_NODE", self.surroundings.node.clone()),
            ("CARILLON_SLOT", self.surroundings.slot.to_string()),
            ("CARILLON_SLOTS", self.surroundings.slots.to_string()),
            // All attempts of a run are one piece of work to whoever must not do it twice.
            ("CARILLON_IDEMPOTENCY_KEY", tick.to_string()),
            (
                "CARILLON_FENCING_TOKEN",
                tick.fencing_token(attempt).to_string(),
            ),
        ];
        variables
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }

    /// The report that its command lives.
    pub fn started(&mut self, at: Timestamp) -> Report {
        self.started_at = Some(at);
        self.report(News::Started { at })
    }

    /// The report of its end.
    pub fn ended(
        &mut self,
        node: NodeId,
        at: Timestamp,
        ending: Conclusion,
        chance: f64,
    ) -> Report {
        self.is_over = true;
        let started_at = self.started_at;
        let end = AttemptEnd {
            attempt: self.grant.attempt,
            node,
            started_at,
            ended_at: at,
            start_until: self.grant.start_until,
            chance,
        };
        self.report(conclusion::report(&self.spec, end, ending))
    }

    /// The report that nothing was started: another node may still have it, or its time is over.
    pub fn not_started(&mut self, at: Timestamp, reason: Reason, offer_until: Timestamp) -> Report {
        self.is_over = true;
        let news = if at < offer_until {
            News::HandedBack {
                until: offer_until,
                reason,
            }
        } else {
            let ending = Conclusion::without_process(Outcome::Missed, reason);
            News::Ended {
                started_at: None,
                at,
                ending,
            }
        };
        self.report(news)
    }

    fn report(&self, news: News) -> Report {
        Report {
            tick: self.grant.tick,
            token: self.grant.token,
            news,
        }
    }
}

/// What a refusal of the runner means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Another node may do better.
    HandBack(Reason),
    /// The attempt ends here: the job itself cannot be started, or somebody had it ended.
    Ended(launch::Ending),
}

/// Tells a node's trouble from a job's, and both from the wish of a person.
pub fn judge_refusal(why: NotStarted, kill_by: Option<&str>) -> Refusal {
    match why {
        NotStarted::Cancelled if let Some(by) = kill_by => {
            Refusal::Ended(launch::Ending::Killed { by: by.to_owned() })
        }
        NotStarted::Cancelled | NotStarted::ShuttingDown => {
            Refusal::HandBack(Reason::NodeRestarted)
        }
        NotStarted::NotUnderstood { .. } => Refusal::HandBack(Reason::Unreadable),
        NotStarted::TooLate { .. } => Refusal::HandBack(Reason::DeadlinePassed),
        NotStarted::Journal { .. } => Refusal::HandBack(Reason::SpawnRefused),
        NotStarted::Failed { why } if why.is_of_node() => Refusal::HandBack(Reason::SpawnRefused),
        NotStarted::Failed { why } => Refusal::Ended(launch::Ending::CouldNotStart { why }),
    }
}
