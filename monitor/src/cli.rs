//! The command line of the monitor: one subcommand for each verb.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use carillon_core::announcement::Announcement;
use carillon_core::evidence::Evidence;
use carillon_core::incident::{Incident, Owed, Sighting};
use carillon_core::rule::{Rule, Subject};
use carillon_lifecycle::config::Config;
use carillon_lifecycle::logging::{self, LogFormat};
use carillon_lifecycle::verdicts::Verdicts;
use carillon_lifecycle::{service_manager, shutdown};
use carillon_store::{MONITOR_SILENT_AFTER, SchemaFit, Store, StoreUrl};
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
    /// How log lines look.
    #[arg(long, global = true, value_enum)]
    log_format: Option<LogFormat>,
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
pub fn run(command_line: CommandLine) -> ExitCode {
    logging::init(command_line.log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let done = runtime
        .context("starting the runtime")
        .and_then(|runtime| runtime.block_on(act(command_line)));
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn act(command_line: CommandLine) -> anyhow::Result<ExitCode> {
    let config = Config::load(command_line.config.as_deref())?;
    match command_line.verb {
        Verb::Start => start(&config).await?,
        Verb::TestMail { address } => test_mail(&config, &address).await?,
        Verb::Check => return check(&config).await,
        Verb::BackTest(asked) => {
            let store = options(&config)?.store;
            for line in asked.act(&store).await? {
                say(&line);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
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

async fn check(config: &Config) -> anyhow::Result<ExitCode> {
    let options = options(config)?;
    let mut verdicts = Verdicts::new();
    verdicts.good(match &config.file {
        Some(file) => format!("configuration: {}", file.display()),
        None => "configuration: no file, environment and defaults".to_owned(),
    });
    let store = &options.store;
    match store.check_schema().await {
        Ok(SchemaFit::Own) => verdicts.good(format!("database: {}", store.url())),
        Ok(fit @ SchemaFit::Newer { .. }) => {
            verdicts.weak(format!("database: {}: {fit}", store.url()));
        }
        Err(error) => verdicts.bad(format!("database: {}", with_causes(&error))),
    }
    let mut report = |is_good: bool, about: String| match is_good {
        true => verdicts.good(about),
        false => verdicts.bad(about),
    };
    if let Some(mail) = &options.mail {
        match Mailer::new(mail, "check".to_owned())?.check().await {
            Ok(()) => report(true, format!("mail server: {}", mail.smtp_url)),
            Err(error) => report(
                false,
                format!(
                    "mail server: {}: {}; check mail.smtp_url and that it may be reached from here",
                    mail.smtp_url,
                    with_causes(&error)
                ),
            ),
        }
    }
    match options.problem() {
        problem if problem.is_empty() => report(
            true,
            format!("mail: goes to {}", options.mail_to.join(", ")),
        ),
        problem => report(false, format!("mail: {problem}")),
    }
    report_settings(&options, &mut report);
    report_certificates(&options, &mut report).await;
    if let (Ok(monitors), Ok(now)) = (store.monitors().await, store.now().await) {
        for monitor in monitors {
            let age = now.duration_since(monitor.last_beat_at);
            let is_alive = age < MONITOR_SILENT_AFTER;
            report(
                is_alive,
                format!("monitor: {} beat {} s ago", monitor.name, age.as_secs()),
            );
        }
    }
    Ok(verdicts.exit_code())
}

/// What is configured beside mail.
fn report_settings(options: &MonitorOptions, report: &mut impl FnMut(bool, String)) {
    for webhook in &options.webhooks {
        report(true, format!("webhook: {}", webhook.label()));
    }
    let silent_after = options.patience.silent_after;
    report(true, format!("nodes: silent after {silent_after:#}"));
    if !options.correction.is_empty() {
        report(false, format!("nodes: {}", options.correction));
    }
    if !options.quiet.hours.is_empty() {
        let QuietPolicy { hours, zone, .. } = &options.quiet;
        report(
            true,
            format!("quiet hours: what can wait is held back during {hours} ({zone})"),
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
                let line = format!("certificate: {endpoint} is not watched: {error}");
                report(false, line);
                continue;
            }
        };
        let left = certificate.expires_at.duration_since(now);
        let days = left.as_hours() / 24;
        match left.is_positive() {
            true => report(
                left > options.thresholds.expiry_ahead,
                format!("certificate: {endpoint}: ends in {days} d"),
            ),
            false => report(
                false,
                format!("certificate: {endpoint}: ended {} d ago", -days),
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
