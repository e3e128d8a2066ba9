//! Values as YAML that people like to read and that `text` reads back as it was.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::text::read_number;

/// A document: its fields, one after the other.
pub(super) fn emit(fields: &Map<String, Value>) -> String {
    let mut text = String::new();
    put_fields(&mut text, fields, "", "");
    text
}

/// Fields below each other; the first one goes on after `first`.
fn put_fields(text: &mut String, fields: &Map<String, Value>, indent: &str, first: &str) {
    for (number, (name, value)) in fields.iter().enumerate() {
        let begin = if number == 0 { first } else { indent };
        let _ = write!(text, "{begin}{}:", word(name));
        put_value(text, value, indent);
    }
}

/// A value after its name, or after the dash of its item.
fn put_value(text: &mut String, value: &Value, indent: &str) {
    let inner = format!("{indent}  ");
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('\n');
            put_fields(text, fields, &inner, &inner);
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            text.push('\n');
            for item in items {
                put_item(text, item, indent);
            }
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(word_of).collect();
            let _ = writeln!(text, " [{}]", items.join(", "));
        }
        Value::String(long) if is_block(long) => {
            text.push_str(if long.ends_with('\n') {
                " |\n"
            } else {
                " |-\n"
            });
            for line in long.trim_end_matches('\n').split('\n') {
                match line.is_empty() {
                    true => text.push('\n'),
                    false => drop(writeln!(text, "{inner}{line}")),
                }
            }
        }
        other => drop(writeln!(text, " {}", word_of(other))),
    }
}

fn put_item(text: &mut String, item: &Value, indent: &str) {
    match item {
        Value::Object(fields) if !fields.is_empty() => {
            put_fields(text, fields, &format!("{indent}  "), &format!("{indent}- "));
        }
        other => drop(writeln!(text, "{indent}- {}", word_of(other))),
    }
}

fn word_of(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        // JSON is YAML, too.
        other => other.to_string(),
    }
}

/// A text on one line: as it is where nothing can be misread, else in quotes.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || " _./@+-=%()$".contains(c);
    let begins = |c: char| c.is_alphabetic() || c.is_ascii_digit() || c == '/' || c == '_';
    let is_other = matches!(
        text.to_ascii_lowercase().as_str(),
        "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    let is_number = text.starts_with(|c: char| c.is_ascii_digit())
        && (read_number(text).is_some() || text.bytes().all(|byte| !byte.is_ascii_alphabetic()));
    let may_stand = text.starts_with(begins)
        && !text.ends_with(' ')
        && text.chars().all(is_plain)
        && !is_other
        && !is_number;
    match may_stand {
        true => text.to_owned(),
        false => Value::from(text).to_string(),
    }
}

/// Whether a text of several lines can stand below its name without quotes.
fn is_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let is_seen = |c: char| {
        c == '\n' || c == '\t' || (!c.is_control() && !"\u{2028}\u{2029}\u{feff}".contains(c))
    };
    body.contains('\n')
        && !body.ends_with('\n')
        && !body.starts_with(|c: char| c.is_whitespace())
        && body.chars().all(is_seen)
}
