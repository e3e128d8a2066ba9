//! Blackouts out of an iCalendar file (RFC 5545): what its events say, as far as lines of a calendar can say it.
//!
//! What they cannot say is named with its line; nothing is left out in silence. `lines` reads the file's form, `event`
//! what an event says, `recurrence` how it recurs.

mod event;
mod lines;
mod recurrence;

use jiff::Timestamp;

use crate::calendar::Blackout;
use crate::schedule::ScheduleError;
use crate::schedule::zone::time_zone;
use event::read_event;
use lines::{Line, unfold};

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The blackouts, in the order of the file.
    pub blackouts: Vec<Blackout>,
    /// What could not be taken over, or not as it stands there.
    pub remarks: Vec<Remark>,
}

/// Something that a reader of the file should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The line of the file, counted from 1.
    pub line: usize,
    /// What happened.
    pub words: String,
}

/// The text is no iCalendar file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ICalendarError {
    /// It does not begin as one.
    #[error(
        "the text does not begin with BEGIN:VCALENDAR; give the whole file that the calendar exports (.ics)"
    )]
    NoCalendar,
    /// The zone of the calendar is not known.
    #[error(transparent)]
    Zone(#[from] ScheduleError),
}

/// Reads a file into blackouts of a calendar whose clock is that of `zone`. `now` only decides which recurring events
/// have already begun.
///
/// # Errors
/// When the text is no iCalendar file, or the zone is not known.
pub fn read_icalendar(text: &str, zone: &str, now: Timestamp) -> Result<Imported, ICalendarError> {
    let zone = time_zone(zone)?;
    let lines = unfold(text);
    let is_begin = |line: &&Line| line.is("BEGIN", "VCALENDAR");
    if lines.first().filter(is_begin).is_none() {
        return Err(ICalendarError::NoCalendar);
    }
    let mut imported = Imported::default();
    let mut place = 1;
    while let Some(line) = lines.get(place) {
        place += 1;
        if line.name != "BEGIN" {
            continue;
        }
        let start = place;
        let mut depth = 1;
        while let Some(line) = lines.get(place).filter(|_| depth > 0) {
            depth += i32::from(line.name == "BEGIN") - i32::from(line.name == "END");
            place += 1;
        }
        let body = &lines[start..place];
        match line.value.to_ascii_uppercase().as_str() {
            "VEVENT" => read_event(line.number, body, (&zone, now), &mut imported),
            // The zones that a file describes are those of the tz database, known by their names.
            "VTIMEZONE" => {}
            other => imported.remarks.push(Remark {
                line: line.number,
                words: format!("a {other} is no event and blacks nothing out"),
            }),
        }
    }
    Ok(imported)
}
