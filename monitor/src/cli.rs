//! The command line of the monitor: one subcommand for each verb.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use carillon_core::announcement::Announcement;
use carillon_core::evidence::Evidence;
use carillon_core::incident::{Incident, Owed, Sighting};
use carillon_core::rule::{Rule, Subject};
use carillon_lifecycle::config::Config;
use carillon_lifecycle::{logging, service_manager, shutdown};
use carillon_store::{MONITOR_SILENT_AFTER, Store, StoreUrl};
use clap::{Parser, Subcommand};

use crate::back_test::BackTest;
use crate::certificate::look_at;
use crate::clock::host_now;
use crate::delivering::with_causes;
use crate::letter;
use crate::mailer::Mailer;
use crate::options::MonitorOptions;
use crate::quiet_policy::QuietPolicy;

/// Tells the right people, once, when something of Carillon is not well.
#[derive(Debug, Parser)]
#[command(name = "monitor", version, about)]
pub struct CommandLine {
    /// The configuration file; otherwise $CARILLON_CONFIG, ./carillon.toml or /etc/carillon/carillon.toml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Watches and tells, in the foreground, until it is told to stop.
    Start,
    /// Sends a mail to ADDRESS, to see that mail leaves and what it looks like.
    TestMail {
        /// Where it goes.
        address: String,
    },
    /// Says what is configured, what is reachable and what is missing.
    Check,
    /// Says how often the limits of a job, its own or others, would have been news lately; nobody is told and nothing
    /// is touched.
    BackTest(BackTest),
}

/// Does what is asked. What goes to people goes to standard output, the log to standard error.
///
/// # Errors
/// With what went wrong and what to do about it.
pub async fn run(command_line: CommandLine) -> anyhow::Result<()> {
    logging::init(None);
    let config = Config::load(command_line.config.as_deref())?;
    match command_line.verb {
        Verb::Start => start(&config).await,
        Verb::TestMail { address } => test_mail(&config, &address).await,
        Verb::Check => check(&config).await,
        Verb::BackTest(asked) => {
            let store = options(&config)?.store;
            for line in asked.act(&store).await? {
                say(&line);
            }
            Ok(())
        }
    }
}

async fn start(config: &Config) -> anyhow::Result<()> {
    let options = options(config)?;
    let (handle, shutdown) = shutdown::Shutdown::new();
    let signals = tokio::spawn(shutdown::watch_signals(handle));
    service_manager::notify_ready();
    let served = crate::serve(options, shutdown).await;
    signals.abort();
    Ok(served?)
}

async fn test_mail(config: &Config, address: &str) -> anyhow::Result<()> {
    let options = options(config)?;
    let Some(mail) = &options.mail else {
        bail!(
            "mail.smtp_url is not set; set it, mail.from and mail.to, for example mail.smtp_url = \"smtp://mail.example.org:25\""
        );
    };
    let mailer = Mailer::new(mail, "test".to_owned())?;
    let now = host_now();
    let sighting = Sighting {
        rule: Rule::NodeSilent,
        subject: Subject {
            name: format!("{} (a test, nothing is wrong)", options.name),
            ..Subject::cluster()
        },
        since_at: now,
        count: 1,
        evidence: Evidence::None,
    };
    let announcement = Announcement {
        owed: Owed::Opened,
        made_at: now,
        incidents: vec![Incident::open(sighting, 0, now)],
    };
    let letter = letter::test(&announcement, options.lang, options.public_url.as_deref());
    let identity = format!("test-{}", now.as_microsecond());
    let said = mailer
        .send(&letter, &announcement, &identity, address)
        .await
        .map_err(|error| {
            anyhow::anyhow!("{}; check mail.smtp_url and mail.from", with_causes(&error))
        })?;
    say(&format!(
        "the mail server took the mail to {address}: {said}"
    ));
    Ok(())
}

async fn check(config: &Config) -> anyhow::Result<()> {
    let options = options(config)?;
    let mut problems = 0;
    let mut report = |is_good: bool, line: String| {
        problems += i32::from(!is_good);
        say(&format!("{} {line}", if is_good { "ok  " } else { "FAIL" }));
    };
    let store = &options.store;
    match store.check_schema().await {
        Ok(()) => report(true, format!("database {}", store.url())),
        Err(error) => report(
            false,
            format!("database {}: {}", store.url(), with_causes(&error)),
        ),
    }
    if let Some(mail) = &options.mail {
        match Mailer::new(mail, "check".to_owned())?.check().await {
            Ok(()) => report(true, format!("mail server {}", mail.smtp_url)),
            Err(error) => report(
                false,
                format!("mail server {}: {}", mail.smtp_url, with_causes(&error)),
            ),
        }
    }
    match options.problem() {
        problem if problem.is_empty() => {
            report(true, format!("mail goes to {}", options.mail_to.join(", ")))
        }
        problem => report(false, problem),
    }
    report_settings(&options, &mut report);
    report_certificates(&options, &mut report).await;
    if let (Ok(monitors), Ok(now)) = (store.monitors().await, store.now().await) {
        for monitor in monitors {
            let age = now.duration_since(monitor.last_beat_at);
            let is_alive = age < MONITOR_SILENT_AFTER;
            report(
                is_alive,
                format!("monitor {} beat {} s ago", monitor.name, age.as_secs()),
            );
        }
    }
    match problems {
        0 => Ok(()),
        1 => bail!("1 problem; mend it, then check again"),
        problems => bail!("{problems} problems; mend them, then check again"),
    }
}

/// What is configured beside mail.
fn report_settings(options: &MonitorOptions, report: &mut impl FnMut(bool, String)) {
    for webhook in &options.webhooks {
        report(true, format!("webhook {}", webhook.label()));
    }
    let silent_after = options.patience.silent_after;
    report(true, format!("a node is silent after {silent_after:#}"));
    if !options.correction.is_empty() {
        report(false, options.correction.clone());
    }
    if !options.quiet.hours.is_empty() {
        let QuietPolicy { hours, zone, .. } = &options.quiet;
        report(
            true,
            format!("what can wait is held back during {hours} ({zone})"),
        );
    }
}

/// How long each certificate still lasts.
async fn report_certificates(options: &MonitorOptions, report: &mut impl FnMut(bool, String)) {
    let now = options.store.now().await.unwrap_or_else(|_| host_now());
    for endpoint in &options.certificates {
        let certificate = match look_at(endpoint).await {
            Ok(certificate) => certificate,
            Err(error) => {
                let line = format!("certificate of {endpoint} is not watched: {error}");
                report(false, line);
                continue;
            }
        };
        let left = certificate.expires_at.duration_since(now);
        let days = left.as_hours() / 24;
        match left.is_positive() {
            true => report(
                left > options.thresholds.expiry_ahead,
                format!("certificate of {endpoint} ends in {days} d"),
            ),
            false => report(
                false,
                format!("certificate of {endpoint} ended {} d ago", -days),
            ),
        }
    }
}

fn options(config: &Config) -> anyhow::Result<MonitorOptions> {
    let url: StoreUrl = config
        .require_database_url()?
        .reveal()
        .parse()
        .context("reading database.url")?;
    let name = config
        .node
        .name
        .clone()
        .unwrap_or_else(|| gethostname::gethostname().to_string_lossy().into_owned());
    Ok(MonitorOptions::from_config(config, Store::new(url), name)?)
}

/// Answers whoever typed the command. A reader who has seen enough is no failure.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
