//! From an order to a launch: user, environment, words, limits. Everything that can be refused is refused here, before a process exists.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;

use carillon_core::command_line::{CommandLine, classify_command_line};
use carillon_core::launch::{LaunchSpec, Limits, StartFailure};
use rustix::fs::{MemfdFlags, Mode, OFlags};

use crate::account::Account;
use crate::containment::Containment;
use crate::environment::{Environment, JobVariables, PATH, build_environment};
use crate::group::Entrance;
use crate::protocol::StartOrder;
use crate::secret::read_secrets;
use crate::spawn::{Credentials, Directory, Launch, Rlimit, Step};
use crate::starter::Tools;

/// A launch and the text or void that it reads.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) launch: Launch,
    pub(crate) stdin: OwnedFd,
    /// The way into its control group, which whoever does not start it removes.
    pub(crate) entrance: Option<Entrance>,
    /// For messages about a failed start.
    names: Names,
}

#[derive(Debug)]
struct Names {
    program: String,
    directory: String,
    user: String,
}

/// Lays out the start of a command.
///
/// # Errors
/// Why it cannot start. Nothing has run then.
pub(crate) fn prepare(order: &StartOrder, tools: &Tools) -> Result<Prepared, StartFailure> {
    let Tools {
        accounts,
        config,
        inheritance,
        groups,
        ..
    } = tools;
    let spec = &order.spec;
    let account = accounts.allow(spec.run_as.as_deref())?;
    let token = order.token.to_string();
    let secrets = read_secrets(&spec.secrets, &config.secrets_dir(), &account)?;
    let job = JobVariables {
        env: &spec.env,
        secrets: &secrets,
    };
    let env = build_environment(&account, job, &order.env, &token)?;
    let words = command_words(spec)?;
    let programs = match words[0].contains('/') {
        true => vec![c_string(words[0].as_str())?],
        false => search_path(&words[0], &env)?,
    };
    let launch = Launch {
        programs,
        argv: words
            .iter()
            .map(|word| c_string(word.as_str()))
            .collect::<Result<_, _>>()?,
        env,
        directory: choose_directory(spec, &account)?,
        credentials: accounts.must_become(&account).then(|| Credentials {
            uid: account.uid,
            gid: account.gid,
            groups: account.groups.clone(),
        }),
        umask: spec.umask.unwrap_or(0o022) & 0o777,
        nice: spec.nice,
        ionice: spec.ionice,
        rlimits: rlimits(&spec.limits, inheritance.open_files, groups.containment()),
        no_new_privs: spec.no_new_privs,
        oom_score_adj: inheritance.oom_score_adj.clone(),
    };
    let directory = spec.cwd.clone().unwrap_or_else(|| account.home.clone());
    let names = Names {
        program: words[0].clone(),
        directory,
        user: account.name.clone(),
    };
    let stdin = open_stdin(spec.stdin.as_deref())?;
    // Last, so that nothing is left to be removed where something else is refused.
    let entrance = groups
        .make(order.token, &spec.limits)
        .map_err(|error| short_of("making a control group", &error))?;
    Ok(Prepared {
        launch,
        stdin,
        entrance,
        names,
    })
}

impl Prepared {
    /// What a failed step of the child means.
    pub(crate) fn explain(&self, step: Step, errno: i32) -> StartFailure {
        let Names {
            program,
            directory,
            user,
        } = &self.names;
        let resources = |step: &str| StartFailure::Resources {
            step: step.to_owned(),
            errno,
        };
        match step {
            Step::Clone if errno == libc::EAGAIN => resources("starting a process"),
            Step::Clone => resources("cloning"),
            Step::Group => resources("entering its control group"),
            Step::Session => resources("opening a session"),
            Step::Stdio => resources("connecting the output"),
            Step::Rlimit(index) => {
                let limit = self.launch.rlimits[index].name.to_owned();
                StartFailure::Limit { limit, errno }
            }
            Step::Nice => StartFailure::Limit {
                limit: "nice".to_owned(),
                errno,
            },
            Step::Ionice => StartFailure::Limit {
                limit: "ionice".to_owned(),
                errno,
            },
            Step::NoNewPrivs => StartFailure::Limit {
                limit: "no_new_privs".to_owned(),
                errno,
            },
            Step::Uid if errno == libc::EAGAIN => resources("becoming the user"),
            Step::Groups | Step::Gid | Step::Uid => StartFailure::CannotBecomeUser {
                user: user.clone(),
                errno,
            },
            Step::Directory => StartFailure::Directory {
                path: directory.clone(),
                errno,
            },
            Step::Execute => match errno {
                libc::ENOENT => StartFailure::NotFound {
                    program: program.clone(),
                },
                libc::EAGAIN | libc::ENOMEM | libc::ENFILE | libc::EMFILE | libc::EIO => {
                    resources("executing the program")
                }
                _ => StartFailure::NotExecutable {
                    program: program.clone(),
                    errno,
                },
            },
        }
    }
}

