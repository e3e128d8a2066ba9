//! A runner's life from its lock to its last thread.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use crate::accounts::Accounts;
use crate::clock::{MS, boottime_ns, moment};
use crate::commit::Commit;
use crate::group::Groups;
use crate::hardening::{harden, take_signals};
use crate::journal::{Journal, Replay};
use crate::keeper::Keeper;
use crate::mailbox::Mailbox;
use crate::node_config::{NodeConfig, OutputSettings, RunnerSection};
use crate::poller::Poller;
use crate::process_table::ProcessTable;
use crate::runner::{Identity, Runner, open_spare};
use crate::spawn::Seat;
use crate::starter::{Starter, THREADS, Tools};
use crate::timers::Timers;
use crate::watch::READ_BYTES;
use crate::{READY_LINE, socket_path};

/// How long a runner that was killed may take to let go of its lock.
const DYING_NS: i64 = 1_000 * MS;

/// How a runner is to live.
#[derive(Debug, Clone)]
pub struct RunnerOptions {
    /// Where journal, socket and lock lie. It must exist and belong to the agent's user.
    pub data_dir: PathBuf,
    /// The node's configuration, of which the part `runner` is read, and read again when it changes.
    pub config_file: Option<PathBuf>,
    /// Users that commands may run as beside the runner's own and those of the configuration.
    pub allow_users: Vec<String>,
    /// Where the node's secrets lie; none is where the configuration says.
    pub secrets_dir: Option<PathBuf>,
    /// How much full output the node keeps; what is none is as the configuration says.
    pub output: OutputSettings,
    /// How long it lives without agent and commands.
    pub idle_exit: Duration,
}

impl RunnerOptions {
    /// A runner on this data directory that lives a minute without agent and commands, and becomes no other user.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            config_file: None,
            allow_users: Vec::new(),
            secrets_dir: None,
            output: OutputSettings::default(),
            idle_exit: Duration::from_secs(60),
        }
    }
}

/// Why a runner could not live.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// Another runner lives on this data directory. Its agent can use that one.
    #[error("a runner lives on {0} already; connect to it or choose another data directory")]
    Occupied(PathBuf),
    /// A file of the data directory cannot be used.
    #[error(
        "{path} cannot be used: {source}; the data directory must be writable and on a sound device with room"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The kernel refused what a runner cannot do without.
    #[error("the runner cannot work here: {0}")]
    Kernel(#[from] io::Error),
    /// It was not called by the main thread.
    #[error("the runner has to be called by the main thread; the kernel gives orphans to no other")]
    Thread,
}

/// Lives as the runner of a data directory until asked to end or needed by nobody. Must be called by the main thread of a process that does nothing else.
/// When it listens, it writes [`READY_LINE`] to standard output and closes it.
///
/// # Errors
/// When another runner lives there, or what a runner needs cannot be had.
pub fn run(options: &RunnerOptions) -> Result<(), RunnerError> {
    if rustix::thread::gettid() != rustix::process::getpid() {
        return Err(RunnerError::Thread);
    }
    // The runner leaves the directory in which it was started.
    let dir = &std::path::absolute(&options.data_dir)?;
    let _lock = lock(dir)?;
    let signals = take_signals()?;
    let seats = Seat::reserve(THREADS)?;
    let inheritance = harden()?;
    let host_boot = read_host_boot()?;
    let (journal, replay) = open_journal(dir, &host_boot)?;
    let mailbox = Mailbox::new()?;
    let starter = Starter::new()?;
    let (commit, writer) = Commit::start(journal, starter.clone(), mailbox.clone())?;
    let owner_uid = owner_of(dir)?;
    let config = Arc::new(node_config(options));
    let accounts = Accounts::new(owner_uid, Arc::clone(&config));
    let idle_exit_ms = i64::try_from(options.idle_exit.as_millis());
    let identity = Identity {
        host_boot,
        journal_epoch: replay.ledger.epoch.clone(),
        journal_clean: replay.is_clean,
        may_switch_users: accounts.may_switch(),
        peers: vec![0, rustix::process::geteuid().as_raw(), owner_uid],
        idle_exit_ns: idle_exit_ms.map_or(i64::MAX, |ms| ms.saturating_mul(MS)),
    };
    let (keeper, output) = Keeper::start(dir, Arc::clone(&config), mailbox.clone())?;
    let groups = Arc::new(Groups::find(dir));
    let tools = Tools {
        groups: Arc::clone(&groups),
        accounts,
        config,
        mailbox: mailbox.clone(),
        commit: commit.clone(),
        inheritance,
    };
    let threads = starter.run(tools, seats)?;
    let listener = listen(dir)?;
    let mut runner = assemble(Parts {
        identity,
        groups,
        mailbox,
        commit,
        starter,
        keeper,
        listener,
        signals,
    })?;
    runner.recover(replay.ledger);
    say_ready();
    tracing::info!("the runner of {} listens", dir.display());
    let served = runner.serve();
    std::fs::remove_file(socket_path(dir)).ok();
    runner.starter.close();
    threads.into_iter().for_each(|thread| drop(thread.join()));
    runner.commit.close();
    drop(writer.join());
    runner.keeper.close();
    await_thread(&output);
    Ok(served?)
}

