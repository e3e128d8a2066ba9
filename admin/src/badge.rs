//! A state as pages show it: a shape, a word, and only then a colour.

use std::fmt;

use askama::filters::Escaper as _;

/// A state, ready for a template: it writes a whole element whose word is escaped.
#[derive(Debug, Clone)]
pub(crate) struct Badge {
    state: &'static str,
    word: String,
}

impl Badge {
    /// The badge of the state called `state` in the stylesheet, saying `word`.
    pub(crate) fn new(state: &'static str, word: impl Into<String>) -> Self {
        Badge {
            state,
            word: word.into(),
        }
    }
}

impl askama::filters::HtmlSafe for Badge {}

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<span class=\"state\" data-state=\"{}\">", self.state)?;
        askama::filters::Html.write_escaped_str(&mut *f, &self.word)?;
        f.write_str("</span>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_escapes_its_word() {
        assert_eq!(
            Badge::new("failed", "<b>").to_string(),
            "<span class=\"state\" data-state=\"failed\">&#60;b&#62;</span>"
        );
    }
}
