//! What is wrong with a form, field by field: all fields are judged at once, and what was typed is kept.

use carillon_core::lang::Lang;

use crate::words::{Words, words};

/// The complaints about the fields of one form.
#[derive(Debug, Clone)]
pub(crate) struct FieldErrors {
    complaints: Vec<(String, String)>,
    /// What complaints are said in.
    pub(crate) words: &'static Words,
}

impl Default for FieldErrors {
    fn default() -> Self {
        FieldErrors::said_in(words(Lang::En))
    }
}

impl FieldErrors {
    /// No complaint yet; whoever judges says them in these words.
    pub(crate) fn said_in(words: &'static Words) -> Self {
        FieldErrors {
            complaints: Vec::new(),
            words,
        }
    }

    /// Complains about a field.
    pub(crate) fn add(&mut self, field: &str, wrong: impl Into<String>) {
        self.complaints.push((field.to_owned(), wrong.into()));
    }

    /// Takes the value, or complains about the field in the words that `tell` finds.
    pub(crate) fn check<T, E>(
        &mut self,
        field: &str,
        judged: Result<T, E>,
        tell: impl FnOnce(E) -> String,
    ) -> Option<T> {
        match judged {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(field, tell(error));
                None
            }
        }
    }

    /// Adds the complaints of another judgement.
    pub(crate) fn append(&mut self, other: FieldErrors) {
        self.complaints.extend(other.complaints);
    }

    /// The first complaint about a field.
    pub(crate) fn of(&self, field: &str) -> Option<&str> {
        self.complaints
            .iter()
            .find(|(name, _)| name == field)
            .map(|(_, wrong)| wrong.as_str())
    }

    /// All complaints, in the order of the form.
    pub(crate) fn all(&self) -> &[(String, String)] {
        &self.complaints
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.complaints.is_empty()
    }

    /// The complaints as a fault, for programs.
    pub(crate) fn into_fault(self) -> crate::faults::Fault {
        crate::faults::Fault::Fields(self.complaints)
    }
}
