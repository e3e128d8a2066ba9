//! Crontab files: what each line of one means.
//!
//! Follows cronie: environment lines hold for the lines below them, `CRON_TZ` is the zone of those
//! lines, `%` starts standard input. Every line is accounted for. Pure: reads no file and knows
//! neither the store nor the jobs that are there already.

mod command;
mod comment;
mod entry;
mod environment;
mod remark;

use std::collections::HashSet;

use crate::schedule::time_zone;
use environment::Assignment;
pub use remark::Misread;

/// Whether lines name the user to run as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A user's own crontab: the command follows the schedule.
    #[default]
    User,
    /// `/etc/crontab`, `/etc/cron.d/*`: a user name stands before the command.
    System,
}

/// Whether schedules begin with a seconds field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seconds {
    /// They do on the lines whose first six words are all fields.
    #[default]
    Detect,
    /// They do on all lines.
    Always,
    /// They do on none.
    Never,
}

/// How a crontab is to be read.
#[derive(Clone, Debug)]
pub struct Reading<'r> {
    /// The name of the file, for the names of jobs without a comment (`FILE:LINE`).
    pub file: &'r str,
    /// Whether lines name the user.
    pub form: Form,
    /// Whether lines have seconds.
    pub seconds: Seconds,
    /// The zone of lines without `CRON_TZ` above them, an IANA name.
    pub zone: &'r str,
}

/// One line of a crontab and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrontabLine {
    /// Counted from 1.
    pub line: usize,
    /// What it means.
    pub meaning: Meaning,
}

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A command with its schedule.
    Job(Box<CrontabJob>),
    /// Nothing by itself.
    Ignored(Reason),
    /// It cannot be read.
    Error(Misread),
}

/// Why a line is no job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Blanks only.
    Blank,
    /// Begins with `#`.
    Comment,
    /// Sets a variable for the lines below; the jobs there carry it.
    Environment,
    /// Sets `LOGNAME` or `USER`, which cron always takes from the user it runs as.
    FixedVariable,
    /// Sets `RANDOM_DELAY`, which has no meaning here.
    RandomDelay,
}

impl Reason {
    /// Whether cron would have done something because of the line that is not done here.
    pub fn is_news(self) -> bool {
        self == Reason::RandomDelay
    }
}

/// A line with a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrontabJob {
    /// The comment directly above, or `FILE:LINE`; different for each job of a file.
    pub name: String,
    /// The schedule, its fields separated by one blank; known to parse in `zone`.
    pub schedule: String,
    /// The IANA name from `CRON_TZ`, or the zone of the reading.
    pub zone: String,
    /// Who it runs as, in the system form.
    pub user: Option<String>,
    /// The command, with `\%` turned into `%`.
    pub command: String,
    /// What follows the first `%`, each further `%` a line end; `None` when there is nothing.
    pub stdin: Option<String>,
    /// The variables set above, in order, each name once. Without `CRON_TZ` and `MAILTO`, which
    /// speak to cron and not to the command.
    pub env: Vec<(String, String)>,
    /// The value of `SHELL`, which cron runs the command with.
    pub shell: Option<String>,
    /// The value of `HOME`, in which cron starts the command.
    pub home: Option<String>,
    /// Where `MAILTO` sends the output; empty: to nobody. `None`: not said.
    pub mailto: Option<String>,
}

/// Whether cron takes this file for one whose lines name users.
pub fn is_of_the_system(file: &str) -> bool {
    file == "/etc/crontab" || file.starts_with("/etc/cron.d/")
}

/// Reads the text of a crontab; the answer has one element for each line.
pub fn read_crontab(text: &str, reading: &Reading<'_>) -> Vec<CrontabLine> {
    let mut reader = Reader::new(reading);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines()
        .enumerate()
        .map(|(place, line)| {
            let line_number = place + 1;
            CrontabLine {
                line: line_number,
                meaning: reader.read_line(line_number, line),
            }
        })
        .collect()
}

