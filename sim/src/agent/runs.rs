//! A run from its grant to its end: orders to the runner, words from it, reports to the store, and the comparison
//! of the two.

use carillon_core::claim::ClaimRequest;
use carillon_core::retry::RetryNode;
use carillon_core::run::{Conclusion, News, Outcome, Phase, Preference, Reason, Report};
use carillon_core::scheduler::{Event, Grant};
use carillon_core::token::Token;

use super::Agent;
use crate::bug::Bug;
use crate::happening::{Act, Ask, Chore, Entry, Order, Purpose, Stage, Word};
use crate::ledger::Row;
use crate::time::{MILLISECOND, Micros, SECOND, span};

/// Reports in one message at most.
const REPORTS_MAX: usize = 50;

impl Agent {
    pub(super) fn order(&mut self, grant: Grant) -> Act {
        let start_at = self.own_time(grant.start_at);
        let asked_at = span(self.own_time(grant.asked_at));
        let contact = self.contact.expect("whoever claims has registered");
        let believed_until = contact.believed_until(asked_at).as_micros() as Micros;
        let not_after = self.own_time(grant.start_until).min(believed_until);
        let stage = Stage::Ordered {
            start_at,
            not_after,
        };
        self.attempts.insert(grant.token, Entry { grant, stage });
        Act::Order(Order::Start {
            grant,
            start_at,
            not_after,
        })
    }

    pub(super) fn take_word(&mut self, word: Word) -> Vec<Act> {
        match word {
            Word::Snapshot(_) if self.has_bug(Bug::NoJournal) => {
                self.runner_is_known = true;
                vec![]
            }
            Word::Snapshot(entries) => self.take_snapshot(entries),
            Word::Changed(token, entry) => self.take_change(token, entry),
        }
    }

    /// What the journal does not know has never started: orders are repeated, since the connection may have lost them.
    fn take_snapshot(&mut self, entries: Vec<(Token, Entry)>) -> Vec<Act> {
        self.runner_is_known = true;
        let mut acts = Vec::new();
        let unheard: Vec<_> = self
            .attempts
            .iter()
            .filter(|(token, _)| !entries.iter().any(|(known, _)| known == *token))
            .map(|(token, entry)| (*token, entry.clone()))
            .collect();
        for (token, mut entry) in unheard {
            if let Stage::Ordered { .. } = entry.stage {
                acts.push(self.order(entry.grant));
                continue;
            }
            entry.stage = Stage::NotStarted(Reason::NodeRestarted);
            acts.extend(self.take_change(token, entry));
        }
        let alive =
            |entry: &Entry| matches!(entry.stage, Stage::Ordered { .. } | Stage::Running { .. });
        let adopted = entries.iter().filter(|(_, entry)| alive(entry));
        let adopted: Vec<_> = adopted
            .map(|(token, entry)| (entry.grant.tick, *token))
            .collect();
        acts.extend(self.tell(Event::Adopted(adopted.clone())));
        self.orphans.extend(adopted);
        for (token, entry) in entries {
            acts.extend(self.take_change(token, entry));
        }
        acts
    }

    fn take_change(&mut self, token: Token, entry: Entry) -> Vec<Act> {
        let tick = entry.grant.tick;
        let news = match &entry.stage {
            Stage::Ordered { .. } => None,
            Stage::Running { started_at, .. } => Some(News::Started {
                at: self.store_time(*started_at),
            }),
            Stage::Ended { .. } => Some(self.end(&entry)),
            Stage::NotStarted(reason) => Some(self.give_back(&entry.grant, *reason)),
        };
        let is_over = matches!(entry.stage, Stage::Ended { .. } | Stage::NotStarted(_));
        let mut acts = Vec::new();
        match is_over {
            true => {
                self.attempts.remove(&token);
                acts.extend(self.tell(Event::Released(tick, token)));
            }
            false => {
                self.attempts.insert(token, entry);
            }
        }
        if let Some(news) = news {
            self.outbox.push_back(Report { tick, token, news });
            acts.push(Act::Again(Chore::Flush, 20 * MILLISECOND));
        }
        acts
    }

    /// A run that never started goes to others while there is time. Whether there is, the store decides for
    /// attempts after the first: those are never called missed.
    fn give_back(&self, grant: &Grant, reason: Reason) -> News {
        let is_over = self.now() >= grant.start_until && grant.attempt == 1;
        match is_over {
            false => News::HandedBack {
                until: grant.start_until,
                reason,
            },
            true => News::Ended {
                started_at: None,
                at: self.now(),
                ending: Conclusion::without_process(Outcome::Missed, reason),
            },
        }
    }

