//! Tells somebody outside of the starts and ends of jobs that name an address for it.

use std::sync::Arc;

use carillon_core::ping::{PingSignal, PingUrl};
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use carillon_lifecycle::config::Hidden;
use carillon_store::{ClaimedPing, PING_AGE_MAX, PingEnd};
use jiff::SignedDuration;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tracing::{debug, info, warn};

use crate::mailer::pause_after;
use crate::options::MonitorOptions;
use crate::random::random_token;
use crate::webhook::{PostError, Webhook};

/// A ping belongs to its sender for so long, which is longer than one can take: who dies over it is replaced.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// Pings on their way at one time.
pub(crate) const PINGING_MAX: usize = 8;
/// A start is tried so often: soon there is an end to be told.
const START_ATTEMPTS_MAX: u32 = 3;

/// What pings need.
#[derive(Debug)]
pub(crate) struct PingDesk {
    pub(crate) options: MonitorOptions,
    /// Tells this cluster's runs from those of another.
    pub(crate) cluster: String,
}

/// The next ping that is due, ready to be sent.
pub(crate) async fn claim_ping(desk: Arc<PingDesk>) -> Option<impl Future<Output = ()> + Send> {
    let token = random_token();
    match desk.options.store.claim_ping(token, LEASE).await {
        Ok(claimed) => claimed.map(|ping| async move { send(&desk, ping, token).await }),
        Err(error) => {
            debug!("no ping could be claimed: {error}");
            None
        }
    }
}

async fn send(desk: &PingDesk, ping: ClaimedPing, token: Token) {
    let end = match (ping.signal, &ping.url) {
        (Some(signal), Some(url)) => judge(&ping, signal, tell(desk, &ping, signal, url).await),
        _ => PingEnd::Dropped,
    };
    log(&ping, &end);
    // The answer matters more than one try: without it the ping is sent again when the lease ends.
    for _ in 0..3 {
        match desk.options.store.end_ping(&ping, token, &end).await {
            Ok(()) => return,
            Err(error) => warn!("the result of ping {} is not recorded: {error}", ping.id),
        }
    }
}

async fn tell(
    desk: &PingDesk,
    ping: &ClaimedPing,
    signal: PingSignal,
    url: &PingUrl,
) -> Result<String, PostError> {
    let mut address = url.address(signal);
    address.push(if address.contains('?') { '&' } else { '?' });
    address.push_str("rid=");
    address.push_str(&run_uuid(&desk.cluster, ping.tick));
    let webhook = Webhook::parse(&Hidden::new(address), 0, &desk.options.ping_hosts)
        .map_err(|_| PostError::Refused("the job's ping_url is no address".to_owned()))?;
    let body = json!({
        "run": ping.tick.to_string(),
        "job_id": ping.tick.job,
        "signal": signal.word(),
        "outcome": ping.outcome,
    });
    webhook.tell(body.to_string().into_bytes()).await
}

/// A number of the run in the form that receivers ask for (RFC 9562, version 8), so that they find its start and its end
/// together however often they are told.
fn run_uuid(cluster: &str, tick: Tick) -> String {
    let digest = Sha256::digest(format!("carillon {cluster} {tick}"));
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

fn judge(ping: &ClaimedPing, signal: PingSignal, told: Result<String, PostError>) -> PingEnd {
    let error = match told {
        Ok(said) => return PingEnd::Told(said),
        // Where a name leads inside is nobody's business who may write a job.
        Err(PostError::Private(_)) => {
            let why = "it leads to no public address; whoever runs the monitor may name its host in monitor.ping_hosts";
            return PingEnd::GivenUp(why.to_owned());
        }
        Err(error) => error,
    };
    let pause = pause_after(ping.attempts);
    let waited = pause * i32::try_from(ping.attempts).unwrap_or(i32::MAX);
    let is_over = match signal {
        PingSignal::Start => ping.attempts >= START_ATTEMPTS_MAX,
        PingSignal::Success | PingSignal::Fail | PingSignal::ExitCode(_) => waited > PING_AGE_MAX,
    };
    match error.is_passing() && !is_over {
        true => PingEnd::Later(error.to_string(), pause),
        false => PingEnd::GivenUp(error.to_string()),
    }
}

fn log(ping: &ClaimedPing, end: &PingEnd) {
    let (tick, attempts) = (ping.tick, ping.attempts);
    match end {
        PingEnd::Told(_) | PingEnd::Dropped => debug!(run.id = %tick, attempts, "pinged"),
        PingEnd::Later(why, pause) => {
            let seconds = pause.as_secs();
            info!(run.id = %tick, attempts, "not pinged, next attempt in {seconds} s: {why}");
        }
        PingEnd::GivenUp(why) => warn!(run.id = %tick, attempts, "not pinged, given up: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_one_number_of_the_form_that_receivers_ask_for() {
        let tick: Tick = "17-20261121T023205Z-s0".parse().unwrap();
        let number = run_uuid("1", tick);

        assert_eq!(number, run_uuid("1", tick));
        assert_ne!(number, run_uuid("2", tick));
        assert_eq!(number.len(), 36);
        assert_eq!(&number[14..15], "8");
        assert!("89ab".contains(&number[19..20]), "{number}");
    }
}
