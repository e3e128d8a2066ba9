//! Hands mails to the mail server, and says what became of each.

use std::error::Error;
use std::time::Duration;

use carillon_core::announcement::Announcement;
use jiff::SignedDuration;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use url::Url;

use crate::envelope::{EnvelopeError, Sender};
use crate::letter::Letter;
use crate::options::MailOptions;

/// The mail server gets this long for one mail. The library's own limit ends with the connection, and a server that
/// accepts and says nothing would hold us for ever.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(60);

/// Hands mails to one mail server.
#[derive(Debug, Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    sender: Sender,
}

/// A mail did not leave.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The server's address is none.
    #[error(
        "mail.smtp_url is no address: {0}; write smtp://USER:PASSWORD@HOST:PORT, smtps://… or smtp://…?tls=required"
    )]
    Url(SmtpError),
    /// The mail cannot be written.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The server did not answer.
    #[error("the mail server did not take the mail within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The server refuses this mail or this address, now and later.
    #[error("the mail server refuses it: {0}")]
    Refused(SmtpError),
    /// Nobody who is trusted says that the server is the one that was meant.
    #[error(
        "the mail server's certificate is not trusted: {0}; correct the host in mail.smtp_url, or name the file of the authority that issued it in mail.ca_file"
    )]
    Untrusted(SmtpError),
    /// The server cannot take it now.
    #[error("the mail server cannot be used: {0}")]
    Unavailable(SmtpError),
}

impl MailError {
    /// Whether the same mail may be taken later.
    pub fn is_passing(&self) -> bool {
        match self {
            MailError::TimedOut(_) | MailError::Untrusted(_) | MailError::Unavailable(_) => true,
            MailError::Url(_) | MailError::Envelope(_) | MailError::Refused(_) => false,
        }
    }
}

impl Mailer {
    /// A mailer for the server in `options`. `cluster` is the same for every monitor of a cluster.
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(options: &MailOptions, cluster: String) -> Result<Self, MailError> {
        let url = options.smtp_url.reveal();
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(MailError::Url)?;
        if let Some(tls) = trusting(url, &options.authorities)? {
            builder = builder.tls(tls);
        }
        Ok(Mailer {
            transport: builder.timeout(Some(Duration::from_secs(20))).build(),
            sender: Sender::new(&options.from, cluster)?,
        })
    }

    /// Mails `letter` to `to`. The mail's identity is `identity`, however often it is sent.
    ///
    /// # Errors
    /// [`MailError`], which tells whether to try again.
    pub async fn send(
        &self,
        letter: &Letter,
        announcement: &Announcement,
        identity: &str,
        to: &str,
    ) -> Result<String, MailError> {
        let message = self.sender.envelop(letter, announcement, identity, to)?;
        self.hand_over(message).await
    }

    async fn hand_over(&self, message: Message) -> Result<String, MailError> {
        let sent = tokio::time::timeout(SEND_TIMEOUT, self.transport.send(message)).await;
        match sent {
            Err(_) => Err(MailError::TimedOut(SEND_TIMEOUT)),
            Ok(Ok(response)) => {
                let said: Vec<&str> = response.message().collect();
                Ok(format!("{} {}", response.code(), said.join(" ")))
            }
            Ok(Err(error)) => Err(judge(error)),
        }
    }

    /// Asks the server whether it is there and takes our name and password.
    ///
    /// # Errors
    /// [`MailError`] when it does not.
    pub async fn check(&self) -> Result<(), MailError> {
        let limit = Duration::from_secs(20);
        match tokio::time::timeout(limit, self.transport.test_connection()).await {
            Err(_) => Err(MailError::TimedOut(limit)),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(judge(error)),
        }
    }
}

/// The TLS that `url` asks for, trusting `authorities`, too; none where nothing is to be added.
fn trusting(url: &str, authorities: &[Certificate]) -> Result<Option<Tls>, MailError> {
    let url = Url::parse(url).ok().filter(|_| !authorities.is_empty());
    let Some((url, host)) = url.and_then(|url| Some((url.clone(), url.host_str()?.to_owned())))
    else {
        return Ok(None);
    };
    let mut parameters = TlsParameters::builder(host);
    for authority in authorities {
        parameters = parameters.add_root_certificate(authority.clone());
    }
    let parameters = parameters.build().map_err(MailError::Url)?;
    let asked = url.query_pairs().find(|(name, _)| name == "tls");
    Ok(
        match (
            url.scheme(),
            asked.as_ref().map(|(_, value)| value.as_ref()),
        ) {
            ("smtps", _) => Some(Tls::Wrapper(parameters)),
            (_, Some("required")) => Some(Tls::Required(parameters)),
            (_, Some("opportunistic")) => Some(Tls::Opportunistic(parameters)),
            _ => None,
        },
    )
}

fn judge(error: SmtpError) -> MailError {
    match &error {
        refusal if is_refusal(refusal) => MailError::Refused(error),
        untrusted if is_distrust(untrusted) => MailError::Untrusted(error),
        _ => MailError::Unavailable(error),
    }
}

/// Whether it is the certificate; that is said below what the libraries say.
fn is_distrust(error: &(dyn Error + 'static)) -> bool {
    let below = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    let tls = error
        .downcast_ref::<rustls::Error>()
        .or_else(|| below?.downcast_ref());
    matches!(tls, Some(rustls::Error::InvalidCertificate(_)))
        || error.source().is_some_and(is_distrust)
}

/// 550 to 559 speak of the mail or its address. Other permanent answers (a wrong password, an unknown command) speak of
/// how we are configured, which somebody may mend while the mail waits.
fn is_refusal(error: &SmtpError) -> bool {
    let code = error.status().map(u16::from);
    error.is_permanent() && code.is_some_and(|code| (550..560).contains(&code))
}

/// How long to wait before the next attempt: at once, then longer, so that news is not late once the server is back,
/// and a server that is down for long is not pestered.
pub fn pause_after(attempts: u32) -> SignedDuration {
    let seconds = 1_i64 << attempts.saturating_sub(1).min(6);
    SignedDuration::from_secs(match attempts {
        0..=40 => seconds.min(15),
        _ => 60,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_short_enough_for_news() {
        let pauses: Vec<i64> = [1, 2, 3, 4, 5, 6, 40, 41, 1000]
            .map(|attempts| pause_after(attempts).as_secs())
            .to_vec();

        assert_eq!(pauses, [1, 2, 4, 8, 15, 15, 15, 60, 60]);
    }
}
