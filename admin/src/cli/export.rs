//! `admin export`: all jobs as the API says them.

use std::process::ExitCode;

use carillon_store::{JobFilter, Store};
use serde_json::Value;

use super::say;
use crate::jobs::document;

/// Jobs read at once.
const PAGE: u32 = 500;

pub(super) async fn act(store: &Store) -> anyhow::Result<ExitCode> {
    let groups = store.groups().await?;
    let mut filter = JobFilter::default();
    let mut documents: Vec<Value> = Vec::new();
    loop {
        let page = store.jobs(&filter, PAGE).await?;
        for listed in &page {
            match &listed.job {
                Ok(job) => documents.push(document::write(job, &groups)),
                Err(corrupt) => eprintln!("left out: {corrupt}"),
            }
        }
        let last = page.last().and_then(|listed| listed.job.as_ref().ok());
        match last.filter(|_| page.len() == PAGE as usize) {
            Some(job) => filter.after = Some((job.draft.name.to_string(), job.id)),
            None => break,
        }
    }
    say(&serde_json::to_string_pretty(&documents)?)?;
    Ok(ExitCode::SUCCESS)
}
