//! What this node's own configuration tells the runner, read again when the file changes. Nobody else, not the store and not a job, can widen it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use crate::output_folder::OutputLimits;

/// Where secrets lie when nothing else says where.
pub(crate) const SECRETS_DIR: &str = "/etc/carillon/secrets";
/// How much full output is kept when nothing else says how much.
const PART_MIB: u32 = 64;
const FILE_MIB: u32 = 1024;
const NODE_MIB: u32 = 10_240;
const DAYS: u32 = 30;

/// The configuration of the node, as far as the runner needs it.
#[derive(Debug)]
pub(crate) struct NodeConfig {
    /// What whoever started the runner has said.
    given: RunnerSection,
    given_output: OutputSettings,
    file: Option<PathBuf>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// By what the file is known to be unchanged.
    mark: Option<(u64, i64, i64, u64)>,
    told: Arc<ConfigFile>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
struct ConfigFile {
    runner: RunnerSection,
    output: OutputSettings,
}

/// The part `[output]`: how much full output a node keeps. None is what is usual.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OutputSettings {
    /// MiB after which a file is cut.
    pub part_mib: Option<u32>,
    /// MiB of one stream of one attempt.
    pub file_mib: Option<u32>,
    /// MiB of the whole node.
    pub node_mib: Option<u32>,
    /// Days for which it is kept.
    pub days: Option<u32>,
}

/// The part `[runner]`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(crate) struct RunnerSection {
    pub(crate) allow_users: Vec<String>,
    pub(crate) secrets_dir: Option<PathBuf>,
}

impl NodeConfig {
    pub(crate) fn new(
        given: RunnerSection,
        given_output: OutputSettings,
        file: Option<PathBuf>,
    ) -> Self {
        Self {
            given,
            given_output,
            file,
            seen: Mutex::default(),
        }
    }

    /// Whether commands may run as this user.
    pub(crate) fn allows(&self, user: &str) -> bool {
        let read = self.read();
        let mut listed = self
            .given
            .allow_users
            .iter()
            .chain(&read.runner.allow_users);
        listed.any(|allowed| allowed == user)
    }

    /// Where this node's secrets lie.
    pub(crate) fn secrets_dir(&self) -> PathBuf {
        let given = self.given.secrets_dir.clone();
        given
            .or_else(|| self.read().runner.secrets_dir.clone())
            .unwrap_or_else(|| SECRETS_DIR.into())
    }

    /// How much full output the node keeps.
    pub(crate) fn output_limits(&self) -> OutputLimits {
        let (given, read) = (self.given_output, self.read().output);
        let one_of = |given: Option<u32>, read: Option<u32>, usual| given.or(read).unwrap_or(usual);
        OutputLimits::of_mib(
            one_of(given.part_mib, read.part_mib, PART_MIB),
            one_of(given.file_mib, read.file_mib, FILE_MIB),
            one_of(given.node_mib, read.node_mib, NODE_MIB),
            one_of(given.days, read.days, DAYS),
        )
    }

    /// What the file says now. One that others may write, or that cannot be read, says nothing.
    fn read(&self) -> Arc<ConfigFile> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(path) = &self.file else {
            return Arc::clone(&seen.told);
        };
        let found = std::fs::metadata(path).ok();
        let mark = found
            .as_ref()
            .map(|file| (file.ino(), file.mtime(), file.mtime_nsec(), file.size()));
        if mark != seen.mark {
            seen.mark = mark;
            seen.told = Arc::new(found.map_or_else(ConfigFile::default, |file| {
                read_file(path, &file).unwrap_or_else(|reason| {
                    tracing::error!("{} allows no user: {reason}", path.display());
                    ConfigFile::default()
                })
            }));
        }
        Arc::clone(&seen.told)
    }
}

fn read_file(path: &Path, file: &Metadata) -> Result<ConfigFile, String> {
    if !is_private(file) {
        return Err("others than its owner may write it; run chmod go-w on it".to_owned());
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    toml::from_str(&text).map_err(|error| error.message().to_owned())
}

/// Whether only the runner's own user or root can have written the file.
fn is_private(file: &Metadata) -> bool {
    let own = rustix::process::geteuid().as_raw();
    (file.uid() == 0 || file.uid() == own) && file.mode() & 0o022 == 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn config(text: &str, mode: u32) -> (tempfile::TempDir, NodeConfig) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("carillon.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (
            dir,
            NodeConfig::new(
                RunnerSection::default(),
                OutputSettings::default(),
                Some(path),
            ),
        )
    }

    #[test]
    fn file_is_read_again_when_it_changes() {
        let text = "[runner]\nallow_users = [\"daemon\"]\nsecrets_dir = \"/srv/secrets\"\n[node]\nname = \"a\"";
        let (dir, config) = config(text, 0o644);

        assert!(config.allows("daemon") && !config.allows("bin"));
        assert_eq!(config.secrets_dir(), Path::new("/srv/secrets"));

        std::fs::write(dir.path().join("carillon.toml"), "[runner]\n# nobody").unwrap();
        assert!(!config.allows("daemon"));
        assert_eq!(config.secrets_dir(), Path::new(SECRETS_DIR));
    }

    #[test]
    fn file_that_others_may_write_says_nothing() {
        let text = "[runner]\nallow_users = [\"daemon\"]\nsecrets_dir = \"/srv/secrets\"";
        let (_dir, config) = config(text, 0o666);

        assert!(!config.allows("daemon"));
        assert_eq!(config.secrets_dir(), Path::new(SECRETS_DIR));
    }

    #[test]
    fn who_starts_the_runner_wins() {
        let given = RunnerSection {
            allow_users: vec!["bin".to_owned()],
            secrets_dir: Some("/given".into()),
        };
        let text = "[runner]\nallow_users = [\"daemon\"]\nsecrets_dir = \"/srv/secrets\"\n[output]\npart_mib = 7\ndays = 9";
        let (dir, _) = config(text, 0o644);

        let output = OutputSettings {
            days: Some(3),
            ..OutputSettings::default()
        };
        let config = NodeConfig::new(given, output, Some(dir.path().join("carillon.toml")));

        assert!(config.allows("bin") && config.allows("daemon"));
        assert_eq!(config.secrets_dir(), Path::new("/given"));
        assert_eq!(
            config.output_limits(),
            OutputLimits::of_mib(7, 1024, 10_240, 3)
        );
    }
}
