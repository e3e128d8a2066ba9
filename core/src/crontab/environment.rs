//! Lines that set a variable: `NAME=value`, with quotes and blanks as cronie allows them.

/// A variable and its value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) value: String,
}

/// Reads a line without leading blanks; `None` when it sets no variable.
///
/// Name and value may each stand in quotes of either kind, which end at the next such quote; blanks
/// around `=` and after the value do not count. There is no `$` and no escape.
pub(super) fn read_assignment(line: &str) -> Option<Assignment> {
    let (name, rest) = match quoted(line) {
        Some((name, _)) if name.contains('=') => return None,
        Some((name, rest)) => (name, rest),
        None => {
            let end =
                line.find(|character: char| character == '=' || character.is_ascii_whitespace());
            line.split_at(end?)
        }
    };
    let value = rest.trim_ascii_start().strip_prefix('=')?.trim_ascii();
    if name.is_empty() {
        return None;
    }
    let value = match quoted(value) {
        Some((value, "")) => value,
        // Something follows the closing quote.
        Some(_) => return None,
        None if value.starts_with(['"', '\'']) => return None,
        None => value,
    };
    Some(Assignment {
        name: name.to_owned(),
        value: value.to_owned(),
    })
}

/// What stands between the quotes at the start of `text`, and what follows them.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text
        .chars()
        .next()
        .filter(|first| matches!(first, '"' | '\''))?;
    text[1..].split_once(quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read_as_cronie_does() {
        for (line, expected) in [
            ("MAILTO=root", Some(("MAILTO", "root"))),
            ("MAILTO=", Some(("MAILTO", ""))),
            ("MAILTO=\"\"", Some(("MAILTO", ""))),
            ("A = b c ", Some(("A", "b c"))),
            ("\"MY NAME\"='a \"b\" '  ", Some(("MY NAME", "a \"b\" "))),
            (
                "PATH=$HOME/bin:/bin # no comment",
                Some(("PATH", "$HOME/bin:/bin # no comment")),
            ),
            ("A=b=c", Some(("A", "b=c"))),
            ("A=\"b\" c", None),
            ("A=\"b", None),
            ("=b", None),
            ("* * * * * A=b", None),
            ("@daily A=b", None),
            ("A", None),
        ] {
            let found = read_assignment(line);
            let found = found
                .as_ref()
                .map(|set| (set.name.as_str(), set.value.as_str()));
            assert_eq!(found, expected, "{line}");
        }
    }
}
