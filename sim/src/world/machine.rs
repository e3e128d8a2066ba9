//! Agents, runners and commands on their hosts: who hears what, and who dies in between.

use carillon_core::identity::NodeId;
use carillon_core::run::Reason;
use carillon_core::scheduler::Grant;
use carillon_core::token::Token;

use super::World;
use crate::agent::Agent;
use crate::bug::Bug;
use crate::happening::{Act, Entry, Happening, Heard, Order, Stage, Word};
use crate::host::{Ended, Host};
use crate::law::Start;
use crate::time::{MILLISECOND, Micros, NodeClock, SECOND, stamp};

/// A host that stood still for so long may have been called silent: its last beat was young enough to start by.
const BLINDING: Micros = 10 * SECOND;

impl World {
    /// The host, if what happens on it happens now. A frozen host lets everything wait.
    fn awake(&mut self, node: NodeId, happening: &Happening) -> Option<&mut Host> {
        let host = self.hosts.get(&node)?;
        if !host.is_up {
            return None;
        }
        if host.frozen_until > self.now {
            let at = host.frozen_until;
            self.at(at, happening.clone());
            return None;
        }
        self.hosts.get_mut(&node)
    }

    pub(super) fn agent_hears(&mut self, node: NodeId, life: u64, heard: Heard) {
        let happening = Happening::Agent(node, life, heard);
        let now = self.now;
        let Some(host) = self.awake(node, &happening) else {
            return;
        };
        if host.agent_life != life || host.agent.is_none() {
            return;
        }
        if host.agent_paused_until > now {
            let at = host.agent_paused_until;
            return self.at(at, happening);
        }
        let Happening::Agent(_, _, heard) = happening else {
            return;
        };
        let mono = host.clock.read(now);
        let agent = host.agent.as_mut().expect("its life is current");
        let acts = agent.hear(mono, heard);
        let is_full = agent.is_full();
        if let Err(wrong) = agent.check() {
            self.story
                .break_law("inside the scheduler", format!("node {node}: {wrong}"));
        }
        if is_full {
            self.witness.see_full();
        }
        self.perform(node, acts);
    }

    pub(super) fn agent_wakes(&mut self, node: NodeId, life: u64, alarm: u64) {
        if self
            .hosts
            .get(&node)
            .is_some_and(|host| host.alarm == alarm)
        {
            self.agent_hears(node, life, Heard::Alarm);
        }
    }

    /// Performs what an agent wants, unless it dies on the way.
    fn perform(&mut self, node: NodeId, acts: Vec<Act>) {
        for act in acts {
            if self.dice.chance(self.weather.step_crash) {
                return self.crash_agent(node, "between two acts");
            }
            let now = self.now;
            let Some(host) = self.hosts.get_mut(&node) else {
                return;
            };
            let life = host.agent_life;
            match act {
                Act::Ask(purpose, ask) => self.ask_store(node, purpose, ask),
                Act::Lock(batch, ticks) => self.ask_locks(node, batch, ticks),
                Act::Order(order) => {
                    let may_be_slow = self.is_wild && !self.is_calm;
                    let is_slow = may_be_slow && self.dice.chance(20);
                    let after = match is_slow {
                        true => self.dice.between(MILLISECOND, 10 * SECOND),
                        false => 200,
                    };
                    // No connection, no order: the agent repeats it when it meets the next runner.
                    if !host.runner.is_up {
                        continue;
                    }
                    host.orders_by = host.orders_by.max(now + after);
                    let (at, runner_life) = (host.orders_by, host.runner.life);
                    self.at(at, Happening::Runner(node, life, runner_life, order));
                }
                Act::WakeAt(own) => {
                    host.alarm += 1;
                    let (alarm, at) = (host.alarm, host.clock.true_at(own, now));
                    self.at(at, Happening::Alarm(node, life, alarm));
                }
                Act::Again(chore, after) => {
                    self.at(
                        now + after,
                        Happening::Agent(node, life, Heard::Chore(chore)),
                    );
                }
                Act::Quit => return self.crash_agent(node, "replaced by another boot"),
            }
        }
    }

    pub(super) fn start_host(&mut self, node: NodeId) {
        let own = self.dice.between(0, 1_000_000) * SECOND;
        let drift_max = self.weather.drift_max;
        let drift = self.dice.between(-drift_max, drift_max + 1);
        let now = self.now;
        let Some(host) = self.hosts.get_mut(&node) else {
            return;
        };
        if host.is_up || host.is_gone {
            return;
        }
        self.story.tell(|| format!("node {node}: host comes up"));
        host.is_up = true;
        host.life += 1;
        // The runner counts the instants in its journal from this boot.
        let ahead = own - host.clock.read(now);
        let entries = host.runner.journal.values_mut();
        entries.for_each(|entry| entry.stage.counted_anew(ahead));
        host.clock = NodeClock::new(now, own, drift);
        let runner_life = host.runner.life;
        self.at(now + SECOND / 4, Happening::RunnerUp(node, runner_life));
        let soon = now + self.dice.between(SECOND / 2, 2 * SECOND);
        self.at(soon, Happening::AgentUp(node));
    }

