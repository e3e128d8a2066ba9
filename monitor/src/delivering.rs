//! Hands announcements over, one delivery after the other is claimed, a few at a time.

use std::sync::Arc;
use std::time::Duration;

use carillon_core::announcement::Announcement;
use carillon_core::digest::Digest;
use carillon_core::token::Token;
use carillon_store::{Channel, ClaimedDelivery, DeliveryEnd, Store};
use jiff::SignedDuration;
use tracing::{debug, info, warn};

use crate::commanding;
use crate::letter::{self, Letter};
use crate::mailer::{Mailer, pause_after};
use crate::options::MonitorOptions;
use crate::random::random_token;

/// A delivery belongs to its sender for so long, and for as long as he renews it: a sender that dies is replaced
/// after that.
const LEASE: SignedDuration = SignedDuration::from_secs(20);
/// How often a sender says that he is still at it.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// Mails on their way at one time.
pub(crate) const SENDING_MAX: usize = 4;
/// News older than this is no longer news.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// What is handed over: the letter, what it is about, and its identity however often it is sent.
struct Packet {
    letter: Letter,
    announcement: Announcement,
    identity: String,
}

impl Packet {
    /// None for a delivery of nothing, which there is not.
    fn of(delivery: &ClaimedDelivery, options: &MonitorOptions) -> Option<Self> {
        let (lang, public_url) = (options.lang, options.public_url.as_deref());
        let Some(hold) = delivery.hold else {
            let announcement = delivery.announcements.first()?.clone();
            return Some(Packet {
                letter: letter::write(&announcement, lang, public_url),
                announcement,
                identity: delivery.announcement_id.to_string(),
            });
        };
        let digest = Digest::of(&delivery.announcements, hold);
        Some(Packet {
            letter: letter::write_digest(&digest, lang, public_url),
            announcement: digest.announcement(),
            identity: format!("digest-{}", delivery.id),
        })
    }
}

/// What a sender needs.
#[derive(Debug)]
pub(crate) struct Courier {
    pub(crate) options: MonitorOptions,
    pub(crate) mailer: Option<Mailer>,
}

/// The next delivery that is due, ready to be carried out.
pub(crate) async fn claim_errand(courier: Arc<Courier>) -> Option<impl Future<Output = ()> + Send> {
    let token = random_token();
    let MonitorOptions { store, limit, .. } = &courier.options;
    match store.claim_delivery(token, LEASE, limit).await {
        Ok(claimed) => {
            claimed.map(|delivery| async move { carry(&courier, delivery, token).await })
        }
        Err(error) => {
            debug!("no delivery could be claimed: {error}");
            None
        }
    }
}

async fn carry(courier: &Courier, delivery: ClaimedDelivery, token: Token) {
    let store = &courier.options.store;
    let end = tokio::select! {
        end = hand_over(courier, &delivery) => end,
        () = renew(store, token) => {
            // Somebody else has it: what he does counts.
            return;
        }
    };
    log(&delivery, &end);
    // The answer matters more than one try: without it the mail is sent again when the lease ends.
    for _ in 0..3 {
        match store.end_delivery(token, &end).await {
            Ok(()) => return,
            Err(error) => warn!(
                "the result of delivery {} is not recorded: {error}",
                delivery.id
            ),
        }
    }
}

/// Renews the lease until it is lost.
async fn renew(store: &Store, token: Token) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        match store.renew_delivery(token, LEASE).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => debug!("the lease of a delivery is not renewed: {error}"),
        }
    }
}

async fn hand_over(courier: &Courier, delivery: &ClaimedDelivery) -> DeliveryEnd {
    let Some(packet) = Packet::of(delivery, &courier.options) else {
        return DeliveryEnd::GivenUp("there is nothing in it".to_owned());
    };
    match delivery.destination.channel {
        Channel::Mail => mail(courier, delivery, &packet).await,
        Channel::Webhook => post(courier, delivery, &packet).await,
        Channel::Command => {
            let store = &courier.options.store;
            commanding::start(store, delivery, &packet.announcement, &packet.letter).await
        }
    }
}

async fn mail(courier: &Courier, delivery: &ClaimedDelivery, packet: &Packet) -> DeliveryEnd {
    let Some(mailer) = &courier.mailer else {
        return later(
            delivery,
            "mail.smtp_url is not set on this monitor".to_owned(),
        );
    };
    let to = &delivery.destination.address;
    match mailer
        .send(&packet.letter, &packet.announcement, &packet.identity, to)
        .await
    {
        Ok(said) => DeliveryEnd::Sent(said),
        Err(error) if error.is_passing() => later(delivery, with_causes(&error)),
        Err(error) => DeliveryEnd::GivenUp(with_causes(&error)),
    }
}

async fn post(courier: &Courier, delivery: &ClaimedDelivery, packet: &Packet) -> DeliveryEnd {
    let options = &courier.options;
    let label = &delivery.destination.address;
    let Some(webhook) = options.webhooks.iter().find(|one| one.label() == label) else {
        return later(
            delivery,
            "this monitor has no such webhook in monitor.webhooks".to_owned(),
        );
    };
    match webhook
        .send(&packet.letter, &packet.announcement, &packet.identity)
        .await
    {
        Ok(said) => DeliveryEnd::Sent(said),
        Err(error) if error.is_passing() => later(delivery, error.to_string()),
        Err(error) => DeliveryEnd::GivenUp(error.to_string()),
    }
}

/// Tried again after a pause, until it is no news any more.
pub(crate) fn later(delivery: &ClaimedDelivery, why: String) -> DeliveryEnd {
    let pause = pause_after(delivery.attempts);
    let waited = pause * i32::try_from(delivery.attempts).unwrap_or(i32::MAX);
    match waited > GIVE_UP_AFTER {
        true => DeliveryEnd::GivenUp(why),
        false => DeliveryEnd::Later(why, pause),
    }
}

/// An error with what is below it, since libraries keep the cause there.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        below = cause.source();
    }
    text
}

fn log(delivery: &ClaimedDelivery, end: &DeliveryEnd) {
    let (id, attempts) = (delivery.id, delivery.attempts);
    match end {
        DeliveryEnd::Sent(_) => info!(delivery.id = id, attempts, "delivered"),
        DeliveryEnd::Later(why, pause) => {
            let seconds = pause.as_secs();
            warn!(
                delivery.id = id,
                attempts, "not delivered, next attempt in {seconds} s: {why}"
            );
        }
        DeliveryEnd::GivenUp(why) => {
            tracing::error!(delivery.id = id, attempts, "not delivered, given up: {why}");
        }
    }
}
