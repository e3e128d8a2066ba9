//! The calendar that a job keeps to, as forms and documents name it: read by its name, then settled against those
//! there are.

use carillon_core::calendar::{CalendarName, CalendarUse, OnBlackout};
use carillon_core::identity::JobId;
use carillon_core::job::JobDraft;
use carillon_store::Calendar;
use serde::Deserialize;
use serde_json::Value;

use crate::form::FieldErrors;

/// Names the calendar, or none. Its rules come with [`settle`].
pub(super) fn put_calendar(kept: &mut Option<CalendarUse>, value: &Value) -> Result<(), String> {
    let name = match value {
        Value::Null => None,
        Value::String(text) if text.trim().is_empty() => None,
        value => Some(CalendarName::deserialize(value).map_err(|error| error.to_string())?),
    };
    let on_blackout = kept.as_ref().map(|kept| kept.on_blackout);
    *kept = name.map(|name| CalendarUse {
        name,
        on_blackout: on_blackout.unwrap_or_default(),
        zone: String::new(),
        rules: String::new(),
    });
    Ok(())
}

/// Says what becomes of ticks inside a blackout. Fields are set by name, so the calendar is there already.
pub(super) fn put_on_blackout(kept: &mut Option<CalendarUse>, value: &Value) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    let on_blackout = OnBlackout::deserialize(value).map_err(|error| error.to_string())?;
    match kept {
        Some(kept) => {
            kept.on_blackout = on_blackout;
            Ok(())
        }
        None => Err("the job keeps to no calendar; set calendar too".to_owned()),
    }
}

/// What a job would hold of a calendar.
pub(crate) fn hold(calendar: &Calendar, on_blackout: OnBlackout) -> CalendarUse {
    CalendarUse {
        name: calendar.draft.name.clone(),
        on_blackout,
        zone: calendar.draft.zone.clone(),
        rules: calendar.draft.text.rules(),
    }
}

/// Gives the draft the rules of the calendar it names, and judges whether it can keep to it.
pub(crate) fn settle(
    draft: &mut JobDraft,
    calendars: &[Calendar],
    job: JobId,
    errors: &mut FieldErrors,
) {
    let Some(kept) = &mut draft.spec.calendar else {
        return;
    };
    let Some(calendar) = calendars.iter().find(|one| one.draft.name == kept.name) else {
        let wrong = match calendars.is_empty() {
            true => "there is no calendar yet; make one first".to_owned(),
            false => {
                let names: Vec<_> = calendars
                    .iter()
                    .map(|one| one.draft.name.as_str())
                    .collect();
                format!(
                    "there is no calendar {:?}; there are {}",
                    kept.name.as_str(),
                    names.join(", ")
                )
            }
        };
        errors.add("calendar", wrong);
        return;
    };
    *kept = hold(calendar, kept.on_blackout);
    if let Ok(schedule) = draft.schedule.parse(job)
        && (schedule.is_reboot() || schedule.is_manual())
    {
        errors.add(
            "calendar",
            format!(
                "{} has no fire times that a calendar could hold back; choose none",
                draft.schedule.expression
            ),
        );
    }
}
