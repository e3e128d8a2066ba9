//! What the agent asks for, and how starts begin or come to nothing.

use std::sync::Arc;

use carillon_core::token::Token;

use crate::attempt::{Attempt, Cause, Kill, State};
use crate::clock::moment;
use crate::commit::After;
use crate::protocol::{self, AttemptState, Moment, NotStarted, Report, Request, StartOrder};
use crate::record::{Facts, Outcome, Record};
use crate::runner::Runner;
use crate::starter::{Pending, Ticket};

impl Runner {
    /// Does what a request says.
    pub(crate) fn obey(&mut self, request: Request) {
        match request {
            Request::Start { orders } => orders.into_iter().for_each(|order| self.order(order)),
            Request::StartPartly { orders, unread } => {
                orders.into_iter().for_each(|order| self.order(order));
                for (token, why) in unread {
                    let why = NotStarted::NotUnderstood { why };
                    let at = moment();
                    self.tell(&Report::NotStarted { token, why, at });
                }
            }
            Request::Cancel { token } => self.cancel(token),
            Request::Kill {
                token,
                by,
                grace_ms,
            } => self.kill(token, by, grace_ms),
            Request::Ack { tokens } => self.forget(tokens),
            Request::AckOutput { token, seq } => self.acknowledge_output(token, seq),
            Request::Query { tokens } => self.answer(&tokens),
            Request::Shutdown { when } => self.begin_shutdown(when),
        }
    }

    fn order(&mut self, order: StartOrder) {
        // The token is the identity: an order that comes again asks for nothing new.
        if self.numbers.contains_key(&order.token) {
            return;
        }
        let (token, facts) = (
            order.token,
            Facts::of(&order.run, &order.spec, order.run_timeout_ms),
        );
        let ticket = Arc::new(Ticket::default());
        let number = self.add(Attempt::ordered(token, facts.clone(), Arc::clone(&ticket)));
        let refusal = match (&self.shutdown, &self.refusing) {
            (Some(_), _) => Some(NotStarted::ShuttingDown),
            (None, Some(reason)) => Some(NotStarted::Journal {
                reason: reason.clone(),
            }),
            (None, None) => None,
        };
        if let Some(why) = refusal {
            return self.settle(number, Outcome::NotStarted { why, at: moment() }, true);
        }
        let pending = Pending {
            attempt: number,
            order,
            ticket,
        };
        self.commit.submit(
            Record::Spawn { token, facts },
            After::Start(Box::new(pending)),
        );
    }

