//! Turns what is owed into announcements with their deliveries.

use carillon_core::announcement::{Announcement, Audience, Batch, Debt, gather};
use carillon_core::command_channel::starts_commands;
use carillon_core::evidence::Evidence;
use carillon_core::identity::JobId;
use carillon_core::incident::{Incident, Owed};
use carillon_core::rule::Rule;
use carillon_core::silence::Cause;
use carillon_store::{Channel, Destination, Errand, Owing, Stepped, Store, StoreError};
use jiff::Timestamp;
use tracing::{debug, info, warn};

use crate::options::Channels;
use crate::quiet_policy::QuietPolicy;

/// Announces everything that is ripe at `now`. `watched` is how many nodes there are.
pub(crate) async fn tell(
    store: &Store,
    channels: &Channels,
    quiet: &QuietPolicy,
    watched: usize,
    now: Timestamp,
) -> Result<(), StoreError> {
    let owing = store.owing_incidents().await?;
    if owing.is_empty() {
        return Ok(());
    }
    let mutes = store.mutes().await?;
    let commands = store.command_channels().await?;
    let commands: Vec<JobId> = commands.iter().map(|channel| channel.job).collect();
    let owing = with_company(owing, watched);
    let debts = owing
        .into_iter()
        .map(|owing| debt(owing, channels, quiet, now))
        .collect();
    for batch in gather(debts, &mutes, now) {
        let errands = errands(channels, &commands, &batch);
        announce(store, batch, errands, now).await?;
    }
    Ok(())
}

/// Nodes that fell silent together are told so.
fn with_company(owing: Vec<Owing>, watched: usize) -> Vec<Owing> {
    let silent = owing
        .iter()
        .filter(|owing| is_new_silence(&owing.incident))
        .count();
    let note = |owing: Owing| Owing {
        incident: note_company(owing.incident, silent, watched),
        ..owing
    };
    owing.into_iter().map(note).collect()
}

fn debt(owing: Owing, channels: &Channels, quiet: &QuietPolicy, now: Timestamp) -> Debt {
    let group = &owing.group_mail;
    let wishes = [owing.job_mail_to.as_deref(), group.mail_to.as_deref()];
    let rule = owing.incident.rule;
    Debt {
        audience: Audience::choose(&wishes, &channels.mail_to),
        hold_until: quiet.hold_until(rule, group.quiet_hours.as_deref(), now),
        incident: owing.incident,
    }
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
    batch: Batch,
    errands: Vec<Errand>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let told: Vec<Incident> = batch.incidents.iter().map(|one| one.tell(now)).collect();
    let announcement = Announcement {
        owed: batch.owed,
        made_at: now,
        incidents: batch.incidents,
    };
    let settled = store.announce(&announcement, &told, &errands).await?;
    if settled == Stepped::Stale {
        debug!("another monitor announces it");
        return Ok(());
    }
    log(&announcement, &batch.audience, &errands);
    Ok(())
}

/// Where it goes, and when: people may be in their quiet hours, programs are not.
fn errands(channels: &Channels, commands: &[JobId], batch: &Batch) -> Vec<Errand> {
    let mails: &[String] = match &batch.audience {
        Audience::Addresses(addresses) if channels.has_mail => addresses,
        Audience::Addresses(_) | Audience::Nobody | Audience::Unknown => &[],
    };
    let (rooms, programs): (&[String], &[String]) = match batch.audience {
        Audience::Nobody => (&[], &[]),
        Audience::Addresses(_) | Audience::Unknown => (&channels.rooms, &channels.programs),
    };
    let to = |channel: Channel, hold_until: Option<Timestamp>| {
        move |address: &String| Errand {
            destination: Destination {
                channel,
                address: address.clone(),
            },
            hold_until,
        }
    };
    let mails = mails.iter().map(to(Channel::Mail, batch.hold_until));
    let rooms = rooms.iter().map(to(Channel::Webhook, batch.hold_until));
    let programs = programs.iter().map(to(Channel::Webhook, None));
    let commands = commands_for(batch, commands);
    let commands = commands.iter().map(to(Channel::Command, None));
    mails.chain(rooms).chain(programs).chain(commands).collect()
}

/// The jobs that are started, by their numbers.
fn commands_for(batch: &Batch, commands: &[JobId]) -> Vec<String> {
    let starts = |incident: &Incident| starts_commands(incident, commands);
    match batch.audience != Audience::Nobody && batch.incidents.iter().any(starts) {
        true => commands.iter().map(ToString::to_string).collect(),
        false => Vec::new(),
    }
}

fn log(announcement: &Announcement, audience: &Audience, errands: &[Errand]) {
    let owed = announcement.owed;
    let incidents = announcement.incidents.len();
    if errands.is_empty() && *audience != Audience::Nobody {
        warn!(
            incidents,
            "nobody is told of what is {owed} (incidents: {incidents}): set mail.smtp_url, mail.from and mail.to"
        );
        return;
    }
    let held = errands
        .iter()
        .filter(|one| one.hold_until.is_some())
        .count();
    info!(
        incidents,
        destinations = errands.len(),
        held,
        "announcing as {owed}: incidents {incidents}, addresses {}, in their quiet hours {held}",
        errands.len()
    );
}