/// What the lines above say to the next one.
struct Reader<'r> {
    reading: &'r Reading<'r>,
    env: Vec<(String, String)>,
    mailto: Option<String>,
    /// The zone, or the line whose `CRON_TZ` is not understood: jobs below it must not fire at
    /// times that nobody asked for.
    zone: Result<String, usize>,
    comment_above: Option<String>,
    names: HashSet<String>,
}

impl<'r> Reader<'r> {
    fn new(reading: &'r Reading<'r>) -> Reader<'r> {
        Reader {
            reading,
            env: Vec::new(),
            mailto: None,
            zone: Ok(reading.zone.to_owned()),
            comment_above: None,
            names: HashSet::new(),
        }
    }

    fn read_line(&mut self, line_number: usize, line: &str) -> Meaning {
        let comment_above = self.comment_above.take();
        let text = line.trim_start_matches([' ', '\t']);
        if text.trim_end().is_empty() {
            return Meaning::Ignored(Reason::Blank);
        }
        if text.starts_with('#') {
            self.comment_above = comment::job_name(text);
            return Meaning::Ignored(Reason::Comment);
        }
        if let Some(assignment) = environment::read_assignment(text) {
            return self.assign(line_number, assignment);
        }
        match self.read_job(line_number, line, comment_above) {
            Ok(job) => Meaning::Job(Box::new(job)),
            Err(misread) => Meaning::Error(misread),
        }
    }

    fn assign(&mut self, line_number: usize, assignment: Assignment) -> Meaning {
        let Assignment { name, value } = assignment;
        match name.as_str() {
            "LOGNAME" | "USER" => return Meaning::Ignored(Reason::FixedVariable),
            "RANDOM_DELAY" => return Meaning::Ignored(Reason::RandomDelay),
            "MAILTO" => self.mailto = Some(value),
            "CRON_TZ" => return self.change_zone(line_number, &value),
            _ => {
                self.env.retain(|(known, _)| *known != name);
                self.env.push((name, value));
            }
        }
        Meaning::Ignored(Reason::Environment)
    }

    fn change_zone(&mut self, line_number: usize, value: &str) -> Meaning {
        let zone = if value.is_empty() {
            self.reading.zone
        } else {
            value
        };
        match time_zone(zone) {
            Ok(_) => {
                self.zone = Ok(zone.to_owned());
                Meaning::Ignored(Reason::Environment)
            }
            Err(error) => {
                self.zone = Err(line_number);
                Meaning::Error(Misread::Schedule(error))
            }
        }
    }

    fn read_job(
        &mut self,
        line_number: usize,
        line: &str,
        comment_above: Option<String>,
    ) -> Result<CrontabJob, Misread> {
        let zone = self.zone.clone();
        let zone = zone.map_err(|set_at| Misread::ZoneAbove { set_at })?;
        let entry = entry::read_entry(line, self.reading, &zone)?;
        let (command, stdin) = command::split_input(entry.command);
        if command.trim().is_empty() {
            return Err(Misread::NothingBeforePercent);
        }
        let variable = |wanted: &str| {
            let found = self.env.iter().find(|(name, _)| name == wanted);
            found
                .map(|(_, value)| value.clone())
                .filter(|value| !value.is_empty())
        };
        Ok(CrontabJob {
            shell: variable("SHELL"),
            home: variable("HOME"),
            name: self.choose_name(line_number, comment_above),
            schedule: entry.schedule,
            zone,
            user: entry.user,
            command,
            stdin,
            env: self.env.clone(),
            mailto: self.mailto.clone(),
        })
    }

    /// A comment that has named a job above cannot name another one.
    fn choose_name(&mut self, line_number: usize, comment_above: Option<String>) -> String {
        if let Some(comment) = comment_above
            && self.names.insert(comment.clone())
        {
            return comment;
        }
        format!("{}:{line_number}", self.reading.file)
    }
}
