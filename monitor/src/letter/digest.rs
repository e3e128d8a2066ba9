//! The letter of what was held back: one item for each incident.

use carillon_core::digest::{Digest, HoldCause, Story};
use carillon_core::incident::Owed;
use carillon_core::lang::Lang;

use super::{
    Desk, ITEMS_MAX, Item, Letter, Link, Speech, Tone, capitalise, group, headline, join, lead,
    subject_line,
};

/// Writes the letter of what was held back. `public_url` is where the pages are, if people can reach them.
pub fn write_digest(digest: &Digest, lang: Lang, public_url: Option<&str>) -> Letter {
    let owed = digest.announcement().owed;
    let speech = Speech::new(lang, owed, digest.hold.until);
    let desk = Desk { speech, public_url };
    let items = digest.stories.iter().take(ITEMS_MAX);
    let letter = Letter {
        items: items.map(|story| desk.item(story)).collect(),
        more: group::more(&speech, digest.stories.len().saturating_sub(ITEMS_MAX)),
        advice: advice(&speech, digest),
        link: public_url.map(|base| Link {
            label: speech.say("All open incidents", "所有未关闭的告警"),
            url: join(base, "/alerts"),
        }),
        ..desk.frame(headline_of(&speech, digest), lead_of(&speech, digest))
    };
    Letter {
        subject: subject_line(&letter.headline),
        headline: capitalise(&letter.headline),
        tone: match digest.open_count() {
            0 => Tone::Relief,
            _ => Tone::Trouble,
        },
        ..letter
    }
}

impl Desk<'_> {
    /// What happened, and that it is over where it is.
    fn item(&self, story: &Story) -> Item {
        let voice = |owed| Speech {
            owed,
            ..self.speech
        };
        let (trouble, relief) = (voice(Owed::Opened), voice(Owed::Resolved));
        let incident = &story.incident;
        let (headline, lead) = match (story.is_trouble_news, incident.is_open()) {
            (true, true) => (
                headline::single(&trouble, incident),
                lead::sentence(&trouble, incident),
            ),
            (true, false) => (
                over(&trouble, &headline::single(&trouble, incident)),
                lead::sentence(&relief, incident),
            ),
            (false, _) => (
                headline::single(&relief, incident),
                lead::sentence(&relief, incident),
            ),
        };
        Item {
            headline: capitalise(&headline),
            lead,
            link: self.link(incident).map(|link| link.url),
        }
    }
}

fn over(speech: &Speech, headline: &str) -> String {
    speech.say(
        format!("{headline} (over)"),
        format!("{headline}（已恢复）"),
    )
}

fn headline_of(speech: &Speech, digest: &Digest) -> String {
    let (count, open) = (digest.stories.len(), digest.open_count());
    let incidents = digest.stories.iter().map(|story| &story.incident);
    let names = group::first_names(speech, incidents);
    let noun = match count {
        1 => "incident",
        _ => "incidents",
    };
    let cause = match digest.hold.cause {
        HoldCause::QuietHours => speech.say("quiet hours", "静默时段"),
        HoldCause::Limit => speech.say("too much within an hour", "一小时内通知过多"),
    };
    speech.say(
        format!("{cause}: {count} {noun}, {open} still open: {names}"),
        format!("{cause}：{count} 个告警，{open} 个尚未恢复：{names}"),
    )
}

fn lead_of(speech: &Speech, digest: &Digest) -> String {
    let until = speech.time(digest.hold.until);
    match digest.hold.cause {
        HoldCause::QuietHours => speech.say(
            format!(
                "What could wait was held back until {until}. What was urgent was told when it happened."
            ),
            format!("可以等待的通知保留到 {until} 一并发送；紧急告警已在发生时通知。"),
        ),
        HoldCause::Limit => speech.say(
            format!(
                "This address had been told as much as it takes within an hour (monitor.deliveries_per_hour). What came then was held back until {until}; this is all of it."
            ),
            format!("此地址一小时内收到的通知已达上限（monitor.deliveries_per_hour）；之后的通知保留到 {until}，在此一并发送。"),
        ),
    }
}

fn advice(speech: &Speech, digest: &Digest) -> Vec<String> {
    match digest.open_count() {
        0 => Vec::new(),
        _ => vec![
            speech
                .say("Begin with what is still open.", "请先处理尚未恢复的告警。")
                .to_owned(),
        ],
    }
}
