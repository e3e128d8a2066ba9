//! Whether a command line needs a shell. A line without shell syntax has one meaning, its words, and is executed directly for half the price.
//!
//! Whatever is in doubt goes to the shell: a wrong "direct" would change what a command does, a wrong "shell" costs a millisecond.

/// How a command line is to be executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// These words, the first of them the program.
    Direct(Vec<String>),
    /// As it stands, by a shell.
    Shell,
}

/// Characters that mean something to a shell wherever they stand unquoted: operators, expansions, patterns, braces, comments.
const SPECIAL: &str = "|&;<>()$`*?[{}~#!\n\r\0";
/// First words that a shell understands by itself, other than a program of that name would.
const SHELL_WORDS: &[&str] = &[
    ".",
    ":",
    "[",
    "[[",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "case",
    "cd",
    "command",
    "compgen",
    "complete",
    "continue",
    "coproc",
    "declare",
    "dirs",
    "disown",
    "do",
    "done",
    "elif",
    "else",
    "enable",
    "esac",
    "eval",
    "exec",
    "exit",
    "export",
    "fc",
    "fg",
    "fi",
    "for",
    "function",
    "getopts",
    "hash",
    "help",
    "history",
    "if",
    "in",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "newgrp",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "select",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "then",
    "time",
    "times",
    "trap",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "until",
    "wait",
    "while",
];

/// Splits a line into its words where that is all a shell would do with it.
pub fn classify_command_line(line: &str) -> CommandLine {
    match split_words(line.trim_matches([' ', '\t', '\n'])) {
        Some(words) if !needs_shell(&words) => CommandLine::Direct(words),
        _ => CommandLine::Shell,
    }
}

/// The words of a line, or none if it holds anything but words.
fn split_words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(found) = rest.next() {
        match found {
            ' ' | '\t' => words.extend(word.take()),
            '\'' => read_single_quoted(&mut rest, word.get_or_insert_default())?,
            '"' => read_double_quoted(&mut rest, word.get_or_insert_default())?,
            '\\' => match rest.next()? {
                '\n' | '\0' => return None,
                escaped => word.get_or_insert_default().push(escaped),
            },
            special if SPECIAL.contains(special) => return None,
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Some(words)
}

fn read_single_quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match rest.next()? {
            '\'' => return Some(()),
            '\0' => return None,
            plain => word.push(plain),
        }
    }
}

fn read_double_quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match rest.next()? {
            '"' => return Some(()),
            '$' | '`' | '\0' => return None,
            '\\' => match rest.next()? {
                escaped @ ('$' | '`' | '"' | '\\') => word.push(escaped),
                '\n' => {}
                '\0' => return None,
                plain => word.extend(['\\', plain]),
            },
            plain => word.push(plain),
        }
    }
}

/// Whether the first word is one that a shell takes for itself: an assignment, a builtin or a reserved word.
fn needs_shell(words: &[String]) -> bool {
    let Some((first, rest)) = words.split_first() else {
        return true;
    };
    first.is_empty()
        || first.contains('=')
        || SHELL_WORDS.contains(&first.as_str())
        || (first == "echo"
            && rest
                .iter()
                .any(|word| word.contains('\\') || word.starts_with('-')))
        || (matches!(first.as_str(), "true" | "false") && !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct(words: &[&str]) -> CommandLine {
        CommandLine::Direct(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn plain_words_are_executed_directly() {
        assert_eq!(
            classify_command_line("/usr/bin/backup --full  /srv\t-v "),
            direct(&["/usr/bin/backup", "--full", "/srv", "-v"])
        );
        assert_eq!(
            classify_command_line("date +%F,%T"),
            direct(&["date", "+%F,%T"])
        );
        assert_eq!(
            classify_command_line("dd if=/dev/null of=x"),
            direct(&["dd", "if=/dev/null", "of=x"])
        );
        assert_eq!(
            classify_command_line("echo 你好"),
            direct(&["echo", "你好"])
        );
    }

    #[test]
    fn quotes_and_escapes_mean_what_they_mean_to_a_shell() {
        for (line, words) in [
            (r#"a 'b c' "d e""#, &["a", "b c", "d e"][..]),
            (r#"a b'c'"d"e"#, &["a", "bcde"]),
            (r#"a '' """#, &["a", "", ""]),
            (r#"a '$x `y` \n * ~'"#, &["a", r"$x `y` \n * ~"]),
            (r#"a "\$x \"q\" \\ \n \`""#, &["a", r#"$x "q" \ \n `"#]),
            (r#"a b\ c \* \$x \'"#, &["a", "b c", "*", "$x", "'"]),
            ("a 'two\nlines'", &["a", "two\nlines"]),
        ] {
            assert_eq!(classify_command_line(line), direct(words), "{line}");
        }
    }

    #[test]
    fn shell_syntax_goes_to_the_shell() {
        for line in [
            "",
            "  ",
            "a | b",
            "a && b",
            "a; b",
            "a &",
            "a > f",
            "a 2>&1",
            "a < f",
            "(a)",
            "{ a; }",
            "a $HOME",
            "a \"$HOME\"",
            "a `b`",
            "a $(b)",
            "a *.txt",
            "a ?",
            "a [ab]",
            "a {1,2}",
            "a ~",
            "~/bin/a",
            "a --x=~",
            "a # no",
            "! a",
            "a\nb",
            "X=1 a",
            "X=1",
            "cd /tmp",
            "exit 3",
            "ulimit -n 5",
            ". ./env",
            "source x",
            "exec a",
            "[ -f x ]",
            "test -f x",
            "if",
            "while",
            "kill %1",
            "printf '%b' x",
            "echo -n x",
            r"echo 'a\nb'",
            "'' a",
            "a 'open",
            "a \"open",
            "a \\",
            "'cd' /",
            "a\\\nb",
            "time a",
            "a\0b",
            "a 'x\0'",
        ] {
            assert_eq!(classify_command_line(line), CommandLine::Shell, "{line:?}");
        }
    }
}
