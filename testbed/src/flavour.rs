//! What differs between the two kinds of SQL server: how one is made, called and started.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::folder::root_folder;
use crate::packages::require;

const SERVER_PACKAGES: [&str; 2] = ["mariadb-server-core", "mariadb-client-core"];

/// A kind of server, found on this machine.
#[derive(Debug, Clone)]
pub(crate) enum Flavour {
    /// The system's MariaDB.
    MariaDb,
    /// A MySQL 9 that `scripts/fetch-mysql` unpacked into this folder.
    MySql9(PathBuf),
}

impl Flavour {
    /// MySQL 9, where `CARILLON_MYSQL9_DIR` says that there is one.
    pub(crate) fn mysql9() -> Option<Self> {
        let folder = std::env::var_os("CARILLON_MYSQL9_DIR").filter(|folder| !folder.is_empty())?;
        Some(Self::MySql9(folder.into()))
    }

    /// A word for folders and messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::MariaDb => "mariadb",
            Self::MySql9(_) => "mysql9",
        }
    }

    /// `launcher`, made to start the server. The unpacked MySQL brings its own loader and libraries.
    pub(crate) fn command(&self, mut launcher: Command) -> Result<Command> {
        match self {
            Self::MariaDb => {
                launcher
                    .arg(require("mariadbd", &SERVER_PACKAGES)?)
                    .arg("--no-defaults");
            }
            Self::MySql9(root) => {
                let libraries = root.join("usr/lib/x86_64-linux-gnu");
                launcher
                    .arg(libraries.join("ld-linux-x86-64.so.2"))
                    .arg("--library-path")
                    .arg(&libraries)
                    .arg(root.join("usr/sbin/mysqld"))
                    .arg("--no-defaults")
                    .arg(format!("--basedir={}", root.join("usr").display()))
                    .arg(format!(
                        "--lc-messages-dir={}",
                        root.join("usr/share/mysql").display()
                    ))
                    .args(["--secure-file-priv=", "--mysqlx=OFF"]);
            }
        }
        Ok(launcher)
    }

    /// Options that keep start and disk use small without touching durability.
    pub(crate) fn small_size(&self) -> &'static [&'static str] {
        match self {
            Self::MariaDb => &[
                "--innodb-log-file-size=16M",
                "--skip-name-resolve",
                "--character-set-server=utf8mb4",
                "--collation-server=utf8mb4_general_ci",
            ],
            Self::MySql9(_) => &["--innodb-redo-log-capacity=16M", "--performance-schema=OFF"],
        }
    }

    /// The command-line client. MariaDB's speaks to both.
    pub(crate) fn client(&self) -> Result<Command> {
        Ok(Command::new(require("mariadb", &SERVER_PACKAGES)?))
    }

    /// The prepared data folder, made once per version of the server: initialising takes seconds,
    /// copying it does not.
    pub(crate) fn template(&self) -> Result<PathBuf> {
        let root = root_folder()?;
        let ready = root.join(format!("template-{}-{}", self.name(), self.version()?));
        let lock = File::create(root.join("template.lock"))?;
        lock.lock()?;
        if ready.exists() {
            return Ok(ready);
        }
        let draft = root.join(format!("template-{}-draft", self.name()));
        let _ = fs::remove_dir_all(&draft);
        self.install(&draft)?;
        fs::rename(&draft, &ready).context("putting the data template into place")?;
        Ok(ready)
    }

    fn version(&self) -> Result<String> {
        let mut command = self.command(Command::new("env"))?;
        let output = command
            .arg("--version")
            .output()
            .context("asking for the version")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
        let version = text.split_whitespace().find(is_version).with_context(|| {
            format!(
                "{} tells no version: {text}{}",
                self.name(),
                String::from_utf8_lossy(&output.stderr)
            )
        })?;
        Ok(version.to_owned())
    }

    fn install(&self, data: &Path) -> Result<()> {
        let mut command = match self {
            Self::MariaDb => {
                let mut command = Command::new(require("mariadb-install-db", &SERVER_PACKAGES)?);
                // Without it a machine that cannot look its own name up is refused.
                command.args(["--no-defaults", "--skip-test-db", "--force"]);
                command.args([
                    "--auth-root-authentication-method=normal",
                    self.small_size()[0],
                ]);
                command
            }
            Self::MySql9(_) => {
                let mut command = self.command(Command::new("env"))?;
                command.args(["--initialize-insecure", self.small_size()[0]]);
                command
            }
        };
        command.arg(format!("--datadir={}", data.display()));
        if rustix::process::getuid().is_root() {
            command.arg("--user=root");
        }
        let output = command.output().context("initialising a data folder")?;
        if !output.status.success() {
            let said = [&*output.stdout, &*output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            bail!("initialising {} failed: {}", self.name(), said.trim());
        }
        Ok(())
    }
}
