//! One recorded mail and the reading of its headers and text.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// A mail as the server received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Envelope sender.
    pub from: String,
    /// Envelope recipients that were accepted.
    pub to: Vec<String>,
    /// Headers, an empty line and the body, byte for byte, without the dots added in transit.
    pub raw: String,
}

impl Mail {
    /// The first header of that name, unfolded, with encoded words decoded.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let unfolded = self.head().replace("\r\n ", " ").replace("\r\n\t", " ");
        let line = unfolded.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })?;
        Some(decode_words(&line))
    }

    /// The subject, decoded; empty when there is none.
    #[must_use]
    pub fn subject(&self) -> String {
        self.header("Subject").unwrap_or_default()
    }

    /// The body of a mail of one part, decoded.
    #[must_use]
    pub fn text(&self) -> String {
        let body = self.raw.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let encoding = self.header("Content-Transfer-Encoding").unwrap_or_default();
        match encoding.to_ascii_lowercase().as_str() {
            "base64" => decode_base64(body),
            "quoted-printable" => decode_quoted(&body.replace("=\r\n", "")),
            _ => body.to_owned(),
        }
    }

    fn head(&self) -> &str {
        self.raw
            .split_once("\r\n\r\n")
            .map_or(self.raw.as_str(), |(head, _)| head)
    }
}

/// Decodes `=?utf-8?b?…?=` and `=?utf-8?q?…?=`; space between two encoded words is not text.
fn decode_words(value: &str) -> String {
    let mut decoded = String::new();
    let mut rest = value;
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let (before, word) = rest.split_at(start);
        let parts: Vec<&str> = word[2..].splitn(4, '?').collect();
        let [_, encoding, text, tail] = parts[..] else {
            break;
        };
        let Some(tail) = tail.strip_prefix('=') else {
            break;
        };
        if !(after_word && before.trim().is_empty()) {
            decoded.push_str(before);
        }
        decoded.push_str(&match encoding {
            "b" | "B" => decode_base64(text),
            _ => decode_quoted(&text.replace('_', " ")),
        });
        rest = tail;
        after_word = true;
    }
    decoded + rest
}

fn decode_base64(text: &str) -> String {
    let compact: String = text.split_whitespace().collect();
    let bytes = BASE64_STANDARD.decode(compact).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn decode_quoted(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) if byte == b'=' => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subject_is_unfolded_and_decoded() {
        let raw = "Subject: [x]\r\n =?utf-8?b?5aSH5Lu9?= =?utf-8?Q?_caf=C3=A9?= ok\r\n\r\nbody";
        let mail = Mail {
            from: String::new(),
            to: Vec::new(),
            raw: raw.to_owned(),
        };

        assert_eq!(mail.subject(), "[x] 备份 café ok");
    }

    #[test]
    fn quoted_printable_text_is_joined_and_decoded() {
        let raw = "Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9 =\r\n1=3D1";
        let mail = Mail {
            from: String::new(),
            to: Vec::new(),
            raw: raw.to_owned(),
        };

        assert_eq!(mail.text(), "café 1=1");
    }
}
