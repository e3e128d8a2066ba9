//! The main loop: one thread that owns all attempts and waits for everything at once. What it does about each event stands in `orders`, `watch`, `ending` and
//! `shipping`; it never blocks on disk or agent.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::Duration;

use carillon_core::token::Token;
use rustix::fs::{Mode, OFlags};
use rustix::net::sockopt::socket_peercred;

use crate::agent_link::AgentLink;
use crate::attempt::Attempt;
use crate::clock::{MS, boottime_ns};
use crate::commit::Commit;
use crate::group::Groups;
use crate::hardening::was_asked_to_end;
use crate::keeper::Keeper;
use crate::mailbox::{Event, Mailbox};
use crate::poller::{Key, Poller};
use crate::process_table::ProcessTable;
use crate::protocol::{Report, ShutdownWhen};
use crate::reap::reap_orphans;
use crate::starter::Starter;
use crate::timers::Timers;

/// The timer's number for work that belongs to no attempt.
pub(crate) const HOUSEKEEPING: u64 = 0;
/// The timer's number for the look for ended orphans, which would otherwise fill the process table while their command lives.
const REAPING: u64 = u64::MAX;
/// How often that is.
const REAP_NS: i64 = 1_000 * MS;
/// How long the loop rests when an agent cannot be let in for want of descriptors.
const FULL_PAUSE: Duration = Duration::from_millis(10);
/// How long a runner that is to end waits for the agent to acknowledge results.
const HEARING_NS: i64 = 5_000 * MS;
/// How old a look at all processes may be when a tree is ended; one look then serves many trees.
const TABLE_NS: i64 = 10 * MS;

/// The runner.
pub(crate) struct Runner {
    pub(crate) poller: Poller,
    pub(crate) timers: Timers,
    pub(crate) mailbox: Mailbox,
    pub(crate) commit: Commit,
    pub(crate) starter: Starter,
    pub(crate) keeper: Keeper,
    pub(crate) listener: UnixListener,
    pub(crate) signals: OwnedFd,
    /// A descriptor kept for an agent that arrives when there is no other.
    pub(crate) spare: Option<OwnedFd>,
    pub(crate) identity: Identity,
    pub(crate) groups: Arc<Groups>,
    /// Attempts that are over and whose groups somebody still lives in.
    pub(crate) lingering: Vec<Token>,
    pub(crate) agent: Option<AgentLink>,
    /// By a number of this life, which grows.
    pub(crate) attempts: BTreeMap<u64, Attempt>,
    pub(crate) numbers: HashMap<Token, u64>,
    pub(crate) next_number: u64,
    /// How many of the attempts may still start or run.
    pub(crate) live: usize,
    /// When a runner that was told to end does so although results are not acknowledged; the journal has them.
    pub(crate) ends_at_ns: Option<i64>,
    /// Attempts that have something to tell the agent.
    pub(crate) untold: BTreeSet<u64>,
    /// Attempts that run and have output for the agent, which is sent at `flush_at_ns`.
    pub(crate) gathering: BTreeSet<u64>,
    /// When gathered output is sent, if any waits.
    pub(crate) flush_at_ns: Option<i64>,
    /// Records of how far output goes that are not yet written. What is laid out for the agent waits for them: a later runner must not
    /// give the same positions to other bytes.
    pub(crate) unwritten: usize,
    /// Bytes of output in memory, of all attempts.
    pub(crate) output_bytes: u64,
    pub(crate) shutdown: Option<ShutdownWhen>,
    /// Why nothing is started any more.
    pub(crate) refusing: Option<String>,
    /// Since when there is neither agent nor command.
    pub(crate) lonely_since_ns: Option<i64>,
    /// Whether a look for orphans is due.
    pub(crate) will_reap: bool,
    pub(crate) table: (i64, ProcessTable),
    /// Where output is read into.
    pub(crate) scratch: Vec<u8>,
}

/// What does not change while the runner lives.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) host_boot: String,
    pub(crate) journal_epoch: String,
    pub(crate) journal_clean: bool,
    pub(crate) may_switch_users: bool,
    /// Users whose agents may connect.
    pub(crate) peers: Vec<u32>,
    /// How long a runner lives without agent and commands.
    pub(crate) idle_exit_ns: i64,
}

impl Runner {
    /// Serves until it was asked to end, or is needed by nobody.
    pub(crate) fn serve(&mut self) -> io::Result<()> {
        self.poller.add(self.mailbox.bell(), Key::Mailbox)?;
        self.poller.add(&self.listener, Key::Listener)?;
        self.poller.add(&self.signals, Key::Signals)?;
        self.poller.add(self.timers.fd(), Key::Timers)?;
        while !self.may_end() {
            self.timers.arm();
            for key in self.poller.wait()? {
                self.react(key);
            }
            self.ring_timers();
            self.tell_agent();
        }
        Ok(())
    }

    fn react(&mut self, key: Key) {
        match key {
            Key::Mailbox => self
                .mailbox
                .take()
                .into_iter()
                .for_each(|event| self.learn(event)),
            Key::Listener => self.accept_agent(),
            Key::Agent => self.hear_agent(),
            Key::Signals => {
                if was_asked_to_end(&self.signals) {
                    self.begin_shutdown(ShutdownWhen::Idle);
                }
            }
            Key::Timers => self.timers.silence(),
            Key::Process(number) => self.see_exit(number),
            Key::Pipe(number, stream) => self.read_pipe(number, stream),
        }
    }

