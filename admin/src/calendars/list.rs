//! The list of calendars.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use carillon_core::access::Verb;
use carillon_core::calendar::Blackouts;
use carillon_core::identity::CalendarId;
use carillon_store::{Calendar, CalendarUses};

use crate::app::App;
use crate::badge::Badge;
use crate::faults::Fault;
use crate::moment::Moments;
use crate::page::{Chrome, show as show_page};
use crate::words::{Words, fill};

#[derive(Template)]
#[template(path = "calendars/list.html")]
struct ListPage {
    chrome: Chrome,
    w: &'static Words,
    rows: Vec<Row>,
    may_manage: bool,
}

struct Row {
    id: CalendarId,
    name: String,
    zone: String,
    blackouts: usize,
    uses: CalendarUses,
    state: Badge,
    /// When the present blackout ends, or the next one begins.
    next: String,
}

impl Row {
    fn of(calendar: Calendar, uses: CalendarUses, moments: &Moments) -> Self {
        let w = moments.words;
        let draft = calendar.draft;
        let span = Blackouts::of(&draft.zone, &draft.text)
            .ok()
            .and_then(|blackouts| blackouts.spans_from(moments.now).next());
        let holds = span
            .as_ref()
            .is_some_and(|span| span.from.is_none_or(|from| from <= moments.now));
        let next = match span.map(|span| (span.from, span.until)) {
            Some((_, Some(until))) if holds => fill(w.calendars.ends, &[&moments.distance(until)]),
            Some((_, None)) if holds => w.calendars.without_end.to_owned(),
            Some((Some(from), _)) => fill(w.calendars.begins, &[&moments.distance(from)]),
            Some((None, _)) | None => w.calendars.none_coming.to_owned(),
        };
        Row {
            id: calendar.id,
            name: draft.name.to_string(),
            blackouts: draft.text.blackouts().count(),
            zone: draft.zone,
            uses,
            state: match holds {
                true => Badge::new("late", w.calendars.holds),
                false => Badge::new("enabled", w.calendars.holds_not),
            },
            next,
        }
    }
}

/// The page.
pub(crate) async fn show(State(app): State<Arc<App>>, chrome: Chrome) -> Result<Response, Fault> {
    let uses: HashMap<_, _> = app.store.calendar_uses().await?.into_iter().collect();
    let calendars = app.store.calendars().await?;
    show_page(&ListPage {
        rows: calendars
            .into_iter()
            .map(|calendar| {
                let uses = uses.get(&calendar.id).copied().unwrap_or_default();
                Row::of(calendar, uses, &chrome.moments)
            })
            .collect(),
        may_manage: chrome.may_everywhere(Verb::ManageCalendars),
        w: chrome.words,
        chrome,
    })
}
