//! Collects raw values from the file and the environment, each with the place it came from.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::Problem;
use super::keys::{KEYS, Key};
use super::suggest::nearest;

/// Raw values by key name.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    by_key: BTreeMap<&'static str, Setting>,
}

/// One raw value.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) raw: Raw,
    /// `carillon.toml:3` or `CARILLON_NODE__NAME`, for messages.
    pub(crate) origin: String,
}

/// A value before its key's form is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Raw {
    Text(String),
    List(Vec<String>),
}

/// What a written name stands for.
enum Name {
    Value(&'static Key),
    /// The key with `_file` added: the value is in a file.
    Contents(&'static Key),
}

impl Settings {
    /// Reads both sources; the environment wins. What is wrong goes to `problems`.
    pub(crate) fn collect(
        file: Option<&Path>,
        environment: &[(String, String)],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut from_file = Self::default();
        if let Some(path) = file {
            match std::fs::read_to_string(path) {
                Ok(text) => from_file.read_toml(path, &text, problems),
                Err(error) => problems.push(Problem::new(format!(
                    "{} cannot be read: {error}; check the path and its permissions",
                    path.display()
                ))),
            }
        }
        let mut settings = Self::default();
        settings.read_environment(environment, problems);
        for (key, setting) in from_file.by_key {
            settings.by_key.entry(key).or_insert(setting);
        }
        settings
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Setting> {
        self.by_key.get(key)
    }

    fn read_toml(&mut self, path: &Path, text: &str, problems: &mut Vec<Problem>) {
        let place = |offset: usize| {
            let line = text[..offset].matches('\n').count() + 1;
            format!("{}:{line}", path.display())
        };
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let origin = place(error.span().map_or(0, |span| span.start.min(text.len())));
                problems.push(Problem::new(format!("{origin}: {}", error.message())));
                return;
            }
        };
        for (section, content) in &table {
            let origin = place(section.span().start);
            let section = section.get_ref();
            let DeValue::Table(keys) = content.get_ref() else {
                problems.push(unknown(&origin, section, section));
                continue;
            };
            for (key, value) in keys {
                let origin = place(key.span().start);
                let written = format!("{section}.{}", key.get_ref());
                match (find(&written), raw(value.get_ref())) {
                    (None, _) => problems.push(unknown(&origin, &written, &written)),
                    (Some(_), None) => problems.push(Problem::new(format!(
                        "{origin}: {written} must be a text, a number or an array of texts"
                    ))),
                    (Some(name), Some(raw)) => self.set(name, raw, origin, problems),
                }
            }
        }
    }

    fn read_environment(&mut self, variables: &[(String, String)], problems: &mut Vec<Problem>) {
        for (variable, value) in variables {
            let Some(name) = variable.strip_prefix("CARILLON_") else {
                continue;
            };
            let Some((section, key)) = name.split_once("__") else {
                continue;
            };
            let written = format!("{section}.{key}").to_ascii_lowercase();
            match find(&written) {
                None => problems.push(unknown(variable, variable, &written)),
                Some(name) => {
                    self.set(name, Raw::Text(value.clone()), variable.clone(), problems);
                }
            }
        }
    }

    /// Enters a value once; a second one from the same source (`url` and `url_file`) is a mistake.
    fn set(&mut self, name: Name, raw: Raw, origin: String, problems: &mut Vec<Problem>) {
        let (key, raw) = match (name, raw) {
            (Name::Value(key), raw) => (key, raw),
            (Name::Contents(key), Raw::Text(path)) => match std::fs::read_to_string(&path) {
                Ok(contents) => (
                    key,
                    Raw::Text(contents.trim_end_matches(['\r', '\n']).to_owned()),
                ),
                Err(error) => {
                    problems.push(Problem::new(format!(
                        "{origin}: the file {path} cannot be read: {error}; {} is expected in it",
                        key.name
                    )));
                    return;
                }
            },
            (Name::Contents(key), Raw::List(_)) => {
                let name = key.name;
                problems.push(Problem::new(format!(
                    "{origin}: {name}_file must be one path"
                )));
                return;
            }
        };
        if let Some(other) = self.by_key.get(key.name) {
            problems.push(Problem::new(format!(
                "{} and {origin} both set {}; keep one",
                other.origin, key.name
            )));
            return;
        }
        self.by_key.insert(key.name, Setting { raw, origin });
    }
}

fn find(written: &str) -> Option<Name> {
    let exact = |name: &str| KEYS.iter().find(|key| key.name == name);
    exact(written).map(Name::Value).or_else(|| {
        written
            .strip_suffix("_file")
            .and_then(exact)
            .map(Name::Contents)
    })
}

/// The sentence for a name that means nothing; `shown` is how the operator wrote it.
fn unknown(origin: &str, shown: &str, written: &str) -> Problem {
    let from_environment = shown == origin;
    let sections = KEYS.iter().map(Key::section);
    let guess = if written.contains('.') {
        let guess = nearest(written, KEYS.iter().map(|key| key.name));
        guess
            .and_then(|name| KEYS.iter().find(|key| key.name == name))
            .map(|key| {
                if from_environment {
                    key.variable()
                } else {
                    key.name.to_owned()
                }
            })
    } else {
        nearest(written, sections).map(|section| format!("[{section}]"))
    };
    let cure = match guess {
        Some(guess) => format!("did you mean {guess}?"),
        None if from_environment => "unset it".to_owned(),
        None => {
            let mut sections: Vec<&str> = KEYS.iter().map(Key::section).collect();
            sections.dedup();
            format!("remove it; the sections are {}", sections.join(", "))
        }
    };
    if from_environment {
        Problem::new(format!("{shown} is no known setting; {cure}"))
    } else {
        Problem::new(format!("{origin}: unknown key {shown}; {cure}"))
    }
}

fn raw(value: &DeValue<'_>) -> Option<Raw> {
    match value {
        DeValue::Array(items) => {
            let texts: Option<Vec<String>> =
                items.iter().map(|item| text(item.get_ref())).collect();
            texts.map(Raw::List)
        }
        other => text(other).map(Raw::Text),
    }
}

fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(answer) => Some(answer.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}
