//! The form of an iCalendar file: folded lines, and each a name, parameters and a value.

/// A content line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it begins in the file, counted from 1.
    pub(super) number: usize,
    /// In capitals.
    pub(super) name: String,
    /// Name in capitals and value.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) value: String,
}

impl Line {
    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.name == name && self.value.eq_ignore_ascii_case(value)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The value as text: its escapes undone, its line breaks made blanks.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.value.len());
        let mut characters = self.value.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some('n' | 'N') => text.push(' '),
                    Some(other) => text.push(other),
                    None => {}
                },
                other if other.is_control() => text.push(' '),
                other => text.push(other),
            }
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The content lines of a file. A line that begins with a blank goes on with the one before it; a line without a colon
/// is none.
pub(super) fn unfold(text: &str) -> Vec<Line> {
    let mut folded: Vec<(usize, String)> = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (place, line) in text.lines().enumerate() {
        match (line.strip_prefix([' ', '\t']), folded.last_mut()) {
            (Some(rest), Some((_, last))) => last.push_str(rest),
            _ if line.trim().is_empty() => {}
            _ => folded.push((place + 1, line.to_owned())),
        }
    }
    folded
        .iter()
        .filter_map(|(number, line)| read_line(*number, line))
        .collect()
}

fn read_line(number: usize, line: &str) -> Option<Line> {
    let colon = outside_quotes(line, ':').next()?;
    let (head, value) = (&line[..colon], line[colon + 1..].trim_end());
    let mut cuts: Vec<usize> = outside_quotes(head, ';').collect();
    cuts.push(head.len());
    let name = head[..cuts[0]].trim().to_ascii_uppercase();
    let parameters = cuts.windows(2).filter_map(|cut| {
        let (name, value) = head[cut[0] + 1..cut[1]].split_once('=')?;
        let value = value.trim_matches('"').to_owned();
        Some((name.trim().to_ascii_uppercase(), value))
    });
    Some(Line {
        number,
        name,
        parameters: parameters.collect(),
        value: value.to_owned(),
    })
}

/// Where a character stands that no quotes protect.
fn outside_quotes(text: &str, wanted: char) -> impl Iterator<Item = usize> + '_ {
    let mut is_quoted = false;
    text.char_indices().filter_map(move |(place, character)| {
        is_quoted ^= character == '"';
        (character == wanted && !is_quoted).then_some(place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_line_is_one() {
        let lines = unfold(
            "SUMMARY:New Ye\r\n ar\\, and\\nmore\r\n\r\nX-NOTHING\r\nDTSTART;TZID=\"A:B;C\";VALUE=DATE:20270101\r\n",
        );

        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].text(), "New Year, and more");
        assert_eq!((lines[1].number, lines[1].name.as_str()), (5, "DTSTART"));
        assert_eq!(lines[1].parameter("TZID"), Some("A:B;C"));
        assert_eq!(lines[1].parameter("VALUE"), Some("DATE"));
        assert_eq!(lines[1].value, "20270101");
    }
}
