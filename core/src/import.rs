//! Crontabs as jobs: each line with a command becomes a draft, and every other line is accounted for.

use std::collections::HashMap;

use crate::crontab::{CrontabJob, Meaning, Misread, Reading, Reason, read_crontab};
use crate::identity::GroupId;
use crate::job::{JOB_NAME_LENGTH_MAX, JobDraft, JobName, JobNameError, JobSpec, ScheduleText};
use crate::launch::LaunchSpec;
use crate::schedule::DstRule;
use crate::token::mix;

/// The longest key, in bytes.
const KEY_LENGTH_MAX: usize = 190;

/// What to make of the jobs of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The group they join.
    pub group: GroupId,
    /// Whether they fire at once; otherwise they wait until somebody enables them.
    pub enabled: bool,
    /// Whether the text is a file that may come again, edited. Text from elsewhere is known again only word for word.
    pub is_file: bool,
}

/// A line on its way to being a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Arriving {
    /// The line it stands on, counted from 1.
    pub line: usize,
    /// What recognises the line when the file is imported again.
    pub key: String,
    /// Whether a comment names it; otherwise its name is that of its place.
    pub is_named: bool,
    /// The job.
    pub draft: JobDraft,
}

/// A line that is no job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark<W> {
    /// The line, counted from 1.
    pub line: usize,
    /// Why not.
    pub why: W,
}

/// Every line of a file, accounted for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Manifest {
    /// Jobs.
    pub jobs: Vec<Arriving>,
    /// Lines that mean nothing by themselves.
    pub ignored: Vec<Remark<Reason>>,
    /// Lines that cannot be read.
    pub errors: Vec<Remark<Misread>>,
}

/// Reads a crontab as jobs. Nothing is imported by this.
pub fn read_manifest(text: &str, reading: &Reading<'_>, arrival: Arrival) -> Manifest {
    let mut manifest = Manifest::default();
    let mut seen: HashMap<String, u32> = HashMap::new();
    for found in read_crontab(text, reading) {
        let line = found.line;
        match found.meaning {
            Meaning::Job(job) => match draft(&job, arrival) {
                Ok(draft) => {
                    let is_named = job.name != format!("{}:{line}", reading.file);
                    let key = key(reading.file, is_named && arrival.is_file, &job);
                    let count = seen.entry(key.clone()).or_default();
                    *count += 1;
                    // The same line twice is two jobs.
                    let key = if *count > 1 {
                        format!("{key}#{count}")
                    } else {
                        key
                    };
                    manifest.jobs.push(Arriving {
                        line,
                        key,
                        is_named,
                        draft,
                    });
                }
                Err(error) => {
                    let why = Misread::Name(error);
                    manifest.errors.push(Remark { line, why });
                }
            },
            Meaning::Ignored(why) => manifest.ignored.push(Remark { line, why }),
            Meaning::Error(why) => manifest.errors.push(Remark { line, why }),
        }
    }
    manifest
}

fn draft(job: &CrontabJob, arrival: Arrival) -> Result<JobDraft, JobNameError> {
    let name: String = job.name.chars().take(JOB_NAME_LENGTH_MAX).collect();
    let name: JobName = name.parse()?;
    let launch = LaunchSpec {
        command: job.command.clone(),
        shell: job.shell.clone(),
        cwd: job.home.clone(),
        env: job.env.clone(),
        stdin: job.stdin.clone(),
        run_as: job.user.clone(),
        ..LaunchSpec::default()
    };
    Ok(JobDraft {
        name,
        group: arrival.group,
        description: String::new(),
        enabled: arrival.enabled,
        schedule: ScheduleText {
            expression: job.schedule.clone(),
            zone: job.zone.clone(),
            dst: DstRule::Cron,
        },
        spec: JobSpec {
            launch,
            mail_to: job.mailto.clone(),
            ..JobSpec::default()
        },
    })
}

/// A job named by a comment is known by its file and name, so its line may move and change; any other by what it does.
fn key(file: &str, by_name: bool, job: &CrontabJob) -> String {
    let work = || {
        format!(
            "{} {} {:?} {}",
            job.schedule, job.zone, job.user, job.command
        )
    };
    let identity = if by_name { job.name.clone() } else { work() };
    shorten(format!("{file}:{identity}"))
}

/// The name by which the jobs of a file are found again.
pub fn source_of(file: &str) -> String {
    shorten(file.to_owned())
}

fn shorten(readable: String) -> String {
    if readable.len() <= KEY_LENGTH_MAX {
        return readable;
    }
    let hash = readable
        .bytes()
        .fold(0, |hash, byte| mix(hash ^ u64::from(byte)));
    let head: String = readable.chars().take(KEY_LENGTH_MAX / 4).collect();
    format!("{head}…{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crontab::{Form, Seconds};

    fn manifest(text: &str) -> Manifest {
        let reading = Reading {
            file: "tab",
            form: Form::User,
            seconds: Seconds::Detect,
            zone: "UTC",
        };
        read_manifest(
            text,
            &reading,
            Arrival {
                group: GroupId(1),
                enabled: true,
                is_file: true,
            },
        )
    }

    #[test]
    fn every_line_is_accounted_for() {
        let manifest = manifest("MAILTO=a@b\n# nightly\n0 3 * * * backup\n\n61 * * * * x\n");

        assert_eq!(
            manifest.jobs.len() + manifest.ignored.len() + manifest.errors.len(),
            5
        );
        assert_eq!(manifest.jobs[0].draft.name.as_str(), "nightly");
        assert_eq!(manifest.jobs[0].draft.spec.mail_to.as_deref(), Some("a@b"));
        assert_eq!(manifest.errors[0].line, 5);
    }

    #[test]
    fn only_what_cron_would_have_obeyed_is_news() {
        let manifest = manifest("# a\nLANG=C\nRANDOM_DELAY=30\n0 3 * * * backup\n");

        let news = manifest
            .ignored
            .iter()
            .filter(|remark| remark.why.is_news());
        assert_eq!(news.map(|remark| remark.line).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn a_line_is_known_again_wherever_it_moves() {
        let keys = |text| {
            manifest(text)
                .jobs
                .into_iter()
                .map(|job| job.key)
                .collect::<Vec<_>>()
        };
        let before = keys("# nightly\n0 3 * * * backup\n5 * * * * date\n");
        let after = keys("\n\n5 * * * * date\n# nightly\n0 4 * * * backup\n");

        assert_eq!([&before[1], &before[0]], [&after[0], &after[1]]);
    }

    #[test]
    fn the_same_line_twice_is_two_jobs() {
        let manifest = manifest("* * * * * date\n* * * * * date\n");

        assert_ne!(manifest.jobs[0].key, manifest.jobs[1].key);
    }
}
