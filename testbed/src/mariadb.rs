//! A private MariaDB server with the durability of a production one.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::database::Database;
use crate::flavour::Flavour;
use crate::folder::Folder;
use crate::place::Place;
use crate::port::free_port;
use crate::process::{Process, leash};

/// How a server is started; the default is what an operator should run.
#[derive(Debug, Clone, Default)]
pub struct MariaDbOptions {
    /// Further options of `mariadbd`, such as `--read-only` or `--character-set-server=latin1`.
    pub extra: Vec<String>,
    /// What its environment holds besides, such as the settings of a [`WallClock`](crate::WallClock).
    pub environment: Vec<(String, String)>,
}

/// A running MariaDB on 127.0.0.1. Killed and removed on drop.
#[derive(Debug)]
pub struct MariaDb {
    place: Place,
    environment: Vec<(String, String)>,
    process: Process,
    folder: Folder,
}

impl MariaDb {
    /// Starts one with the default options.
    ///
    /// # Errors
    /// When MariaDB is not installed or does not come up; the text holds the end of its log.
    pub fn start() -> Result<Self> {
        Self::start_with(MariaDbOptions::default())
    }

    /// Starts one with further options.
    ///
    /// # Errors
    /// As [`MariaDb::start`].
    pub fn start_with(options: MariaDbOptions) -> Result<Self> {
        let folder = Folder::create()?;
        let place = Place {
            flavour: Flavour::MariaDb,
            folder: folder.path().to_owned(),
            port: free_port()?,
            extra: options.extra,
        };
        place.lay_out()?;
        let process = place.start(launcher(&options.environment))?;
        Ok(Self {
            place,
            environment: options.environment,
            process,
            folder,
        })
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.place.port
    }

    /// Its process, to pause, signal or read the log of.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The folder of its data, sockets and log.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A new empty database with a user of its own.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn create_database(&self) -> Result<Database> {
        Database::create(&self.place)
    }

    /// Runs SQL as root and returns the rows, one a line, columns separated by tabs.
    ///
    /// # Errors
    /// When the server does not answer or refuses the statement.
    pub fn query(&self, sql: &str) -> Result<String> {
        self.place.query(sql)
    }

    /// Kills it (SIGKILL) as a crash would; port and data stay reserved.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Freezes it: connections stay open and nothing is answered.
    pub fn pause(&mut self) {
        self.process.pause();
    }

    /// Lets it go on after [`MariaDb::pause`].
    pub fn resume(&mut self) {
        self.process.resume();
    }

    /// Starts it again on the same port and data, killing it first if it lives.
    ///
    /// # Errors
    /// When it does not come up again.
    pub fn restart(&mut self) -> Result<()> {
        self.process.kill();
        self.process = self.place.start(launcher(&self.environment))?;
        Ok(())
    }
}

fn launcher(environment: &[(String, String)]) -> Command {
    let mut command = leash();
    command.envs(environment.iter().cloned());
    command
}
