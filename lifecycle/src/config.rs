//! The configuration of every program: one file, overridden by the environment.
//!
//! A key `section.name` of the file is the variable `CARILLON_SECTION__NAME`; only `CARILLON_*`
//! names with `__` are configuration. With `_file` (`_FILE`) added, either names a file that holds
//! the value. The environment wins over the file. All that is wrong is reported at once.

mod duration;
mod error;
mod hidden;
mod key_texts;
mod keys;
mod reader;
mod secret_url;
mod settings;
mod suggest;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use duration::{DurationError, parse_duration};
pub use error::{ConfigError, Problem};
pub use hidden::Hidden;
pub use key_texts::{default_file, reference_page};
pub use keys::{Form, KEYS, Key};
pub use secret_url::SecretUrl;

use reader::Reader;
use settings::Settings;

/// Where a file is looked for when neither `--config` nor `CARILLON_CONFIG` names one; the first
/// that exists is read.
pub const SEARCHED_FILES: [&str; 2] = ["./carillon.toml", "/etc/carillon/carillon.toml"];

/// Everything that can be configured, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// `database.…`
    pub database: Database,
    /// `redis.…`
    pub redis: Redis,
    /// `node.…`
    pub node: Node,
    /// `runner.…`
    pub runner: Runner,
    /// `admin.…`
    pub admin: Admin,
    /// `monitor.…`
    pub monitor: Monitor,
    /// `output.…`
    pub output: Output,
    /// `mail.…`
    pub mail: Mail,
    /// `retention.…`
    pub retention: Retention,
}

/// The one place where admin, agents and monitor meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// `database.url`; programs of a cluster ask for it with [`Config::require_database_url`].
    pub url: Option<SecretUrl>,
}

/// The tick locks and wake-ups; optional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// `redis.url`; without it the database alone decides ticks.
    pub url: Option<SecretUrl>,
}

/// This machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `node.name`; the host name when absent.
    pub name: Option<String>,
    /// `node.labels`, such as `role=web`.
    pub labels: Vec<String>,
    /// `node.max_running`: the most commands at once.
    pub max_running: u32,
    /// `node.data_dir`, absolute.
    pub data_dir: PathBuf,
    /// `node.traces_url`: a collector of OpenTelemetry.
    pub traces_url: Option<String>,
}

/// What commands may do on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// `runner.allow_users`: users that commands may run as, besides the runner's own.
    pub allow_users: Vec<String>,
    /// `runner.secrets_dir`, absolute: where the values lie that jobs take from files.
    pub secrets_dir: PathBuf,
}

/// Full output that nodes keep in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// `output.part_mib`: where a file is cut.
    pub part_mib: u32,
    /// `output.file_mib`: one stream of one attempt.
    pub file_mib: u32,
    /// `output.node_mib`: all of this machine.
    pub node_mib: u32,
    /// `output.days`: for how long.
    pub days: u32,
}

/// The web pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// `admin.listen`: address and port.
    pub listen: String,
    /// `admin.public_url`: how people reach the pages; used in mail and for strict cookies.
    pub public_url: Option<String>,
}

/// What wakes people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monitor {
    /// `monitor.silent_after`: a node without a heartbeat for so long is silent.
    pub silent_after: Duration,
    /// `monitor.remind_every`: the pause between reminders of an open incident.
    pub remind_every: Duration,
    /// `monitor.webhooks`: rooms and programs that are told of every incident.
    pub webhooks: Vec<Hidden>,
    /// `monitor.ping_url`: who outside is told that a monitor lives.
    pub ping_url: Option<Hidden>,
    /// `monitor.webhook_hosts`: hosts of webhooks that may be on a private network.
    pub webhook_hosts: Vec<String>,
    /// `monitor.ping_hosts`: hosts on a private network that jobs' pings may reach.
    pub ping_hosts: Vec<String>,
    /// `monitor.quiet_hours`: when people are not disturbed by what can wait.
    pub quiet_hours: Vec<String>,
    /// `monitor.quiet_zone`: whose clock quiet hours mean.
    pub quiet_zone: String,
    /// `monitor.deliveries_per_hour`: what an address is told within an hour; what is beyond waits.
    pub deliveries_per_hour: u32,
    /// `monitor.disk_free_percent`: so much of a node's disk should be free.
    pub disk_free_percent: u32,
    /// `monitor.certificates`: endpoints whose certificates are watched.
    pub certificates: Vec<String>,
    /// `monitor.expiry_ahead`: how long before its end people are told of a token or a certificate.
    pub expiry_ahead: Duration,
    /// `monitor.stuck_after`: a run that should move on and has not for so long is stuck.
    pub stuck_after: Duration,
    /// `monitor.urgent`: rules that people are told of in their quiet hours, too.
    pub urgent: Vec<String>,
}

/// How mail leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// `mail.smtp_url`: `smtp://`, `smtps://` or `smtp://…?tls=required`; no mail without it.
    pub smtp_url: Option<SecretUrl>,
    /// `mail.ca`: who else may vouch for the mail server, as PEM.
    pub ca: Option<String>,
    /// `mail.from`.
    pub from: Option<String>,
    /// `mail.to`: who is told when nothing else says so.
    pub to: Vec<String>,
    /// `mail.language`: `en` or `zh`.
    pub language: String,
}

/// How long records are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// `retention.runs`: ended runs.
    pub runs: Duration,
    /// `retention.output`: what they wrote.
    pub output: Duration,
    /// `retention.totals`: the numbers behind the charts.
    pub totals: Duration,
    /// `retention.history`: incidents, what was told of them, and replaced versions of jobs.
    pub history: Duration,
}

