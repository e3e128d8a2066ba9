//! Whom commands may run as: the owner of the data directory always, others only where this node's own configuration lists them and the runner is root.
//!
//! So a runner that is root, for an agent that is not, starts nothing as root that nobody has allowed.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use carillon_core::launch::StartFailure;
use serde::Deserialize;

use crate::account::{Account, account_of, find_account};
use crate::clock::{MS, boottime_ns};

/// How long a user that was looked up is remembered, in nanoseconds of CLOCK_BOOTTIME.
const REMEMBERED_NS: i64 = 5_000 * MS;
/// Users remembered at most.
const REMEMBERED_MAX: usize = 256;

/// The users of this node.
#[derive(Debug)]
pub(crate) struct Accounts {
    own_uid: u32,
    /// Whom a command runs as that asks for nobody.
    usual: Arc<Account>,
    /// Users allowed by who started the runner.
    given: Vec<String>,
    config_file: Option<PathBuf>,
    remembered: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    accounts: HashMap<String, (i64, Arc<Account>)>,
    /// The list of the file, and by what the file is known to be unchanged.
    listed: Vec<String>,
    file: Option<(u64, i64, i64, u64)>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConfigFile {
    runner: RunnerSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RunnerSection {
    allow_users: Vec<String>,
}

impl Accounts {
    pub(crate) fn new(owner_uid: u32, given: Vec<String>, config_file: Option<PathBuf>) -> Self {
        let own_uid = rustix::process::geteuid().as_raw();
        let usual_uid = match own_uid {
            0 => owner_uid,
            own => own,
        };
        Self {
            own_uid,
            usual: Arc::new(account_of(usual_uid)),
            given,
            config_file,
            remembered: Mutex::default(),
        }
    }

    /// Whether commands can run as anybody else.
    pub(crate) fn may_switch(&self) -> bool {
        self.own_uid == 0
    }

    /// Whether a command has to change its user to be this one.
    pub(crate) fn must_become(&self, account: &Account) -> bool {
        account.uid != self.own_uid
    }

    /// The user that a job asks for, if this node lets it.
    ///
    /// # Errors
    /// When the user is unknown, not allowed, or the runner cannot become it.
    pub(crate) fn allow(&self, user: Option<&str>) -> Result<Arc<Account>, StartFailure> {
        let Some(user) = user.filter(|user| *user != self.usual.name) else {
            return Ok(Arc::clone(&self.usual));
        };
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        remembered.read_list(self.config_file.as_ref());
        if !self
            .given
            .iter()
            .chain(&remembered.listed)
            .any(|allowed| allowed == user)
        {
            return Err(match remembered.find(user)? {
                Some(_) => StartFailure::UserNotAllowed {
                    user: user.to_owned(),
                },
                None => StartFailure::UnknownUser {
                    user: user.to_owned(),
                },
            });
        }
        let found = remembered.find(user)?;
        let account = found.ok_or_else(|| StartFailure::UnknownUser {
            user: user.to_owned(),
        })?;
        if account.uid != self.own_uid && !self.may_switch() {
            return Err(StartFailure::CannotBecomeUser {
                user: user.to_owned(),
                errno: libc::EPERM,
            });
        }
        Ok(account)
    }
}

impl Remembered {
    fn find(&mut self, user: &str) -> Result<Option<Arc<Account>>, StartFailure> {
        let now = boottime_ns();
        if let Some((at, account)) = self.accounts.get(user)
            && now - at < REMEMBERED_NS
        {
            return Ok(Some(Arc::clone(account)));
        }
        let found = find_account(user).map_err(|error| StartFailure::Resources {
            step: format!("looking up user {user:?}"),
            errno: error.raw_os_error().unwrap_or(0),
        })?;
        if self.accounts.len() >= REMEMBERED_MAX {
            self.accounts.clear();
        }
        Ok(found.map(|account| {
            let account = Arc::new(account);
            self.accounts
                .insert(user.to_owned(), (now, Arc::clone(&account)));
            account
        }))
    }

    /// Reads the list again if the file has changed. A file that others may write, or that cannot be read, allows nobody.
    fn read_list(&mut self, path: Option<&PathBuf>) {
        let Some(path) = path else { return };
        let found = std::fs::metadata(path).ok();
        let seen = found
            .as_ref()
            .map(|file| (file.ino(), file.mtime(), file.mtime_nsec(), file.size()));
        if seen == self.file {
            return;
        }
        self.file = seen;
        self.listed = match found {
            Some(file) if is_private(&file) => read_allow_users(path).unwrap_or_else(|reason| {
                tracing::error!("{} allows no user: {reason}", path.display());
                Vec::new()
            }),
            Some(_) => {
                tracing::error!(
                    "{} allows no user: others than its owner may write it; run chmod go-w on it",
                    path.display()
                );
                Vec::new()
            }
            None => Vec::new(),
        };
    }
}

/// Whether only the runner's own user or root can have written the file.
fn is_private(file: &Metadata) -> bool {
    let own = rustix::process::geteuid().as_raw();
    (file.uid() == 0 || file.uid() == own) && file.mode() & 0o022 == 0
}

fn read_allow_users(path: &PathBuf) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let file: ConfigFile = toml::from_str(&text).map_err(|error| error.message().to_owned())?;
    Ok(file.runner.allow_users)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_uid() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn config(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("carillon.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn only_listed_users_are_allowed() {
        let (_dir, path) = config(
            "[runner]\nallow_users = [\"daemon\", \"ghost\"]\n[node]\nname = \"a\"",
            0o644,
        );
        let accounts = Accounts::new(own_uid(), Vec::new(), Some(path));

        let refused = |user: &str| accounts.allow(Some(user)).unwrap_err();

        assert_eq!(accounts.allow(None).unwrap().uid, own_uid());
        assert_eq!(
            refused("bin"),
            StartFailure::UserNotAllowed {
                user: "bin".to_owned()
            }
        );
        assert_eq!(
            refused("ghost"),
            StartFailure::UnknownUser {
                user: "ghost".to_owned()
            }
        );
        assert_eq!(
            refused("phantom"),
            StartFailure::UnknownUser {
                user: "phantom".to_owned()
            }
        );
        if accounts.may_switch() {
            assert_eq!(accounts.allow(Some("daemon")).unwrap().name, "daemon");
        }
    }

    #[test]
    fn root_is_nobody_special_where_the_data_directory_is_not_roots() {
        let accounts = Accounts::new(1, Vec::new(), None);
        if !accounts.may_switch() {
            return;
        }

        assert_eq!(accounts.allow(None).unwrap().uid, 1);
        assert!(accounts.allow(Some("root")).is_err());
    }

    #[test]
    fn file_that_others_may_write_allows_nobody() {
        let (_dir, path) = config("[runner]\nallow_users = [\"daemon\"]", 0o666);

        let refused = Accounts::new(own_uid(), Vec::new(), Some(path)).allow(Some("daemon"));

        assert_eq!(
            refused,
            Err(StartFailure::UserNotAllowed {
                user: "daemon".to_owned()
            })
        );
    }
}