    pub(super) fn start_agent(&mut self, node: NodeId) {
        let happening = Happening::AgentUp(node);
        let (bug, specs, now) = (self.bug, self.specs.clone(), self.now);
        let mut dice = self.dice.clone();
        self.dice.next();
        let Some(host) = self.awake(node, &happening) else {
            return;
        };
        if host.agent.is_some() {
            return;
        }
        host.agent_life += 1;
        host.orders_by = 0;
        host.agent_paused_until = now;
        let (agent, acts) = Agent::boot(node, host.life, bug, specs, &mut dice);
        host.agent = Some(agent);
        self.story.tell(|| format!("node {node}: agent starts"));
        self.perform(node, acts);
    }

    pub(super) fn crash_agent(&mut self, node: NodeId, why: &str) {
        let back = match self.is_wild && self.dice.chance(300) {
            true => self.dice.between(SECOND, 45 * SECOND),
            false => self.dice.between(300 * MILLISECOND, 3 * SECOND),
        };
        let Some(host) = self.hosts.get_mut(&node) else {
            return;
        };
        if host.agent.take().is_some() {
            self.story
                .tell(|| format!("node {node}: agent dies ({why})"));
            self.at(self.now + back, Happening::AgentUp(node));
        }
    }

    pub(super) fn start_runner(&mut self, node: NodeId, life: u64) {
        let now = self.now;
        let Some(host) = self.awake(node, &Happening::RunnerUp(node, life)) else {
            return;
        };
        if host.runner.is_up || host.runner.life != life {
            return;
        }
        let own_now = host.clock.read(now);
        host.replay_journal(own_now);
        let acts = host.agent.as_ref().map(Agent::meet_runner);
        self.story.tell(|| format!("node {node}: runner starts"));
        self.perform(node, acts.unwrap_or_default());
    }

    pub(super) fn crash_runner(&mut self, node: NodeId) {
        let Some(host) = self.hosts.get_mut(&node) else {
            return;
        };
        if !host.is_up || !host.runner.is_up {
            return;
        }
        host.end_runner();
        let life = host.runner.life;
        let acts = host.agent.as_mut().map(Agent::lose_runner);
        self.story.tell(|| format!("node {node}: runner dies"));
        let back = self.now + self.dice.between(SECOND, 4 * SECOND);
        self.at(back, Happening::RunnerUp(node, life));
        self.perform(node, acts.unwrap_or_default());
    }

    pub(super) fn runner_hears(&mut self, happening: Happening) {
        let Happening::Runner(node, life, runner_life, _) = happening else {
            return;
        };
        let refuses = self.dice.chance(self.weather.spawn_refused);
        let is_unfenced = self.bug == Some(Bug::UnfencedOrders);
        let Some(host) = self.awake(node, &happening) else {
            return;
        };
        let Happening::Runner(.., order) = happening else {
            return;
        };
        // What was under way to a runner that died is lost with the connection.
        if !host.runner.is_up || host.runner.life != runner_life {
            return;
        }
        match order {
            Order::Hello if life >= host.runner.serving => {
                host.runner.serving = life;
                let journal = host.runner.journal.iter();
                let snapshot = journal
                    .map(|(token, entry)| (*token, entry.clone()))
                    .collect();
                self.say(node, Word::Snapshot(snapshot));
            }
            Order::Hello => {}
            // Orders of an agent that has been replaced are void: the new one has been told that they are unknown.
            _ if life != host.runner.serving && !is_unfenced => {}
            Order::Start {
                grant,
                start_at,
                not_after,
            } => {
                let stage = match refuses {
                    true => Stage::NotStarted(Reason::SpawnRefused),
                    false => Stage::Ordered {
                        start_at,
                        not_after,
                    },
                };
                self.journal_order(node, grant, stage);
            }
            Order::Forget(tokens) => {
                for token in tokens {
                    host.runner.journal.remove(&token);
                }
            }
            Order::Kill(token) => {
                let after = self.dice.between(10 * MILLISECOND, 2 * SECOND);
                let life = self.hosts.get(&node).map_or(0, |host| host.life);
                self.at(self.now + after, Happening::KillDue(node, life, token));
            }
        }
    }

