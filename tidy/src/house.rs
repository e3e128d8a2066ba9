//! The files of the repository, in memory.

use std::collections::BTreeMap;
use std::path::Path;

/// Folders that are not ours, not sources, or no part of the workspace (fuzz targets need another
/// compiler). In a worktree `.git` is a file.
const SKIPPED: [&str; 6] = [
    ".git",
    "target",
    "node_modules",
    "carillon-data",
    "vendor",
    "fuzz",
];

/// Files above this size are data, not text to judge.
const BYTES_MAX: u64 = 2_000_000;

/// Every text file by its path from the root, with `/` between the parts.
#[derive(Debug, Default)]
pub struct House {
    files: BTreeMap<String, String>,
}

impl House {
    /// Reads the repository that this crate belongs to.
    ///
    /// # Panics
    /// When it cannot be read: there is nothing to check then.
    #[must_use]
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("tidy is in a workspace");
        let mut house = Self::default();
        house.read_folder(root, "");
        house
    }

    /// A house of these files; to see a rule fail.
    #[must_use]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        Self {
            files: files.collect(),
        }
    }

    /// The text of one file.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether there is such a file or folder.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let inside = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self
                .files
                .range(inside.clone()..)
                .next()
                .is_some_and(|(p, _)| p.starts_with(&inside))
    }

    /// Paths and texts whose path ends so.
    pub fn files_ending<'a>(
        &'a self,
        ending: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> + 'a {
        self.files
            .iter()
            .filter(move |(path, _)| path.ends_with(ending))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The Rust sources that ship: everything in a `src` folder, without the tests in the file.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files_ending(".rs")
            .filter(|(path, _)| path.contains("/src/") && !path.ends_with("/tests.rs"))
            .map(|(path, text)| (path, without_tests(text)))
    }

    /// The manifests of the packages. One that is a workspace of its own, as fuzzing needs it,
    /// follows rules of its own.
    pub fn member_manifests(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files_ending("/Cargo.toml")
            .filter(|(_, text)| !text.lines().any(|line| line == "[workspace]"))
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) {
        let entries = std::fs::read_dir(folder).expect("the repository can be read");
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_dir() {
                // Cargo marks target folders, whatever they are called.
                let is_cache = entry.path().join("CACHEDIR.TAG").exists();
                if !is_cache && !SKIPPED.contains(&name.as_str()) {
                    self.read_folder(&entry.path(), &format!("{path}/"));
                }
            } else if metadata.len() <= BYTES_MAX && !SKIPPED.contains(&name.as_str()) {
                let bytes = std::fs::read(entry.path()).unwrap_or_default();
                self.files
                    .insert(path, String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }
}

/// The part before the tests, which stand at the end of a file.
fn without_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod ")
        .map_or(text, |end| &text[..end])
}

/// The line without its comment. A `//` inside a text (`http://`) is not one.
#[must_use]
pub fn code_of(line: &str) -> &str {
    if line.trim_start().starts_with("//") {
        return "";
    }
    match line.find(" // ") {
        Some(start) if line[..start].matches('"').count().is_multiple_of(2) => &line[..start],
        _ => line,
    }
}
