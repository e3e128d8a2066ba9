//! `admin start` and `admin check`.

use std::process::ExitCode;

use carillon_lifecycle::config::Config;
use carillon_lifecycle::service_manager;
use carillon_lifecycle::shutdown::{Shutdown, watch_signals};
use carillon_lifecycle::verdicts::{Grade, Verdict, Verdicts};
use carillon_store::{SchemaFit, Store, Weight};
use clap::Args;
use tracing::warn;

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
        if let fit @ SchemaFit::Newer { .. } = store.check_schema().await? {
            warn!("{fit}");
        }
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

pub(super) async fn check(config: &Config, store: &Store) -> anyhow::Result<ExitCode> {
    let mut verdicts = Verdicts::new();
    for verdict in examine(config, store).await {
        verdicts.tell(&verdict);
    }
    Ok(verdicts.exit_code())
}

/// Looks at configuration and database.
pub(super) async fn examine(config: &Config, store: &Store) -> Vec<Verdict> {
    let good = |about: String| Verdict::new(Grade::Good, about);
    let bad = |about: String| Verdict::new(Grade::Bad, about);
    let mut verdicts = vec![good(match &config.file {
        Some(file) => format!("configuration: {}", file.display()),
        None => "configuration: no file, environment and defaults".to_owned(),
    })];
    let url = store.url();
    verdicts.push(match store.check_schema().await {
        Ok(fit @ SchemaFit::Own) => good(format!("database: {url}: {fit}")),
        Ok(fit @ SchemaFit::Newer { .. }) => {
            Verdict::new(Grade::Weak, format!("database: {url}: {fit}"))
        }
        Err(error) => {
            verdicts.push(bad(format!("database: {error}")));
            return verdicts;
        }
    });
    match check_store(store).await {
        Ok(findings) => verdicts.extend(findings.into_iter().map(|(weight, told)| {
            let grade = match weight {
                Weight::Unsafe => Grade::Bad,
                Weight::Weaker => Grade::Weak,
            };
            Verdict::new(grade, format!("database: {told}"))
        })),
        Err(error) => verdicts.push(bad(format!("database: {error:#}"))),
    }
    verdicts.push(match store.has_users().await {
        Ok(true) => good("people: there are accounts".to_owned()),
        Ok(false) => good("people: no account yet; open the pages to set up".to_owned()),
        Err(error) => bad(format!("people: {error}")),
    });
    verdicts
}
