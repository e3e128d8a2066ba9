//! `admin channel`: the jobs that incidents start.

use std::process::ExitCode;

use anyhow::Context as _;
use carillon_core::command_channel::test_parameters;
use carillon_store::{CommandChannel, RunRequest, Store};
use clap::Subcommand;

use super::{editor, say};
use crate::runs::actions::PATIENCE;

#[derive(Debug, Subcommand)]
pub(super) enum ChannelVerb {
    /// Lists the jobs that incidents start: number, name, who let them, and how the last start went.
    List,
    /// Lets incidents start a job: its command finds their facts as CARILLON_PARAM_STATE, _RULE, _SUBJECT and others.
    Add {
        /// The job's name or number.
        job: String,
    },
    /// Starts such a job as an incident would, with CARILLON_PARAM_STATE=test, and prints the run's id.
    Test {
        /// The job's name or number.
        job: String,
    },
    /// Lets incidents start a job no more.
    Remove {
        /// The job's name or number.
        job: String,
    },
}

impl ChannelVerb {
    pub(super) async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        match self {
            ChannelVerb::List => list(store).await?,
            ChannelVerb::Add { job } => {
                let job = store.job_called(&job).await?;
                store.add_command_channel(job, None, &editor()).await?;
                say(&format!("incidents start job {job}"))?;
            }
            ChannelVerb::Test { job } => {
                let channel = find(store, &job).await?;
                let request = RunRequest {
                    job: channel.job,
                    node: None,
                    parameters: test_parameters(store.now().await?),
                    key: None,
                    repeats: None,
                    patience: PATIENCE,
                };
                say(&store.request_run(&request, &editor()).await?.to_string())?;
            }
            ChannelVerb::Remove { job } => {
                let channel = find(store, &job).await?;
                store.remove_command_channel(channel.id, &editor()).await?;
                say(&format!("incidents no longer start job {}", channel.job))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(store: &Store) -> anyhow::Result<()> {
    for channel in store.command_channels().await? {
        let last = store.deliveries_to_job(channel.job, 1).await?;
        let last = last.first().map_or_else(
            || "never started".to_owned(),
            |record| format!("{}: {}", record.state, record.result),
        );
        let may = match channel.is_permitted() {
            true => "",
            false => " (may no longer)",
        };
        say(&format!(
            "{}\t{}\tby {}{may}\t{last}",
            channel.job, channel.job_name, channel.made_by
        ))?;
    }
    Ok(())
}

async fn find(store: &Store, job: &str) -> anyhow::Result<CommandChannel> {
    let job = store.job_called(job).await?;
    let mut channels = store.command_channels().await?.into_iter();
    let channel = channels.find(|channel| channel.job == job);
    channel.with_context(|| {
        format!("incidents do not start job {job}; `admin channel list` says which they do")
    })
}
