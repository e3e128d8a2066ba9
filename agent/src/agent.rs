//! One life of the agent: what it opens, which tasks it owns, and in which order they end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use carillon_core::claim::{BootId, Claimant};
use carillon_core::node::{Duty, Liveness, Peer};
use carillon_core::placement::Labels;
use carillon_core::schedule::tzdb_version;
use carillon_core::token::Token;
use carillon_lifecycle::service_manager;
use carillon_lifecycle::shutdown::{Shutdown, Stage};
use carillon_runner::client::RunnerCommand;
use carillon_runner::protocol::{Request, ShutdownWhen};
use carillon_store::{Registered, Registration, Retention, SchemaFit, Store, StoreError};
use jiff::SignedDuration;
use tokio::net::UnixListener;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::bulletin::Reader;
use crate::clock::Clock;
use crate::control::{self, ControlRequest};
use crate::heartbeat::{Pulse, Surroundings, beat};
use crate::host;
use crate::message::Message;
use crate::node_folder::NodeFolder;
use crate::outages::Outages;
use crate::outbox::open_outbox;
use crate::pump::{Ended, Hands, Identity, MESSAGES_MAX, Pump};
use crate::retention::drop_what_is_old;
use crate::runner_link::keep_linked;
use crate::tick_audit::{Auditor, audit_ticks};
use crate::tick_lock::TickLock;
use crate::tracer::{Collector, Tracer};
use crate::wake_up::listen_for_wake_ups;

/// A store that does not answer at the start is asked again for so long.
const STORE_PATIENCE: Duration = Duration::from_secs(10);

/// The pause between two such tries.
const STORE_RETRY: Duration = Duration::from_millis(500);

/// Results that the store has not taken when the agent ends are left to the runner's journal after this long.
const FAREWELL_MAX: Duration = Duration::from_secs(3);

/// What an agent needs to know of its node.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// The truth.
    pub store: Store,
    /// Where tick locks are, if anywhere; without secrets it is never printed.
    pub redis_url: Option<String>,
    /// The node's name; none is the host's.
    pub node_name: Option<String>,
    /// What the node says of itself.
    pub labels: Labels,
    /// The most commands at once.
    pub running_max: u32,
    /// How long the cluster keeps records.
    pub retention: Retention,
    /// What is the agent's alone.
    pub data_dir: PathBuf,
    /// How a runner is started where none lives.
    pub runner: RunnerCommand,
    /// Who is told of every attempt that is over, if somebody is.
    pub collector: Option<Collector>,
}

/// Runs the agent until it has drained, must restart, or was replaced.
///
/// # Errors
/// When it cannot begin: directory, store, schema, or the node's name taken.
pub async fn run_agent(options: AgentOptions, shutdown: Shutdown) -> anyhow::Result<Ended> {
    let clock = Clock::new();
    let opened = open(&options, &clock).await?;
    let claimant = opened.claimant();
    let (messages, inbox) = mpsc::channel(MESSAGES_MAX);
    let (link_news, link_inbox) = mpsc::channel(MESSAGES_MAX);
    let (link, linking) = keep_linked(options.data_dir.clone(), options.runner.clone(), link_news);
    let (outbox, emptying) = open_outbox(options.store.clone(), clock.clone(), messages.clone());
    let emptying = tokio::spawn(emptying);
    let mut tasks = JoinSet::new();
    let tracer = start_tracer(&mut tasks, options.collector.clone());
    let hands = Hands {
        store: options.store.clone(),
        lock: opened.lock,
        link: link.clone(),
        outbox,
        clock,
        tracer,
    };
    let (pulse, pulse_seen) = watch::channel(Arc::new(Pulse::default()));
    tasks.spawn(linking);
    tasks.spawn(forward(link_inbox, messages.clone(), Message::Runner));
    tasks.spawn(beat(
        hands.store.clone(),
        hands.clock.clone(),
        claimant,
        Surroundings::new(&options.data_dir, &hands.lock),
        pulse_seen,
        messages.clone(),
    ));
    watch_store(
        &mut tasks,
        &hands,
        &options,
        &opened.registered,
        (claimant, &messages),
    );
    listen_to_operators(&mut tasks, opened.listener, shutdown, &messages);
    service_manager::notify_ready();

    let ended = Pump::new(
        opened.me,
        hands,
        (opened.folder, opened.seed),
        pulse,
        messages,
    )
    .run(inbox)
    .await;
    service_manager::notify_stopping();
    if ended == Ended::Drained {
        link.send(Request::Shutdown {
            when: ShutdownWhen::Idle,
        })
        .await;
    }
    farewell(&options.store, claimant, ended, emptying).await;
    drop(link);
    while tasks.join_next().await.is_some_and(|ended| ended.is_ok()) {}
    Ok(ended)
}

