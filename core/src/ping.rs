//! Whom a job's start and end are told to: somebody outside who notices when they stop coming (Healthchecks and its
//! like).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::run::Outcome;

/// The longest address, in bytes.
pub const PING_URL_SIZE_MAX: usize = 500;

/// Stands for what readers do not see of an address.
const VEIL: char = '…';

/// Where a job's pings go. Whoever has the address can ping in the job's name, so it is a secret but for its host: it
/// has no way to be shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct PingUrl(String);

/// The text is no address to ping. It is not repeated, since it may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PingUrlError {
    /// What readers see of an address.
    #[error(
        "this is only what readers see of an address; write the whole of it, or leave the field out"
    )]
    Veiled,
    /// Not HTTP.
    #[error("it begins neither with https:// nor with http://; write https://HOST/PATH")]
    Scheme,
    /// No host, or one that there cannot be.
    #[error(
        "it names no host, or one with a user or a character that hosts do not have; write https://HOST/PATH"
    )]
    Host,
    /// A character that must be written in another way.
    #[error("it holds {0:?}, which no address does; write it as %XX")]
    Character(char),
    /// Too long.
    #[error("it has {size} bytes, the limit is {PING_URL_SIZE_MAX}; shorten it")]
    TooLong {
        /// Its size.
        size: usize,
    },
}

impl PingUrl {
    /// The whole address, for whoever pings it or may edit the job.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What readers see: the host, and a print by which two addresses can be told apart.
    pub fn veiled(&self) -> String {
        let print = self
            .0
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
        let (scheme, rest) = self.0.split_once("://").unwrap_or_default();
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        format!("{scheme}://{host}/{VEIL}{:06x}", print >> 40)
    }

    /// The address for `signal`: its path with what the signal adds, and the parameters it had.
    pub fn address(&self, signal: PingSignal) -> String {
        let (path, query) = match self.0.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.0.as_str(), None),
        };
        let mut address = path.trim_end_matches('/').to_owned();
        match signal {
            PingSignal::Start => address.push_str("/start"),
            PingSignal::Success => {}
            PingSignal::Fail => address.push_str("/fail"),
            PingSignal::ExitCode(code) => address.push_str(&format!("/{code}")),
        }
        if let Some(query) = query {
            address.push('?');
            address.push_str(query);
        }
        address
    }
}

impl fmt::Debug for PingUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PingUrl({})", self.veiled())
    }
}

impl FromStr for PingUrl {
    type Err = PingUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.contains(VEIL) {
            return Err(PingUrlError::Veiled);
        }
        if text.len() > PING_URL_SIZE_MAX {
            return Err(PingUrlError::TooLong { size: text.len() });
        }
        let is_odd = |c: &char| !c.is_ascii_graphic() || matches!(c, '#' | '"' | '<' | '>' | '\\');
        if let Some(odd) = text.chars().find(is_odd) {
            return Err(PingUrlError::Character(odd));
        }
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .ok_or(PingUrlError::Scheme)?;
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let is_of_host =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
        if host.is_empty() || host.starts_with(':') || !host.chars().all(is_of_host) {
            return Err(PingUrlError::Host);
        }
        Ok(PingUrl(text.to_owned()))
    }
}

impl Serialize for PingUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PingUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What a ping says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PingSignal {
    /// The command has started.
    Start,
    /// The run succeeded.
    Success,
    /// The run ended badly.
    Fail,
    /// The command ended with this code, which is no success.
    ExitCode(u8),
}

impl PingSignal {
    /// What the end of a run says; nothing where it was decided not to run, or somebody had it ended: who waits for a
    /// success goes on waiting.
    pub fn of_end(outcome: Outcome, exit_code: Option<i32>) -> Option<Self> {
        match outcome {
            Outcome::Succeeded => Some(PingSignal::Success),
            Outcome::Failed => Some(match exit_code.map(u8::try_from) {
                Some(Ok(code)) if code > 0 => PingSignal::ExitCode(code),
                Some(_) | None => PingSignal::Fail,
            }),
            Outcome::TimedOut
            | Outcome::CouldNotStart
            | Outcome::Lost
            | Outcome::Interrupted
            | Outcome::Missed => Some(PingSignal::Fail),
            Outcome::Skipped | Outcome::Killed => None,
        }
    }

    /// The word for it, as pages and logs say it.
    pub fn word(self) -> String {
        match self {
            PingSignal::Start => "start".to_owned(),
            PingSignal::Success => "success".to_owned(),
            PingSignal::Fail => "fail".to_owned(),
            PingSignal::ExitCode(code) => format!("exit code {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> PingUrl {
        text.parse().unwrap()
    }

    #[test]
    fn a_signal_is_added_to_the_path_and_before_the_parameters() {
        let plain = url("https://hc-ping.com/0b1c");
        let slug = url("http://hc.local:8000/ping/key/backup/?create=1");

        assert_eq!(
            plain.address(PingSignal::Success),
            "https://hc-ping.com/0b1c"
        );
        assert_eq!(
            plain.address(PingSignal::Start),
            "https://hc-ping.com/0b1c/start"
        );
        assert_eq!(
            plain.address(PingSignal::ExitCode(3)),
            "https://hc-ping.com/0b1c/3"
        );
        assert_eq!(
            slug.address(PingSignal::Fail),
            "http://hc.local:8000/ping/key/backup/fail?create=1"
        );
    }

    #[test]
    fn readers_see_the_host_and_whether_it_changed() {
        let one = url("https://hc-ping.com/s3cret?key=s3cret");
        let other = url("https://hc-ping.com/s3cret2");

        assert!(
            one.veiled().starts_with("https://hc-ping.com/…"),
            "{}",
            one.veiled()
        );
        assert_ne!(one.veiled(), other.veiled());
        for shown in [one.veiled(), format!("{one:?}")] {
            assert!(!shown.contains("s3cret"), "{shown}");
        }
        assert_eq!(one.veiled().parse::<PingUrl>(), Err(PingUrlError::Veiled));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (text, error) in [
            ("ftp://h/s3cret", PingUrlError::Scheme),
            ("hc-ping.com/s3cret", PingUrlError::Scheme),
            ("https:///s3cret", PingUrlError::Host),
            ("https://:80/", PingUrlError::Host),
            ("https://user:s3cret@h/", PingUrlError::Host),
            ("https://h/a b", PingUrlError::Character(' ')),
            ("https://h/a\r\nx: y", PingUrlError::Character('\r')),
            ("https://h/#s3cret", PingUrlError::Character('#')),
        ] {
            assert_eq!(text.parse::<PingUrl>(), Err(error), "{text}");
        }
        let long = format!("https://h/{}", "a".repeat(500));
        assert_eq!(
            long.parse::<PingUrl>(),
            Err(PingUrlError::TooLong { size: 510 })
        );
    }

    #[test]
    fn every_end_but_a_kill_and_a_skip_is_told() {
        for outcome in Outcome::ALL.iter().copied() {
            let is_told = !matches!(outcome, Outcome::Killed | Outcome::Skipped);

            assert_eq!(
                PingSignal::of_end(outcome, None).is_some(),
                is_told,
                "{outcome}"
            );
        }
        let failed = |code| PingSignal::of_end(Outcome::Failed, code);
        assert_eq!(failed(Some(2)), Some(PingSignal::ExitCode(2)));
        // A job may call 0 a failure; by its code it would be a success.
        assert_eq!(failed(Some(0)), Some(PingSignal::Fail));
        assert_eq!(failed(Some(256)), Some(PingSignal::Fail));
    }
}
