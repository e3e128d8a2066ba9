//! A certificate authority of one test, and the certificates that it issues for this machine.

use std::sync::Arc;

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};

use crate::clock::now_ns;

/// What its certificates say of who issued them.
const NAME: &str = "testbed authority";

/// An authority that nobody trusts who was not told to.
#[derive(Debug)]
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes one.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn create() -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, NAME);
        let pem = params.self_signed(&key)?.pem();
        Ok(Authority {
            pem,
            issuer: Issuer::new(params, key),
        })
    }

    /// What to trust, as a file holds it.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// What a server shows that is called `name`: a certificate that began ten years ago and ends in `days`.
    ///
    /// # Errors
    /// When `name` cannot stand in a certificate.
    pub fn issue(&self, name: &str, days: i64) -> Result<Arc<ServerConfig>> {
        let key = KeyPair::generate()?;
        let now = OffsetDateTime::from_unix_timestamp_nanos(now_ns())?;
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.not_before = now - Duration::days(3650);
        params.not_after = now + Duration::days(days);
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        Ok(Arc::new(config))
    }
}
