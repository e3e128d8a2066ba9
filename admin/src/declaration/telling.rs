//! A plan in words, for terminals.

use std::fmt;

use super::plan::{Plan, Step};
use crate::difference::Line;

/// Longer values are cut here, in characters.
const VALUE_LENGTH_MAX: usize = 100;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| write_step(f, step))?;
        writeln!(
            f,
            "{} to create, {} to change, {} to delete, {} as declared already",
            self.count("create"),
            self.count("change"),
            self.count("delete"),
            self.same
        )
    }
}

fn write_step(f: &mut fmt::Formatter<'_>, step: &Step) -> fmt::Result {
    let sign = match step.verb() {
        "create" => '+',
        "delete" => '-',
        _ => '~',
    };
    writeln!(f, "{sign} {} {}", step.noun, shown(&step.name))?;
    step.fields.iter().try_for_each(|line| write_field(f, line))
}

fn write_field(f: &mut fmt::Formatter<'_>, line: &Line) -> fmt::Result {
    let Line {
        field,
        before,
        after,
    } = line;
    let texts = [before, after].map(|text| text.as_deref().unwrap_or_default());
    if texts.iter().any(|text| text.trim_end().contains('\n')) {
        writeln!(f, "    {}:", shown(field))?;
        return write_lines(f, texts);
    }
    match (before, after) {
        (None, Some(after)) => writeln!(f, "    {}: {}", shown(field), quoted(after)),
        (Some(before), Some(after)) => writeln!(
            f,
            "    {}: {} -> {}",
            shown(field),
            quoted(before),
            quoted(after)
        ),
        (Some(before), None) => writeln!(f, "    {}: {} -> none", shown(field), quoted(before)),
        (None, None) => Ok(()),
    }
}

/// The lines that only one of two texts has.
fn write_lines(f: &mut fmt::Formatter<'_>, [before, after]: [&str; 2]) -> fmt::Result {
    for line in before
        .lines()
        .filter(|line| !after.lines().any(|other| other == *line))
    {
        writeln!(f, "      - {}", shown(line))?;
    }
    for line in after
        .lines()
        .filter(|line| !before.lines().any(|other| other == *line))
    {
        writeln!(f, "      + {}", shown(line))?;
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", shown(text))
}

/// Text that does nothing to a terminal, cut where it is long.
fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(VALUE_LENGTH_MAX)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(VALUE_LENGTH_MAX).is_some() {
        shown.push('…');
    }
    shown
}
