//! Whom commands may run as: the owner of the data directory always, others only where this node's own configuration lists them and the runner is root.
//!
//! So a runner that is root, for an agent that is not, starts nothing as root that nobody has allowed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use carillon_core::launch::StartFailure;

use crate::account::{Account, account_of, find_account};
use crate::clock::{MS, boottime_ns};
use crate::node_config::NodeConfig;

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
    config: Arc<NodeConfig>,
    remembered: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    accounts: HashMap<String, (i64, Arc<Account>)>,
}

impl Accounts {
    pub(crate) fn new(owner_uid: u32, config: Arc<NodeConfig>) -> Self {
        let own_uid = rustix::process::geteuid().as_raw();
        let usual_uid = match own_uid {
            0 => owner_uid,
            own => own,
        };
        Self {
            own_uid,
            usual: Arc::new(account_of(usual_uid)),
            config,
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
        if !self.config.allows(user) {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node_config::{OutputSettings, RunnerSection};

    fn own_uid() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn accounts(owner_uid: u32, allowed: &[&str]) -> Accounts {
        let given = RunnerSection {
            allow_users: allowed.iter().map(|user| (*user).to_owned()).collect(),
            ..RunnerSection::default()
        };
        Accounts::new(
            owner_uid,
            Arc::new(NodeConfig::new(given, OutputSettings::default(), None)),
        )
    }

    #[test]
    fn only_listed_users_are_allowed() {
        let accounts = accounts(own_uid(), &["daemon", "ghost"]);

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
        let accounts = accounts(1, &[]);
        if !accounts.may_switch() {
            return;
        }

        assert_eq!(accounts.allow(None).unwrap().uid, 1);
        assert!(accounts.allow(Some("root")).is_err());
    }
}
