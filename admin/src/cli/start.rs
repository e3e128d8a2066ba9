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
    let file = config.file.as_ref().map_or_else(
        || "none, defaults".to_owned(),
        |file| file.display().to_string(),
    );
    say(&format!("ok      configuration: {file}"))?;
    let mut is_well = true;
    match store.check_schema().await {
        Ok(()) => say(&format!(
            "ok      database: {} has the schema of this program",
            store.url()
        ))?,
        Err(error) => {
            say(&format!("failed  database: {error}"))?;
            is_well = false;
        }
    }
    if is_well {
        for (weight, told) in check_store(store).await? {
            let verdict = match weight {
                Weight::Unsafe => "failed",
                Weight::Weaker => "warning",
            };
            say(&format!("{verdict:<7} {told}"))?;
            is_well &= weight != Weight::Unsafe;
        }
        let users = if store.has_users().await? {
            "there are accounts"
        } else {
            "no account yet; open the pages to set up"
        };
        say(&format!("ok      people: {users}"))?;
    }
    Ok(if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
