//! The glue around the core's scheduler, in the shape of the real agent's pump: what it hears, what it does about it.
//!
//! Performs nothing itself, so that a world can let it die between any two acts. All its times are its own clock's,
//! or the store's as it believes.

mod audit;
mod runs;

use std::collections::{BTreeMap, VecDeque};

use carillon_core::claim::{BootId, ClaimAnswer, ClaimRequest, Claimant};
use carillon_core::contact::Contact;
use carillon_core::identity::NodeId;
use carillon_core::node::{Duty, Liveness, Peer};
use carillon_core::placement::Labels;
use carillon_core::run::Report;
use carillon_core::scheduler::{BatchId, Effect, Event, Gate, Plan, Scheduler};
use carillon_core::tick::Tick;
use carillon_core::token::{Token, TokenMint};
use jiff::Timestamp;

use crate::bug::Bug;
use crate::crontab::node_name;
use crate::dice::Dice;
use crate::happening::{Act, Answer, Ask, Chore, Entry, Heard, Order, Purpose};
use crate::ledger::{Pulse, RUNNING_MAX};
use crate::time::{MILLISECOND, Micros, SECOND, span, stamp};
use crate::world::Specs;

/// After an error the tick lock is left alone for so long.
const BREAK: Micros = 5 * SECOND;

/// A measurement of the store's clock is good for so long.
const TRUST: Micros = 15 * SECOND;

/// The glue of one boot.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) who: Claimant,
    pub(crate) scheduler: Scheduler,
    bug: Option<Bug>,
    dice: Dice,
    host_life: u64,
    /// Store time minus own time, its uncertainty, and when it was measured.
    offset: Option<(Micros, Micros, Micros)>,
    mono: Micros,
    is_registered: bool,
    is_drained: bool,
    /// The beats that the store has taken.
    contact: Option<Contact>,
    /// Whether the runner has said what its journal knows.
    runner_is_known: bool,
    locks_broken_until: Micros,
    gate: Gate,
    jobs_revision: i64,
    is_loading: bool,
    round: audit::Round,
    /// The plans in force when the window was asked for.
    audited: Vec<Plan>,
    /// Attempts that the runner has.
    attempts: BTreeMap<Token, Entry>,
    outbox: VecDeque<Report>,
    /// Attempts of an earlier boot that the store must be told are watched.
    orphans: Vec<(Tick, Token)>,
    is_flushing: bool,
    /// Claims decided by the tick lock alone: a planted bug.
    credulous: BTreeMap<BatchId, Vec<ClaimRequest>>,
    specs: Specs,
}

impl Agent {
    pub(crate) fn boot(
        node: NodeId,
        host_life: u64,
        bug: Option<Bug>,
        specs: Specs,
        dice: &mut Dice,
    ) -> (Self, Vec<Act>) {
        let me = Peer {
            id: node,
            name: node_name(node),
            labels: Labels::new(),
            running_max: RUNNING_MAX,
            duty: Duty::Active,
            is_claiming: true,
            liveness: Liveness::Fresh,
        };
        let mut mint = TokenMint::new(dice.wide());
        let boot = BootId(mint.mint());
        let agent = Agent {
            who: Claimant { node, boot },
            scheduler: Scheduler::new(me, RUNNING_MAX as usize, mint),
            bug,
            dice: Dice::new(dice.next()),
            host_life,
            offset: None,
            mono: 0,
            is_registered: false,
            is_drained: false,
            contact: None,
            runner_is_known: false,
            locks_broken_until: 0,
            gate: Gate::Closed,
            jobs_revision: 0,
            is_loading: false,
            round: audit::Round::Idle,
            audited: Vec::new(),
            attempts: BTreeMap::new(),
            outbox: VecDeque::new(),
            orphans: Vec::new(),
            is_flushing: false,
            credulous: BTreeMap::new(),
            specs,
        };
        let acts = vec![
            Act::Order(Order::Hello),
            Act::Ask(Purpose::Register, Ask::Register { host_life }),
        ];
        (agent, acts)
    }

