//! The jobs of a crontab on their way into the store, for the first time or again.

use std::fmt;

use carillon_core::import::Arriving;
use carillon_core::reimport::{Edit, Kept, Reimport, compare};
use carillon_store::{
    Editor, IMPORT_BATCH_MAX, Imported, ImportedJob, JobChange, Store, StoreError,
};

use crate::words::fill;

/// Where text that is no file is said to come from. Its lines never edit a job.
const PASTED: &str = "pasted";

/// What came of the lines with a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Jobs that were made.
    pub new: usize,
    /// Jobs that were edited as their line was.
    pub edited: usize,
    /// Jobs that were there and stay as they are.
    pub known: usize,
    /// Jobs that stay, though their line was edited: somebody has edited them too.
    pub kept: Vec<Kept>,
    /// The names of jobs whose line is no longer in the file.
    pub gone: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known + self.kept.len();
        let told = "{} {job|jobs} imported, {} edited, {} left {as it was|as they were}";
        f.write_str(&fill(told, &[&self.new, &self.edited, &known]))
    }
}

impl Report {
    /// A sentence for each thing that somebody should look at.
    pub fn warnings(&self, file: &str) -> Vec<String> {
        let kept = self.kept.iter().map(|Kept { line, name }| {
            format!(
                "{file}:{line}: the line was edited, and so was its job {name:?}; the job stays, make them agree on its page"
            )
        });
        let gone = self.gone.iter().map(|name| {
            format!(
                "{file}: the line of job {name:?} is gone; the job stays, pause or delete it on its page"
            )
        });
        kept.chain(gone).collect()
    }
}

/// Imports the jobs of `source`, a file that may have been imported before; without a source no job is edited.
///
/// # Errors
/// [`StoreError::Conflict`] when somebody edits a job at the same moment: repeat it. [`StoreError::NameTaken`] when even a
/// name with the line's number is taken, [`StoreError::Unavailable`] without an answer.
pub async fn import(
    store: &Store,
    source: Option<&str>,
    jobs: Vec<Arriving>,
    editor: &Editor,
) -> Result<Report, StoreError> {
    let (compared, foreseen) = foresee(store, source, jobs).await?;
    let mut report = Report { new: 0, ..foreseen };
    for edit in compared.edits {
        edit_job(store, edit, editor).await?;
    }
    let mut new: Vec<(usize, ImportedJob)> = compared
        .new
        .into_iter()
        .map(|job| {
            let (key, draft) = (job.key, job.draft);
            (job.line, ImportedJob { key, draft })
        })
        .collect();
    for batch in new.chunks_mut(IMPORT_BATCH_MAX) {
        for answer in import_batch(store, source.unwrap_or(PASTED), batch, editor).await? {
            match answer {
                Imported::Created(_) => report.new += 1,
                Imported::Known(_) => report.known += 1,
            }
        }
    }
    Ok(report)
}

/// What [`import`] would do now, and its report; nothing is changed.
///
/// # Errors
/// [`StoreError::Unavailable`] without an answer.
pub async fn foresee(
    store: &Store,
    source: Option<&str>,
    jobs: Vec<Arriving>,
) -> Result<(Reimport, Report), StoreError> {
    let earlier = match source {
        Some(source) => store.imports_of(source).await?,
        None => Vec::new(),
    };
    let compared = compare(jobs, earlier);
    let report = Report {
        new: compared.new.len(),
        edited: compared.edits.len(),
        known: compared.known,
        kept: compared.kept.clone(),
        gone: compared.gone.clone(),
    };
    Ok((compared, report))
}

/// Edits the job of a line. Where the name it would get is taken, it keeps the one it has.
async fn edit_job(store: &Store, edit: Edit, editor: &Editor) -> Result<(), StoreError> {
    let change = |draft| JobChange::Reimport {
        draft: Box::new(draft),
        key: edit.key.clone(),
    };
    let renamed = change(edit.draft.clone());
    match store
        .change_job(edit.job, edit.version, &renamed, editor)
        .await
    {
        Err(StoreError::NameTaken(_)) => {
            let name = store.job(edit.job).await?.draft.name;
            let draft = carillon_core::job::JobDraft { name, ..edit.draft };
            store
                .change_job(edit.job, edit.version, &change(draft), editor)
                .await?;
        }
        done => {
            done?;
        }
    }
    Ok(())
}

/// A name that is taken by another job gets its line added, since two lines of different files may carry the same comment.
async fn import_batch(
    store: &Store,
    source: &str,
    batch: &mut [(usize, ImportedJob)],
    editor: &Editor,
) -> Result<Vec<Imported>, StoreError> {
    // Each round renames one job; a batch has no more names than jobs.
    for _ in 0..=batch.len() {
        let jobs: Vec<ImportedJob> = batch.iter().map(|(_, job)| job.clone()).collect();
        let name = match store.import_jobs(source, &jobs, editor).await {
            Err(StoreError::NameTaken(name)) => name,
            answered => return answered,
        };
        let taken = || StoreError::NameTaken(name.clone());
        let found = batch
            .iter_mut()
            .find(|(_, job)| job.draft.name.as_str() == name);
        let (line, job) = found.ok_or_else(taken)?;
        let renamed: String = name
            .chars()
            .take(170)
            .chain(format!(" (line {line})").chars())
            .collect();
        job.draft.name = renamed.parse().map_err(|_| taken())?;
    }
    Ok(Vec::new())
}
