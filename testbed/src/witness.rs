//! Reads what the `witness` command wrote: the truth about starts, told from outside.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::folder::Folder;
use crate::program::program;
use crate::wait::wait_until;

/// A file that jobs testify to, and the command line that makes them do it.
#[derive(Debug)]
pub struct Witness {
    program: PathBuf,
    file: PathBuf,
    folder: Folder,
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Start or end.
    pub kind: SightingKind,
    /// `CARILLON_JOB_ID`, as every text here `-` when it was not set.
    pub job: String,
    /// `CARILLON_FIRE_TIME`, RFC 3339.
    pub fire_time: String,
    /// `CARILLON_TOKEN`.
    pub token: String,
    /// `CARILLON_RUN_ID`.
    pub run: String,
    /// `CARILLON_ATTEMPT`.
    pub attempt: String,
    /// `CARILLON_NODE`.
    pub node: String,
    /// `CARILLON_SLOT`.
    pub slot: String,
    /// Process id of the command.
    pub pid: u32,
    /// Wall clock of the machine, nanoseconds since 1970.
    pub at_ns: i128,
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SightingKind {
    /// The command has just begun.
    Start,
    /// The command is about to exit with this code.
    End {
        /// The exit code.
        exit_code: i32,
    },
}

impl Witness {
    /// The exit code of a witness that wanted to be alone and was not.
    pub const IN_COMPANY: i32 = 75;

    /// Creates an empty file in a folder of its own, writable by every user.
    ///
    /// # Errors
    /// When the folder cannot be written or the `witness` program cannot be built.
    pub fn create() -> Result<Self> {
        let folder = Folder::create()?;
        let file = folder.join("witness");
        std::fs::write(&file, "").with_context(|| format!("creating {}", file.display()))?;
        Ok(Self {
            program: program("witness")?,
            file,
            folder,
        })
    }

    /// The command line for a job; add `--sleep 2`, `--exit 3`, `--alone`, `--deaf` or `--output 1000` to it.
    #[must_use]
    pub fn command(&self) -> String {
        format!("{} {}", self.program.display(), self.file.display())
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// The command lines of witnesses that still live.
    #[must_use]
    pub fn living(&self) -> Vec<String> {
        self.folder.users()
    }

    /// Every line so far, in order, but for one that is still being written.
    ///
    /// # Errors
    /// When the file cannot be read or a line is not one that `witness` writes.
    pub fn read(&self) -> Result<Vec<Sighting>> {
        Self::read_file(&self.file)
    }

    /// Every line of a file that witnesses wrote, in order.
    ///
    /// # Errors
    /// As [`Witness::read`].
    pub fn read_file(file: &Path) -> Result<Vec<Sighting>> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(parse_line).collect()
    }

    /// The starts so far, in order.
    ///
    /// # Errors
    /// As [`Witness::read`].
    pub fn starts(&self) -> Result<Vec<Sighting>> {
        let mut sightings = self.read()?;
        sightings.retain(|sighting| sighting.kind == SightingKind::Start);
        Ok(sightings)
    }

    /// Waits until there are at least `count` starts and returns all there are.
    ///
    /// # Panics
    /// When there are fewer after `limit`, or the file is corrupt.
    #[track_caller]
    pub fn wait_for_starts(&self, count: usize, limit: Duration) -> Vec<Sighting> {
        wait_until(&format!("{count} starts"), limit, || {
            let starts = self.starts().expect("only the witness writes its file");
            (starts.len() >= count).then_some(starts)
        })
    }
}

fn parse_line(line: &str) -> Result<Sighting> {
    let words: Vec<&str> = line.split(' ').collect();
    let kind = match (words.first(), words.len()) {
        (Some(&"S"), 10) => SightingKind::Start,
        (Some(&"E"), 11) => SightingKind::End {
            exit_code: words[10].parse()?,
        },
        _ => bail!("`{line}` is no line of a witness"),
    };
    ensure!(
        words.iter().all(|word| !word.is_empty()),
        "`{line}` has an empty word"
    );
    let text = |index: usize| words[index].to_owned();
    Ok(Sighting {
        kind,
        job: text(1),
        fire_time: text(2),
        token: text(3),
        run: text(4),
        attempt: text(5),
        node: text(6),
        slot: text(7),
        pid: words[8]
            .parse()
            .with_context(|| format!("reading the pid of `{line}`"))?,
        at_ns: words[9]
            .parse()
            .with_context(|| format!("reading the time of `{line}`"))?,
    })
}
