//! An endpoint: an address that shows a certificate. Read from the configuration; named by host and port.

use std::fmt;

use carillon_core::rule::Subject;
use sha2::{Digest, Sha256};
use url::Url;

/// The bytes of a name's digest that make its number: few enough that every reader of JSON keeps them.
const NUMBER_BYTES: usize = 6;

/// An address that shows a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// As it is named when greeting it; an IPv6 address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    name: String,
}

/// An endpoint that is none.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no endpoint; write host:port or https://host")]
pub struct EndpointError(String);

impl Endpoint {
    /// Reads `host:port` or a URL with https.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let wrong = || EndpointError(text.to_owned());
        let address = match text.contains("://") {
            true => text.to_owned(),
            false => format!("https://{text}"),
        };
        let url = Url::parse(&address).map_err(|_| wrong())?;
        let host = url.host_str().filter(|_| url.scheme() == "https");
        let (Some(host), Some(port)) = (host, url.port_or_known_default()) else {
            return Err(wrong());
        };
        Ok(Endpoint {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            name: format!("{host}:{port}"),
        })
    }

    /// As incidents are about it. The same in every monitor.
    pub(crate) fn subject(&self) -> Subject {
        let digest = Sha256::digest(self.name.as_bytes());
        let bytes = digest.iter().take(NUMBER_BYTES);
        let number = bytes.fold(0, |number, byte| number << 8 | i64::from(*byte));
        Subject::endpoint(number, &self.name)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_named_by_host_and_port() {
        let name = |text| Endpoint::parse(text).map(|endpoint| endpoint.to_string());

        assert_eq!(
            name("https://cron.example.org/x").unwrap(),
            "cron.example.org:443"
        );
        assert_eq!(
            name("mail.example.org:465").unwrap(),
            "mail.example.org:465"
        );
        assert_eq!(name("[::1]:8443").unwrap(), "[::1]:8443");
        assert_eq!(Endpoint::parse("[::1]:8443").unwrap().host, "::1");
        for wrong in [
            "",
            "http://cron.example.org",
            "mail.example.org:99999",
            "smtps://a:465",
        ] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_endpoint_is_one_subject_however_it_is_written() {
        let subject = |text| Endpoint::parse(text).unwrap().subject();

        assert_eq!(
            subject("https://CRON.example.org/x"),
            subject("cron.example.org:443")
        );
        assert_ne!(
            subject("cron.example.org:443").id,
            subject("cron.example.org:444").id
        );
        assert!((1..1 << 48).contains(&subject("cron.example.org:443").id));
    }
}
