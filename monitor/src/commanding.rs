//! Starts the jobs that incidents start. The monitor itself runs nothing: it asks for a run, which some node takes, so that a
//! command has the user, the limits and the record of any other.

use carillon_core::announcement::Announcement;
use carillon_core::command_channel::{parameters, request_key};
use carillon_core::identity::JobId;
use carillon_store::{
    ClaimedDelivery, CommandChannel, DeliveryEnd, Editor, RunRequest, Store, StoreError,
};
use jiff::SignedDuration;

use crate::delivering::later;
use crate::letter::Letter;

/// How long the run waits for a node; later it is no news.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// Asks for the run that `delivery` is for. However often that is done, and by however many monitors, there is one.
pub(crate) async fn start(
    store: &Store,
    delivery: &ClaimedDelivery,
    announcement: &Announcement,
    letter: &Letter,
) -> DeliveryEnd {
    let channels = match store.command_channels().await {
        Ok(channels) => channels,
        Err(error) => return refused(delivery, &error),
    };
    let channel = match require_channel(&channels, &delivery.destination.address) {
        Ok(channel) => channel,
        Err(why) => return DeliveryEnd::GivenUp(why),
    };
    let jobs: Vec<JobId> = channels.iter().map(|one| one.job).collect();
    let link = letter.link.as_ref().map(|link| link.url.as_str());
    let Some(parameters) = parameters(announcement, &jobs, &letter.headline, link) else {
        return DeliveryEnd::GivenUp("it is about jobs that incidents start".to_owned());
    };
    let request = RunRequest {
        job: channel.job,
        node: None,
        parameters,
        key: Some(request_key(delivery.announcement_id, announcement)),
        repeats: None,
        patience: PATIENCE,
    };
    match store.request_run(&request, &editor(channel)).await {
        Ok(tick) => DeliveryEnd::Sent(tick.to_string()),
        Err(error) => refused(delivery, &error),
    }
}

/// The channel that starts the job, if that is still allowed.
fn require_channel<'a>(
    channels: &'a [CommandChannel],
    address: &str,
) -> Result<&'a CommandChannel, String> {
    let is_meant = |one: &&CommandChannel| one.job.to_string() == address;
    let channel = channels.iter().find(is_meant);
    let channel = channel
        .ok_or_else(|| format!("incidents no longer start job {address}, or it is deleted"))?;
    match channel.is_permitted() {
        true => Ok(channel),
        false => Err(format!(
            "{} may no longer let incidents start job {}; somebody who may should remove the channel and add it again",
            channel.made_by, channel.job_name
        )),
    }
}

fn editor(channel: &CommandChannel) -> Editor {
    Editor::program(format!("monitor for {}", channel.made_by))
}

fn refused(delivery: &ClaimedDelivery, error: &StoreError) -> DeliveryEnd {
    match error.is_unknown() {
        true => later(delivery, error.to_string()),
        false => DeliveryEnd::GivenUp(error.to_string()),
    }
}