fn command_words(spec: &LaunchSpec) -> Result<Vec<String>, StartFailure> {
    if spec.command.trim().is_empty() {
        return Err(bad_command("is empty"));
    }
    let by_shell = |shell: &str| vec![shell.to_owned(), "-c".to_owned(), spec.command.clone()];
    Ok(match &spec.shell {
        Some(shell) if shell.is_empty() => by_shell("/bin/sh"),
        Some(shell) => by_shell(shell),
        None => match classify_command_line(&spec.command) {
            CommandLine::Direct(words) => words,
            CommandLine::Shell => by_shell("/bin/sh"),
        },
    })
}

/// The paths that a search of PATH would try.
fn search_path(program: &str, env: &Environment) -> Result<Vec<CString>, StartFailure> {
    let path = env.of("PATH").unwrap_or(PATH.as_bytes());
    path.split(|byte| *byte == b':')
        .map(|dir| match dir {
            b"" => c_string(program),
            dir => c_string([dir, b"/", program.as_bytes()].concat()),
        })
        .collect()
}

fn choose_directory(spec: &LaunchSpec, account: &Account) -> Result<Directory, StartFailure> {
    Ok(match &spec.cwd {
        Some(path) if path.starts_with('/') => Directory::Exactly(c_string(path.as_str())?),
        Some(path) if path.starts_with("~/") || path == "~" => {
            Directory::Exactly(c_string(format!("{}{}", account.home, &path[1..]))?)
        }
        // A path without a beginning has no meaning on a node.
        Some(path) => {
            return Err(StartFailure::Directory {
                path: path.clone(),
                errno: libc::ENOENT,
            });
        }
        None => Directory::Rather(c_string(account.home.as_str())?),
    })
}

/// Limits of the process, also in the place of those that no group holds it to.
fn rlimits(limits: &Limits, open_files: (u64, u64), held: &Containment) -> Vec<Rlimit> {
    let both = |value: u64| (value, value);
    let memory_bytes = limits.memory_bytes.filter(|_| !held.memory);
    let pids = limits.pids.filter(|_| !held.pids);
    [
        (
            libc::RLIMIT_CORE,
            "core_bytes",
            Some(both(limits.core_bytes.unwrap_or(0))),
        ),
        (
            libc::RLIMIT_NOFILE,
            "open_files",
            Some(limits.open_files.map_or(open_files, both)),
        ),
        (
            libc::RLIMIT_CPU,
            "cpu_seconds",
            limits.cpu_seconds.map(both),
        ),
        (
            libc::RLIMIT_FSIZE,
            "file_bytes",
            limits.file_bytes.map(both),
        ),
        (libc::RLIMIT_AS, "memory_bytes", memory_bytes.map(both)),
        (libc::RLIMIT_NPROC, "pids", pids.map(both)),
    ]
    .into_iter()
    .filter_map(|(resource, name, value)| {
        value.map(|(soft, hard)| Rlimit {
            resource,
            name,
            soft,
            hard,
        })
    })
    .collect()
}

/// The text as a file in memory, which needs nobody to feed it and survives the runner; or the void.
fn open_stdin(text: Option<&str>) -> Result<OwnedFd, StartFailure> {
    let opened = match text {
        None => rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(io::Error::from),
        Some(text) => hold_in_memory(text),
    };
    opened.map_err(|error| short_of("opening standard input", &error))
}

fn short_of(step: &str, error: &io::Error) -> StartFailure {
    StartFailure::Resources {
        step: step.to_owned(),
        errno: error.raw_os_error().unwrap_or(0),
    }
}

fn hold_in_memory(text: &str) -> io::Result<OwnedFd> {
    let mut file = File::from(rustix::fs::memfd_create("stdin", MemfdFlags::CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file.into())
}

fn c_string(text: impl Into<Vec<u8>>) -> Result<CString, StartFailure> {
    CString::new(text).map_err(|_| bad_command("holds a zero byte"))
}

fn bad_command(reason: &str) -> StartFailure {
    StartFailure::BadCommand {
        reason: reason.to_owned(),
    }
}
