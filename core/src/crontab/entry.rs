//! The line of a job: schedule, user where the form has one, command.

use std::ops::Range;

use crate::schedule::{DstRule, Field, Schedule, is_field};

use super::{Form, Misread, Reading, Seconds};

/// A line taken apart; the command is still as it stands in the file.
#[derive(Debug)]
pub(super) struct Entry<'l> {
    pub(super) schedule: String,
    pub(super) user: Option<String>,
    pub(super) command: &'l str,
}

/// Takes a line apart and makes sure that its schedule is one.
pub(super) fn read_entry<'l>(
    line: &'l str,
    reading: &Reading<'_>,
    zone: &str,
) -> Result<Entry<'l>, Misread> {
    let words = words_of(line);
    let schedule_words = count_schedule_words(line, &words, reading.seconds);
    let user_words = match reading.form {
        Form::User => 0,
        Form::System => 1,
    };
    let schedule = read_schedule(line, &words[..schedule_words.min(words.len())], zone)?;
    let user = match reading.form {
        Form::User => None,
        Form::System => words
            .get(schedule_words)
            .map(|word| line[word.clone()].to_owned()),
    };
    match words.get(schedule_words + user_words) {
        Some(command) => Ok(Entry {
            schedule,
            user,
            command: &line[command.start..],
        }),
        None => Err(match (reading.form, user) {
            (Form::User, _) => Misread::NoCommand,
            (Form::System, None) => Misread::NoUserAndCommand,
            (Form::System, Some(user)) => Misread::NoCommandAfter { user },
        }),
    }
}

/// How many words of the line are its schedule, as far as one can tell before parsing it.
fn count_schedule_words(line: &str, words: &[Range<usize>], seconds: Seconds) -> usize {
    let first = words.first().map_or("", |word| &line[word.clone()]);
    if first.starts_with('@') {
        let takes_word = ["@every", "@at"]
            .iter()
            .any(|known| first.eq_ignore_ascii_case(known));
        return if takes_word { 2 } else { 1 };
    }
    match seconds {
        Seconds::Always => 6,
        Seconds::Never => 5,
        Seconds::Detect => {
            let fields = words.iter().zip(&Field::ALL[..6]);
            let known = fields.filter(|(word, field)| is_field(**field, &line[(*word).clone()]));
            if known.count() == 6 { 6 } else { 5 }
        }
    }
}

fn read_schedule(line: &str, words: &[Range<usize>], zone: &str) -> Result<String, Misread> {
    let (Some(first), Some(last)) = (words.first(), words.last()) else {
        return Err(Misread::NoSchedule);
    };
    // Parsed as it stands, so that an error's column is one of the line.
    let parsed = Schedule::parse(&line[first.start..last.end], zone, DstRule::default(), 0);
    parsed.map_err(|error| {
        Misread::Schedule(error.moved_right(line[..first.start].chars().count()))
    })?;
    let fields: Vec<&str> = words.iter().map(|word| &line[word.clone()]).collect();
    Ok(fields.join(" "))
}

/// The words between blanks. Cronie's mark for "do not log", a `-` before the schedule, is left out.
fn words_of(line: &str) -> Vec<Range<usize>> {
    let blank = |character: char| character == ' ' || character == '\t';
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(begin) = line[at..].find(|character| !blank(character)) {
        let mut start = at + begin;
        if words.is_empty() && line[start..].starts_with('-') {
            start += 1;
        }
        let end = line[start..]
            .find(blank)
            .map_or(line.len(), |length| start + length);
        if start < end {
            words.push(start..end);
        }
        at = end;
    }
    words
}
