//! Questions and answers under way: lost, late, slow, twice.

use carillon_core::identity::NodeId;
use carillon_core::scheduler::BatchId;
use carillon_core::tick::Tick;
use carillon_core::token::Token;

use super::World;
use crate::happening::{Answer, Ask, Happening, Heard, Purpose};
use crate::time::{MILLISECOND, Micros, SECOND, stamp};

/// An agent waits so long for the store.
const STORE_PATIENCE: Micros = 2 * SECOND;

/// And so long for the tick lock.
const LOCKS_PATIENCE: Micros = 100 * MILLISECOND;

impl World {
    fn latency(&mut self) -> Micros {
        match self.dice.chance(self.weather.slow) {
            true => self.dice.between(5 * MILLISECOND, 900 * MILLISECOND),
            false => self.dice.between(200, 4 * MILLISECOND),
        }
    }

    /// When a question reaches the store, if it does, and how long its answer takes, if it comes.
    fn fate_of_question(
        &mut self,
        arrives_at: Micros,
        cut_until: Micros,
    ) -> (Option<Micros>, Option<Micros>) {
        let blocked_until = self.store_down_until.max(cut_until);
        let is_blocked = arrives_at < blocked_until;
        let is_lost = self.dice.chance(self.weather.request_lost);
        let is_late = self.dice.chance(self.weather.late);
        let reply_after = self.latency();
        if is_blocked || is_lost || is_late {
            // What was sent may still be applied when the store wakes up, or when the network has had enough.
            let send_at = match (is_blocked, is_late) {
                (true, _) if self.dice.chance(400) => Some(blocked_until + self.latency()),
                (false, true) => Some(self.now + self.dice.between(2 * SECOND, 40 * SECOND)),
                _ => None,
            };
            return (send_at, None);
        }
        let is_answered = !self.dice.chance(self.weather.reply_lost);
        (Some(arrives_at), is_answered.then_some(reply_after))
    }

    /// Sends a question to the store. Whatever becomes of it, the asker hears something within his patience.
    pub(super) fn ask_store(&mut self, node: NodeId, purpose: Purpose, ask: Ask) {
        let Some(host) = self.hosts.get(&node) else {
            return;
        };
        let Some(agent) = &host.agent else { return };
        let (who, life, cut_until) = (agent.who, host.agent_life, host.cut_until);
        let asked_at = host.clock.read(self.now);
        let arrives_at = self.now + self.latency();
        let (send_at, reply_after) = self.fate_of_question(arrives_at, cut_until);
        if reply_after.is_none() {
            let unanswered = Heard::Answered {
                purpose,
                asked_at,
                answer: None,
            };
            let heard = Happening::Agent(node, life, unanswered);
            self.at(self.now + STORE_PATIENCE, heard);
        }
        let mut send = |at: Micros, reply_after: Option<Micros>| {
            let ask = ask.clone();
            self.at(
                at,
                Happening::Store {
                    who,
                    life,
                    purpose,
                    asked_at,
                    ask,
                    reply_after,
                },
            );
        };
        if let Some(at) = send_at {
            send(at, reply_after);
        }
        if send_at.is_some() && self.dice.chance(self.weather.twice) {
            let again = arrives_at + self.dice.between(MILLISECOND, 3 * SECOND);
            let happening = Happening::Store {
                who,
                life,
                purpose,
                asked_at,
                ask,
                reply_after: None,
            };
            self.at(again, happening);
        }
    }

    pub(super) fn store_answers(&mut self, happening: Happening) {
        let Happening::Store {
            who,
            life,
            purpose,
            asked_at,
            ask,
            reply_after,
        } = happening
        else {
            return;
        };
        let now = stamp(self.store_now());
        self.witness.see_clock(self.store_now());
        let ledger = &mut self.ledger;
        let mut answer = Answer::Done;
        match ask {
            Ask::Register { host_life } => {
                let is_new_host = ledger.register(who, host_life, now);
                answer = Answer::Registered { is_new_host };
            }
            Ask::Beat { is_claiming } => answer = Answer::Beat(ledger.beat(who, is_claiming, now)),
            Ask::Jobs { since } => {
                let (revision, plans, gone) = ledger.jobs_since(since);
                answer = Answer::Jobs(revision, plans, gone);
            }
            Ask::Offers => {
                let revision = ledger.jobs_revision();
                answer = Answer::Offers(revision, ledger.offers());
            }
            Ask::Look(ticks) => {
                let decided = ticks.into_iter().filter(|tick| ledger.row(tick).is_some());
                answer = Answer::Decided(decided.collect());
            }
            Ask::Claim(requests) => answer = Answer::Claimed(ledger.claim(who, &requests, now)),
            Ask::Take(offers) => answer = Answer::Claimed(ledger.take(who, &offers, now)),
            Ask::Report(reports) => ledger.report(&reports),
            Ask::Adopt(runs) => ledger.adopt(who, &runs),
            Ask::OpenRuns => answer = Answer::OpenRuns(ledger.open_runs(who.node)),
            Ask::Stranded => answer = Answer::Stranded(ledger.stranded(now)),
            Ask::Bulletin => {
                answer = Answer::Bulletin(ledger.audited_until(), ledger.jobs_revision());
            }
            Ask::Close(to) => ledger.close(to),
            Ask::Window(from, to) => answer = Answer::Window(Box::new(ledger.window(from, to))),
            Ask::Settle(settled) => answer = Answer::Settled(ledger.settle(&settled)),
            Ask::Advance(from, to) => ledger.advance(from, to),
            Ask::SettleOffers(verdicts) => ledger.settle_offers(&verdicts),
            Ask::WriteDown(row) => ledger.write_down(who, *row, now),
        }
        if let Some(after) = reply_after {
            let heard = Heard::Answered {
                purpose,
                asked_at,
                answer: Some((now, answer)),
            };
            self.at(self.now + after, Happening::Agent(who.node, life, heard));
        }
    }

    pub(super) fn ask_locks(&mut self, node: NodeId, batch: BatchId, ticks: Vec<(Tick, Token)>) {
        let Some(host) = self.hosts.get(&node) else {
            return;
        };
        let life = host.agent_life;
        let arrives_at = self.now + self.latency();
        let is_gone = arrives_at < self.locks.down_until
            || arrives_at < host_cut(self, node)
            || self.dice.chance(self.weather.request_lost);
        if is_gone {
            let heard = Happening::Agent(node, life, Heard::Locked(batch, None));
            return self.at(self.now + LOCKS_PATIENCE, heard);
        }
        self.at(arrives_at, Happening::Locks(node, life, batch, ticks));
    }

    pub(super) fn locks_answer(
        &mut self,
        node: NodeId,
        life: u64,
        batch: BatchId,
        ticks: &[(Tick, Token)],
    ) {
        let granted = self.locks.take(ticks, self.now);
        let is_lost = self.dice.chance(self.weather.reply_lost);
        let (after, granted) = match is_lost {
            true => (LOCKS_PATIENCE, None),
            false => (self.latency(), Some(granted)),
        };
        let heard = Happening::Agent(node, life, Heard::Locked(batch, granted));
        self.at(self.now + after, heard);
    }
}

fn host_cut(world: &World, node: NodeId) -> Micros {
    world.hosts.get(&node).map_or(0, |host| host.cut_until)
}
