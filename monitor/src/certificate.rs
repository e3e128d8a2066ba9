//! What certificate an endpoint shows: the end of it, and who issued it.
//!
//! Nothing is verified and nothing is sent: a certificate that has ended, is signed by itself or is of another name is
//! looked at like any other.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use der::asn1::{AnyRef, GeneralizedTime, ObjectIdentifier, SequenceRef, UtcTime};
use der::{Decode, Reader, SliceReader, Tag};
use jiff::{SignedDuration, Timestamp};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::endpoint::Endpoint;

/// An endpoint that has shown nothing by then does not answer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// `commonName` and `organizationName`: what people call an issuer by.
const NAMES: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("2.5.4.3"),
    ObjectIdentifier::new_unwrap("2.5.4.10"),
];

/// A certificate as far as anybody here wants to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    pub(crate) expires_at: Timestamp,
    /// Empty when it does not say.
    pub(crate) issuer: String,
}

/// No certificate was seen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookError {
    #[error("it does not answer within {} s", LOOK_TIMEOUT.as_secs())]
    TimedOut,
    #[error("it cannot be reached: {0}")]
    Unreachable(std::io::Error),
    #[error("it shows no certificate: {0}")]
    NoTls(String),
    #[error("its certificate cannot be read: {0}")]
    Unreadable(der::Error),
}

/// Looks at what `endpoint` shows.
pub(crate) async fn look_at(endpoint: &Endpoint) -> Result<Certificate, LookError> {
    let shown = tokio::time::timeout(LOOK_TIMEOUT, shake_hands(endpoint)).await;
    let certificate = shown.map_err(|_| LookError::TimedOut)??;
    read(&certificate).map_err(LookError::Unreadable)
}

async fn shake_hands(endpoint: &Endpoint) -> Result<CertificateDer<'static>, LookError> {
    let no_tls = |error: &dyn std::fmt::Display| LookError::NoTls(error.to_string());
    let name = ServerName::try_from(endpoint.host.clone()).map_err(|error| no_tls(&error))?;
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port))
        .await
        .map_err(LookError::Unreachable)?;
    let witness = Arc::new(Witness {
        provider: ring::default_provider(),
        seen: Mutex::default(),
    });
    let connector = TlsConnector::from(Arc::new(configuration(&witness)));
    let shaken = connector.connect(name, stream).await;
    // A server that wants a certificate of ours has shown its own before it hangs up.
    match (witness.seen(), shaken) {
        (Some(certificate), _) => Ok(certificate),
        (None, Err(error)) => Err(no_tls(&error)),
        (None, Ok(_)) => Err(no_tls(&"it was never asked for one")),
    }
}

fn configuration(witness: &Arc<Witness>) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(witness.provider.clone()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the versions that rustls calls safe")
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(witness) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth()
}

/// Believes everything and remembers what it was shown.
#[derive(Debug)]
struct Witness {
    provider: CryptoProvider,
    seen: Mutex<Option<CertificateDer<'static>>>,
}

impl Witness {
    fn seen(&self) -> Option<CertificateDer<'static>> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Some(end_entity.clone().into_owned());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Reads RFC 5280's `TBSCertificate` as far as its end: version, number, algorithm, issuer, validity.
fn read(certificate: &[u8]) -> Result<Certificate, der::Error> {
    let mut outer = SliceReader::new(<&SequenceRef>::from_der(certificate)?.as_bytes())?;
    let mut fields = SliceReader::new(outer.decode::<&SequenceRef>()?.as_bytes())?;
    if Tag::peek(&fields)?.is_context_specific() {
        fields.tlv_bytes()?;
    }
    for _number_and_algorithm in 0..2 {
        fields.tlv_bytes()?;
    }
    let issuer = fields.decode::<&SequenceRef>()?;
    let mut validity = SliceReader::new(fields.decode::<&SequenceRef>()?.as_bytes())?;
    validity.tlv_bytes()?;
    let until = match Tag::peek(&validity)? {
        Tag::UtcTime => validity.decode::<UtcTime>()?.to_unix_duration(),
        _ => validity.decode::<GeneralizedTime>()?.to_unix_duration(),
    };
    let until = SignedDuration::try_from(until).unwrap_or(SignedDuration::MAX);
    Ok(Certificate {
        expires_at: Timestamp::from_duration(until).unwrap_or(Timestamp::MAX),
        issuer: read_name(issuer.as_bytes())?,
    })
}

/// What people call somebody by, of all the ways in which a certificate names him.
fn read_name(name: &[u8]) -> Result<String, der::Error> {
    let mut parts: [Option<String>; NAMES.len()] = [const { None }; NAMES.len()];
    let mut sets = SliceReader::new(name)?;
    while !sets.is_finished() {
        let mut set = SliceReader::new(sets.decode::<AnyRef<'_>>()?.value())?;
        while !set.is_finished() {
            let mut pair = SliceReader::new(set.decode::<&SequenceRef>()?.as_bytes())?;
            let kind: ObjectIdentifier = pair.decode()?;
            let value: AnyRef<'_> = pair.decode()?;
            if let Some(place) = NAMES.iter().position(|name| *name == kind) {
                parts[place] = Some(String::from_utf8_lossy(value.value()).into_owned());
            }
        }
    }
    Ok(parts.into_iter().flatten().next().unwrap_or_default())
}