    /// Gives an attempt its number.
    pub(crate) fn add(&mut self, attempt: Attempt) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.live += usize::from(attempt.is_live());
        self.numbers.insert(attempt.token, number);
        self.attempts.insert(number, attempt);
        number
    }

    fn cancel(&mut self, token: Token) {
        match self.cancel_unstarted(token) {
            true => {}
            false => self.answer(&[token]),
        }
    }

    /// True if the attempt had not started and now never will.
    fn cancel_unstarted(&mut self, token: Token) -> bool {
        let Some(number) = self.numbers.get(&token).copied() else {
            return false;
        };
        let Some(Attempt {
            state: State::Ordered { ticket, .. },
            ..
        }) = self.attempts.get(&number)
        else {
            return false;
        };
        if !ticket.cancel() {
            return false;
        }
        self.settle_not_started(number, NotStarted::Cancelled, moment());
        true
    }

    fn kill(&mut self, token: Token, by: String, grace_ms: Option<u64>) {
        if self.cancel_unstarted(token) {
            return;
        }
        let Some(number) = self.numbers.get(&token).copied() else {
            return self.answer(&[token]);
        };
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return;
        };
        let grace_ms = grace_ms.unwrap_or(attempt.facts.kill_grace_ms);
        let wish = Kill {
            cause: Cause::Asked { by },
            grace_ms,
        };
        match &mut attempt.state {
            // Between ticket and process: it is ended as soon as it is there.
            State::Ordered { kill, .. } => *kill = Some(wish),
            State::Running(_) => self.end_tree(number, wish),
            State::Settled { .. } | State::StartUnknown => self.answer(&[token]),
        }
    }

    /// Cancels or ends everything.
    pub(crate) fn kill_all(&mut self, by: &str) {
        let tokens: Vec<Token> = self.numbers.keys().copied().collect();
        for token in tokens {
            let is_live = self
                .numbers
                .get(&token)
                .and_then(|number| self.attempts.get(number));
            if is_live.is_some_and(Attempt::is_live) {
                self.kill(token, by.to_owned(), None);
            }
        }
    }

    fn forget(&mut self, tokens: Vec<Token>) {
        let is_over = |token: &Token| {
            let attempt = self
                .numbers
                .get(token)
                .and_then(|number| self.attempts.get(number));
            attempt.is_some_and(|attempt| !attempt.is_live())
        };
        let tokens: Vec<Token> = tokens.into_iter().filter(is_over).collect();
        for token in &tokens {
            let Some(number) = self.numbers.remove(token) else {
                continue;
            };
            self.untold.remove(&number);
            if let Some(attempt) = self.attempts.remove(&number) {
                self.output_bytes -= attempt.capture.in_memory();
            }
        }
        if !tokens.is_empty() {
            self.commit.submit(Record::Ack { tokens }, After::Nothing);
        }
    }

    fn acknowledge_output(&mut self, token: Token, seq: u64) {
        let Some(number) = self.numbers.get(&token).copied() else {
            return;
        };
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return;
        };
        let before = attempt.capture.in_memory();
        attempt.capture.acknowledge(seq);
        self.output_bytes -= before - attempt.capture.in_memory();
        if attempt.capture.has_unshipped() {
            self.untold.insert(number);
        }
    }

    /// Says what is known of these attempts.
    fn answer(&mut self, tokens: &[Token]) {
        for tokens in tokens.chunks(protocol::ATTEMPTS_PER_FRAME) {
            let attempts = tokens.iter().map(|token| self.describe(*token)).collect();
            self.tell(&Report::States { attempts });
        }
    }

    fn describe(&self, token: Token) -> protocol::Attempt {
        let known = self
            .numbers
            .get(&token)
            .and_then(|number| self.attempts.get(number));
        known.map_or_else(
            || protocol::Attempt {
                token,
                run: String::new(),
                state: AttemptState::Unknown,
            },
            Attempt::describe,
        )
    }

    /// The attempt never started. The record that says so may fail to last: then a later runner does not know, which is true as well.
    pub(crate) fn settle_not_started(&mut self, number: u64, why: NotStarted, at: Moment) {
        let Some(attempt) = self.attempts.get(&number) else {
            return;
        };
        let record = Record::NotStarted {
            token: attempt.token,
            why: why.clone(),
            at,
        };
        self.settle(number, Outcome::NotStarted { why, at }, false);
        self.commit.submit(record, After::Report(number));
    }

    pub(crate) fn refuse_unjournalled(&mut self, number: u64, reason: String) {
        let Some(Attempt {
            state: State::Ordered { ticket, .. },
            ..
        }) = self.attempts.get(&number)
        else {
            return;
        };
        if ticket.cancel() {
            let why = NotStarted::Journal { reason };
            self.settle(number, Outcome::NotStarted { why, at: moment() }, true);
        }
    }

    /// Starts nothing from now on and says so.
    pub(crate) fn refuse_starts(&mut self, reason: String) {
        self.tell(&Report::Refusing {
            why: reason.clone(),
        });
        self.refusing = Some(reason);
    }

    /// Gives an attempt its outcome, which is told when durable.
    pub(crate) fn settle(&mut self, number: u64, outcome: Outcome, is_durable: bool) {
        if let Some(attempt) = self.attempts.get_mut(&number) {
            self.live -= usize::from(attempt.is_live());
            attempt.state = State::Settled {
                outcome,
                is_durable,
            };
            self.untold.insert(number);
        }
    }

    pub(crate) fn make_durable(&mut self, number: u64) {
        if let Some(Attempt {
            state: State::Settled { is_durable, .. },
            ..
        }) = self.attempts.get_mut(&number)
        {
            *is_durable = true;
            self.untold.insert(number);
        }
    }
}
