//! An announcement as a person reads it: a subject, what happened and since when, the facts, what to do.
//!
//! Pure: the same announcement always yields the same letter. Knows words and their order; must not know how a
//! letter travels, nor the store.

mod advice;
mod digest;
mod facts;
mod group;
mod headline;
mod lead;
mod speech;

use carillon_core::announcement::Announcement;
use carillon_core::evidence::Evidence;
use carillon_core::incident::{Incident, Owed};
use carillon_core::lang::Lang;
use carillon_core::rule::SubjectKind;

pub use digest::write_digest;
pub(crate) use speech::Speech;

/// What a letter says. All of it is plain text; who shows it escapes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The language it is in.
    pub lang: Lang,
    /// The subject line; one line.
    pub subject: String,
    /// The same without the product's name, beginning like a sentence.
    pub headline: String,
    /// The first sentence: what happened and since when.
    pub lead: String,
    /// How it should look.
    pub tone: Tone,
    /// Further facts.
    pub facts: Vec<Fact>,
    /// What each incident of a group is about; empty for a single one.
    pub items: Vec<Item>,
    /// What does not fit, as a sentence; empty when all fits.
    pub more: String,
    /// The last lines of output; empty when there are none.
    pub output: Vec<String>,
    /// What to do, step by step.
    pub advice: Vec<String>,
    /// Where to read on.
    pub link: Option<Link>,
    /// The words around all that.
    pub labels: Labels,
}

/// How a letter looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something is wrong.
    Trouble,
    /// It is over.
    Relief,
}

impl Tone {
    /// The word that style sheets know.
    pub fn word(self) -> &'static str {
        match self {
            Tone::Trouble => "trouble",
            Tone::Relief => "relief",
        }
    }
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub label: &'static str,
    /// Its value.
    pub value: String,
}

/// One incident of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What happened.
    pub headline: String,
    /// Since when, and more.
    pub lead: String,
    /// Where to read on.
    pub link: Option<String>,
}

/// A page to read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What is there.
    pub label: &'static str,
    /// Where it is.
    pub url: String,
}

/// Words that every letter has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labels {
    /// Above the output.
    pub output: &'static str,
    /// Above the advice.
    pub advice: &'static str,
    /// At the foot.
    pub footer: &'static str,
}

/// The most incidents that a grouped letter lists.
pub const ITEMS_MAX: usize = 50;

/// The longest subject, in characters.
pub const SUBJECT_LENGTH_MAX: usize = 150;

/// Writes the letter. `public_url` is where the pages are, if people can reach them.
pub fn write(announcement: &Announcement, lang: Lang, public_url: Option<&str>) -> Letter {
    let speech = Speech::new(lang, announcement.owed, announcement.made_at);
    let desk = Desk { speech, public_url };
    let mut letter = match announcement.incidents.as_slice() {
        [single] => desk.write_single(single),
        many => desk.write_group(many),
    };
    letter.subject = subject_line(&letter.headline);
    letter.headline = capitalise(&letter.headline);
    letter
}

/// A headline that stands alone begins like a sentence.
fn capitalise(headline: &str) -> String {
    let mut rest = headline.chars();
    match rest.next() {
        Some(first) => first.to_uppercase().chain(rest).collect(),
        None => String::new(),
    }
}

/// A letter that says that letters arrive, and shows what they look like.
pub fn test(announcement: &Announcement, lang: Lang, public_url: Option<&str>) -> Letter {
    let speech = Speech::new(lang, announcement.owed, announcement.made_at);
    let headline = speech
        .say(
            "test mail: Carillon can reach you",
            "测试邮件：Carillon 可以通知到您",
        )
        .to_owned();
    let lead = speech.say(
        format!("Sent at {}. Nothing is wrong.", speech.time(speech.now)),
        format!("发送于 {}。一切正常。", speech.time(speech.now)),
    );
    let desk = Desk { speech, public_url };
    Letter {
        subject: subject_line(&headline),
        tone: Tone::Relief,
        ..desk.frame(capitalise(&headline), lead)
    }
}

struct Desk<'a> {
    speech: Speech,
    public_url: Option<&'a str>,
}

