//! What a schedule means: its sentence, its next fire times with what clock changes do to them, or the error with
//! a caret at the place. A fragment of the editor, drawn by the server with and without scripts.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use carillon_core::calendar::CalendarUse;
use carillon_core::identity::JobId;
use carillon_core::job::ScheduleText;
use carillon_core::lang::Lang;
use carillon_core::schedule::{
    DstRule, Fate, Foreseen, Schedule, ScheduleError, Subject, time_zone,
};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::calendar_choice::hold;
use crate::app::App;
use crate::faults::Fault;
use crate::moment::{Moments, in_zone};
use crate::page::{Chrome, show};
use crate::words::{Words, fill};

/// Fire times shown.
const FIRES: usize = 10;

/// The schedule as typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    pub(crate) schedule: String,
    pub(crate) zone: String,
    pub(crate) dst: String,
    /// The job's number, which `H` hashes; absent while there is none.
    pub(crate) id: Option<i64>,
    /// The name of the calendar that the job keeps to; empty for none.
    pub(crate) calendar: String,
    pub(crate) on_blackout: String,
}

/// The schedule as understood, or not.
#[derive(Debug, Template)]
#[template(path = "jobs/preview.html")]
pub(crate) struct Preview {
    w: &'static Words,
    meaning: Meaning,
}

#[derive(Debug)]
enum Meaning {
    Blank,
    Wrong {
        before: String,
        refused: String,
        after: String,
        carets: String,
        told: String,
    },
    Fires {
        sentence: String,
        rate: String,
        warnings: Vec<String>,
        fires: Vec<Fire>,
        zone: String,
    },
}

/// One fire time in the job's zone, the viewer's and UTC.
#[derive(Debug)]
struct Fire {
    iso: String,
    in_zone: String,
    in_utc: String,
    distance: String,
    flag: Option<String>,
    /// Whether nothing fires then: a blackout swallows it or holds it back.
    is_held: bool,
}

impl Preview {
    /// Looks at a schedule and the calendar it keeps to.
    pub(crate) fn of(asked: &Asked, calendar: Option<&CalendarUse>, moments: &Moments) -> Self {
        let w = moments.words;
        if asked.schedule.trim().is_empty() {
            return Preview {
                w,
                meaning: Meaning::Blank,
            };
        }
        let zone = if asked.zone.trim().is_empty() {
            "UTC"
        } else {
            asked.zone.trim()
        };
        let text = ScheduleText {
            expression: asked.schedule.trim().to_owned(),
            zone: zone.to_owned(),
            dst: asked.dst.parse().unwrap_or_default(),
        };
        let job = JobId(asked.id.unwrap_or(0));
        let meaning = match text.keeping_to(calendar, job) {
            Err(error) => wrong(&text.expression, &error, w.lang),
            Ok(schedule) => fires(&schedule, &text, moments, asked.id.is_none()),
        };
        Preview { w, meaning }
    }
}

fn wrong(expression: &str, error: &ScheduleError, lang: Lang) -> Meaning {
    let span = if error.subject() == Subject::Zone {
        0..0
    } else {
        error.span()
    };
    let part = |range: std::ops::Range<usize>| expression.get(range).unwrap_or_default().to_owned();
    let refused = part(span.clone());
    let width = refused.chars().count().max(1);
    let column = if error.subject() == Subject::Zone {
        0
    } else {
        error.column() - 1
    };
    let carets = match error.subject() {
        Subject::Zone => String::new(),
        Subject::Expression | Subject::Field(_) | Subject::Calendar { .. } => {
            format!("{}{}", " ".repeat(column), "^".repeat(width))
        }
    };
    Meaning::Wrong {
        before: part(0..span.start),
        after: part(span.end..expression.len()),
        refused,
        carets,
        told: error.told(lang),
    }
}

