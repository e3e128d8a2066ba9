//! What importing a crontab again does to the jobs it became before.
//!
//! A line that was edited in the file edits its job, unless somebody has edited the job since: then both are shown and the
//! job stays. A line that is gone leaves its job, which is named, so that nothing ends or fires unseen.

use std::collections::HashMap;

use crate::identity::JobId;
use crate::import::Arriving;
use crate::job::JobDraft;

/// A job that an earlier import of the same file made.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    /// The job.
    pub job: JobId,
    /// Its version.
    pub version: i64,
    /// The key of the line it came from.
    pub key: String,
    /// Whether somebody deleted it.
    pub is_deleted: bool,
    /// What it is now.
    pub current: JobDraft,
    /// What the last import made of it.
    pub imported: JobDraft,
}

impl Earlier {
    fn is_as_imported(&self) -> bool {
        is_same_work(&self.current, &self.imported)
    }

    /// The job as the edited line wants it. Whether it fires, and where it belongs, is people's to say.
    fn edited_by(&self, line: &Arriving) -> JobDraft {
        let keeps_name = !line.is_named || self.current.name != self.imported.name;
        JobDraft {
            name: match keeps_name {
                true => self.current.name.clone(),
                false => line.draft.name.clone(),
            },
            schedule: line.draft.schedule.clone(),
            spec: line.draft.spec.clone(),
            ..self.current.clone()
        }
    }
}

/// An edited line, and what its job becomes.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// The job.
    pub job: JobId,
    /// The version that was compared.
    pub version: i64,
    /// The key of the line now.
    pub key: String,
    /// What the job becomes.
    pub draft: JobDraft,
}

/// A line and a job that were both edited, each in its own way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The line, counted from 1.
    pub line: usize,
    /// The name of the job, which stays as it is.
    pub name: String,
}

/// What importing a file again comes to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reimport {
    /// Lines that are no job yet.
    pub new: Vec<Arriving>,
    /// Lines that edit their job.
    pub edits: Vec<Edit>,
    /// How many lines are known and left alone.
    pub known: usize,
    /// Lines that would undo what somebody did to their job.
    pub kept: Vec<Kept>,
    /// The names of jobs whose line is no longer in the file.
    pub gone: Vec<String>,
}

/// Compares the lines of a file with the jobs it became before.
pub fn compare(lines: Vec<Arriving>, earlier: Vec<Earlier>) -> Reimport {
    let mut answer = Reimport::default();
    let mut by_key: HashMap<String, Earlier> = earlier
        .into_iter()
        .map(|job| (job.key.clone(), job))
        .collect();
    let mut unknown = Vec::new();
    for line in lines {
        match by_key.remove(&line.key) {
            Some(job) => answer.judge(&job, line),
            None => unknown.push(line),
        }
    }
    let mut left: Vec<Earlier> = by_key.into_values().filter(|job| !job.is_deleted).collect();
    left.sort_by_key(|job| job.job);
    // A line without a name that was edited has another key. The same command is the same job; else the same place is.
    let has_same_command = |job: &Earlier, line: &Arriving| {
        let (old, new) = (&job.imported.spec.launch, &line.draft.spec.launch);
        old.command == new.command && old.run_as == new.run_as
    };
    let has_same_place =
        |job: &Earlier, line: &Arriving| !line.is_named && job.imported.name == line.draft.name;
    let unknown = answer.pair(unknown, &mut left, has_same_command);
    answer.new = answer.pair(unknown, &mut left, has_same_place);
    answer.gone = left
        .iter()
        .map(|job| job.current.name.to_string())
        .collect();
    answer
}

impl Reimport {
    /// Judges the lines that have a job among those left, and returns the others.
    fn pair(
        &mut self,
        lines: Vec<Arriving>,
        left: &mut Vec<Earlier>,
        is_pair: impl Fn(&Earlier, &Arriving) -> bool,
    ) -> Vec<Arriving> {
        let mut others = Vec::new();
        for line in lines {
            match left.iter().position(|job| is_pair(job, &line)) {
                Some(place) => self.judge(&left.remove(place), line),
                None => others.push(line),
            }
        }
        others
    }

    fn judge(&mut self, job: &Earlier, line: Arriving) {
        let draft = job.edited_by(&line);
        let is_line_as_imported = is_same_work(&line.draft, &job.imported)
            && (line.key == job.key || draft.name == job.current.name);
        if job.is_deleted
            || job.current.group != line.draft.group
            || is_line_as_imported
            || draft == job.current
        {
            self.known += 1;
        } else if job.is_as_imported() {
            self.edits.push(Edit {
                job: job.job,
                version: job.version,
                key: line.key,
                draft,
            });
        } else {
            self.kept.push(Kept {
                line: line.line,
                name: job.current.name.to_string(),
            });
        }
    }
}

/// Whether both fire at the same times and do the same.
fn is_same_work(one: &JobDraft, other: &JobDraft) -> bool {
    one.schedule == other.schedule && one.spec == other.spec
}

#[cfg(test)]
mod tests;
