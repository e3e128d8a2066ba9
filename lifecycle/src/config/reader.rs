//! Turns raw values into checked ones. A wrong value becomes a problem and reading goes on.

use std::path::PathBuf;
use std::time::Duration;

use super::duration::parse_duration;
use super::error::Problem;
use super::keys::{KEYS, Key};
use super::secret_url::SecretUrl;
use super::settings::{Raw, Settings};

pub(crate) struct Reader<'a> {
    settings: &'a Settings,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(settings: &'a Settings, problems: &'a mut Vec<Problem>) -> Self {
        Self { settings, problems }
    }

    /// A text; an empty one counts as absent, so that a variable can be emptied.
    pub(crate) fn optional_text(&mut self, name: &str) -> Option<String> {
        self.text(key(name)).map(|(value, _)| value)
    }

    /// A text that has a default; whoever uses it judges it.
    pub(crate) fn word(&mut self, name: &str) -> String {
        self.text_or_default(name).0
    }

    pub(crate) fn optional_url(&mut self, name: &str) -> Option<SecretUrl> {
        let (value, origin) = self.text(key(name))?;
        if value.contains("://") || value.starts_with("sqlite:") {
            return Some(SecretUrl::new(value));
        }
        let key = key(name);
        self.refuse(
            &origin,
            format!("{name} is no URL; write for example {}", key.example),
        )
    }

    pub(crate) fn web_url(&mut self, name: &str) -> Option<String> {
        let (value, origin) = self.text(key(name))?;
        if value.starts_with("http://") || value.starts_with("https://") {
            return Some(value.trim_end_matches('/').to_owned());
        }
        let example = key(name).example;
        self.refuse(
            &origin,
            format!("{name} \"{value}\" must begin with http:// or https://, such as {example}"),
        )
    }

    pub(crate) fn list(&mut self, name: &str) -> Vec<String> {
        let items = match self
            .settings
            .get(key(name).name)
            .map(|setting| &setting.raw)
        {
            Some(Raw::List(items)) => items.clone(),
            Some(Raw::Text(text)) => text.split(',').map(str::to_owned).collect(),
            None => default_of(key(name))
                .split(',')
                .map(str::to_owned)
                .collect(),
        };
        items
            .iter()
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect()
    }

    pub(crate) fn count(&mut self, name: &str) -> u32 {
        let (value, origin) = self.text_or_default(name);
        match value.trim().parse() {
            Ok(count) if count > 0 => count,
            _ => {
                let example = key(name).example;
                let sentence = format!(
                    "{name} \"{value}\" must be a whole number from 1 to {}, such as {example}",
                    u32::MAX
                );
                self.refuse::<()>(&origin, sentence);
                1
            }
        }
    }

    pub(crate) fn duration(&mut self, name: &str) -> Duration {
        let (value, origin) = self.text_or_default(name);
        match parse_duration(&value) {
            Ok(duration) if !duration.is_zero() => return duration,
            Ok(_) => {
                let example = key(name).example;
                let sentence = format!("{name} must be longer than nothing, such as {example}");
                self.refuse::<()>(&origin, sentence);
            }
            Err(error) => {
                self.refuse::<()>(&origin, format!("{name}: {error}"));
            }
        }
        Duration::ZERO
    }

    /// An absolute path; a relative one is taken from the working directory of this start.
    pub(crate) fn path(&mut self, name: &str) -> PathBuf {
        let (value, origin) = self.text_or_default(name);
        match std::path::absolute(&value) {
            Ok(path) => path,
            Err(error) => {
                self.refuse::<()>(&origin, format!("{name} \"{value}\" is no path: {error}"));
                PathBuf::new()
            }
        }
    }

    /// `host:port`; the host may be a name, resolved by whoever listens.
    pub(crate) fn address(&mut self, name: &str) -> String {
        let (value, origin) = self.text_or_default(name);
        let port = value.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        if !matches!(port, Some(Ok(_))) {
            let example = key(name).example;
            let sentence =
                format!("{name} \"{value}\" needs an address and a port, such as {example}");
            self.refuse::<()>(&origin, sentence);
        }
        value
    }

    fn text_or_default(&mut self, name: &str) -> (String, String) {
        let key = key(name);
        self.text(key)
            .unwrap_or_else(|| (default_of(key).to_owned(), "the default".to_owned()))
    }

    /// The value and its origin, when it is set and not empty.
    fn text(&mut self, key: &Key) -> Option<(String, String)> {
        let setting = self.settings.get(key.name)?;
        match &setting.raw {
            Raw::Text(text) if text.is_empty() => None,
            Raw::Text(text) => Some((text.clone(), setting.origin.clone())),
            Raw::List(_) => {
                let origin = setting.origin.clone();
                self.refuse(
                    &origin,
                    format!("{} must be one value, not an array", key.name),
                )
            }
        }
    }

    fn refuse<T>(&mut self, origin: &str, sentence: String) -> Option<T> {
        self.problems
            .push(Problem::new(format!("{origin}: {sentence}")));
        None
    }
}

fn key(name: &str) -> &'static Key {
    KEYS.iter()
        .find(|key| key.name == name)
        .expect("only names in the table are read")
}

fn default_of(key: &Key) -> &'static str {
    key.default
        .expect("only keys with a default are read without an alternative")
}