fn node_config(options: &RunnerOptions) -> NodeConfig {
    let given = RunnerSection {
        allow_users: options.allow_users.clone(),
        secrets_dir: options.secrets_dir.clone(),
    };
    NodeConfig::new(given, options.output, options.config_file.clone())
}

fn open_journal(dir: &Path, host_boot: &str) -> Result<(Journal, Replay), RunnerError> {
    let opened = Journal::open(dir, host_boot, moment(), &draw_epoch()?).map_err(|source| {
        RunnerError::File {
            path: dir.join("runner.journal"),
            source,
        }
    })?;
    if !opened.1.is_clean {
        tracing::error!("the journal was damaged; what its last records said is lost");
    }
    Ok(opened)
}

struct Parts {
    identity: Identity,
    groups: Arc<Groups>,
    mailbox: Mailbox,
    commit: Commit,
    starter: Starter,
    keeper: Keeper,
    listener: UnixListener,
    signals: OwnedFd,
}

fn assemble(parts: Parts) -> io::Result<Runner> {
    let Parts {
        identity,
        groups,
        mailbox,
        commit,
        starter,
        keeper,
        listener,
        signals,
    } = parts;
    Ok(Runner {
        poller: Poller::new()?,
        timers: Timers::new()?,
        mailbox,
        commit,
        starter,
        keeper,
        listener,
        signals,
        spare: open_spare(),
        identity,
        groups,
        lingering: Vec::new(),
        agent: None,
        attempts: BTreeMap::new(),
        numbers: HashMap::new(),
        next_number: 1,
        untold: BTreeSet::new(),
        gathering: BTreeSet::new(),
        flush_at_ns: None,
        unwritten: 0,
        output_bytes: 0,
        shutdown: None,
        refusing: None,
        lonely_since_ns: None,
        will_reap: false,
        live: 0,
        ends_at_ns: None,
        table: (i64::MIN / 2, ProcessTable::default()),
        scratch: vec![0; READ_BYTES],
    })
}

/// Whom the data directory belongs to: the agent's user.
fn owner_of(dir: &Path) -> Result<u32, RunnerError> {
    let found = std::fs::metadata(dir).map_err(|source| RunnerError::File {
        path: dir.to_owned(),
        source,
    })?;
    Ok(found.uid())
}

/// Held as long as the runner lives, and let go by the kernel whatever its end.
fn lock(dir: &Path) -> Result<File, RunnerError> {
    let path = dir.join("runner.lock");
    let open = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path);
    let file = open.map_err(|source| RunnerError::File {
        path: path.clone(),
        source,
    })?;
    let until = boottime_ns() + DYING_NS;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) if boottime_ns() < until => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(RunnerError::Occupied(dir.to_owned()));
            }
            Err(error) => {
                return Err(RunnerError::File {
                    path,
                    source: error.into(),
                });
            }
        }
    }
}

fn listen(dir: &Path) -> Result<UnixListener, RunnerError> {
    let path = socket_path(dir);
    // A socket left by a runner that was killed; the lock says that nobody listens on it.
    std::fs::remove_file(&path).ok();
    let listen = || {
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        let owner = std::fs::metadata(dir)?;
        if rustix::process::geteuid().is_root() && owner.uid() != 0 {
            std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid()))?;
        }
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|source| RunnerError::File {
        path: path.clone(),
        source,
    })
}

fn read_host_boot() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

fn draw_epoch() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/uuid")?
        .trim()
        .to_owned())
}

/// Waits for a thread, but not for a disk that hangs.
fn await_thread(thread: &JoinHandle<()>) {
    let until = boottime_ns() + DYING_NS;
    while !thread.is_finished() && boottime_ns() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Tells who started the runner that it listens. Nobody may be there to read it.
fn say_ready() {
    let mut stdout = io::stdout();
    let _said = writeln!(stdout, "{READY_LINE}").and_then(|()| stdout.flush());
    if let Ok(void) = OpenOptions::new().write(true).open("/dev/null") {
        let _closed = rustix::stdio::dup2_stdout(&void);
    }
}
