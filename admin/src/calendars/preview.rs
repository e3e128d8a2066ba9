//! What a calendar's text means: its coming year and the next blackouts, or every line that is not understood.

use carillon_core::calendar::{Blackouts, CalendarText};
use carillon_core::lang::Lang;
use carillon_core::schedule::{ScheduleError, Subject, time_zone};

use super::year::{Month, months};
use crate::moment::{Moments, in_zone};
use crate::words::Words;

/// Blackouts listed.
const COMING: usize = 8;

/// The text as understood, or not.
#[derive(Debug)]
pub(super) struct Preview {
    pub(super) wrong: Vec<Wrong>,
    pub(super) months: Vec<Month>,
    pub(super) coming: Vec<Coming>,
}

/// A line that is not understood.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The line and carets below it.
    pub(super) drawn: String,
    pub(super) told: String,
}

/// A time in which blackouts hold.
#[derive(Debug)]
pub(super) struct Coming {
    pub(super) name: String,
    pub(super) from: String,
    pub(super) until: String,
    pub(super) distance: String,
}

impl Preview {
    /// Looks at a text that was read, in a zone.
    pub(super) fn of(zone: &str, text: &CalendarText, moments: &Moments) -> Self {
        let mut preview = Preview {
            wrong: Vec::new(),
            months: Vec::new(),
            coming: Vec::new(),
        };
        let (Ok(blackouts), Ok(tz)) = (Blackouts::of(zone, text), time_zone(zone)) else {
            return preview;
        };
        preview.months = months(&blackouts, &tz, moments.now);
        let w: &Words = moments.words;
        preview.coming = blackouts
            .spans_from(moments.now)
            .take(COMING)
            .map(|span| {
                let begin = span.from.unwrap_or(moments.now);
                let shown = |at| in_zone(at, &tz, "%a %Y-%m-%d %H:%M:%S");
                Coming {
                    name: blackouts.name_at(begin.max(moments.now)),
                    from: shown(begin),
                    until: span
                        .until
                        .map_or_else(|| w.calendars.without_end.to_owned(), shown),
                    distance: moments.distance(begin),
                }
            })
            .collect();
        preview
    }

    /// Says what is wrong with a text.
    pub(super) fn wrong(text: &str, errors: &[ScheduleError], lang: Lang) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let wrong = |error: &ScheduleError| {
            let line = match error.subject() {
                Subject::Calendar { line } => lines.get(line - 1).copied().unwrap_or_default(),
                Subject::Expression | Subject::Field(_) | Subject::Zone => "",
            };
            Wrong {
                drawn: error.draw_caret(line),
                told: error.told(lang),
            }
        };
        Preview {
            wrong: errors.iter().map(wrong).collect(),
            months: Vec::new(),
            coming: Vec::new(),
        }
    }
}