fn fires(schedule: &Schedule, text: &ScheduleText, moments: &Moments, has_no_id: bool) -> Meaning {
    let e = &moments.words.editor;
    let zone = time_zone(&text.zone).unwrap_or(TimeZone::UTC);
    let seen: Vec<Foreseen> = schedule.foresee(moments.now).take(FIRES).collect();
    let fires = seen.iter().filter(|seen| seen.fate == Fate::Fires);
    let times: Vec<Timestamp> = fires.map(|seen| seen.time).collect();
    let mut warnings = Vec::new();
    if schedule.next_after(moments.now).is_none() && !schedule.is_manual() && !schedule.is_reboot()
    {
        warnings.push(e.never_fires.to_owned());
    }
    if let [first, .., last] = times.as_slice()
        && last.duration_since(*first) < SignedDuration::from_secs(10 * 9)
    {
        warnings.push(e.often_fires.to_owned());
    }
    if has_no_id && text.expression.contains(['H', '~']) {
        warnings.push(e.hash_later.to_owned());
    }
    if both_days_set(&text.expression) {
        warnings.push(e.both_days.to_owned());
    }
    let fire = |&Foreseen { time, ref fate }: &Foreseen| Fire {
        iso: crate::moment::rfc3339(time),
        in_zone: in_zone(time, &zone, "%a %Y-%m-%d %H:%M:%S %Z"),
        in_utc: in_zone(time, &TimeZone::UTC, "%m-%d %H:%M:%S UTC"),
        distance: moments.distance(time),
        flag: held(fate, &zone, moments.words)
            .or_else(|| flag(time, &zone, schedule, text.dst, moments.words)),
        is_held: *fate != Fate::Fires,
    };
    Meaning::Fires {
        sentence: schedule.describe(moments.words.lang),
        rate: rate(schedule, moments),
        warnings,
        fires: seen.iter().map(fire).collect(),
        zone: text.zone.clone(),
    }
}

/// Whether day-of-month and day-of-week both restrict: then either is enough, which surprises people.
fn both_days_set(expression: &str) -> bool {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    let (day, weekday) = match fields.as_slice() {
        [_, _, day, _, weekday] | [_, _, _, day, _, weekday] | [_, _, _, day, _, weekday, _] => {
            (*day, *weekday)
        }
        _ => return false,
    };
    let is_open = |field: &str| field.starts_with(['*', '?', '+']);
    !is_open(day) && !is_open(weekday)
}

fn rate(schedule: &Schedule, moments: &Moments) -> String {
    const COUNTED_MAX: usize = 100_000;
    let week = moments.now + SignedDuration::from_hours(7 * 24);
    let fires = schedule
        .fire_times(moments.now, week)
        .take(COUNTED_MAX)
        .count();
    match fires {
        0 => String::new(),
        COUNTED_MAX.. => fill(
            moments.words.editor.per_day,
            &[&format!("> {}", COUNTED_MAX / 7)],
        ),
        1..14 => fill(moments.words.editor.per_week, &[&fires]),
        14.. => fill(moments.words.editor.per_day, &[&format!("≈ {}", fires / 7)]),
    }
}

/// What a blackout does to a tick, when one does something.
fn held(fate: &Fate, zone: &TimeZone, words: &Words) -> Option<String> {
    let e = &words.editor;
    let shown = |time: Timestamp| in_zone(time, zone, "%a %Y-%m-%d %H:%M:%S");
    match fate {
        Fate::Fires => None,
        Fate::Skipped { by, until: None } => Some(fill(e.flag_skipped_for_ever, &[by])),
        Fate::Skipped {
            by,
            until: Some(until),
        } => Some(fill(e.flag_skipped, &[by, &shown(*until)])),
        Fate::Shifted { by, to } => Some(fill(e.flag_shifted, &[by, &shown(*to)])),
    }
}

/// What the clocks do at or just before this fire time, when they do something.
fn flag(
    time: Timestamp,
    zone: &TimeZone,
    schedule: &Schedule,
    dst: DstRule,
    words: &Words,
) -> Option<String> {
    let e = &words.editor;
    let offset = |at: Timestamp| zone.to_offset(at).seconds();
    let change = zone.preceding(time + SignedDuration::from_secs(1)).next()?;
    let before = offset(change.timestamp() - SignedDuration::from_secs(1));
    let jump = offset(change.timestamp()) - before;
    let since = time.duration_since(change.timestamp()).as_secs();
    if jump > 0
        && since == 0
        && schedule.is_fixed_time()
        && matches!(dst, DstRule::Cron | DstRule::Second)
    {
        return Some(fill(e.flag_gap, &[&in_zone(time, zone, "%H:%M:%S")]));
    }
    if jump < 0 && since < i64::from(-jump) {
        return Some(e.flag_second_pass.to_owned());
    }
    let next = zone.following(time).next()?;
    let ahead = next.timestamp().duration_since(time).as_secs();
    let fall = i64::from(offset(time)) - i64::from(offset(next.timestamp()));
    (fall > 0 && ahead <= fall && ahead > 0).then(|| e.flag_first_pass.to_owned())
}

