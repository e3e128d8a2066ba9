//! A crontab named on the command line becomes jobs.

use std::path::Path;

use anyhow::{Context, bail};
use carillon_admin::crontab_import::import;
use carillon_core::crontab::{Form, Reading, Seconds};
use carillon_core::import::{Arrival, Manifest, read_manifest, source_of};
use carillon_lifecycle::host_zone::host_zone;
use carillon_store::{Editor, Store};

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
            is_file: true,
        },
    );
    refuse_errors(&file, &manifest)?;
    let source = source_of(&file);
    let report = import(store, Some(&source), manifest.jobs, &editor).await?;
    for warning in report.warnings(&file) {
        eprintln!("{warning}");
    }
    let others = manifest.ignored.len();
    Ok(format!("{file}: {report}, {others} other lines"))
}

fn refuse_errors(file: &str, manifest: &Manifest) -> anyhow::Result<()> {
    if manifest.errors.is_empty() {
        return Ok(());
    }
    for wrong in &manifest.errors {
        eprintln!("{file}:{}: {}", wrong.line, wrong.why);
    }
    bail!(
        "{file} is not imported, {} of its lines cannot be read",
        manifest.errors.len()
    )
}