    fn end(&mut self, entry: &Entry) -> News {
        let Stage::Ended {
            started_at,
            at,
            ending,
        } = &entry.stage
        else {
            unreachable!("only ended attempts end")
        };
        let (started_at, at) = (
            started_at.map(|at| self.store_time(at)),
            self.store_time(*at),
        );
        let chance = self.dice.between(0, 1000) as f64 / 1000.0;
        let ending = ending.clone();
        let specs = self.specs.borrow();
        let spec = specs.get(&(entry.grant.tick.job, entry.grant.version));
        let retry = spec.map(|spec| &spec.retry);
        let delay = retry.and_then(|r| r.delay_after(entry.grant.attempt, ending.outcome, chance));
        let Some((retry, delay)) = retry.zip(delay) else {
            return News::Ended {
                started_at,
                at,
                ending,
            };
        };
        let me = self.who.node;
        let not_before = at + delay;
        News::Retrying {
            started_at,
            at,
            ending,
            not_before,
            until: not_before + span(20 * SECOND),
            node: match retry.node {
                RetryNode::Same => Preference::Only(me),
                RetryNode::PreferOther => Preference::RatherNot(me),
                RetryNode::MustOther => Preference::Not(me),
            },
        }
    }

    pub(super) fn flush(&mut self) -> Vec<Act> {
        if self.is_flushing || self.outbox.is_empty() || !self.is_registered {
            return vec![];
        }
        self.is_flushing = true;
        let reports: Vec<_> = self.outbox.iter().take(REPORTS_MAX).cloned().collect();
        vec![Act::Ask(
            Purpose::Flush(reports.len()),
            Ask::Report(reports),
        )]
    }

    pub(super) fn take_flush_answer(&mut self, count: usize, is_stored: bool) -> Vec<Act> {
        self.is_flushing = false;
        if !is_stored && !self.has_bug(Bug::ReportOnce) {
            return vec![Act::Again(Chore::Flush, SECOND)];
        }
        let stored = self.outbox.drain(..count);
        let is_final = |report: &Report| !matches!(report.news, News::Started { .. });
        let done = stored.filter(is_final).map(|report| report.token).collect();
        let mut acts = vec![Act::Order(Order::Forget(done))];
        if !self.outbox.is_empty() {
            acts.push(Act::Again(Chore::Flush, MILLISECOND));
        }
        acts
    }

    /// Compares what the store believes this node has with what it has. A run that neither the scheduler nor the
    /// journal knows was claimed by an answer that never came, or by an agent that is gone: it never started.
    pub(super) fn reconcile(&mut self, rows: &[Row]) -> Vec<Act> {
        if !self.runner_is_known {
            return vec![];
        }
        let mut acts = Vec::new();
        for row in rows {
            let Some(token) = row.token else { continue };
            let is_asked = self.scheduler.holds(&row.tick) && !self.has_bug(Bug::HastyReconcile);
            let is_known = is_asked
                || self.attempts.contains_key(&token)
                || self.outbox.iter().any(|report| report.token == token);
            if is_known {
                continue;
            }
            let grant = Grant {
                tick: row.tick,
                trigger: row.trigger,
                version: row.version,
                attempt: row.attempt,
                token,
                asked_at: self.now(),
                start_at: row.not_before,
                start_until: row.start_until,
            };
            let news = match row.phase {
                Phase::Claimed => self.give_back(&grant, Reason::ClaimUnknown),
                // It did start, and neither runner nor outbox has its end: nobody ever will.
                _ => News::Ended {
                    started_at: None,
                    at: self.now(),
                    ending: Conclusion::without_process(Outcome::Lost, Reason::NodeRestarted),
                },
            };
            let tick = row.tick;
            self.outbox.push_back(Report { tick, token, news });
            acts = vec![Act::Again(Chore::Flush, 20 * MILLISECOND)];
        }
        acts
    }
}

/// The planted bug: a run that nobody claimed.
pub(super) fn row_of(request: &ClaimRequest) -> Row {
    let mut row = Row::fresh(request.tick, request.version, request.start_until);
    (row.phase, row.token) = (Phase::Claimed, Some(request.token));
    row
}
