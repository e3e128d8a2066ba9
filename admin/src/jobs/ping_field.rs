//! Whom a job's pings go to, as documents and forms name it: shown without its secret, and kept when that is sent back.

use carillon_core::ping::PingUrl;
use carillon_store::LastPing;
use serde_json::{Value, json};

use crate::moment::Moments;
use crate::words::fill;

/// Reads an address; null and the empty text are none. What readers see of the address there is leaves it as it is.
pub(super) fn put_ping_url(place: &mut Option<PingUrl>, value: &Value) -> Result<(), String> {
    let text = match value {
        Value::Null => "",
        Value::String(text) => text.trim(),
        other => return Err(format!("expected a text, got {other}")),
    };
    if place.as_ref().is_some_and(|url| url.veiled() == text) {
        return Ok(());
    }
    *place = match text {
        "" => None,
        text => Some(text.parse().map_err(|error| format!("{error}"))?),
    };
    Ok(())
}

/// What readers see of it.
pub(super) fn veiled(url: Option<&PingUrl>) -> Value {
    json!(url.map(PingUrl::veiled))
}

/// How the last ping went, as the job's page tells it.
pub(super) fn ping_words(url: &PingUrl, last: Option<&LastPing>, moments: &Moments) -> String {
    let (w, url) = (&moments.words.jobs, url.veiled());
    let Some(last) = last else {
        return format!("{url} · {}", w.ping_none);
    };
    let message = match last.is_told {
        true => w.ping_told,
        false => w.ping_untold,
    };
    let at = moments.full(last.ended_at);
    let said = fill(message, &[&last.told, &at, &last.result]);
    format!("{url} · {said}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_readers_see_is_taken_back_as_what_it_stands_for() {
        let mut place = None;
        let url = "https://hc-ping.com/0b1c2d3e";
        assert_eq!(put_ping_url(&mut place, &json!(url)), Ok(()));
        let seen = veiled(place.as_ref());

        assert!(!seen.to_string().contains("0b1c2d3e"), "{seen}");
        assert_eq!(put_ping_url(&mut place, &seen), Ok(()));
        assert_eq!(place.as_ref().map(PingUrl::reveal), Some(url));
        assert!(
            put_ping_url(&mut None, &seen)
                .unwrap_err()
                .contains("write the whole")
        );
        assert_eq!(put_ping_url(&mut place, &json!("")), Ok(()));
        assert_eq!(place, None);
    }
}
