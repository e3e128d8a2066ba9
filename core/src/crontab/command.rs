//! The command of a line, parted from its standard input at the first `%`.
//!
//! In both parts `\%` is a plain `%` and any other backslash stays, as in cron.

/// The command, and the text for its standard input if there is any.
pub(super) fn split_input(text: &str) -> (String, Option<String>) {
    let mut command = String::new();
    let mut characters = text.chars();
    let mut escaped = false;
    let mut has_input = false;
    for character in characters.by_ref() {
        if character == '%' && !escaped {
            has_input = true;
            break;
        }
        escaped = take(&mut command, character, escaped);
    }
    if escaped {
        command.push('\\');
    }
    let rest = characters.as_str();
    let stdin = (has_input && !rest.is_empty()).then(|| input_of(rest));
    (command, stdin)
}

/// Each `%` is a line end; a line end is added where the last line lacks one.
fn input_of(text: &str) -> String {
    let mut input = String::new();
    let mut escaped = false;
    for character in text.chars() {
        let character = if character == '%' && !escaped {
            '\n'
        } else {
            character
        };
        escaped = take(&mut input, character, escaped);
    }
    if escaped {
        input.push('\\');
    }
    if !input.ends_with('\n') {
        input.push('\n');
    }
    input
}

/// Takes one character over; a backslash is held back until it is known what it stands before.
fn take(into: &mut String, character: char, escaped: bool) -> bool {
    if escaped && character != '%' {
        into.push('\\');
    }
    if character == '\\' {
        return true;
    }
    into.push(character);
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_parts_command_and_input() {
        for (text, command, stdin) in [
            ("date", "date", None),
            (r"date +\%F", "date +%F", None),
            (
                "mail root%Hello%%World",
                "mail root",
                Some("Hello\n\nWorld\n"),
            ),
            (r"cat%50\% off%", "cat", Some("50% off\n")),
            ("cat%", "cat", None),
            ("%input", "", Some("input\n")),
            (r"grep '\d' f", r"grep '\d' f", None),
            (r"echo a\\b", r"echo a\\b", None),
            (r"echo \\% b", r"echo \% b", None),
            (r"echo a\", r"echo a\", None),
        ] {
            assert_eq!(
                split_input(text),
                (command.to_owned(), stdin.map(str::to_owned)),
                "{text}"
            );
        }
    }
}