/// What an agent has in hand before it starts to work.
struct Opened {
    folder: NodeFolder,
    listener: UnixListener,
    lock: Option<TickLock>,
    registered: Registered,
    me: Identity,
    /// Seeds the tokens of this boot, and is its name.
    seed: u128,
}

impl Opened {
    fn claimant(&self) -> Claimant {
        Claimant {
            node: self.registered.node,
            boot: self.me.boot,
        }
    }
}

/// Takes the data directory, finds the store, and registers the node.
async fn open(options: &AgentOptions, clock: &Clock) -> anyhow::Result<Opened> {
    let folder = NodeFolder::open(&options.data_dir)?;
    if let Some(mismatch) = NodeFolder::mismatch(folder.path()) {
        warn!("{mismatch}");
    }
    let listener = control::listen(folder.path())?;
    let lock = options.redis_url.as_deref().map(TickLock::new).transpose();
    let lock = lock.context("reading redis.url")?;
    await_store(&options.store).await?;
    let seed = draw_seed()?;
    let boot = BootId(Token::from_bytes(seed.to_be_bytes()));
    let name = options.node_name.clone().unwrap_or_else(host::host_name);
    let asked = clock.ask();
    let registered = register(options, &folder, &name, boot).await?;
    clock.seen(asked, registered.now);
    folder.remember_boot(boot)?;
    let peer = Peer {
        id: registered.node,
        name,
        labels: options.labels.clone(),
        running_max: options.running_max,
        duty: registered.duty,
        is_claiming: true,
        liveness: Liveness::Fresh,
    };
    info!(node.id = %peer.id, node.name = peer.name, "agent registered");
    let me = Identity {
        peer,
        boot,
        booted_at: registered.now,
    };
    Ok(Opened {
        folder,
        listener,
        lock,
        registered,
        me,
        seed,
    })
}

/// Starts what tells a collector of traces, where there is one.
fn start_tracer(tasks: &mut JoinSet<()>, collector: Option<Collector>) -> Option<Tracer> {
    let (tracer, telling) = Tracer::open(collector?);
    tasks.spawn(telling);
    Some(tracer)
}

/// Starts what looks into the store for the pump: changes, and ticks that nobody decided.
fn watch_store(
    tasks: &mut JoinSet<()>,
    hands: &Hands,
    options: &AgentOptions,
    registered: &Registered,
    (claimant, messages): (Claimant, &mpsc::Sender<Message>),
) {
    let (woken, outages) = (Arc::new(Notify::new()), Outages::default());
    let reader = Reader::new(
        hands.store.clone(),
        hands.clock.clone(),
        registered,
        messages.clone(),
    );
    tasks.spawn(reader.watch(Arc::clone(&woken), outages.clone()));
    tasks.spawn(audit_ticks(Auditor {
        store: hands.store.clone(),
        clock: hands.clock.clone(),
        claimant,
        booted_at: registered.now,
        outages,
        messages: messages.clone(),
    }));
    tasks.spawn(drop_what_is_old(
        hands.store.clone(),
        options.retention,
        messages.clone(),
    ));
    if let Some(url) = options.redis_url.clone() {
        tasks.spawn(listen_for_wake_ups(url, woken, messages.clone()));
    }
}

/// Starts what brings the wishes of operators: the control socket and signals.
fn listen_to_operators(
    tasks: &mut JoinSet<()>,
    listener: UnixListener,
    shutdown: Shutdown,
    messages: &mpsc::Sender<Message>,
) {
    let (calls, call_inbox) = mpsc::channel(16);
    tasks.spawn(control::serve(listener, calls.clone()));
    tasks.spawn(forward(call_inbox, messages.clone(), Message::Controlled));
    tasks.spawn(stop_on_signal(shutdown, calls));
}