    fn learn(&mut self, event: Event) {
        match event {
            Event::Durable { attempt } => self.make_durable(attempt),
            Event::Written => self.unwritten = self.unwritten.saturating_sub(1),
            Event::NotJournalled { attempt, reason } => self.refuse_unjournalled(attempt, reason),
            Event::JournalBroken { reason } => self.refuse_starts(reason),
            Event::Started {
                attempt,
                process,
                handles,
            } => self.begin_watch(attempt, process, handles),
            Event::Kept { attempt, kept } => self.note_kept(attempt, kept),
            Event::NotStarted { attempt, why, at } => self.settle_not_started(attempt, why, at),
        }
    }

    fn ring_timers(&mut self) {
        let now = boottime_ns();
        while let Some(number) = self.timers.take_due(now) {
            match number {
                HOUSEKEEPING => {}
                REAPING => {
                    reap_orphans();
                    self.remove_lingering();
                    self.will_reap = false;
                }
                attempt => self.look_at(attempt, now),
            }
        }
        if self.live > 0 && !self.will_reap {
            self.will_reap = true;
            self.timers.add(now + REAP_NS, REAPING);
        }
    }

    /// Whether nobody needs this runner any more.
    fn may_end(&mut self) -> bool {
        let is_live = self.live > 0;
        if self.shutdown.is_some() && !is_live {
            return self.has_been_heard();
        }
        // Results are safe in the journal, output lies in memory only.
        let is_needed = is_live || self.agent.is_some() || self.output_bytes > 0;
        if is_needed {
            self.lonely_since_ns = None;
            return false;
        }
        let now = boottime_ns();
        let since = *self.lonely_since_ns.get_or_insert_with(|| {
            self.timers
                .add(now.saturating_add(self.identity.idle_exit_ns), HOUSEKEEPING);
            now
        });
        now - since >= self.identity.idle_exit_ns
    }

    /// Whether the agent, if there is one, has acknowledged every result, or had its time to.
    fn has_been_heard(&mut self) -> bool {
        if self.attempts.is_empty() || self.agent.is_none() {
            return true;
        }
        let now = boottime_ns();
        let ends_at = *self.ends_at_ns.get_or_insert_with(|| {
            self.timers.add(now + HEARING_NS, HOUSEKEEPING);
            now + HEARING_NS
        });
        now >= ends_at
    }

    /// Takes nothing new from now on; ends at once what runs if told so.
    pub(crate) fn begin_shutdown(&mut self, when: ShutdownWhen) {
        tracing::info!(
            "the runner ends when {}",
            match when {
                ShutdownWhen::Idle => "its commands have ended",
                ShutdownWhen::Now => "its commands are killed",
            }
        );
        self.shutdown = Some(when);
        if when == ShutdownWhen::Now {
            self.kill_all("shutdown");
        }
    }

    fn accept_agent(&mut self) {
        let Some(socket) = self.accept_socket() else {
            return;
        };
        if let Err(reason) = self.check_peer(&socket) {
            tracing::warn!("a connection was refused: {reason}");
            return;
        }
        match AgentLink::new(socket) {
            Ok(agent) => self.greet(agent),
            Err(error) => tracing::warn!("a connection was lost: {error}"),
        }
    }

    /// Where commands have taken every descriptor, the spare one is the agent's.
    fn accept_socket(&mut self) -> Option<UnixStream> {
        if let Ok((socket, _)) = self.listener.accept() {
            return Some(socket);
        }
        self.spare = None;
        let accepted = self.listener.accept().ok().map(|(socket, _)| socket);
        if accepted.is_none() {
            // The arrival stays announced; looking again at once would only burn the processor.
            std::thread::sleep(FULL_PAUSE);
        }
        self.spare = open_spare();
        accepted
    }

    fn check_peer(&self, socket: &UnixStream) -> Result<(), String> {
        let peer = socket_peercred(socket)
            .map_err(|error| error.to_string())?
            .uid
            .as_raw();
        match self.identity.peers.contains(&peer) {
            true => Ok(()),
            false => Err(format!(
                "it comes from user {peer}, allowed are {:?}; run the agent as the owner of the data directory",
                self.identity.peers
            )),
        }
    }

    /// The agent's newest connection replaces any older one.
    fn greet(&mut self, agent: AgentLink) {
        // What the older one has sent still counts; afterwards nothing of it can come.
        self.hear_agent();
        self.drop_agent();
        if let Err(error) = self.poller.add(&agent, Key::Agent) {
            tracing::warn!("a connection was lost: {error}");
            return;
        }
        self.agent = Some(agent);
        self.introduce();
    }

    fn hear_agent(&mut self) {
        let Some(agent) = &mut self.agent else { return };
        match agent.receive() {
            Ok(requests) => requests.into_iter().for_each(|request| self.obey(request)),
            Err(error) => {
                tracing::info!("the agent has gone: {error}");
                self.drop_agent();
            }
        }
    }

    /// Forgets the connection; what was not acknowledged is told to the next one.
    pub(crate) fn drop_agent(&mut self) {
        if self.agent.take().is_none() {
            return;
        }
        for (number, attempt) in &mut self.attempts {
            attempt.capture.unship();
            attempt.steps_told = 0;
            attempt.outcome_told = false;
            self.untold.insert(*number);
        }
    }

    /// Sends a report to the agent, if one is there.
    pub(crate) fn tell(&mut self, report: &Report) {
        if let Some(agent) = &mut self.agent {
            agent.report(report);
        }
    }

    /// A look at all processes that is young enough.
    pub(crate) fn processes(&mut self) -> &ProcessTable {
        if boottime_ns() - self.table.0 > TABLE_NS {
            let table = ProcessTable::read();
            self.table = (boottime_ns(), table);
        }
        &self.table.1
    }
}

/// Holds a descriptor for later; none where there is none.
pub(crate) fn open_spare() -> Option<OwnedFd> {
    rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()
}
