//! `admin import`: the lines of a crontab as jobs, all of them or none.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use carillon_core::crontab::{Form, Reading, Seconds, is_of_the_system};
use carillon_core::identity::GroupId;
use carillon_core::import::{Arrival, Manifest, read_manifest, source_of};
use carillon_lifecycle::host_zone::host_zone;
use carillon_store::Store;
use clap::Args;

use super::import_preview::paragraphs;
use super::{editor, say};
use crate::crontab_import::{foresee, import};
use crate::words::fill;

/// The group is made only when something is imported into it; the lines are judged before.
const NO_GROUP_YET: GroupId = GroupId(0);

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The crontab; `-` is standard input.
    file: PathBuf,
    /// The sixth word of a line is the user, as in /etc/crontab and /etc/cron.d.
    #[arg(long)]
    system: bool,
    /// The group the jobs join; it is made if there is none.
    #[arg(long, value_name = "GROUP", default_value = "default")]
    group: String,
    /// Imports jobs disabled.
    #[arg(long)]
    paused: bool,
    /// Says what each line would become, and when that fires next, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Imports the good lines although there are bad ones; the exit code is 1 all the same.
    #[arg(long)]
    keep_going: bool,
    /// Every line begins with a field for seconds.
    #[arg(long, conflicts_with = "no_seconds")]
    seconds: bool,
    /// No line has a field for seconds.
    #[arg(long)]
    no_seconds: bool,
    /// The zone of lines without CRON_TZ above them; without, the zone of this host.
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
}

impl Import {
    pub(super) async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        let (file, text) = self.read()?;
        if !self.system && is_of_the_system(&file) {
            bail!("the lines of {file} name users; read them with --system");
        }
        let is_file = self.file.as_os_str() != "-";
        let zone = self.zone.clone().unwrap_or_else(host_zone);
        let reading = Reading {
            file: &file,
            form: if self.system {
                Form::System
            } else {
                Form::User
            },
            seconds: match (self.seconds, self.no_seconds) {
                (true, _) => Seconds::Always,
                (_, true) => Seconds::Never,
                _ => Seconds::Detect,
            },
            zone: &zone,
        };
        let arrival = Arrival {
            group: NO_GROUP_YET,
            enabled: !self.paused,
            is_file,
        };
        let mut manifest = read_manifest(&text, &reading, arrival);
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
        let has_errors = !manifest.errors.is_empty();
        let source = is_file.then(|| source_of(&file));
        if self.dry_run {
            self.preview(store, &file, source.as_deref(), manifest)
                .await?;
            return Ok(exit_code(has_errors));
        }
        if has_errors && !self.keep_going {
            let told = "{} {line is|lines are} not understood and nothing was imported; correct {it|them}, or import the rest with --keep-going";
            eprintln!("{}", fill(told, &[&manifest.errors.len()]));
            return Ok(ExitCode::FAILURE);
        }
        let group = store.ensure_group(&self.group, &editor()).await?;
        for job in &mut manifest.jobs {
            job.draft.group = group;
        }
        let report = import(store, source.as_deref(), manifest.jobs, &editor()).await?;
        for warning in report.warnings(&file) {
            eprintln!("{warning}");
        }
        say(&format!("{file}, group {}: {report}", self.group))?;
        Ok(exit_code(has_errors))
    }

    /// Says what would come of the lines that are understood.
    async fn preview(
        &self,
        store: &Store,
        file: &str,
        source: Option<&str>,
        manifest: Manifest,
    ) -> anyhow::Result<()> {
        let (compared, report) = foresee(store, source, manifest.jobs).await?;
        for paragraph in paragraphs(file, &compared, store.now().await?) {
            say(&paragraph)?;
        }
        for warning in report.warnings(file) {
            eprintln!("{warning}");
        }
        let group = &self.group;
        say(&format!(
            "{file}, group {group}: would be {report}; nothing was changed"
        ))
    }

    fn read(&self) -> anyhow::Result<(String, String)> {
        if self.file.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("reading standard input")?;
            return Ok(("stdin".to_owned(), text));
        }
        let bytes = std::fs::read(&self.file)
            .with_context(|| format!("reading {}", self.file.display()))?;
        Ok((
            self.file.display().to_string(),
            String::from_utf8_lossy(&bytes).into_owned(),
        ))
    }
}

/// What the lines that are not understood leave: nothing, or a failure.
fn exit_code(has_errors: bool) -> ExitCode {
    match has_errors {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}