/// Passes on what one part says to the pump, until either has ended.
async fn forward<T>(
    mut from: mpsc::Receiver<T>,
    to: mpsc::Sender<Message>,
    word: fn(T) -> Message,
) {
    loop {
        let news = tokio::select! {
            news = from.recv() => news,
            () = to.closed() => return,
        };
        let Some(news) = news else { return };
        if to.send(word(news)).await.is_err() {
            return;
        }
    }
}

/// Turns the stages of a shutdown into requests, as if the command line had made them.
async fn stop_on_signal(mut shutdown: Shutdown, calls: mpsc::Sender<control::ControlCall>) {
    for (stage, request) in [
        (Stage::Draining, ControlRequest::Stop),
        (Stage::Hurrying, ControlRequest::StopNow),
    ] {
        let reached = async {
            match stage {
                Stage::Hurrying => shutdown.hurrying().await,
                _ => shutdown.draining().await,
            }
        };
        tokio::select! {
            () = reached => {}
            () = calls.closed() => return,
        }
        let (reply, answer) = oneshot::channel();
        if calls.send((request, reply)).await.is_err() || answer.await.is_err() {
            return;
        }
    }
}

async fn await_store(store: &Store) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + STORE_PATIENCE;
    loop {
        match store.check_schema().await {
            Ok(SchemaFit::Own) => return Ok(()),
            Ok(fit @ SchemaFit::Newer { .. }) => {
                warn!("{fit}");
                return Ok(());
            }
            Err(error) if error.is_unknown() && tokio::time::Instant::now() < deadline => {
                warn!("{error}; asking again");
                tokio::time::sleep(STORE_RETRY).await;
            }
            Err(error) => {
                return Err(error).with_context(|| format!("opening the store {}", store.url()));
            }
        }
    }
}

async fn register(
    options: &AgentOptions,
    folder: &NodeFolder,
    name: &str,
    boot: BootId,
) -> anyhow::Result<Registered> {
    let now = options
        .store
        .now()
        .await
        .context("asking the store for the time")?;
    let up = SignedDuration::from_secs_f64(host::uptime_s());
    let registration = Registration {
        name: name.to_owned(),
        boot,
        replaces: folder.last_boot(),
        host_boot: host::host_boot(),
        host_booted_at: now - up,
        labels: options.labels.clone(),
        running_max: options.running_max,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        tzdb_version: tzdb_version().to_owned(),
    };
    let deadline = tokio::time::Instant::now() + STORE_PATIENCE;
    loop {
        match options.store.register_node(&registration).await {
            Ok(registered) if registered.duty == Duty::Retired => bail!("node {name:?} is retired"),
            Ok(registered) => return Ok(registered),
            // Asked again as the same boot: the store may know it by now, and would refuse the next one as a second agent.
            Err(error) if error.is_unknown() && tokio::time::Instant::now() < deadline => {
                warn!("{error}; asking again");
                tokio::time::sleep(STORE_RETRY).await;
            }
            Err(error @ StoreError::NodeAlreadyAlive { .. }) => return Err(error.into()),
            Err(error) => {
                return Err(error).with_context(|| format!("registering node {name:?}"));
            }
        }
    }
}

/// Waits a little for the last results, and says goodbye so that nobody waits for this node.
async fn farewell(
    store: &Store,
    claimant: Claimant,
    ended: Ended,
    emptying: tokio::task::JoinHandle<()>,
) {
    if tokio::time::timeout(FAREWELL_MAX, emptying).await.is_err() {
        warn!("the store has not taken every result; the runner keeps them for the next agent");
    }
    if ended != Ended::Replaced
        && let Err(error) = store.leave(claimant).await
    {
        warn!("the store does not know that this node has left: {error}");
    }
}

fn draw_seed() -> anyhow::Result<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("drawing the random number of this boot")?;
    Ok(u128::from_be_bytes(bytes))
}
