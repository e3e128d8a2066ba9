//! A text that is looked for in many others: made ready once.

use std::fmt;

use memchr::memmem::Finder;

/// What is looked for.
#[derive(Clone)]
pub(crate) struct Needle(Finder<'static>);

impl Needle {
    /// Ready to be looked for.
    pub(crate) fn new(text: &str) -> Self {
        Needle(Finder::new(text.as_bytes()).into_owned())
    }

    /// Whether the text has it.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.0.find(text.as_bytes()).is_some()
    }
}

impl PartialEq for Needle {
    fn eq(&self, other: &Self) -> bool {
        self.0.needle() == other.0.needle()
    }
}

impl Eq for Needle {}

impl fmt::Debug for Needle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.0.needle()))
    }
}
