//! What a monitor needs to know before it starts.

use carillon_core::incident::Patience;
use carillon_core::lang::{Lang, UnknownLang};
use carillon_core::silence::silent_after_min;
use carillon_lifecycle::config::{Config, SecretUrl};
use carillon_store::Store;
use jiff::SignedDuration;

use crate::envelope::{EnvelopeError, mailbox};
use crate::webhook::{Webhook, WebhookError};

/// What a monitor needs to know.
#[derive(Debug, Clone)]
pub struct MonitorOptions {
    /// Where it looks.
    pub store: Store,
    /// What people call it; two monitors on one machine may share it.
    pub name: String,
    /// How patient it is.
    pub patience: Patience,
    /// How mail leaves; none without a mail server.
    pub mail: Option<MailOptions>,
    /// Who is told when nothing else says so.
    pub mail_to: Vec<String>,
    /// Rooms and programs that are told of everything.
    pub webhooks: Vec<Webhook>,
    /// Who outside is told every minute that this monitor lives.
    pub ping: Option<Webhook>,
    /// The language of letters.
    pub lang: Lang,
    /// Where people reach the pages.
    pub public_url: Option<String>,
}

/// How mail leaves.
#[derive(Debug, Clone)]
pub struct MailOptions {
    /// The mail server.
    pub smtp_url: SecretUrl,
    /// The sender.
    pub from: String,
}

/// Something is configured that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// A mail server without a sender.
    #[error(
        "mail.smtp_url is set and mail.from is not; set mail.from to the address that mails come from"
    )]
    NoSender,
    /// A webhook that is none.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// An address that cannot be pinged. It is not repeated, since it may hold a secret.
    #[error("monitor.ping_url is no address; write https://HOST/PATH")]
    Ping,
    /// A language that is not spoken.
    #[error("mail.language: {0}")]
    Language(#[from] UnknownLang),
    /// An address that is none.
    #[error("{key}: {source}")]
    Address {
        /// Where it was given.
        key: &'static str,
        /// What is wrong.
        source: EnvelopeError,
    },
}

impl MonitorOptions {
    /// Reads the options of a monitor called `name` from the configuration.
    ///
    /// # Errors
    /// When an address is none, or the sender is missing.
    pub fn from_config(config: &Config, store: Store, name: String) -> Result<Self, OptionsError> {
        let address = |key: &'static str, text: &str| {
            mailbox(text)
                .map(|_| ())
                .map_err(|source| OptionsError::Address { key, source })
        };
        for to in &config.mail.to {
            address("mail.to", to)?;
        }
        let mail = match (&config.mail.smtp_url, &config.mail.from) {
            (None, _) => None,
            (Some(_), None) => return Err(OptionsError::NoSender),
            (Some(smtp_url), Some(from)) => {
                address("mail.from", from)?;
                Some(MailOptions {
                    smtp_url: smtp_url.clone(),
                    from: from.clone(),
                })
            }
        };
        let hosts = &config.monitor.webhook_hosts;
        let webhooks = config.monitor.webhooks.iter().enumerate();
        let webhooks = webhooks
            .map(|(place, url)| Webhook::parse(url, place + 1, hosts))
            .collect::<Result<_, _>>()?;
        Ok(MonitorOptions {
            store,
            name,
            patience: Patience {
                silent_after: span(config.monitor.silent_after).max(silent_after_min()),
                remind_every: span(config.monitor.remind_every),
            },
            mail,
            mail_to: config.mail.to.clone(),
            webhooks,
            ping: match &config.monitor.ping_url {
                Some(url) => Some(Webhook::parse(url, 0, hosts).map_err(|_| OptionsError::Ping)?),
                None => None,
            },
            lang: config.mail.language.parse()?,
            public_url: config.admin.public_url.clone(),
        })
    }

    /// What keeps this monitor from telling anybody; empty when nothing does.
    pub fn problem(&self) -> String {
        match (&self.mail, self.mail_to.is_empty()) {
            (None, _) => {
                "mail.smtp_url is not set: incidents are recorded and no mail is sent".to_owned()
            }
            (Some(_), true) => {
                "mail.to is not set: only jobs that name an address are told of".to_owned()
            }
            (Some(_), false) => String::new(),
        }
    }
}

fn span(duration: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// Where announcements can go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Channels {
    pub(crate) has_mail: bool,
    pub(crate) mail_to: Vec<String>,
    /// The labels of the webhooks; their addresses are secrets.
    pub(crate) webhooks: Vec<String>,
}

impl Channels {
    pub(crate) fn of(options: &MonitorOptions) -> Self {
        Channels {
            has_mail: options.mail.is_some(),
            mail_to: options.mail_to.clone(),
            webhooks: options
                .webhooks
                .iter()
                .map(|webhook| webhook.label().to_owned())
                .collect(),
        }
    }
}
