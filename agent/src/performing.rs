//! The scheduler's effects, performed: each question is a task that comes back as a message.

use std::sync::Arc;

use carillon_core::claim::ClaimRequest;
use carillon_core::offer::Offer;
use carillon_core::scheduler::{BatchId, Effect, Event};
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use jiff::Timestamp;
use tracing::debug;

use crate::message::Message;
use crate::pump::Pump;

impl Pump {
    /// Does what the scheduler wants and returns its next alarm.
    pub(crate) async fn perform(&mut self, effects: Vec<Effect>) -> Option<Timestamp> {
        let mut alarm = None;
        for effect in effects {
            match effect {
                Effect::TakeLocks { batch, ticks } => self.take_locks(batch, ticks),
                Effect::Look { batch, ticks } => self.look(batch, ticks),
                Effect::Claim { batch, requests } => self.claim(batch, requests),
                Effect::TakeOffers { batch, offers } => self.take_offers(batch, offers),
                Effect::Start(grant) => self.start(grant),
                Effect::WakeAt(at) => alarm = Some(at),
            }
        }
        self.fill_places().await;
        alarm
    }

    fn take_locks(&mut self, batch: BatchId, ticks: Vec<(Tick, Token)>) {
        let (lock, clock) = (self.hands.lock.clone(), self.hands.clock.clone());
        self.ask(async move {
            let granted = match lock {
                Some(lock) => lock.take(&ticks, clock.now()).await,
                None => None,
            };
            Event::LocksAnswered { batch, granted }
        });
    }

    fn look(&mut self, batch: BatchId, ticks: Vec<Tick>) {
        let store = self.hands.store.clone();
        self.ask(async move {
            let decided = store.look(&ticks).await;
            Event::LookAnswered {
                batch,
                decided: decided.map_err(|error| debug!("{error}")).ok(),
            }
        });
    }

    fn claim(&mut self, batch: BatchId, requests: Vec<ClaimRequest>) {
        let (store, claimant) = (self.hands.store.clone(), self.claimant());
        let claims = Arc::clone(&self.claims);
        self.ask(async move {
            let _place = claims.acquire().await;
            let answers = store
                .claim(claimant, &requests)
                .await
                .map(|claimed| claimed.answers);
            Event::ClaimAnswered {
                batch,
                answers: answers.map_err(|error| debug!("{error}")).ok(),
            }
        });
    }

    fn take_offers(&mut self, batch: BatchId, offers: Vec<(Offer, Token)>) {
        let (store, claimant) = (self.hands.store.clone(), self.claimant());
        self.ask(async move {
            let answers = store.take_offers(claimant, &offers).await;
            Event::ClaimAnswered {
                batch,
                answers: answers.map_err(|error| debug!("{error}")).ok(),
            }
        });
    }

    fn ask(&mut self, question: impl Future<Output = Event> + Send + 'static) {
        self.ask_for(async move { Message::Happened(question.await) });
    }

    /// Runs a question beside the loop; its answer comes back as a message.
    pub(crate) fn ask_for(&mut self, question: impl Future<Output = Message> + Send + 'static) {
        let messages = self.messages.clone();
        self.tasks.spawn(async move {
            let answer = question.await;
            if messages.send(answer).await.is_err() {
                debug!("an answer came after the pump had ended");
            }
        });
    }
}
