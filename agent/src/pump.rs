//! The loop of the agent: news in, the scheduler decides, effects out.
//!
//! Nothing in here waits: every question to a store is a task of its own that comes back as a message, so one slow
//! answer delays no other tick. What the messages mean is told in `performing`, `starting`, `ending` and `owning`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use carillon_core::claim::{BootId, Claimant};
use carillon_core::identity::{JobId, NodeId};
use carillon_core::node::Peer;
use carillon_core::scheduler::{Event, Gate, Scheduler};
use carillon_core::tick::Tick;
use carillon_core::token::{Token, TokenMint};
use carillon_runner::containment::Containment;
use carillon_runner::protocol::AttemptState;
use carillon_store::Store;
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tracing::{debug, error};

use crate::attempt::Attempt;
use crate::clock::Clock;
use crate::heartbeat::Pulse;
use crate::leftovers::Leftovers;
use crate::loaded_job::JobTexts;
use crate::message::{KnownJobs, Message, WantedPlans};
use crate::node_folder::NodeFolder;
use crate::node_health::{Health, NodeHealth};
use crate::outbox::Outbox;
use crate::owning::Journal;
use crate::place_queue::PlaceQueue;
use crate::renewal::Renewal;
use crate::runner_link::RunnerLink;
use crate::stats::Counters;
use crate::tick_lock::TickLock;
use crate::tracer::Tracer;

/// Messages that may wait for the pump.
pub const MESSAGES_MAX: usize = 4096;

/// Claims under way at once; more would only wait inside the store.
const CLAIMS_UNDER_WAY_MAX: usize = 4;

/// Claimed runs that may wait for a free place, for each place.
const WAITING_PER_PLACE: usize = 4;

/// Every so many heartbeats the node compares what is its own by the store with what it holds.
const RECONCILE_EVERY: u32 = 3;

/// Without an alarm the pump looks up this often.
const LOOK_UP_AFTER: Duration = Duration::from_secs(60);

/// Who this node is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// This node, as others see it.
    pub peer: Peer,
    /// This life of its agent.
    pub boot: BootId,
    /// When the agent came up, by the store's clock.
    pub booted_at: Timestamp,
}

/// The hands of the pump.
#[derive(Clone)]
pub struct Hands {
    /// The truth.
    pub store: Store,
    /// The tick lock, where there is one.
    pub lock: Option<TickLock>,
    /// The runner.
    pub link: RunnerLink,
    /// Results and output on their way to the store.
    pub outbox: Outbox,
    /// What time it is.
    pub clock: Clock,
    /// Who is told of what is over, where somebody is.
    pub tracer: Option<Tracer>,
}

/// Why the pump has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything this node held has ended and is recorded.
    Drained,
    /// The agent is to become another executable; commands go on.
    Restarting,
    /// A newer agent has this node's name.
    Replaced,
}

/// What the agent is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Running,
    /// Takes nothing new; ends when what it holds has ended.
    Draining,
    /// Takes nothing new; ends when the answers under way have come.
    Restarting,
}

/// The state of the loop.
pub struct Pump {
    pub(crate) me: Identity,
    pub(crate) hands: Hands,
    pub(crate) scheduler: Scheduler,
    pub(crate) texts: JobTexts,
    /// Jobs this agent does not understand, with the reason.
    pub(crate) corrupt: HashMap<JobId, String>,
    pub(crate) attempts: HashMap<Token, Attempt>,
    /// Claimed attempts that wait for a place on this node.
    pub(crate) waiting: PlaceQueue,
    /// Runs won whose story is on its way.
    pub(crate) preparing: HashMap<Token, Tick>,
    pub(crate) counters: Counters,
    pub(crate) leftovers: Leftovers,
    pub(crate) health: NodeHealth,
    pub(crate) stage: Stage,
    pub(crate) messages: mpsc::Sender<Message>,
    pub(crate) tasks: JoinSet<()>,
    pub(crate) claims: Arc<Semaphore>,
    /// Seeds the jitter of retries.
    pub(crate) chances: TokenMint,
    /// What the runner knew when it was met, of runs that are not held.
    pub(crate) known: HashMap<Token, AttemptState>,
    /// Which runs those are.
    pub(crate) known_ticks: HashMap<Token, Tick>,
    /// What the runner's silence about a run proves.
    pub(crate) journal: Journal,
    /// What the runner can hold commands to.
    pub(crate) containment: Containment,
    /// Whether the runner is to be replaced.
    pub(crate) renewal: Renewal,
    pub(crate) folder: NodeFolder,
    /// Output was left with the runner because too much waited for the store.
    pub(crate) is_output_waiting: bool,
    pulse: watch::Sender<Arc<Pulse>>,
    peers: Vec<Peer>,
    alarm: Option<Timestamp>,
    rounds: u32,
    gate: Gate,
    /// Every edit up to this revision is loaded.
    jobs_revision: i64,
}

