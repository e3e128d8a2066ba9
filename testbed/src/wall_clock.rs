//! A wall clock that can be set, for one program alone: libfaketime answers it in the place of the kernel.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::folder::Folder;
use crate::packages::require;

/// Where Debian puts the library: one folder for each architecture.
const LIBRARIES: &str = "/usr/lib";

/// What programs started with its settings take for the time of day. Clocks that count from the boot stay true, as they do
/// where somebody sets a real clock.
#[derive(Debug)]
pub struct WallClock {
    library: PathBuf,
    folder: Folder,
}

impl WallClock {
    /// One that is right.
    ///
    /// # Errors
    /// When libfaketime is not installed and may not be; the text says how to install it.
    pub fn create() -> Result<Self> {
        require("faketime", &["faketime"])?;
        let clock = Self {
            library: find_library()?,
            folder: Folder::create()?,
        };
        clock.set(0)?;
        Ok(clock)
    }

    /// Makes it wrong by so many seconds; programs notice within a second.
    ///
    /// # Errors
    /// When the temporary folder cannot be written.
    pub fn set(&self, seconds: i64) -> Result<()> {
        // Never seen half written.
        let fresh = self.folder.join("fresh");
        std::fs::write(&fresh, format!("{seconds:+}"))?;
        std::fs::rename(&fresh, self.file()).context("setting the clock")
    }

    /// What the environment of a program must hold to go by it. The programs that it starts go by it too, where it hands
    /// its environment on.
    #[must_use]
    pub fn settings(&self) -> Vec<(String, String)> {
        let settings = [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            // Times of files are none of its business.
            ("NO_FAKE_STAT", "1".to_owned()),
        ];
        settings
            .map(|(key, value)| (key.to_owned(), value))
            .to_vec()
    }

    fn file(&self) -> PathBuf {
        self.folder.join("offset")
    }
}

fn find_library() -> Result<PathBuf> {
    let folders = std::fs::read_dir(LIBRARIES).context("looking for libfaketime")?;
    folders
        .flatten()
        .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
        .find(|library| Path::new(library).is_file())
        .with_context(|| format!("no libfaketimeMT.so.1 below {LIBRARIES}"))
}
