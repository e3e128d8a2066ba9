//! What operators do meanwhile: edits, switches, deletions and drains, by the store's own verbs, in a thread of its own so
//! that a database which does not answer holds up nothing else.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use carillon_core::identity::JobId;
use carillon_core::node::{Duty, Limits};
use carillon_store::{Editor, JobChange, Store, StoreError};
use carillon_testbed::wait_until_async;

use super::journal::{Entry, Journal};

/// No database is gone for so long; a stale version is read again, since an answer may have been lost.
const PATIENCE: Duration = Duration::from_secs(120);

/// One deed.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    /// The job's schedule becomes this.
    Reschedule(JobId, &'static str),
    /// The same without more words.
    Change(JobId, JobChange),
    /// The node of this name takes nothing more, or does again.
    SetDuty(String, Duty),
}

/// Deeds in the order they are asked for.
pub(crate) struct Clerk {
    orders: Sender<(Vec<Deed>, Option<Entry>)>,
    thread: JoinHandle<()>,
}

impl Clerk {
    pub(crate) fn employ(database_url: String, journal: Journal) -> Self {
        let (orders, inbox) = channel();
        let thread = std::thread::spawn(move || work(&database_url, &journal, &inbox));
        Self { orders, thread }
    }

    /// Asks for deeds, one after the other; when they are done, `ended` has ended.
    pub(crate) fn ask(&self, deeds: Vec<Deed>, ended: Option<Entry>) {
        let sent = self.orders.send((deeds, ended));
        sent.expect("the clerk works until it is dismissed");
    }

    /// Waits until everything is done.
    pub(crate) fn dismiss(self) {
        drop(self.orders);
        self.thread.join().expect("the clerk does not panic");
    }
}

fn work(database_url: &str, journal: &Journal, inbox: &Receiver<(Vec<Deed>, Option<Entry>)>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    for (deeds, ended) in inbox {
        for deed in &deeds {
            runtime.block_on(insist(database_url, deed));
        }
        if let Some(entry) = ended {
            journal.end(entry);
        }
    }
}

/// Until it is done, or has been done already: a node that stayed drained because the database was read-only when its
/// time was over would be a fault that nobody has written down.
async fn insist(database_url: &str, deed: &Deed) {
    wait_until_async("an operator's deed", PATIENCE, async || {
        let store = Store::new(database_url.parse().expect("the testbed's address is one"));
        let done = perform(&store, deed).await;
        store.close().await;
        match done {
            Err(error) if error.is_unknown() => {
                println!("{deed:?}: {error}");
                None
            }
            Err(StoreError::Conflict { .. }) => None,
            Err(StoreError::NotFound { .. }) | Ok(()) => Some(()),
            Err(error) => panic!("{deed:?}: {error}"),
        }
    })
    .await;
}

async fn perform(store: &Store, deed: &Deed) -> Result<(), StoreError> {
    let editor = Editor::program("lab");
    match deed {
        Deed::Reschedule(id, expression) => {
            let job = store.job(*id).await?;
            let mut draft = job.draft.clone();
            draft.schedule.expression = (*expression).to_owned();
            let edit = JobChange::Replace(Box::new(draft));
            store
                .change_job(*id, job.version, &edit, &editor)
                .await
                .map(drop)
        }
        Deed::Change(id, edit) => {
            let job = store.job(*id).await?;
            store
                .change_job(*id, job.version, edit, &editor)
                .await
                .map(drop)
        }
        Deed::SetDuty(name, duty) => {
            let nodes = store.nodes(Limits::default()).await?;
            let own = nodes.iter().find(|node| node.peer.name == *name);
            let id = own.expect("every agent has registered").peer.id;
            store.set_duty(id, *duty, "by the lab", &editor).await
        }
    }
}
