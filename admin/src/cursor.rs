//! Where the next page of a list begins: the key of the last row, as text that fits an address.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::faults::Fault;

/// The cursor for a key.
pub(crate) fn write(key: &impl Serialize) -> String {
    let json = serde_json::to_vec(key).expect("a key of plain values becomes JSON");
    URL_SAFE_NO_PAD.encode(json)
}

/// The key in a cursor; an empty text is the beginning.
/// # Errors
/// When the text is no cursor of this list.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<Option<T>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let key = URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok());
    key.map(Some).ok_or_else(|| {
        Fault::Malformed(format!(
            "{text:?} is no cursor of this list; begin without one"
        ))
    })
}

/// An address with those of the parameters that say something.
pub(crate) fn query(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_a_foreign_one_is_refused() {
        let key = ("nightly 备份".to_owned(), 7_i64);

        assert_eq!(read::<(String, i64)>(&write(&key)).unwrap(), Some(key));
        assert!(read::<(String, i64)>("").unwrap().is_none());
        assert!(read::<(String, i64)>("%%%").is_err());
        assert!(read::<(String, i64)>(&write(&1)).is_err());
    }

    #[test]
    fn an_address_holds_what_is_said_only() {
        assert_eq!(query("/jobs", &[("q", ""), ("state", "")]), "/jobs");
        assert_eq!(
            query("/jobs", &[("q", "a b&c"), ("state", "on")]),
            "/jobs?q=a+b%26c&state=on"
        );
    }
}
