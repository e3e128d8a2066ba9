//! `admin start` and `admin check`.

use std::process::ExitCode;

use carillon_lifecycle::config::Config;
use carillon_lifecycle::service_manager;
use carillon_lifecycle::shutdown::{Shutdown, watch_signals};
use carillon_store::{Store, Weight};
use clap::Args;

use super::say;
use crate::{Admin, AdminOptions};

#[derive(Debug, Args)]
pub(super) struct Start {
    /// Address and port, instead of the configured one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

impl Start {
    pub(super) async fn act(
        self,
        config: &Config,
        store: &Store,
        is_embedded: bool,
    ) -> anyhow::Result<ExitCode> {
        if is_embedded {
            store.migrate().await?;
        }
        store.check_schema().await?;
        let options = AdminOptions {
            store: store.clone(),
            listen: self.listen.unwrap_or_else(|| config.admin.listen.clone()),
            public_url: config.admin.public_url.clone(),
            redis_url: config.redis.url.as_ref().map(|url| url.reveal().to_owned()),
            proof_lasts: crate::PROOF_LASTS,
            setup_code: None,
        };
        let admin = Admin::bind(options).await?;
        let (handle, shutdown) = Shutdown::new();
        let signals = tokio::spawn(watch_signals(handle.clone()));
        service_manager::notify_ready();
        let served = admin.serve(shutdown).await;
        signals.abort();
        served.map(|()| ExitCode::SUCCESS)
    }
}

/// What the protocol needs of the store and does not find: a sentence for each, worst first.
/// # Errors
/// When the store does not answer.
pub async fn check_store(store: &Store) -> anyhow::Result<Vec<(Weight, String)>> {
    let findings = store.preflight().await?;
    Ok(findings
        .iter()
        .map(|finding| (finding.weight, finding.to_string()))
        .collect())
}

/// One line of a check: a verdict and what it is about.
pub(super) struct Verdict {
    is_good: bool,
    line: String,
}

impl Verdict {
    fn new(word: &str, about: &str) -> Self {
        Verdict {
            is_good: word != "failed",
            line: format!("{word:<7} {about}"),
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.line)
    }
}

pub(super) async fn check(config: &Config, store: &Store) -> anyhow::Result<ExitCode> {
    let verdicts = examine(config, store).await;
    for verdict in &verdicts {
        say(&verdict.to_string())?;
    }
    Ok(if verdicts.iter().all(|verdict| verdict.is_good) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Looks at configuration and database.
pub(super) async fn examine(config: &Config, store: &Store) -> Vec<Verdict> {
    let file = config.file.as_ref().map_or_else(
        || "none, defaults".to_owned(),
        |file| file.display().to_string(),
    );
    let mut verdicts = vec![Verdict::new("ok", &format!("configuration: {file}"))];
    if let Err(error) = store.check_schema().await {
        verdicts.push(Verdict::new("failed", &format!("database: {error}")));
        return verdicts;
    }
    let url = store.url();
    let about = format!("database: {url} has the schema of this program");
    verdicts.push(Verdict::new("ok", &about));
    match check_store(store).await {
        Ok(findings) => verdicts.extend(findings.iter().map(|(weight, told)| match weight {
            Weight::Unsafe => Verdict::new("failed", told),
            Weight::Weaker => Verdict::new("warning", told),
        })),
        Err(error) => verdicts.push(Verdict::new("failed", &format!("database: {error:#}"))),
    }
    verdicts.push(match store.has_users().await {
        Ok(true) => Verdict::new("ok", "people: there are accounts"),
        Ok(false) => Verdict::new("ok", "people: no account yet; open the pages to set up"),
        Err(error) => Verdict::new("failed", &format!("people: {error}")),
    });
    verdicts
}