    fn has_bug(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// The law inside: nothing is forgotten, however well others cover for it.
    pub(crate) fn check(&self) -> Result<(), String> {
        let owned = self.attempts.values().map(|entry| entry.grant.tick);
        self.scheduler.check(&owned.collect())
    }

    /// Whether it takes no more for now.
    pub(crate) fn is_full(&self) -> bool {
        self.scheduler.held_count() >= RUNNING_MAX as usize
    }

    /// The time by the store's clock, as well as this node knows it.
    pub(crate) fn now(&self) -> Timestamp {
        stamp(self.mono + self.offset.map_or(0, |(offset, ..)| offset))
    }

    /// An instant of the store's clock by the node's own.
    fn own_time(&self, at: Timestamp) -> Micros {
        at.as_microsecond() - self.offset.map_or(0, |(offset, ..)| offset)
    }

    fn store_time(&self, own: Micros) -> Timestamp {
        stamp(own + self.offset.map_or(0, |(offset, ..)| offset))
    }

    /// The runner must be asked anew what it has: its connection broke.
    pub(crate) fn lose_runner(&mut self) -> Vec<Act> {
        self.runner_is_known = false;
        self.set_gate()
    }

    /// The runner is there again.
    pub(crate) fn meet_runner(&self) -> Vec<Act> {
        vec![Act::Order(Order::Hello)]
    }

    /// Takes in what it hears at `mono` of its own clock.
    pub(crate) fn hear(&mut self, mono: Micros, heard: Heard) -> Vec<Act> {
        self.mono = mono;
        let mut acts = match heard {
            Heard::Alarm => self.tell(Event::Woke),
            Heard::Chore(chore) => self.do_chore(chore),
            Heard::Locked(batch, granted) => self.take_locks(batch, granted),
            Heard::Word(word) => self.take_word(word),
            Heard::Answered {
                purpose,
                asked_at,
                answer,
            } => {
                if let Some((store_now, _)) = &answer {
                    self.measure(asked_at, *store_now);
                    if matches!(purpose, Purpose::Register | Purpose::Beat) {
                        self.see(asked_at, *store_now);
                    }
                }
                self.take_answer(purpose, answer.map(|(_, answer)| answer))
            }
        };
        acts.extend(self.set_gate());
        acts
    }

    /// The store has taken the beat that was sent then.
    fn see(&mut self, sent: Micros, store_now: Timestamp) {
        self.contact = Some(match self.contact {
            Some(contact) => contact.go_on(span(sent), store_now),
            None => Contact::begin(span(sent), store_now),
        });
    }

    fn measure(&mut self, asked_at: Micros, store_now: Timestamp) {
        let uncertainty = (self.mono - asked_at).max(0) / 2;
        let offset = store_now.as_microsecond() - (asked_at + uncertainty);
        let is_better = self.offset.is_none_or(|(old, old_uncertainty, at)| {
            let aged = old_uncertainty + (self.mono - at).abs() / 1000;
            uncertainty <= aged || (offset - old).abs() > aged + uncertainty
        });
        if is_better {
            self.offset = Some((offset, uncertainty, self.mono));
        }
    }

    fn set_gate(&mut self) -> Vec<Act> {
        let is_trusted = self
            .offset
            .is_some_and(|(_, uncertainty, at)| uncertainty < SECOND && self.mono - at < TRUST);
        let may_claim =
            self.is_registered && !self.is_drained && self.runner_is_known && is_trusted;
        let gate = match may_claim {
            false => Gate::Closed,
            true if self.mono < self.locks_broken_until => Gate::Open,
            true => Gate::OpenWithLocks,
        };
        if gate == self.gate {
            return vec![];
        }
        self.gate = gate;
        self.tell(Event::GateSet(gate))
    }

    /// Tells the scheduler, and turns its effects into acts.
    fn tell(&mut self, event: Event) -> Vec<Act> {
        let now = self.now();
        let effects = self.scheduler.handle(now, event);
        let mut acts = Vec::with_capacity(effects.len());
        for effect in effects {
            match effect {
                Effect::TakeLocks { batch, ticks } => acts.push(Act::Lock(batch, ticks)),
                Effect::Look { batch, ticks } => {
                    acts.push(Act::Ask(Purpose::Look(batch), Ask::Look(ticks)));
                }
                Effect::Claim { batch, requests } if self.has_bug(Bug::RedisOnly) => {
                    let ticks = requests.iter().map(|r| (r.tick, r.token)).collect();
                    self.credulous.insert(batch, requests);
                    acts.push(Act::Lock(batch, ticks));
                }
                Effect::Claim { batch, requests } => {
                    acts.push(Act::Ask(Purpose::Claim(batch), Ask::Claim(requests)));
                }
                Effect::TakeOffers { batch, offers } => {
                    acts.push(Act::Ask(Purpose::Claim(batch), Ask::Take(offers)));
                }
                Effect::Start(grant) => acts.push(self.order(grant)),
                Effect::WakeAt(at) => acts.push(Act::WakeAt(self.own_time(at))),
            }
        }
        acts
    }

    fn take_locks(&mut self, batch: BatchId, granted: Option<Vec<bool>>) -> Vec<Act> {
        if granted.is_none() {
            self.locks_broken_until = self.mono + BREAK;
        }
        if let Some(requests) = self.credulous.remove(&batch) {
            return self.believe_locks(batch, &requests, granted);
        }
        self.tell(Event::LocksAnswered { batch, granted })
    }

    fn take_answer(&mut self, purpose: Purpose, answer: Option<Answer>) -> Vec<Act> {
        match (purpose, answer) {
            (Purpose::Register, Some(Answer::Registered { is_new_host })) => {
                self.register(is_new_host)
            }
            (Purpose::Register, _) => vec![Act::Again(Chore::Register, SECOND)],
            (Purpose::Beat, Some(Answer::Beat(pulse))) => self.take_pulse(pulse),
            (Purpose::Jobs, answer) => self.load_jobs(answer),
            (Purpose::Offers, Some(Answer::Offers(revision, offers))) => {
                self.take_offers(revision, &offers)
            }
            (Purpose::Look(batch), answer) => {
                let decided = match answer {
                    Some(Answer::Decided(decided)) => Some(decided),
                    _ => None,
                };
                self.tell(Event::LookAnswered { batch, decided })
            }
            (Purpose::Claim(batch), answer) => {
                let answers = match answer {
                    Some(Answer::Claimed(answers)) => Some(answers),
                    _ => None,
                };
                self.tell(Event::ClaimAnswered { batch, answers })
            }
            (Purpose::Flush(count), answer) => self.take_flush_answer(count, answer.is_some()),
            (Purpose::Reconcile, Some(Answer::OpenRuns(rows))) => self.reconcile(&rows),
            (Purpose::Adopt(count), Some(_)) => {
                self.orphans.drain(..count.min(self.orphans.len()));
                vec![]
            }
            (Purpose::Stranded, Some(Answer::Stranded(rows))) => self.declare_lost(&rows),
            (Purpose::Audit, answer) => self.take_audit_answer(answer),
            _ => vec![],
        }
    }

    fn register(&mut self, is_new_host: bool) -> Vec<Act> {
        self.is_registered = true;
        let mut acts = Vec::new();
        if is_new_host {
            let at = stamp(self.now().as_second() * SECOND);
            acts.extend(self.tell(Event::HostBooted { at }));
        }
        acts.extend(
            [Chore::Beat, Chore::Offers, Chore::Flush].map(|chore| Act::Again(chore, MILLISECOND)),
        );
        let slow = [Chore::Reconcile, Chore::Reap, Chore::Audit];
        let dice = &mut self.dice;
        acts.extend(slow.map(|chore| Act::Again(chore, dice.between(0, 5 * SECOND))));
        acts
    }

    fn take_pulse(&mut self, pulse: Pulse) -> Vec<Act> {
        if !pulse.is_current {
            return vec![Act::Quit];
        }
        self.is_drained = pulse.is_drained;
        let mut acts = self.tell(Event::PeersSeen(pulse.peers));
        let kills = pulse.kills.into_iter().map(Order::Kill);
        acts.extend(kills.map(Act::Order));
        acts.extend(self.want_jobs(pulse.jobs_revision));
        acts
    }

    fn want_jobs(&mut self, revision: i64) -> Option<Act> {
        let is_news = revision > self.jobs_revision && !self.is_loading;
        is_news.then(|| {
            self.is_loading = true;
            let since = self.jobs_revision;
            Act::Ask(Purpose::Jobs, Ask::Jobs { since })
        })
    }

    fn load_jobs(&mut self, answer: Option<Answer>) -> Vec<Act> {
        self.is_loading = false;
        let Some(Answer::Jobs(revision, plans, gone)) = answer else {
            return vec![];
        };
        self.jobs_revision = revision;
        let mut acts = self.tell(Event::JobsLoaded(plans));
        acts.extend(self.tell(Event::JobsRemoved(gone)));
        acts
    }

    fn do_chore(&mut self, chore: Chore) -> Vec<Act> {
        let is_claiming = self.gate != Gate::Closed;
        let (purpose, ask, again) = match chore {
            Chore::Register => {
                let host_life = self.host_life;
                return vec![Act::Ask(Purpose::Register, Ask::Register { host_life })];
            }
            Chore::Flush => return self.flush(),
            Chore::Audit => return self.audit(),
            Chore::Beat => (Purpose::Beat, Ask::Beat { is_claiming }, 3 * SECOND),
            Chore::Offers => (Purpose::Offers, Ask::Offers, 1500 * MILLISECOND),
            Chore::Reconcile => (Purpose::Reconcile, Ask::OpenRuns, 5 * SECOND),
            Chore::Reap => (Purpose::Stranded, Ask::Stranded, 5 * SECOND),
        };
        let mut acts = vec![Act::Again(chore, again), Act::Ask(purpose, ask)];
        if chore == Chore::Beat && !self.orphans.is_empty() {
            let orphans = self.orphans.clone();
            acts.push(Act::Ask(Purpose::Adopt(orphans.len()), Ask::Adopt(orphans)));
        }
        acts
    }

    fn believe_locks(
        &mut self,
        batch: BatchId,
        requests: &[ClaimRequest],
        granted: Option<Vec<bool>>,
    ) -> Vec<Act> {
        let answer = |granted: bool| match granted {
            true => ClaimAnswer::Won,
            false => ClaimAnswer::Lost,
        };
        let mut acts = Vec::new();
        for (request, granted) in requests.iter().zip(granted.iter().flatten()) {
            if *granted {
                let row = Box::new(runs::row_of(request));
                acts.push(Act::Ask(Purpose::Nothing, Ask::WriteDown(row)));
            }
        }
        let answers = granted.map(|granted| granted.into_iter().map(answer).collect());
        acts.extend(self.tell(Event::ClaimAnswered { batch, answers }));
        acts
    }
}