impl Desk<'_> {
    fn write_single(&self, incident: &Incident) -> Letter {
        let speech = &self.speech;
        Letter {
            facts: facts::list(speech, incident),
            output: match (&incident.evidence, speech.owed) {
                (Evidence::Run(run), Owed::Opened | Owed::Reminder) => run.output.clone(),
                _ => Vec::new(),
            },
            advice: advice::list(speech, incident),
            link: self.link(incident),
            ..self.frame(
                headline::single(speech, incident),
                lead::sentence(speech, incident),
            )
        }
    }

    fn write_group(&self, incidents: &[Incident]) -> Letter {
        let speech = &self.speech;
        let items = incidents.iter().take(ITEMS_MAX).map(|incident| Item {
            headline: capitalise(&headline::single(speech, incident)),
            lead: lead::sentence(speech, incident),
            link: self.link(incident).map(|link| link.url),
        });
        Letter {
            items: items.collect(),
            more: group::more(speech, incidents.len().saturating_sub(ITEMS_MAX)),
            advice: advice::for_group(speech, incidents),
            link: self.public_url.map(|base| Link {
                label: speech.say("All open incidents", "所有未关闭的告警"),
                url: join(base, "/alerts"),
            }),
            ..self.frame(
                group::headline(speech, incidents),
                lead::for_group(speech, incidents),
            )
        }
    }

    fn frame(&self, headline: String, lead: String) -> Letter {
        let speech = &self.speech;
        Letter {
            lang: speech.lang,
            subject: String::new(),
            headline,
            lead,
            tone: match speech.owed {
                Owed::Opened | Owed::Reminder => Tone::Trouble,
                Owed::Resolved => Tone::Relief,
            },
            facts: Vec::new(),
            items: Vec::new(),
            more: String::new(),
            output: Vec::new(),
            advice: Vec::new(),
            link: None,
            labels: Labels {
                output: speech.say("Last output", "最后的输出"),
                advice: speech.say("What to do", "处理建议"),
                footer: speech.say(
                    "Sent by the Carillon monitor. One mail when trouble begins, one when it ends; acknowledge or mute on \
                     the page Alerts.",
                    "由 Carillon 监控发送。告警开始与结束时各发一封邮件；可在告警页面确认或静音。",
                ),
            },
        }
    }

    fn link(&self, incident: &Incident) -> Option<Link> {
        let speech = &self.speech;
        let (label, path) = match (&incident.evidence, incident.subject.kind) {
            (Evidence::Run(run), _) => (
                speech.say("Open the run", "查看本次运行"),
                format!("/runs/{}", run.run),
            ),
            (
                Evidence::Overdue { run, .. }
                | Evidence::Unusual { run, .. }
                | Evidence::Stuck { run, .. },
                _,
            ) => (
                speech.say("Open the run", "查看本次运行"),
                format!("/runs/{run}"),
            ),
            (_, SubjectKind::Job) => (
                speech.say("Open the job", "查看作业"),
                format!("/jobs/{}", incident.subject.id),
            ),
            (_, SubjectKind::Node) => (
                speech.say("Open the node", "查看节点"),
                format!("/nodes/{}", incident.subject.id),
            ),
            (_, SubjectKind::Token) => (
                speech.say("All API tokens", "所有 API 令牌"),
                "/tokens".to_owned(),
            ),
            (_, SubjectKind::Monitor | SubjectKind::Endpoint | SubjectKind::Cluster) => (
                speech.say("All open incidents", "所有未关闭的告警"),
                "/alerts".to_owned(),
            ),
        };
        let url = join(self.public_url?, &path);
        Some(Link { label, url })
    }
}

fn join(base: &str, path: &str) -> String {
    format!("{}{path}", base.trim_end_matches('/'))
}

/// One line, not too long. Names come from people; a line break in one must not end the header.
fn subject_line(headline: &str) -> String {
    let clean = headline
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = "[Carillon] "
        .chars()
        .chain(clean)
        .take(SUBJECT_LENGTH_MAX)
        .collect();
    if line.chars().count() == SUBJECT_LENGTH_MAX {
        line.pop();
        line.push('…');
    }
    line
}
