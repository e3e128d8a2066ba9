//! A crontab named on the command line becomes jobs.

use std::path::Path;

use anyhow::{Context, bail};
use carillon_core::crontab::{Form, Reading, Seconds};
use carillon_core::import::{Arrival, Manifest, read_manifest};
use carillon_lifecycle::host_zone::host_zone;
use carillon_store::{Editor, Imported, ImportedJob, Store};

/// Imports one crontab, all of it or nothing, and says what came of it.
pub(crate) async fn import_crontab(store: &Store, path: &Path) -> anyhow::Result<String> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let editor = Editor::program("carillon up");
    let group = store.ensure_group("default", &editor).await?;
    let file = path.display().to_string();
    let zone = host_zone();
    let reading = Reading {
        file: &file,
        form: Form::User,
        seconds: Seconds::Detect,
        zone: &zone,
    };
    let manifest = read_manifest(
        &text,
        &reading,
        Arrival {
            group,
            enabled: true,
        },
    );
    refuse_errors(&file, &manifest)?;
    let jobs: Vec<_> = manifest
        .jobs
        .into_iter()
        .map(|job| ImportedJob {
            key: job.key,
            draft: job.draft,
        })
        .collect();
    let imported = store.import_jobs(&jobs, &editor).await?;
    let new = imported
        .iter()
        .filter(|one| matches!(one, Imported::Created(_)))
        .count();
    Ok(format!(
        "{file}: {new} jobs imported, {} known, {} other lines",
        imported.len() - new,
        manifest.ignored.len()
    ))
}

fn refuse_errors(file: &str, manifest: &Manifest) -> anyhow::Result<()> {
    if manifest.errors.is_empty() {
        return Ok(());
    }
    for wrong in &manifest.errors {
        eprintln!("{file}:{}: {}", wrong.line, wrong.words);
    }
    bail!(
        "{file} is not imported, {} of its lines cannot be read",
        manifest.errors.len()
    )
}
