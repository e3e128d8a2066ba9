//! What a round sees of certificates: those that end soon, at the endpoints that somebody named.
//!
//! Endpoints are looked at on a task of its own, since one that is slow must not slow the rounds. What was seen is
//! entered as soon as it is there, and again only after the next look: what was seen earlier may no longer be so, and
//! another monitor may have seen better since.

use std::time::{Duration, Instant};

use carillon_core::evidence::Evidence;
use carillon_core::incident::Sighting;
use carillon_core::rule::{Rule, SubjectKind};
use jiff::SignedDuration;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::certificate::{Certificate, look_at};
use crate::endpoint::Endpoint;
use crate::ledger::Ledger;

type Seen = Vec<(Endpoint, Certificate)>;

/// The certificates of the endpoints that somebody named.
#[derive(Debug, Default)]
pub(crate) struct CertificateRounds {
    /// Whether incidents of an earlier life were gone through.
    has_begun: bool,
    looked_at: Option<Instant>,
    looking: Option<JoinHandle<Seen>>,
    /// What the last look saw, until it is written down.
    seen: Option<Seen>,
}

impl CertificateRounds {
    /// Looks when it is time, and enters what was seen.
    pub(crate) async fn look(
        &mut self,
        endpoints: &[Endpoint],
        look_every: Duration,
        ahead: SignedDuration,
        ledger: &mut Ledger,
    ) {
        if !self.has_begun {
            hush_unnamed(endpoints, ledger);
        }
        let is_time = self.looked_at.is_none_or(|at| at.elapsed() >= look_every);
        if is_time && self.looking.is_none() {
            self.looked_at = Some(Instant::now());
            self.looking = Some(tokio::spawn(look_at_all(endpoints.to_vec())));
        }
        if let Some(looking) = self.looking.take_if(|looking| looking.is_finished()) {
            self.seen = looking.await.ok();
        }
        for (endpoint, certificate) in self.seen.iter().flatten() {
            enter(endpoint, certificate, ahead, ledger);
        }
    }

    /// What was entered is written down.
    pub(crate) fn settle(&mut self) {
        self.has_begun = true;
        self.seen = None;
    }
}

impl Drop for CertificateRounds {
    fn drop(&mut self) {
        if let Some(looking) = &self.looking {
            looking.abort();
        }
    }
}

async fn look_at_all(endpoints: Vec<Endpoint>) -> Seen {
    let mut seen = Vec::new();
    for endpoint in endpoints {
        match look_at(&endpoint).await {
            Ok(certificate) => seen.push((endpoint, certificate)),
            Err(error) => {
                warn!("the certificate of {endpoint} is not watched for now: {error}");
            }
        }
    }
    seen
}

fn enter(
    endpoint: &Endpoint,
    certificate: &Certificate,
    ahead: SignedDuration,
    ledger: &mut Ledger,
) {
    let (subject, expires_at) = (endpoint.subject(), certificate.expires_at);
    let rule = Rule::CertificateExpiring;
    if expires_at.duration_since(ledger.now) > ahead {
        ledger.see_well(rule, &subject);
        return;
    }
    ledger.see_trouble(Sighting {
        rule,
        subject,
        since_at: expires_at.saturating_sub(ahead).unwrap_or(ledger.now),
        count: 1,
        evidence: Evidence::Certificate {
            expires_at,
            issuer: certificate.issuer.clone(),
        },
    });
}

/// Incidents about endpoints that the configuration named in an earlier life.
fn hush_unnamed(endpoints: &[Endpoint], ledger: &mut Ledger) {
    for incident in ledger.open_about(SubjectKind::Endpoint) {
        let is_named = |endpoint: &Endpoint| endpoint.subject().id == incident.subject.id;
        if !endpoints.iter().any(is_named) {
            ledger.hush(&incident);
        }
    }
}
