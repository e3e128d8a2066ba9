//! A large house to look around in: groups, people, nodes, jobs with their versions, and a past.

use std::io::Write as _;

use anyhow::{Context, Result, anyhow, ensure};
use carillon_core::access::{Grant, Role, Scope};
use carillon_core::calendar::CalendarText;
use carillon_core::claim::{BootId, Claimant};
use carillon_core::identity::{GroupId, JobId, NodeId};
use carillon_core::job::{JobDraft, JobSpec, ScheduleText};
use carillon_core::launch::LaunchSpec;
use carillon_core::placement::Labels;
use carillon_core::schedule::DstRule;
use carillon_core::token::Token;
use carillon_store::{
    Beat as NodeBeat, CalendarDraft, Editor, Imported, ImportedJob, JobChange, Registration, Store,
};
use jiff::Timestamp;

use crate::past::{Beat, Cast, Chronicle, Sights};
use crate::pen::{Pen, Rows};

/// Jobs imported in one transaction.
const IMPORT_BATCH: usize = 1000;
const GROUPS: usize = 50;
const NODES: usize = 20;
const PEOPLE: usize = 100;
const VERSIONS: i64 = 40;
const DELETED: usize = 200;
const INCIDENTS: i64 = 3000;

/// How large the house is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Jobs.
    pub jobs: usize,
    /// Runs, about.
    pub runs: usize,
}

/// What to look at.
#[derive(Debug, Clone)]
pub struct House {
    /// A job that is due every minute, and has versions.
    pub busy: JobId,
    /// A job that is due once a day.
    pub daily: JobId,
    /// A group with a fiftieth of the jobs.
    pub group: GroupId,
    /// A node that has run next to nothing.
    pub quiet: NodeId,
    /// A node as the others.
    pub node: NodeId,
    /// A run with as much output as a page shows.
    pub talkative: String,
    /// Runs worth a look.
    pub sights: Sights,
}

fn editor() -> Editor {
    Editor::program("bench")
}

/// Builds the house in an empty database.
///
/// # Errors
/// When the store refuses something.
pub async fn build(store: &Store, url: &str, size: Size) -> Result<House> {
    store.migrate().await?;
    let mut groups = Vec::with_capacity(GROUPS);
    for number in 1..=GROUPS {
        groups.push(
            store
                .ensure_group(&format!("group {number:02}"), &editor())
                .await?,
        );
    }
    let nodes = register_nodes(store).await?;
    let jobs = import_jobs(store, &groups, size.jobs).await?;
    invite_people(store, &groups).await?;
    edit_often(store, jobs[0].0).await?;
    let (quiet, node) = (nodes[NODES - 1], nodes[0]);
    let now = store.now().await?;
    let cast = Cast {
        jobs: &jobs,
        nodes: &nodes,
    };
    let mut pen = Pen::take(url).await?;
    invent_incidents(&mut pen, &jobs, now).await?;
    let sights = Chronicle::new(pen, cast).tell(size.runs, now).await?;
    let talkative = let_talk(url, &sights).await?;
    let end = jobs.len() - 1;
    for (job, _) in &jobs[end.saturating_sub(DELETED)..end] {
        store
            .change_job(*job, 1, &JobChange::Delete, &editor())
            .await?;
    }
    Ok(House {
        busy: jobs[0].0,
        daily: jobs[2].0,
        group: groups[7],
        quiet,
        node,
        talkative,
        sights,
    })
}

/// The life that the node of this number is in.
fn boot_of(number: u128) -> BootId {
    BootId(Token::from_bytes(number.to_be_bytes()))
}

async fn register_nodes(store: &Store) -> Result<Vec<NodeId>> {
    let mut nodes = Vec::with_capacity(NODES);
    for number in 1..=NODES {
        let boot = boot_of(number as u128);
        let agent = Registration {
            name: format!("node-{number:02}"),
            boot,
            replaces: None,
            host_boot: format!("bench {number}"),
            host_booted_at: Timestamp::UNIX_EPOCH,
            labels: Labels::new(),
            running_max: 64,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            tzdb_version: "bench".to_owned(),
        };
        nodes.push(store.register_node(&agent).await?.node);
    }
    Ok(nodes)
}

/// Has every node beat once, so that pages show a living fleet.
///
/// # Errors
/// When the store does not answer.
pub async fn beat_all(store: &Store) -> Result<()> {
    for (number, node) in (1..).zip(store.nodes(Default::default()).await?) {
        let claimant = Claimant {
            node: node.peer.id,
            boot: boot_of(number),
        };
        let beat = NodeBeat {
            is_claiming: true,
            not_claiming_reason: String::new(),
            running: 2,
            running_max: 64,
            clock: None,
            load_milli: 700,
            memory_total: 8 << 30,
            memory_available: 4 << 30,
            disk_total: 100 << 30,
            disk_available: 60 << 30,
            redis_problem: String::new(),
        };
        store.beat(claimant, &beat).await?;
    }
    Ok(())
}

