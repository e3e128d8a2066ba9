//! What a monitor needs to know before it starts.

use std::time::Duration;

use carillon_core::incident::Patience;
use carillon_core::lang::{Lang, UnknownLang};
use carillon_core::rule::Rule;
use carillon_core::schedule::ScheduleError;
use carillon_core::silence::silent_after_min;
use carillon_lifecycle::config::{Config, SecretUrl};
use carillon_store::{DeliveryLimit, Store};
use jiff::SignedDuration;
use lettre::transport::smtp::client::Certificate;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::endpoint::{Endpoint, EndpointError};
use crate::envelope::{EnvelopeError, mailbox};
use crate::quiet_policy::QuietPolicy;
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
    /// What was asked for and is not done, as a sentence; empty when all is.
    pub correction: String,
    /// How mail leaves; none without a mail server.
    pub mail: Option<MailOptions>,
    /// Who is told when nothing else says so.
    pub mail_to: Vec<String>,
    /// Rooms and programs that are told of everything.
    pub webhooks: Vec<Webhook>,
    /// Who outside is told every minute that this monitor lives.
    pub ping: Option<Webhook>,
    /// Hosts on a private network that jobs' pings may reach.
    pub ping_hosts: Vec<String>,
    /// When people are not disturbed by what can wait.
    pub quiet: QuietPolicy,
    /// What an address is told before the rest is held back; that of a program takes everything.
    pub limit: DeliveryLimit,
    /// From where on something is news.
    pub thresholds: Thresholds,
    /// Whose certificates are watched.
    pub certificates: Vec<Endpoint>,
    /// How often it looks.
    pub pace: Pace,
    /// The language of letters.
    pub lang: Lang,
    /// Where people reach the pages.
    pub public_url: Option<String>,
}

/// How often a monitor looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From one round to the next.
    pub round_every: Duration,
    /// What costs more than a glance is done every so many rounds.
    pub thorough_every: u64,
    /// From one look at all certificates to the next.
    pub certificates_every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            round_every: Duration::from_secs(1),
            thorough_every: 5,
            certificates_every: Duration::from_secs(3600),
        }
    }
}

/// From where on something is news.
#[derive(Debug, Clone, Copy)]
pub struct Thresholds {
    /// How long the faults of nodes must hold before they count.
    pub holds_for: fn(Rule) -> SignedDuration,
    /// So many percent of a node's disk should be free.
    pub disk_percent_min: u32,
    /// A token or certificate that ends within this time is told of.
    pub expiry_ahead: SignedDuration,
    /// A run that should move on and has not for so long is stuck.
    pub stuck_after: SignedDuration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            holds_for: Rule::holds_for,
            disk_percent_min: 10,
            expiry_ahead: SignedDuration::from_hours(7 * 24),
            stuck_after: SignedDuration::from_mins(2),
        }
    }
}