impl Config {
    /// Reads the file (`explicit`, else `$CARILLON_CONFIG`, else the first of [`SEARCHED_FILES`]
    /// that exists, else none) and the environment of this process.
    ///
    /// # Errors
    /// With every problem found, each naming the file and line or the variable, and the cure.
    pub fn load(explicit: Option<&Path>) -> Result<Self, ConfigError> {
        let environment = environment();
        let searched = || {
            let mut candidates = SEARCHED_FILES.iter().map(PathBuf::from);
            candidates.find(|candidate| candidate.exists())
        };
        let file = named_file(explicit, &environment).or_else(searched);
        Self::load_from(file.as_deref(), &environment)
    }

    /// As [`Config::load`], but a file that nobody named is not read: for a program that must not meet a cluster by chance.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_named(explicit: Option<&Path>) -> Result<Self, ConfigError> {
        let environment = environment();
        let file = named_file(explicit, &environment);
        Self::load_from(file.as_deref(), &environment)
    }

    /// Reads this file, or none, and these variables.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_from(
        file: Option<&Path>,
        environment: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let settings = Settings::collect(file, environment, &mut problems);
        let mut read = Reader::new(&settings, &mut problems);
        let config = Self {
            file: file.map(Path::to_owned),
            database: Database {
                url: read.optional_url("database.url"),
            },
            redis: Redis {
                url: read.optional_url("redis.url"),
            },
            node: Node {
                name: read.optional_text("node.name"),
                labels: read.list("node.labels"),
                max_running: read.count("node.max_running"),
                data_dir: read.path("node.data_dir"),
                traces_url: read.optional_text("node.traces_url"),
            },
            runner: Runner {
                allow_users: read.list("runner.allow_users"),
                secrets_dir: read.path("runner.secrets_dir"),
            },
            output: Output {
                part_mib: read.count("output.part_mib"),
                file_mib: read.count("output.file_mib"),
                node_mib: read.count("output.node_mib"),
                days: read.count("output.days"),
            },
            admin: Admin {
                listen: read.address("admin.listen"),
                public_url: read.web_url("admin.public_url"),
            },
            monitor: read_monitor(&mut read),
            mail: Mail {
                smtp_url: read.optional_url("mail.smtp_url"),
                ca: read.optional_text("mail.ca"),
                from: read.optional_text("mail.from"),
                to: read.list("mail.to"),
                language: read.word("mail.language"),
            },
            retention: Retention {
                runs: read.duration("retention.runs"),
                output: read.duration("retention.output"),
                totals: read.duration("retention.totals"),
                history: read.duration("retention.history"),
            },
        };
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError { problems })
        }
    }

    /// The database's address, or the sentence that says how to give one.
    ///
    /// # Errors
    /// When `database.url` is not set.
    pub fn require_database_url(&self) -> Result<&SecretUrl, ConfigError> {
        self.database.url.as_ref().ok_or_else(|| {
            let place = match (&self.file, unseen_file()) {
                (Some(file), _) => format!("{} has none", file.display()),
                (None, Some(file)) => format!(
                    "this user may not see whether there is {file}; ask as the one it is for, `runuser -u carillon -- …`"
                ),
                (None, None) => format!("no file was found at {}", SEARCHED_FILES.join(" or ")),
            };
            ConfigError::from(Problem::new(format!(
                "database.url is not set ({place}); set it there or as CARILLON_DATABASE__URL, for \
                 example mysql://carillon:password@db.example.org/carillon; for one machine without \
                 a server run `carillon up --data DIR`, and `admin --data DIR`"
            )))
        })
    }
}

/// A file that would be read, in a folder that this user may not enter.
fn unseen_file() -> Option<&'static str> {
    SEARCHED_FILES
        .into_iter()
        .find(|file| Path::new(file).try_exists().is_err())
}

fn read_monitor(read: &mut Reader<'_>) -> Monitor {
    Monitor {
        silent_after: read.duration("monitor.silent_after"),
        remind_every: read.duration("monitor.remind_every"),
        webhooks: read
            .list("monitor.webhooks")
            .into_iter()
            .map(Hidden::new)
            .collect(),
        ping_url: read.optional_text("monitor.ping_url").map(Hidden::new),
        webhook_hosts: read.list("monitor.webhook_hosts"),
        ping_hosts: read.list("monitor.ping_hosts"),
        quiet_hours: read.list("monitor.quiet_hours"),
        quiet_zone: read.word("monitor.quiet_zone"),
        urgent: read.list("monitor.urgent"),
        deliveries_per_hour: read.count("monitor.deliveries_per_hour"),
        disk_free_percent: read.count("monitor.disk_free_percent"),
        certificates: read.list("monitor.certificates"),
        expiry_ahead: read.duration("monitor.expiry_ahead"),
        stuck_after: read.duration("monitor.stuck_after"),
    }
}

/// The environment of this process; a name that is no text is nobody's setting.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
        .collect()
}

/// The file that somebody has named, on the command line or in `$CARILLON_CONFIG`.
fn named_file(explicit: Option<&Path>, environment: &[(String, String)]) -> Option<PathBuf> {
    let variable = || {
        let mut variables = environment.iter();
        variables.find(|(name, value)| name == "CARILLON_CONFIG" && !value.is_empty())
    };
    explicit
        .map(Path::to_owned)
        .or_else(|| variable().map(|(_, value)| PathBuf::from(value)))
}