impl Pump {
    /// A pump for this node that knows no jobs yet.
    pub fn new(
        me: Identity,
        hands: Hands,
        (folder, seed): (NodeFolder, u128),
        pulse: watch::Sender<Arc<Pulse>>,
        messages: mpsc::Sender<Message>,
    ) -> Self {
        let places = usize::try_from(me.peer.running_max).unwrap_or(usize::MAX);
        let room_max = places.saturating_mul(1 + WAITING_PER_PLACE);
        Pump {
            scheduler: Scheduler::new(me.peer.clone(), room_max, TokenMint::new(seed)),
            me,
            hands,
            texts: JobTexts::default(),
            corrupt: HashMap::new(),
            attempts: HashMap::new(),
            waiting: PlaceQueue::default(),
            preparing: HashMap::new(),
            counters: Counters::default(),
            leftovers: Leftovers::default(),
            health: NodeHealth::default(),
            stage: Stage::Running,
            messages,
            tasks: JoinSet::new(),
            claims: Arc::new(Semaphore::new(CLAIMS_UNDER_WAY_MAX)),
            chances: TokenMint::new(!seed),
            known: HashMap::new(),
            known_ticks: HashMap::new(),
            journal: Journal::Unmet,
            containment: Containment::default(),
            renewal: Renewal::default(),
            is_output_waiting: false,
            folder,
            pulse,
            peers: Vec::new(),
            alarm: None,
            rounds: 0,
            gate: Gate::Closed,
            jobs_revision: -1,
        }
    }

    /// Runs until this node has nothing left to do here.
    pub async fn run(mut self, mut inbox: mpsc::Receiver<Message>) -> Ended {
        loop {
            if let Some(ended) = self.is_over() {
                return ended;
            }
            let pause = self.alarm.map_or(LOOK_UP_AFTER, |alarm| {
                let left = alarm.duration_since(self.hands.clock.now());
                Duration::try_from(left)
                    .unwrap_or(Duration::ZERO)
                    .min(LOOK_UP_AFTER)
            });
            tokio::select! {
                message = inbox.recv() => match message {
                    Some(Message::Replaced) => return Ended::Replaced,
                    Some(message) => self.take_in(message).await,
                    None => return Ended::Drained,
                },
                () = tokio::time::sleep(pause) => self.tell(Event::Woke).await,
                Some(ended) = self.tasks.join_next() => if let Err(panic) = ended {
                    error!("a question to the store ended badly: {panic}");
                },
            }
        }
    }

    async fn take_in(&mut self, message: Message) {
        match message {
            Message::Happened(event) => {
                self.count(&event);
                self.tell(event).await;
            }
            Message::PeersSeen(peers) => self.see_peers(peers).await,
            Message::JobsChanged(items) => self.load_jobs(items).await,
            Message::JobsKnown(revision) => self.jobs_revision = revision,
            Message::Runner(news) => self.hear_runner(news).await,
            Message::Stored(stored) => self.acknowledge(stored).await,
            Message::Prepared { grant, story } => self.start_prepared(grant, story).await,
            Message::Owned(runs) => self.reconcile(runs).await,
            Message::Adopted(adoptions) => self.hold_all_adopted(adoptions).await,
            Message::Judged {
                correctable,
                unwanted,
            } => self.settle_unmatched(correctable, unwanted).await,
            Message::Forgotten(rows) => self.counters.count_forgotten(rows),
            Message::Commanded(commands) => self.obey(commands).await,
            Message::Controlled(call) => self.answer_control(call).await,
            Message::PlansWanted {
                which,
                jobs_revision,
                reply,
            } => {
                let is_known = jobs_revision <= self.jobs_revision;
                self.tell_plans(is_known.then_some(which), reply);
            }
            Message::StoreSeen(health) => self.see_store(health).await,
            Message::StoreFailed(why) => debug!("{why}"),
            Message::Done | Message::Replaced => {}
        }
    }