/// How mail leaves.
#[derive(Debug, Clone)]
pub struct MailOptions {
    /// The mail server.
    pub smtp_url: SecretUrl,
    /// Who may vouch for it beside the well-known authorities.
    pub authorities: Vec<Certificate>,
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
    /// Authorities that are none.
    #[error(
        "mail.ca is no certificate; write mail.ca_file = \"FILE\" with the path of a file in PEM"
    )]
    Authority,
    /// A webhook that is none.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// An address that cannot be pinged. It is not repeated, since it may hold a secret.
    #[error("monitor.ping_url is no address; write https://HOST/PATH")]
    Ping,
    /// Quiet hours that are none.
    #[error("monitor.quiet_hours, monitor.quiet_zone: {0}")]
    QuietHours(ScheduleError),
    /// A rule that is none.
    #[error("monitor.urgent names a rule that there is not; the rules are {0}")]
    Urgent(String),
    /// An endpoint that is none.
    #[error("monitor.certificates: {0}")]
    Certificates(#[from] EndpointError),
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
                    authorities: authorities(config.mail.ca.as_deref())?,
                    from: from.clone(),
                })
            }
        };
        let hosts = &config.monitor.webhook_hosts;
        let webhooks = config.monitor.webhooks.iter().enumerate();
        let webhooks = webhooks
            .map(|(place, url)| Webhook::parse(url, place + 1, hosts))
            .collect::<Result<_, _>>()?;
        let asked = span(config.monitor.silent_after);
        Ok(MonitorOptions {
            store,
            name,
            correction: correct_silence(asked),
            patience: Patience {
                silent_after: asked.max(silent_after_min()),
                remind_every: span(config.monitor.remind_every),
            },
            mail,
            mail_to: config.mail.to.clone(),
            webhooks,
            ping: match &config.monitor.ping_url {
                Some(url) => Some(Webhook::parse(url, 0, hosts).map_err(|_| OptionsError::Ping)?),
                None => None,
            },
            ping_hosts: config.monitor.ping_hosts.clone(),
            quiet: QuietPolicy::from_config(config)?,
            limit: DeliveryLimit {
                deliveries_max: config.monitor.deliveries_per_hour,
                within: SignedDuration::from_hours(1),
                spared: Vec::new(),
            },
            thresholds: Thresholds {
                holds_for: Rule::holds_for,
                disk_percent_min: config.monitor.disk_free_percent,
                expiry_ahead: span(config.monitor.expiry_ahead),
                stuck_after: span(config.monitor.stuck_after),
            },
            certificates: endpoints(config)?,
            pace: Pace::default(),
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

/// Reads certificates, one after the other, in PEM.
fn authorities(pem: Option<&str>) -> Result<Vec<Certificate>, OptionsError> {
    let Some(pem) = pem else {
        return Ok(Vec::new());
    };
    let mut authorities = Vec::new();
    for der in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let der = der.map_err(|_| OptionsError::Authority)?;
        let authority = Certificate::from_der(der.to_vec());
        authorities.push(authority.map_err(|_| OptionsError::Authority)?);
    }
    match authorities.is_empty() {
        true => Err(OptionsError::Authority),
        false => Ok(authorities),
    }
}

/// Where people reach the pages, if that is encrypted, and whatever else is named; each once.
fn endpoints(config: &Config) -> Result<Vec<Endpoint>, EndpointError> {
    let pages = config.admin.public_url.as_deref();
    let pages = pages.filter(|url| url.starts_with("https://"));
    let pages = pages.and_then(|url| Endpoint::parse(url).ok());
    let mut endpoints: Vec<Endpoint> = pages.into_iter().collect();
    for text in &config.monitor.certificates {
        let endpoint = Endpoint::parse(text)?;
        if !endpoints.contains(&endpoint) {
            endpoints.push(endpoint);
        }
    }
    Ok(endpoints)
}

/// A node that beats every three seconds cannot be called silent sooner than it may beat.
fn correct_silence(asked: SignedDuration) -> String {
    let min = silent_after_min();
    match asked < min {
        true => format!(
            "monitor.silent_after is {asked:#}, which is less than three heartbeats: a node is silent after {min:#}; raise it to {min:#} or more"
        ),
        false => String::new(),
    }
}

fn span(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// Where announcements can go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Channels {
    pub(crate) has_mail: bool,
    pub(crate) mail_to: Vec<String>,
    /// The labels of webhooks into rooms, where people read; their addresses are secrets.
    pub(crate) rooms: Vec<String>,
    /// The labels of webhooks to programs, which nothing disturbs.
    pub(crate) programs: Vec<String>,
}

impl Channels {
    pub(crate) fn of(options: &MonitorOptions) -> Self {
        let labels = |is_program: bool| {
            let hooks = options.webhooks.iter();
            let hooks = hooks.filter(|webhook| webhook.is_program() == is_program);
            hooks.map(|webhook| webhook.label().to_owned()).collect()
        };
        Channels {
            has_mail: options.mail.is_some(),
            mail_to: options.mail_to.clone(),
            rooms: labels(false),
            programs: labels(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patience_that_is_raised_is_told() {
        let seconds = SignedDuration::from_secs;

        assert_eq!(correct_silence(seconds(9)), "");
        let told = correct_silence(seconds(5));
        assert!(
            told.contains("is 5s") && told.contains("after 9s"),
            "{told}"
        );
    }
}
