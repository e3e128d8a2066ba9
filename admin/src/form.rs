//! What is wrong with a form, field by field: all fields are judged at once, and what was typed is kept.

/// The complaints about the fields of one form.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldErrors(Vec<(String, String)>);

impl FieldErrors {
    /// Complains about a field.
    pub(crate) fn add(&mut self, field: &str, wrong: impl Into<String>) {
        self.0.push((field.to_owned(), wrong.into()));
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
        self.0.extend(other.0);
    }

    /// The first complaint about a field.
    pub(crate) fn of(&self, field: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, _)| name == field)
            .map(|(_, wrong)| wrong.as_str())
    }

    /// All complaints, in the order of the form.
    pub(crate) fn all(&self) -> &[(String, String)] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The complaints as a fault, for programs.
    pub(crate) fn into_fault(self) -> crate::faults::Fault {
        crate::faults::Fault::Fields(self.0)
    }
}
