//! What a monitor needs to know before it starts.

use std::time::Duration;

use carillon_core::incident::Patience;
use carillon_core::lang::{Lang, UnknownLang};
use carillon_core::quiet::QuietHours;
use carillon_core::rule::Rule;
use carillon_core::schedule::ScheduleError;
use carillon_core::silence::silent_after_min;
use carillon_lifecycle::config::{Config, SecretUrl};
use carillon_store::{DeliveryLimit, Store};
use jiff::{SignedDuration, Timestamp};

use crate::endpoint::{Endpoint, EndpointError};
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
    /// From where on something is nearly used up.
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

/// From where on something is nearly used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
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
            disk_percent_min: 10,
            expiry_ahead: SignedDuration::from_hours(7 * 24),
            stuck_after: SignedDuration::from_mins(2),
        }
    }
}

/// When people are not disturbed, and what they are told all the same.
#[derive(Debug, Clone)]
pub struct QuietPolicy {
    /// The quiet hours of everybody whose group has none of its own.
    pub hours: QuietHours,
    /// The zone of all quiet hours.
    pub zone: String,
    /// What never waits.
    pub urgent: Vec<Rule>,
}

impl QuietPolicy {
    /// Nothing waits.
    pub fn none() -> Self {
        QuietPolicy {
            hours: QuietHours::none("UTC").expect("everybody knows UTC"),
            zone: "UTC".to_owned(),
            urgent: Vec::new(),
        }
    }

    fn from_config(config: &Config) -> Result<Self, OptionsError> {
        let zone = config.monitor.quiet_zone.clone();
        let text = config.monitor.quiet_hours.join(", ");
        let urgent = config.monitor.urgent.iter();
        Ok(QuietPolicy {
            hours: QuietHours::parse(&text, &zone).map_err(OptionsError::QuietHours)?,
            zone,
            urgent: urgent
                .map(|word| word.parse())
                .collect::<Result<_, _>>()
                .map_err(|_| OptionsError::Urgent(words_of(Rule::ALL)))?,
        })
    }

    /// Until when news about `rule` is held back for people whose group says `of_group`.
    pub(crate) fn hold_until(
        &self,
        rule: Rule,
        of_group: Option<&str>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if self.urgent.contains(&rule) {
            return None;
        }
        // What a group says was judged when it was said.
        let own = of_group.and_then(|text| QuietHours::parse(text, &self.zone).ok());
        own.as_ref().unwrap_or(&self.hours).hold_until(now)
    }
}

fn words_of(rules: &[Rule]) -> String {
    let words: Vec<&str> = rules.iter().map(|rule| rule.word()).collect();
    words.join(", ")
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

    #[test]
    fn quiet_hours_of_a_group_come_before_those_of_all_and_urgent_ones_before_both() {
        let always = QuietPolicy {
            hours: QuietHours::parse("Mon .. Sun", "UTC").unwrap(),
            urgent: vec![Rule::NodeSilent],
            ..QuietPolicy::none()
        };
        let now = Timestamp::UNIX_EPOCH;
        let is_held = |rule, of_group| always.hold_until(rule, of_group, now).is_some();

        assert!(is_held(Rule::JobFailed, None));
        assert!(!is_held(Rule::JobFailed, Some("")));
        assert!(is_held(Rule::JobFailed, Some("00:00 .. 01:00")));
        assert!(!is_held(Rule::JobFailed, Some("01:00 .. 02:00")));
        assert!(!is_held(Rule::NodeSilent, Some("00:00 .. 01:00")));
    }
}