async fn import_jobs(
    store: &Store,
    groups: &[GroupId],
    count: usize,
) -> Result<Vec<(JobId, Beat)>> {
    let mut jobs = Vec::with_capacity(count);
    while jobs.len() < count {
        let numbers = jobs.len()..count.min(jobs.len() + IMPORT_BATCH);
        let batch: Result<Vec<_>> = numbers.clone().map(|number| job(number, groups)).collect();
        let made = store.import_jobs("bench", &batch?, &editor()).await?;
        for (number, made) in numbers.zip(made) {
            let (Imported::Created(id) | Imported::Known(id)) = made;
            jobs.push((id, Beat::of(number)));
        }
        let _ = write!(std::io::stderr(), "\r{} jobs made", jobs.len());
    }
    ensure!(
        jobs.len() > DELETED * 2,
        "{count} jobs are too few, the least is {}; ask for more",
        DELETED * 2 + 1
    );
    Ok(jobs)
}

fn job(number: usize, groups: &[GroupId]) -> Result<ImportedJob> {
    const SUBJECTS: [&str; 8] = [
        "backup", "report", "sync", "invoice", "cleanup", "import", "index", "export",
    ];
    let subject = SUBJECTS[number % SUBJECTS.len()];
    let launch = LaunchSpec {
        command: format!("/opt/tools/{subject} --customer {number} --quiet"),
        ..LaunchSpec::default()
    };
    Ok(ImportedJob {
        key: format!("bench:{number}"),
        draft: JobDraft {
            name: format!("{subject} of customer {number:06}").parse()?,
            group: groups[number / SUBJECTS.len() % groups.len()],
            description: format!("Makes the {subject} that customer {number} reads every morning."),
            enabled: number % 50 != 49,
            schedule: ScheduleText {
                expression: Beat::of(number).expression(),
                zone: "Europe/Berlin".to_owned(),
                dst: DstRule::Cron,
            },
            spec: JobSpec {
                launch,
                ..JobSpec::default()
            },
        },
    })
}

/// Accounts that nobody signs in to; the ones that do are made by the program itself.
async fn invite_people(store: &Store, groups: &[GroupId]) -> Result<()> {
    for number in 0..PEOPLE {
        let grant = Grant {
            role: Role::Editor,
            scope: Scope::Group(groups[number % groups.len()]),
        };
        store
            .create_user(&format!("person-{number:03}"), "-", &[grant], &editor())
            .await?;
    }
    let calendar = CalendarDraft {
        name: "holidays".parse()?,
        zone: "Europe/Berlin".to_owned(),
        text: CalendarText::parse("2026-12-25 Christmas\n2027-01-01 New Year\n")
            .map_err(|wrong| anyhow!("{wrong:?}"))?,
    };
    store.create_calendar(&calendar, &editor()).await?;
    Ok(())
}

async fn edit_often(store: &Store, job: JobId) -> Result<()> {
    for version in 1..VERSIONS {
        let mut draft = store.job(job).await?.draft;
        draft.description = format!("As of edit {version}.");
        let edit = JobChange::Replace(Box::new(draft));
        store.change_job(job, version, &edit, &editor()).await?;
    }
    Ok(())
}

const INCIDENT_COLUMNS: &str = "incidents (rule, subject_kind, subject_id, subject_name, open_key, since_at, opened_at, \
    last_trouble_at, trouble_count, openings, resolved_at, evidence)";

/// Incidents of the past, and a dozen that are open.
async fn invent_incidents(pen: &mut Pen, jobs: &[(JobId, Beat)], now: Timestamp) -> Result<()> {
    let mut rows = Rows::new(INCIDENT_COLUMNS);
    for number in 0..INCIDENTS {
        let job = jobs[usize::try_from(number)? % jobs.len()].0;
        let opened = now.as_microsecond() - (INCIDENTS - number) * 600_000_000;
        let (key, resolved) = match number >= INCIDENTS - 12 {
            true => (format!("'job_failed job {job}'"), "null".to_owned()),
            false => ("null".to_owned(), (opened + 300_000_000).to_string()),
        };
        rows.add(format_args!(
            "('job_failed', 'job', {job}, 'job {job}', {key}, {opened}, {opened}, {opened}, 1, 1, {resolved}, '{{\"of\":\"none\"}}')"
        ));
    }
    rows.flush(pen).await
}

/// Gives one run as much output as a group of commands may well write.
async fn let_talk(url: &str, sights: &Sights) -> Result<String> {
    const CHUNKS: i64 = 250;
    const COLUMNS: &str = "run_outputs (fire_time, job_id, kind, slot, attempt, chunk, stream, stream_offset, written_at, content)";
    let tick = sights.newest;
    let (at, job) = (tick.fire_time.as_microsecond(), tick.job);
    let mut pen = Pen::take(url).await?;
    pen.write(&format!(
        "delete from run_outputs where fire_time = {at} and job_id = {job}"
    ))
    .await?;
    let mut rows = Rows::new(COLUMNS);
    let text = "<tr> & another line of \"markup\" that has to be escaped </tr>\n".repeat(16);
    let size = i64::try_from(text.len()).context("a chunk is small")?;
    for chunk in 0..CHUNKS {
        let offset = chunk * size;
        rows.add(format_args!(
            "({at}, {job}, 0, 0, 1, {chunk}, 1, {offset}, {at}, '{text}')"
        ));
    }
    rows.flush(&mut pen).await?;
    Ok(tick.to_string())
}
