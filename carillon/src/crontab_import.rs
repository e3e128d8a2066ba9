//! A crontab named on the command line becomes jobs.

use std::path::Path;

use anyhow::{Context, bail};
use carillon_admin::crontab_import::import;
use carillon_core::crontab::{Form, Reading, Seconds, is_of_the_system};
use carillon_core::import::{Arrival, read_manifest, source_of};
use carillon_lifecycle::host_zone::host_zone;
use carillon_store::{Editor, Store};

/// How the crontabs of `carillon up` arrive.
pub(crate) struct CrontabImport<'u> {
    /// The data directory, for what an operator may be told to type.
    pub(crate) data: &'u Path,
    /// Whether the jobs fire at once.
    pub(crate) enabled: bool,
}

impl CrontabImport<'_> {
    /// Imports one crontab, all of it or nothing, and says what came of it.
    pub(crate) async fn import(&self, store: &Store, path: &Path) -> anyhow::Result<String> {
        let file = path.display().to_string();
        let data = self.data.display();
        if is_of_the_system(&file) {
            bail!(
                "the lines of {file} name users; import it with `admin --data {data} import --system {file}`"
            );
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {file}"))?;
        let editor = Editor::program("carillon up");
        let group = store.ensure_group("default", &editor).await?;
        let zone = host_zone();
        let reading = Reading {
            file: &file,
            form: Form::User,
            seconds: Seconds::Detect,
            zone: &zone,
        };
        let arrival = Arrival {
            group,
            enabled: self.enabled,
            is_file: true,
        };
        let manifest = read_manifest(&text, &reading, arrival);
        let news = manifest
            .ignored
            .iter()
            .filter(|remark| remark.why.is_news());
        for remark in news {
            eprintln!("{file}:{}: {}", remark.line, remark.why);
        }
        for wrong in &manifest.errors {
            eprintln!("{file}:{}: {}", wrong.line, wrong.why);
        }
        match manifest.errors.len() {
            0 => {}
            wrong => bail!(
                "{file}: lines that are not understood: {wrong}; nothing of it was imported; correct the file, or import the other lines with `admin --data {data} import --keep-going {file}`"
            ),
        }
        let source = source_of(&file);
        let report = import(store, Some(&source), manifest.jobs, &editor).await?;
        for warning in report.warnings(&file) {
            eprintln!("{warning}");
        }
        let others = manifest.ignored.len();
        Ok(format!("{file}: {report}, {others} other lines"))
    }
}