    fn journal_order(&mut self, node: NodeId, grant: Grant, stage: Stage) {
        let dies = self.dice.chance(self.weather.runner_crash);
        let takes = self.dice.between(MILLISECOND, 5 * MILLISECOND);
        let now = self.now;
        let Some(host) = self.hosts.get_mut(&node) else {
            return;
        };
        let token = grant.token;
        if host.runner.journal.contains_key(&token) {
            return;
        }
        let entry = Entry { grant, stage };
        host.runner.journal.insert(token, entry.clone());
        let runner_life = host.runner.life;
        match entry.stage {
            Stage::Ordered { start_at, .. } => {
                let at = host.clock.true_at(start_at, now).max(now + takes);
                self.at(at, Happening::StartDue(node, runner_life, token));
            }
            _ => self.say(node, Word::Changed(token, entry)),
        }
        if dies {
            self.crash_runner(node);
        }
    }

    pub(super) fn start_command(&mut self, node: NodeId, life: u64, token: Token) {
        let happening = Happening::StartDue(node, life, token);
        let now = self.now;
        let Some(host) = self.awake(node, &happening) else {
            return;
        };
        if host.runner.life != life || !host.runner.is_up {
            return;
        }
        let own_now = host.clock.read(now);
        let Some(entry) = host.runner.journal.get_mut(&token) else {
            return;
        };
        let Stage::Ordered {
            start_at,
            not_after,
        } = entry.stage
        else {
            return;
        };
        if own_now < start_at {
            let at = host.clock.true_at(start_at, now);
            return self.at(at, happening);
        }
        if own_now > not_after {
            entry.stage = Stage::NotStarted(Reason::DeadlinePassed);
            let entry = entry.clone();
            return self.say(node, Word::Changed(token, entry));
        }
        entry.stage = Stage::Running {
            started_at: own_now,
            is_adopted: false,
        };
        let (entry, host_life) = (entry.clone(), host.life);
        self.witness_start(node, &entry);
        let (lasts, exit_code) = self.draw_command(&entry.grant);
        let host = self.hosts.get_mut(&node).expect("it is awake");
        host.processes.insert(token, exit_code);
        self.at(now + lasts, Happening::EndDue(node, host_life, token));
        self.say(node, Word::Changed(token, entry));
    }

    fn witness_start(&mut self, node: NodeId, entry: &Entry) {
        let grant = entry.grant;
        let store_now = self.store_now();
        self.story.tell(|| {
            let (tick, attempt) = (grant.tick, grant.attempt);
            format!("node {node}: STARTS {tick} attempt {attempt}")
        });
        let host = self.hosts.get(&node).expect("something starts on it");
        let start = Start {
            tick: grant.tick,
            attempt: grant.attempt,
            token: grant.token,
            blind_until: (host.frozen_for >= BLINDING)
                .then(|| stamp(store_now - (self.now - host.frozen_until))),
        };
        self.witness.start(start, store_now, &self.ledger);
    }

    fn draw_command(&mut self, grant: &Grant) -> (Micros, i32) {
        let specs = self.specs.borrow();
        let spec = specs.get(&(grant.tick.job, grant.version));
        let (lasts_max, fails) = spec.map_or((SECOND, 0), |spec| (spec.lasts_max, spec.fails));
        let lasts = self.dice.between(5 * MILLISECOND, lasts_max);
        (lasts, i32::from(self.dice.chance(fails)))
    }

    pub(super) fn end_command(&mut self, node: NodeId, life: u64, token: Token, ended: Ended) {
        let happening = match ended {
            Ended::Itself => Happening::EndDue(node, life, token),
            Ended::Killed => Happening::KillDue(node, life, token),
        };
        let now = self.now;
        let Some(host) = self.awake(node, &happening) else {
            return;
        };
        if host.life != life || !host.processes.contains_key(&token) {
            return;
        }
        let own_now = host.clock.read(now);
        let entry = host.end_process(token, ended, own_now);
        self.story.tell(|| {
            let run = entry.as_ref().map(|entry| entry.grant.tick.to_string());
            format!("node {node}: command of {} ends", run.unwrap_or_default())
        });
        match entry {
            Some(entry) => {
                self.witness.end(token);
                self.say(node, Word::Changed(token, entry));
            }
            None => self.witness.vanish(token),
        }
    }

    fn say(&mut self, node: NodeId, word: Word) {
        if let Some(host) = self.hosts.get(&node) {
            let life = host.runner.serving;
            let heard = Heard::Word(word);
            self.at(self.now + 200, Happening::Agent(node, life, heard));
        }
    }
}
