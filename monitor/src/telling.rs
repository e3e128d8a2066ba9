//! Turns what is owed into announcements with their deliveries.

use carillon_core::announcement::{Announcement, Audience, Batch, Mute, gather};
use carillon_core::evidence::Evidence;
use carillon_core::incident::{Incident, Owed};
use carillon_core::rule::Rule;
use carillon_core::silence::Cause;
use carillon_store::{Channel, Destination, Owing, Stepped, Store, StoreError};
use jiff::Timestamp;
use tracing::{debug, info, warn};

use crate::options::Channels;

/// Announces everything that is ripe at `now`. `watched` is how many nodes there are.
pub(crate) async fn tell(
    store: &Store,
    channels: &Channels,
    watched: usize,
    now: Timestamp,
) -> Result<(), StoreError> {
    let owing = store.owing_incidents().await?;
    if owing.is_empty() {
        return Ok(());
    }
    let mutes = store.mutes().await?;
    for batch in ripe(owing, channels, &mutes, watched, now) {
        announce(store, channels, batch, now).await?;
    }
    Ok(())
}

fn ripe(
    owing: Vec<Owing>,
    channels: &Channels,
    mutes: &[Mute],
    watched: usize,
    now: Timestamp,
) -> Vec<Batch> {
    let silent = owing
        .iter()
        .filter(|owing| is_new_silence(&owing.incident))
        .count();
    let owing = owing
        .into_iter()
        .map(|owing| {
            let wishes = [owing.job_mail_to.as_deref(), owing.group_mail_to.as_deref()];
            let audience = Audience::choose(&wishes, &channels.mail_to);
            (note_company(owing.incident, silent, watched), audience)
        })
        .collect();
    gather(owing, mutes, now)
}

fn is_new_silence(incident: &Incident) -> bool {
    incident.rule == Rule::NodeSilent && incident.owed == Some(Owed::Opened)
}

/// Nodes that are told of together went together: that says more than what each said last.
fn note_company(incident: Incident, silent: usize, watched: usize) -> Incident {
    if silent < 2 || !is_new_silence(&incident) {
        return incident;
    }
    match incident.evidence {
        Evidence::Silence {
            last_beat_at,
            ref cause,
            running,
        } if *cause != Cause::Left => Incident {
            evidence: Evidence::Silence {
                last_beat_at,
                running,
                cause: Cause::Together {
                    silent: u32::try_from(silent).unwrap_or(u32::MAX),
                    watched: u32::try_from(watched.max(silent)).unwrap_or(u32::MAX),
                },
            },
            ..incident
        },
        _ => incident,
    }
}

async fn announce(
    store: &Store,
    channels: &Channels,
    batch: Batch,
    now: Timestamp,
) -> Result<(), StoreError> {
    let destinations = destinations(channels, &batch.audience);
    let told: Vec<Incident> = batch.incidents.iter().map(|one| one.tell(now)).collect();
    let announcement = Announcement {
        owed: batch.owed,
        made_at: now,
        incidents: batch.incidents,
    };
    let settled = store.announce(&announcement, &told, &destinations).await?;
    if settled == Stepped::Stale {
        debug!("another monitor announces it");
        return Ok(());
    }
    log(&announcement, &batch.audience, destinations.len());
    Ok(())
}

fn destinations(channels: &Channels, audience: &Audience) -> Vec<Destination> {
    let mails: &[String] = match audience {
        Audience::Addresses(addresses) if channels.has_mail => addresses,
        Audience::Addresses(_) | Audience::Nobody | Audience::Unknown => &[],
    };
    let webhooks: &[String] = match audience {
        Audience::Nobody => &[],
        Audience::Addresses(_) | Audience::Unknown => &channels.webhooks,
    };
    let to = |channel: Channel, address: &String| Destination {
        channel,
        address: address.clone(),
    };
    let mails = mails.iter().map(|address| to(Channel::Mail, address));
    let webhooks = webhooks.iter().map(|address| to(Channel::Webhook, address));
    mails.chain(webhooks).collect()
}

fn log(announcement: &Announcement, audience: &Audience, destinations: usize) {
    let owed = announcement.owed;
    let incidents = announcement.incidents.len();
    if destinations == 0 && *audience != Audience::Nobody {
        warn!(
            incidents,
            "{incidents} incidents are {owed} and nobody is told: set mail.smtp_url, mail.from and mail.to"
        );
        return;
    }
    info!(
        incidents,
        destinations, "announcing {incidents} incidents as {owed} to {destinations} addresses"
    );
}
