//! The data directory of a node: who may use it, and what it remembers from one life of the agent to the next.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use carillon_core::claim::BootId;
use carillon_lifecycle::private_folder::make_private_folder;
use rustix::fs::{FlockOperation, flock};

/// The directory, held by this agent alone until dropped.
#[derive(Debug)]
pub struct NodeFolder {
    path: PathBuf,
    _lock: File,
}

impl NodeFolder {
    /// Takes the directory, and makes it if it is absent.
    ///
    /// # Errors
    /// When it cannot be written, or another agent has it.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        make_folder(path)?;
        let lock_path = path.join("agent.lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .with_context(|| unwritable(path))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!(
                "another agent, or `carillon up`, uses the data directory {}; stop it, or give this one another (node.data_dir, --data)",
                path.display()
            );
        }
        Ok(NodeFolder {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// What is wrong when root works in a folder of somebody else, who could not read afterwards what is written there.
    pub fn mismatch(path: &Path) -> Option<String> {
        let owner = path.metadata().ok()?.uid();
        let is_root = rustix::process::geteuid().is_root();
        (is_root && owner != 0).then(|| {
            format!(
                "this is root, and the data directory {} belongs to user {owner}, who cannot use afterwards what root writes there; \
                 run the agent as that user, such as `runuser -u carillon -- agent start`",
                path.display()
            )
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last life of the agent here: it has ended, since this one holds the directory.
    pub fn last_boot(&self) -> Option<BootId> {
        self.recall("boot")?.parse().ok().map(BootId)
    }

    /// Remembers this life.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn remember_boot(&self, boot: BootId) -> anyhow::Result<()> {
        self.remember("boot", &boot.0.to_string())
    }

    /// Whether the journal is the one that was here before; remembers it for the next time. One that is not has been
    /// wiped, and that it does not know a run proves nothing.
    pub fn knows_journal(&self, epoch: &str) -> bool {
        let is_known = self.recall("journal_epoch").as_deref() == Some(epoch);
        if !is_known && let Err(error) = self.remember("journal_epoch", epoch) {
            tracing::warn!("{error:#}");
        }
        is_known
    }

    fn recall(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path.join(name))
            .ok()
            .map(|text| text.trim().to_owned())
    }

    fn remember(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let (path, fresh) = (self.path.join(name), self.path.join(format!("{name}.new")));
        let write = || -> io::Result<()> {
            let mut file = File::create(&fresh)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&fresh, &path)
        };
        write().with_context(|| format!("writing {}", path.display()))
    }
}

/// Whether a data directory can be used, without taking it.
///
/// # Errors
/// When it cannot be written.
pub fn check_folder(path: &Path) -> anyhow::Result<()> {
    make_folder(path)?;
    let probe = path.join("check.tmp");
    File::create(&probe).with_context(|| unwritable(path))?;
    std::fs::remove_file(&probe).with_context(|| format!("removing {}", probe.display()))
}

pub(crate) fn make_folder(path: &Path) -> anyhow::Result<()> {
    make_private_folder(path).with_context(|| {
        format!(
            "making the data directory {}; set node.data_dir to one this user may write",
            path.display()
        )
    })
}

fn unwritable(path: &Path) -> String {
    format!(
        "writing to the data directory {}; set node.data_dir to one this user may write",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use carillon_core::token::Token;

    #[test]
    fn directory_belongs_to_one_agent_and_remembers_its_life() {
        let folder = std::env::temp_dir().join(format!("carillon-folder-{}", std::process::id()));
        let boot = BootId(Token::from_bytes([9; 16]));

        let first = NodeFolder::open(&folder).unwrap();
        assert_eq!(first.last_boot(), None);
        first.remember_boot(boot).unwrap();
        assert!(!first.knows_journal("a"));
        assert!(
            NodeFolder::open(&folder)
                .unwrap_err()
                .to_string()
                .contains("another agent")
        );
        drop(first);

        let second = NodeFolder::open(&folder).unwrap();
        assert_eq!(second.last_boot(), Some(boot));
        assert!(second.knows_journal("a"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
