//! `admin calendar`: calendars by command, as files that people write and compare.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use carillon_core::calendar::{CalendarName, CalendarText};
use carillon_core::icalendar::read_icalendar;
use carillon_core::schedule::time_zone;
use carillon_lifecycle::host_zone::host_zone;
use carillon_store::{Calendar, CalendarDraft, Store};
use clap::Subcommand;

use super::{editor, say};
use crate::words::fill;

#[derive(Debug, Subcommand)]
pub(super) enum CalendarVerb {
    /// Lists calendars: name, zone, version and the number of jobs that keep to it.
    List,
    /// Prints the text of a calendar.
    Show {
        /// Its name.
        name: String,
    },
    /// Makes a calendar of a text, or gives it that text; the jobs that keep to it follow.
    Set {
        /// Its name.
        name: String,
        /// The text; `-` is standard input.
        file: PathBuf,
        /// The zone whose clock it means; without, the one it has, or that of this host.
        #[arg(long)]
        zone: Option<String>,
    },
    /// Adds the events of an iCalendar file to a calendar. Importing a file again changes nothing.
    Import {
        /// The file; `-` is standard input.
        file: PathBuf,
        /// The calendar, which is made if there is none; without, the file's name without its ending.
        #[arg(long)]
        name: Option<String>,
        /// The zone whose clock it means; without, the one it has, or that of this host.
        #[arg(long)]
        zone: Option<String>,
    },
    /// Deletes a calendar that no job keeps to.
    Delete {
        /// Its name.
        name: String,
    },
}

impl CalendarVerb {
    pub(super) async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        match self {
            CalendarVerb::List => list(store).await,
            CalendarVerb::Show { name } => {
                let text = find(store, &name).await?.draft.text.to_string();
                text.lines().try_for_each(say)?;
                Ok(ExitCode::SUCCESS)
            }
            CalendarVerb::Set { name, file, zone } => {
                let text = parse(&file, &read(&file)?)?;
                put(store, &name, zone, |_| text).await
            }
            CalendarVerb::Import { file, name, zone } => import(store, &file, name, zone).await,
            CalendarVerb::Delete { name } => {
                let calendar = find(store, &name).await?;
                store
                    .delete_calendar(calendar.id, calendar.version, &editor())
                    .await?;
                say(&format!("the calendar {name} is deleted"))?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

async fn list(store: &Store) -> anyhow::Result<ExitCode> {
    let uses = store.calendar_uses().await?;
    for calendar in store.calendars().await? {
        let found = uses.iter().find(|(id, _)| *id == calendar.id);
        let jobs = found.map_or(0, |(_, uses)| uses.jobs);
        let draft = &calendar.draft;
        let line = "{}\t{}\tversion {}\t{} {job|jobs}";
        say(&fill(
            line,
            &[&draft.name, &draft.zone, &calendar.version, &jobs],
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn import(
    store: &Store,
    file: &Path,
    name: Option<String>,
    zone: Option<String>,
) -> anyhow::Result<ExitCode> {
    let stem = file
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let name = match name.or(stem.filter(|stem| stem != "-")) {
        Some(name) => name,
        None => bail!("standard input has no name; say --name NAME"),
    };
    let known = store.calendar_named(&name).await?;
    let zone = zone.or(known.map(|calendar| calendar.draft.zone));
    let zone = zone.unwrap_or_else(host_zone);
    let imported = read_icalendar(&read(file)?, &zone, store.now().await?)
        .with_context(|| format!("reading {}", file.display()))?;
    for remark in &imported.remarks {
        eprintln!("{}:{}: {}", file.display(), remark.line, remark.words);
    }
    put(store, &name, Some(zone), |mut text| {
        text.add(imported.blackouts);
        text
    })
    .await
}

/// Makes the calendar or changes it, where there is something to change, and has its jobs follow.
async fn put(
    store: &Store,
    name: &str,
    zone: Option<String>,
    edit: impl FnOnce(CalendarText) -> CalendarText,
) -> anyhow::Result<ExitCode> {
    let name: CalendarName = name.parse()?;
    let Some(old) = store.calendar_named(name.as_str()).await? else {
        let zone = zone.unwrap_or_else(host_zone);
        time_zone(&zone)?;
        let text = edit(CalendarText::default());
        let count = text.blackouts().count();
        let draft = CalendarDraft { name, zone, text };
        store.create_calendar(&draft, &editor()).await?;
        let told = "the calendar {} is made: {} {blackout|blackouts}";
        say(&fill(told, &[&draft.name, &count]))?;
        return Ok(ExitCode::SUCCESS);
    };
    let zone = zone.unwrap_or_else(|| old.draft.zone.clone());
    time_zone(&zone)?;
    let text = edit(old.draft.text.clone());
    let draft = CalendarDraft { name, zone, text };
    if draft == old.draft {
        say(&format!("the calendar {} is like that already", draft.name))?;
    } else {
        store
            .change_calendar(old.id, old.version, &draft, &editor())
            .await?;
    }
    let mut followed = 0;
    // Also what an earlier command left behind that died.
    loop {
        let handed = store.hand_on_calendar(old.id, &editor()).await?;
        followed += handed.followed;
        if handed.behind == 0 || handed.followed == 0 {
            break;
        }
        let told = "{} {job follows|jobs follow} so far, {} {is|are} left";
        eprintln!("{}", fill(told, &[&followed, &handed.behind]));
    }
    let count = draft.text.blackouts().count();
    let told = "the calendar {} has {} {blackout|blackouts}; {} {job follows|jobs follow}";
    say(&fill(told, &[&draft.name, &count, &followed]))?;
    Ok(ExitCode::SUCCESS)
}

async fn find(store: &Store, name: &str) -> anyhow::Result<Calendar> {
    match store.calendar_named(name).await? {
        Some(calendar) => Ok(calendar),
        None => {
            let calendars = store.calendars().await?;
            let names: Vec<_> = calendars
                .iter()
                .map(|one| one.draft.name.as_str())
                .collect();
            bail!(
                "there is no calendar {name:?}; there are: {}",
                names.join(", ")
            )
        }
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    match file.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()).context("reading standard input"),
        false => {
            std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
        }
    }
}

fn parse(file: &Path, text: &str) -> anyhow::Result<CalendarText> {
    match CalendarText::parse(text) {
        Ok(text) => Ok(text),
        Err(errors) => {
            let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
            bail!("{}: {}", file.display(), told.join("\n"))
        }
    }
}