    /// Tells the scheduler, and does what it wants.
    pub(crate) async fn tell(&mut self, event: Event) {
        let now = self.hands.clock.now();
        self.alarm = None;
        let effects = self.scheduler.handle(now, event);
        self.alarm = self.perform(effects).await;
    }

    /// A view of the other nodes.
    pub(crate) fn peers(&self) -> &[Peer] {
        &self.peers
    }

    async fn see_peers(&mut self, peers: Vec<Peer>) {
        self.peers.clone_from(&peers);
        if let Some(me) = peers.iter().find(|peer| peer.id == self.me.peer.id) {
            self.health.duty = me.duty;
        }
        self.tell(Event::PeersSeen(peers)).await;
        self.set_gate().await;
    }

    /// Opens or closes the gate as this node's health says.
    pub(crate) async fn set_gate(&mut self) {
        let now = self.hands.clock.now();
        let has_lock = self
            .hands
            .lock
            .as_ref()
            .is_some_and(|lock| lock.is_usable(now));
        let gate = match self.why_not_claiming() {
            Some(_) => Gate::Closed,
            None if has_lock => Gate::OpenWithLocks,
            None => Gate::Open,
        };
        self.pulse.send_replace(Arc::new(Pulse {
            why_not_claiming: self.why_not_claiming(),
            running: u32::try_from(self.running()).unwrap_or(u32::MAX),
            running_max: self.me.peer.running_max,
        }));
        if self.gate != gate {
            self.gate = gate;
            self.tell(Event::GateSet(gate)).await;
        }
    }

    pub(crate) fn running(&self) -> usize {
        self.attempts
            .values()
            .filter(|attempt| attempt.is_running())
            .count()
    }

    /// Why this node claims nothing; none when it does.
    pub(crate) fn why_not_claiming(&self) -> Option<String> {
        match self.stage {
            Stage::Draining => Some("it is stopping".to_owned()),
            Stage::Restarting => Some("it is restarting".to_owned()),
            Stage::Running => self.health.why_not_claiming(self.hands.clock.offset()),
        }
    }

    async fn see_store(&mut self, health: Health) {
        self.health.store = health;
        self.health.forgive_in_time(self.hands.clock.now());
        self.give_up_late().await;
        self.renew_runner().await;
        self.leftovers.give_back();
        self.rounds += 1;
        if self.rounds.is_multiple_of(RECONCILE_EVERY) {
            self.ask_for_own_runs();
        }
        self.set_gate().await;
    }

    fn tell_plans(&self, which: Option<WantedPlans>, reply: oneshot::Sender<Option<KnownJobs>>) {
        let plans = |which| match which {
            WantedPlans::DueBetween(from, to) => self.scheduler.plans_due_between(from, to),
            WantedPlans::Of(jobs) => jobs
                .into_iter()
                .filter_map(|job| self.scheduler.plan(job).cloned())
                .collect(),
        };
        let known = which.map(|which| KnownJobs {
            plans: plans(which),
            unreadable: self.corrupt.keys().copied().collect(),
        });
        if reply.send(known).is_err() {
            debug!("whoever wanted plans has gone away");
        }
    }

    fn is_over(&self) -> Option<Ended> {
        let is_quiet = self.scheduler.asked_count() == 0 && self.preparing.is_empty();
        match self.stage {
            Stage::Running => None,
            Stage::Restarting => is_quiet.then_some(Ended::Restarting),
            Stage::Draining => {
                let is_empty = self.attempts.is_empty() && self.hands.outbox.waiting() == 0;
                (is_quiet && is_empty).then_some(Ended::Drained)
            }
        }
    }

    fn count(&mut self, event: &Event) {
        if let Event::ClaimAnswered { batch, answers } = event {
            let asked = self.scheduler.asked_of(*batch);
            self.counters.count_claims(asked, answers.as_deref());
        }
    }

    /// This node.
    pub(crate) fn node(&self) -> NodeId {
        self.me.peer.id
    }

    /// Who claims.
    pub(crate) fn claimant(&self) -> Claimant {
        Claimant {
            node: self.me.peer.id,
            boot: self.me.boot,
        }
    }
}