/// The fragment.
pub(crate) async fn fragment(
    State(app): State<Arc<App>>,
    chrome: Chrome,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    let calendar = match asked.calendar.trim() {
        "" => None,
        name => app.store.calendar_named(name).await?,
    };
    let on_blackout = asked.on_blackout.parse().unwrap_or_default();
    let kept = calendar.map(|calendar| hold(&calendar, on_blackout));
    show(&Preview::of(&asked, kept.as_ref(), &chrome.moments))
}

#[cfg(test)]
mod tests {
    use carillon_core::calendar::OnBlackout;

    use super::*;

    fn keeping(
        schedule: &str,
        (zone, now): (&str, &str),
        calendar: Option<&str>,
        on_blackout: OnBlackout,
    ) -> String {
        let moments = Moments {
            zone: TimeZone::UTC,
            zone_name: "UTC".to_owned(),
            now: now.parse().unwrap(),
            words: crate::words::words(Lang::En),
        };
        let asked = Asked {
            schedule: schedule.to_owned(),
            zone: zone.to_owned(),
            ..Asked::default()
        };
        let kept = calendar.map(|rules| CalendarUse {
            name: "holidays".parse().unwrap(),
            on_blackout,
            zone: zone.to_owned(),
            rules: rules.to_owned(),
        });
        Preview::of(&asked, kept.as_ref(), &moments)
            .render()
            .unwrap()
    }

    fn preview(schedule: &str, zone: &str, now: &str) -> String {
        keeping(schedule, (zone, now), None, OnBlackout::Skip)
    }

    #[test]
    fn what_a_blackout_swallows_or_holds_back_is_flagged() {
        let at = ("UTC", "2026-12-24T12:00:00Z");
        let look = |rules, on| keeping("0 3 * * *", at, Some(rules), on);
        let christmas = "12-25 .. 12-26  Christmas\n";
        let skipped = look(christmas, OnBlackout::Skip);
        let shifted = look(christmas, OnBlackout::Shift);
        let never = look("01-01 .. 12-31", OnBlackout::Skip);

        assert!(
            skipped.contains("skipped: Christmas, until Sun 2026-12-27 00:00:00"),
            "{skipped}"
        );
        assert_eq!(skipped.matches("data-held").count(), 1, "{skipped}");
        assert!(skipped.contains("Sun 2026-12-27 03:00:00"), "{skipped}");
        assert!(
            shifted.contains("Christmas: shifted to Sun 2026-12-27 00:00:00"),
            "{shifted}"
        );
        assert!(never.contains("never fires"), "{never}");
    }

    #[test]
    fn the_next_fire_times_are_told_in_the_zone_of_the_job() {
        let html = preview("0 3 * * *", "Europe/Berlin", "2026-07-01T00:00:00Z");

        assert!(html.contains("Wed 2026-07-01 03:00:00 CEST"), "{html}");
        assert!(html.contains("07-01 01:00:00 UTC"));
        assert_eq!(html.matches("<li").count(), 10);
    }

    #[test]
    fn clock_changes_are_flagged_where_they_bite() {
        let gap = preview("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z");
        let twice = preview("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:10:00Z");

        assert!(gap.contains("2026-03-29 03:00:00 CEST"), "{gap}");
        assert_eq!(gap.matches("class=\"flag\"").count(), 1, "{gap}");
        assert_eq!(twice.matches("class=\"flag\"").count(), 3, "{twice}");
    }

    #[test]
    fn an_error_has_its_caret_under_the_place() {
        let html = preview("0 25 * * *", "UTC", "2026-07-01T00:00:00Z");

        assert!(html.contains("0 <b>25</b> * * *"), "{html}");
        assert!(html.contains("  ^^"), "{html}");
    }

    #[test]
    fn markup_in_an_expression_stays_text() {
        assert!(
            !preview("<script>alert(1)</script>", "UTC", "2026-07-01T00:00:00Z")
                .contains("<script")
        );
    }
}
