//! The languages in which Carillon speaks to people.
//!
//! Knows the languages and their tags; must not know any sentence.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A language of pages, mails and descriptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese, 简体中文.
    Zh,
}

impl Lang {
    /// Every language, in the order of a menu.
    pub const ALL: [Lang; 2] = [Lang::En, Lang::Zh];

    /// The short tag used in URLs, cookies and flags: `en`, `zh`.
    pub fn tag(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Zh => "zh",
        }
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

/// The text names no language that Carillon speaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("language \"{0}\" is not spoken here; use en or zh")]
pub struct UnknownLang(String);

impl FromStr for Lang {
    type Err = UnknownLang;

    /// Reads a tag; a region or script after it is ignored, so `zh-CN` and `en_GB` are understood.
    fn from_str(text: &str) -> Result<Lang, UnknownLang> {
        let primary = text.split(['-', '_']).next().unwrap_or_default();
        Lang::ALL
            .into_iter()
            .find(|lang| lang.tag().eq_ignore_ascii_case(primary))
            .ok_or_else(|| UnknownLang(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_does_not_change_the_language() {
        assert_eq!("zh-Hans-CN".parse(), Ok(Lang::Zh));
        assert_eq!("EN_gb".parse(), Ok(Lang::En));
        assert!("de".parse::<Lang>().is_err());
    }
}
