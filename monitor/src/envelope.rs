//! A letter as a mail: headers, a part in plain text and one in HTML.
//!
//! The identity of the mail comes from the announcement, so that the same news sent twice is recognised as one.

use askama::Template;
use carillon_core::announcement::Announcement;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use crate::letter::Letter;

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct HtmlPart<'a> {
    letter: &'a Letter,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct TextPart<'a> {
    letter: &'a Letter,
}

/// A letter could not be put into a mail.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// No address.
    #[error("{address:?} is no mail address: {reason}; correct it where it is set")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The parts could not be put together.
    #[error("the mail could not be composed: {0}")]
    Compose(String),
}

/// Who sends, and under which name identities are made.
#[derive(Debug, Clone)]
pub struct Sender {
    from: Mailbox,
    /// Tells this cluster's announcements from those of another.
    cluster: String,
}

/// The most incidents a mail refers to, so that its headers stay short.
const REFERENCES_MAX: usize = 10;

impl Sender {
    /// The sender with the address `from`. `cluster` is the same for every monitor of a cluster.
    ///
    /// # Errors
    /// When `from` is no address.
    pub fn new(from: &str, cluster: String) -> Result<Self, EnvelopeError> {
        Ok(Sender {
            from: mailbox(from)?,
            cluster,
        })
    }

    /// The identity of a mail about `what`, the same whenever it is asked for.
    pub fn message_id(&self, what: &str) -> String {
        let domain = self.from.email.domain();
        format!("<carillon.{}.{what}@{domain}>", self.cluster)
    }

    /// Puts `letter` into a mail to `to`. Mails about one incident refer to the same identity, so that readers show
    /// them as one thread.
    ///
    /// # Errors
    /// When `to` is no address.
    pub fn envelop(
        &self,
        letter: &Letter,
        announcement: &Announcement,
        identity: &str,
        to: &str,
    ) -> Result<Message, EnvelopeError> {
        let references: Vec<String> = announcement
            .incidents
            .iter()
            .take(REFERENCES_MAX)
            .map(|incident| self.message_id(&format!("incident-{}", incident.id)))
            .collect();
        let builder = Message::builder()
            .from(self.from.clone())
            .to(mailbox(to)?)
            .subject(&letter.subject)
            .message_id(Some(self.message_id(identity)))
            .references(references.join(" "))
            .date(std::time::SystemTime::from(announcement.made_at))
            // Asks vacation responders to keep quiet (RFC 3834).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        let body = body(letter).map_err(|error| EnvelopeError::Compose(error.to_string()))?;
        builder
            .multipart(body)
            .map_err(|error| EnvelopeError::Compose(error.to_string()))
    }
}

/// The HTML of a letter, as its mail shows it.
///
/// # Errors
/// When the template fails, which only a lack of memory makes it do.
pub fn html(letter: &Letter) -> Result<String, askama::Error> {
    HtmlPart { letter }.render()
}

/// The plain text of a letter.
///
/// # Errors
/// As [`html`].
pub fn text(letter: &Letter) -> Result<String, askama::Error> {
    TextPart { letter }.render()
}

/// A part of a sentence: words, or what is typed as it stands.
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    pub(crate) is_code: bool,
}

/// The parts of a sentence in which backquotes enclose what is typed.
pub(crate) fn pieces(sentence: &str) -> impl Iterator<Item = Piece<'_>> {
    let parts = sentence.split('`').enumerate();
    parts.map(|(place, text)| Piece {
        text,
        is_code: place % 2 == 1,
    })
}

fn body(letter: &Letter) -> Result<MultiPart, askama::Error> {
    let part = |content_type: ContentType, body: String| {
        SinglePart::builder().header(content_type).body(body)
    };
    Ok(MultiPart::alternative()
        .singlepart(part(ContentType::TEXT_PLAIN, text(letter)?))
        .singlepart(part(ContentType::TEXT_HTML, html(letter)?)))
}

/// Reads an address, with or without a name before it.
///
/// # Errors
/// When it is none.
pub fn mailbox(address: &str) -> Result<Mailbox, EnvelopeError> {
    address.trim().parse().map_err(
        |error: lettre::address::AddressError| EnvelopeError::Address {
            address: address.to_owned(),
            reason: error.to_string(),
        },
    )
}
