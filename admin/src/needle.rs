//! A text that is looked for in many others: made ready once.

use std::fmt;

use memchr::memmem::Finder;

/// What is looked for.
#[derive(Clone)]
pub(crate) struct Needle(Box<Finder<'static>>);

impl Needle {
    /// Ready to be looked for.
    pub(crate) fn new(text: &str) -> Self {
        Needle(Box::new(Finder::new(text.as_bytes()).into_owned()))
    }

    /// Where it begins for the first time.
    pub(crate) fn find(&self, text: &[u8]) -> Option<usize> {
        self.0.find(text)
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.needle().len()
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
