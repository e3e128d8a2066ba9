//! The one row that every agent watches: what has changed since it was last read.
//!
//! A wake-up through Redis makes an agent look earlier; it looks all the same when none comes.

use std::sync::Arc;
use std::time::Duration;

use carillon_core::identity::NodeId;
use carillon_core::scheduler::Event;
use carillon_store::{JobCursor, Registered, Store, StoreError};
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};
use tracing::debug;

use crate::clock::Clock;
use crate::message::Message;
use crate::outages::Outages;

/// The row is read this often: an edit holds within a second.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// While runs are on offer, all of them are read again this often: a place may have become free.
const OFFERS_EVERY: u32 = 10;

/// Jobs that are read at once.
const JOBS_MAX: u32 = 1000;

/// Offered runs that are seen at once.
const OFFERS_MAX: u32 = 2000;

/// What this agent has read so far.
pub(crate) struct Reader {
    store: Store,
    clock: Clock,
    node: NodeId,
    messages: mpsc::Sender<Message>,
    jobs: JobCursor,
    jobs_revision: i64,
    offers_revision: i64,
    commands_revision: i64,
    /// Looks until the offers are read again; none while there are none.
    offers_due_in: Option<u32>,
    /// When the host came up, until the jobs that want to run then have been told.
    host_booted_at: Option<Timestamp>,
}

impl Reader {
    /// A reader that has read nothing.
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        registered: &Registered,
        messages: mpsc::Sender<Message>,
    ) -> Self {
        Reader {
            store,
            clock,
            node: registered.node,
            messages,
            jobs: JobCursor::default(),
            jobs_revision: -1,
            offers_revision: -1,
            commands_revision: -1,
            offers_due_in: None,
            host_booted_at: registered.is_host_boot_new.then_some(registered.now),
        }
    }

    /// Reads what changes until the pump has ended. `woken` is notified by whoever knows that something has changed.
    pub(crate) async fn watch(mut self, woken: Arc<Notify>, outages: Outages) {
        while !self.messages.is_closed() {
            match self.look().await {
                Ok(()) => outages.note_answer(self.clock.now()),
                Err(error) => {
                    outages.note_silence();
                    debug!("the bulletin cannot be read: {error}");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = woken.notified() => {}
                () = self.messages.closed() => return,
            }
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let asked = self.clock.ask();
        let bulletin = self.store.bulletin().await?;
        self.clock.measure(asked, bulletin.now);
        if bulletin.jobs_revision != self.jobs_revision {
            self.read_jobs().await?;
            self.jobs_revision = bulletin.jobs_revision;
            self.send(Message::JobsKnown(self.jobs_revision)).await;
        }
        if bulletin.commands_revision != self.commands_revision {
            let commands = self.store.pending_commands(self.node).await?;
            if !commands.is_empty() {
                self.send(Message::Commanded(commands)).await;
            }
            self.commands_revision = bulletin.commands_revision;
        }
        self.offers_due_in = self.offers_due_in.map(|looks| looks.saturating_sub(1));
        if bulletin.offers_revision != self.offers_revision || self.offers_due_in == Some(0) {
            self.read_offers().await?;
            self.offers_revision = bulletin.offers_revision;
        }
        Ok(())
    }

    async fn read_jobs(&mut self) -> Result<(), StoreError> {
        loop {
            let page = self.store.jobs_changed_since(self.jobs, JOBS_MAX).await?;
            self.jobs = page.next;
            if !page.items.is_empty() {
                self.send(Message::JobsChanged(page.items)).await;
            }
            if page.is_last {
                break;
            }
        }
        self.tell_host_boot().await;
        Ok(())
    }

    async fn tell_host_boot(&mut self) {
        if let Some(at) = self.host_booted_at.take() {
            self.send(Message::Happened(Event::HostBooted { at })).await;
        }
    }

    async fn read_offers(&mut self) -> Result<(), StoreError> {
        let offers = self.store.offers(OFFERS_MAX).await?;
        self.offers_due_in = (!offers.is_empty()).then_some(OFFERS_EVERY);
        self.send(Message::Happened(Event::OffersSeen(offers)))
            .await;
        Ok(())
    }

    async fn send(&self, message: Message) {
        if self.messages.send(message).await.is_err() {
            debug!("the pump has ended");
        }
    }
}
