//! News as a POST to a chat room or a program.
//!
//! A webhook's address is a secret: it stands in the configuration alone, and everybody else knows the webhook by its
//! label. Addresses come from the machine's administrator and still are not trusted to lead where they seem to: a
//! name is resolved once, judged, and that address is connected to; private networks only where they were named;
//! redirects are not followed; no answer is read for long.

mod guard;
mod post;
mod shape;

use carillon_core::announcement::Announcement;
use carillon_lifecycle::config::Hidden;
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

use crate::clock::host_now;
use crate::letter::Letter;

pub(crate) use post::PostError;
use post::{Place, Request, post};
pub(crate) use shape::Shape;

/// A webhook.
#[derive(Clone)]
pub struct Webhook {
    shape: Shape,
    url: Url,
    secret: Option<String>,
    label: String,
    /// Whether its host may be on a private network.
    may_be_private: bool,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Webhook({})", self.label)
    }
}

/// The text is no webhook. It is not repeated, since it may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Not an address at all.
    #[error(
        "webhook {place} of monitor.webhooks is no address: {reason}; write https://HOST/PATH#SECRET or slack+https://…"
    )]
    Url {
        /// Which of the list, counted from 1.
        place: usize,
        /// What is wrong.
        reason: String,
    },
    /// A shape nobody knows.
    #[error(
        "webhook {place} of monitor.webhooks begins with {scheme:?}; write https://, http://, slack+https://, dingtalk+https://, wecom+https:// or feishu+https://"
    )]
    Scheme {
        /// Which of the list, counted from 1.
        place: usize,
        /// What it begins with.
        scheme: String,
    },
}

impl Webhook {
    /// Reads the webhook at `place` of the list, counted from 1: `SHAPE+https://HOST/PATH#SECRET`. Hosts in `hosts` may
    /// be on a private network.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &Hidden, place: usize, hosts: &[String]) -> Result<Self, WebhookError> {
        let text = text.reveal();
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let (shape, transport) = match scheme.split_once('+') {
            Some((shape, transport)) => (shape.parse().ok(), transport),
            None => (Some(Shape::Plain), scheme),
        };
        let (Some(shape), "https" | "http") = (shape, transport) else {
            let scheme = scheme.to_owned();
            return Err(WebhookError::Scheme { place, scheme });
        };
        let mut url: Url =
            format!("{transport}://{rest}")
                .parse()
                .map_err(|error: url::ParseError| WebhookError::Url {
                    place,
                    reason: error.to_string(),
                })?;
        let secret = url
            .fragment()
            .filter(|secret| !secret.is_empty())
            .map(str::to_owned);
        url.set_fragment(None);
        let host = url.host_str().unwrap_or_default().to_owned();
        let print = Sha256::digest(url.as_str());
        Ok(Webhook {
            label: format!(
                "{shape} {host} {:02x}{:02x}{:02x}",
                print[0], print[1], print[2]
            ),
            may_be_private: hosts.iter().any(|name| name.eq_ignore_ascii_case(&host)),
            shape,
            url,
            secret,
        })
    }

    /// What it is called, without secrets; the same on every monitor with this webhook.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether a program reads it, and not people.
    pub(crate) fn is_program(&self) -> bool {
        self.shape == Shape::Plain
    }

    /// Posts the letter.
    ///
    /// # Errors
    /// [`PostError`], which tells whether to try again.
    pub(crate) async fn send(
        &self,
        letter: &Letter,
        announcement: &Announcement,
        identity: &str,
    ) -> Result<String, PostError> {
        let now = host_now();
        let request = self
            .shape
            .request(&self.url, self.secret.as_deref(), now)
            .fill(letter, announcement, identity);
        let answer = post(&self.place().await?, &request).await?;
        self.shape.judge(&answer)
    }

    /// Posts `body` to a program.
    ///
    /// # Errors
    /// [`PostError`].
    pub(crate) async fn tell(&self, body: Vec<u8>) -> Result<String, PostError> {
        let draft = self.shape.request(&self.url, None, host_now());
        let request = Request {
            body,
            ..draft.empty()
        };
        let answer = post(&self.place().await?, &request).await?;
        self.shape.judge(&answer)
    }

    /// Posts nothing, which says that this monitor lives.
    ///
    /// # Errors
    /// [`PostError`].
    pub(crate) async fn ping(&self) -> Result<(), PostError> {
        let request = self.shape.request(&self.url, None, host_now()).empty();
        let answer = post(&self.place().await?, &request).await?;
        self.shape.judge(&answer).map(|_| ())
    }

    async fn place(&self) -> Result<Place, PostError> {
        let addresses = guard::resolve(&self.url, self.may_be_private).await?;
        Ok(Place {
            is_tls: self.url.scheme() == "https",
            host: match self.url.host() {
                Some(Host::Ipv6(address)) => address.to_string(),
                host => host.map(|host| host.to_string()).unwrap_or_default(),
            },
            authority: match (self.url.host_str(), self.url.port()) {
                (Some(host), Some(port)) => format!("{host}:{port}"),
                (host, _) => host.unwrap_or_default().to_owned(),
            },
            addresses,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Webhook, WebhookError> {
        Webhook::parse(&Hidden::new(text), 1, &[])
    }

    #[test]
    fn a_webhook_is_known_by_a_label_without_its_secrets() {
        let webhook = parse("slack+https://hooks.slack.com/services/T0/B0/s3cret#k3y").unwrap();

        assert!(webhook.label().starts_with("slack hooks.slack.com "));
        assert!(!format!("{webhook:?}").contains("s3cret"));
        assert_eq!(webhook.secret.as_deref(), Some("k3y"));
        assert_eq!(
            webhook.url.as_str(),
            "https://hooks.slack.com/services/T0/B0/s3cret"
        );
    }

    #[test]
    fn what_is_no_webhook_is_refused_without_being_repeated() {
        for text in [
            "ftp://h/s3cret",
            "irc+https://h/s3cret",
            "h/s3cret",
            "https:///s3cret?",
        ] {
            let refused = parse(text);
            if let Err(error) = refused {
                assert!(!error.to_string().contains("s3cret"), "{error}");
            } else {
                assert_eq!(text, "https:///s3cret?");
            }
        }
    }
}
