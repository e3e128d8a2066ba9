//! Colours of terminals on pages: text with its escapes becomes spans with classes from a fixed set. Of the escapes,
//! colours, bold, faint, italic and underlined are understood; everything else that acts on a terminal is left out.
//! What is handed out is text and names of classes: the page escapes it as any other text.

use std::fmt::Write as _;

/// The longest escape that is waited for when a chunk ends inside one, in bytes.
const ESCAPE_LENGTH_MAX: usize = 256;
/// Changes of look that one page or event takes part in; what follows keeps the last one.
const SPANS_MAX: usize = 2000;

/// Text that looks the same throughout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// Names of classes, or nothing.
    pub(crate) class: String,
    pub(crate) text: String,
}

/// How text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Look {
    /// 0 to 15, as terminals number them.
    ink: Option<u8>,
    ground: Option<u8>,
    is_bold: bool,
    is_faint: bool,
    is_italic: bool,
    is_underlined: bool,
}

impl Look {
    fn class(self) -> String {
        let mut class = String::new();
        if let Some(ink) = self.ink {
            let _ = write!(class, "ink{ink} ");
        }
        if let Some(ground) = self.ground {
            let _ = write!(class, "ground{ground} ");
        }
        let flags = [
            (self.is_bold, "bold "),
            (self.is_faint, "faint "),
            (self.is_italic, "italic "),
            (self.is_underlined, "underlined "),
        ];
        flags
            .iter()
            .filter(|(is_set, _)| *is_set)
            .for_each(|(_, name)| class.push_str(name));
        class.truncate(class.trim_end().len());
        class
    }

    /// Takes one number of a `CSI … m`; colours of 256 and more are read by the caller.
    fn set(&mut self, code: u16) {
        let colour = |base: u16, add: u16| u8::try_from(code - base + add).ok();
        match code {
            0 => *self = Look::default(),
            1 => self.is_bold = true,
            2 => self.is_faint = true,
            3 => self.is_italic = true,
            4 => self.is_underlined = true,
            22 => (self.is_bold, self.is_faint) = (false, false),
            23 => self.is_italic = false,
            24 => self.is_underlined = false,
            30..=37 => self.ink = colour(30, 0),
            39 => self.ink = None,
            40..=47 => self.ground = colour(40, 0),
            49 => self.ground = None,
            90..=97 => self.ink = colour(90, 8),
            100..=107 => self.ground = colour(100, 8),
            _ => {}
        }
    }

    /// Takes the parameters of a `CSI … m`.
    fn set_all(&mut self, parameters: &str) {
        let mut codes = parameters.split(';').map(|code| {
            code.parse()
                .unwrap_or(if code.is_empty() { 0 } else { u16::MAX })
        });
        while let Some(code) = codes.next() {
            if !matches!(code, 38 | 48 | 58) {
                self.set(code);
                continue;
            }
            match codes.next() {
                // Of the 256, the sixteen that every terminal has.
                Some(5) => match (code, codes.next()) {
                    (38, Some(ink @ 0..=15)) => self.ink = u8::try_from(ink).ok(),
                    (48, Some(ground @ 0..=15)) => self.ground = u8::try_from(ground).ok(),
                    _ => {}
                },
                Some(2) => drop(codes.nth(2)),
                _ => {}
            }
        }
    }
}

/// Reads one stream of output, chunk after chunk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Painter {
    look: Look,
    /// The end of the last chunk, where it ended inside a character or an escape.
    held: Vec<u8>,
}

impl Painter {
    /// The spans of the next bytes; what they leave incomplete waits for those that follow.
    pub(crate) fn paint(&mut self, bytes: &[u8]) -> Vec<Span> {
        self.held.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.held);
        let cut = whole_characters(&bytes);
        let text = String::from_utf8_lossy(&bytes[..cut]);
        let mut sheet = Sheet::default();
        let mut rest = text.as_ref();
        while let Some(letter) = rest.chars().next() {
            let after = &rest[letter.len_utf8()..];
            if letter != '\u{1b}' {
                if let Some(letter) = seen(letter) {
                    sheet.push(letter, self.look);
                }
                rest = after;
                continue;
            }
            match read_escape(after) {
                Some((escape, left)) => {
                    if let Escape::Look(parameters) = escape {
                        self.look.set_all(parameters);
                    }
                    rest = left;
                }
                None if rest.len() <= ESCAPE_LENGTH_MAX => {
                    self.held = rest.as_bytes().to_vec();
                    break;
                }
                // No terminal would wait for ever either.
                None => rest = after,
            }
        }
        self.held.extend_from_slice(&bytes[cut..]);
        sheet.spans
    }

    /// Everything at once: an incomplete end is left out.
    pub(crate) fn paint_whole(bytes: &[u8]) -> Vec<Span> {
        let mut painter = Painter::default();
        let mut spans = painter.paint(bytes);
        let is_broken = painter.held.first().is_some_and(|byte| *byte != 0x1b);
        if is_broken {
            let text = '\u{fffd}'.to_string();
            let class = painter.look.class();
            spans.push(Span { class, text });
        }
        spans
    }
}

/// The length of the bytes without a character that is not complete yet.
fn whole_characters(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(3);
    let start = (from..bytes.len()).rev().find(|at| bytes[*at] >= 0xc0);
    match start.map(|at| (at, std::str::from_utf8(&bytes[at..]))) {
        Some((at, Err(error))) if error.valid_up_to() == 0 && error.error_len().is_none() => at,
        _ => bytes.len(),
    }
}

/// A character as a page may have it.
fn seen(letter: char) -> Option<char> {
    match letter {
        '\n' | '\t' => Some(letter),
        '\r' => None,
        // Marks that turn the direction of text would make a page lie about its order.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some('\u{fffd}'),
        _ if letter.is_control() => Some('\u{fffd}'),
        _ => Some(letter),
    }
}

enum Escape<'t> {
    Look(&'t str),
    Other,
}

/// Reads what follows an ESC: `[ … letter`, a text up to BEL or `ESC \`, or one letter; none where it does not end.
fn read_escape(text: &str) -> Option<(Escape<'_>, &str)> {
    let kind = text.chars().next()?;
    let rest = &text[kind.len_utf8()..];
    match kind {
        '[' => {
            let end = rest.find(|letter| !matches!(letter, '\u{20}'..='\u{3f}'))?;
            let letter = rest[end..].chars().next()?;
            if !('\u{40}'..='\u{7e}').contains(&letter) {
                // Broken off: the letter is text again.
                return Some((Escape::Other, &rest[end..]));
            }
            let is_plain = rest[..end]
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b';');
            let escape = match letter {
                'm' if is_plain => Escape::Look(&rest[..end]),
                _ => Escape::Other,
            };
            Some((escape, &rest[end + 1..]))
        }
        // Titles, links, pictures, clipboards.
        ']' | 'P' | 'X' | '^' | '_' => {
            let end = rest.find(['\u{7}', '\u{1b}', '\u{9c}', '\n'])?;
            let after = &rest[end..];
            let left = match after.chars().next()? {
                '\n' => after,
                '\u{1b}' if after.len() == 1 => return None,
                '\u{1b}' => after.strip_prefix("\u{1b}\\").unwrap_or(after),
                ender => &after[ender.len_utf8()..],
            };
            Some((Escape::Other, left))
        }
        '\u{20}'..='\u{2f}' => {
            let end = rest.find(|letter| !matches!(letter, '\u{20}'..='\u{2f}'))?;
            let letter = rest[end..].chars().next()?;
            Some((Escape::Other, &rest[end + letter.len_utf8()..]))
        }
        '\n' => Some((Escape::Other, text)),
        _ => Some((Escape::Other, rest)),
    }
}

#[derive(Default)]
struct Sheet {
    spans: Vec<Span>,
    look: Option<Look>,
}

impl Sheet {
    fn push(&mut self, letter: char, look: Look) {
        let is_full = self.spans.len() >= SPANS_MAX;
        match self.spans.last_mut() {
            Some(span) if is_full || self.look == Some(look) => span.text.push(letter),
            _ => {
                self.look = Some(look);
                self.spans.push(Span {
                    class: look.class(),
                    text: letter.to_string(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn painted(bytes: &[u8]) -> Vec<(String, String)> {
        let spans = Painter::paint_whole(bytes);
        spans
            .into_iter()
            .map(|span| (span.class, span.text))
            .collect()
    }

    fn pair(class: &str, text: &str) -> (String, String) {
        (class.to_owned(), text.to_owned())
    }

    #[test]
    fn colours_become_classes_and_end_where_they_end() {
        assert_eq!(
            painted(b"a\x1b[1;31mred\x1b[22m thin\x1b[m b\x1b[38;5;12;44mc\x1b[39;49md"),
            [
                pair("", "a"),
                pair("ink1 bold", "red"),
                pair("ink1", " thin"),
                pair("", " b"),
                pair("ink12 ground4", "c"),
                pair("", "d"),
            ]
        );
        assert_eq!(
            painted(b"\x1b[38;2;31;1;4mx\x1b[38;5;200my"),
            [pair("", "xy")]
        );
    }

    #[test]
    fn everything_else_that_acts_on_a_terminal_is_left_out() {
        for (hostile, plain) in [
            (&b"\x1b]0;title\x07ok"[..], "ok"),
            (
                b"\x1b]8;;javascript:alert(1)\x1b\\link\x1b]8;;\x1b\\",
                "link",
            ),
            (b"\x1b]52;c;cm0gLXJm\x07x", "x"),
            (b"\x1bPpicture\x1b\\x", "x"),
            (b"\x1b[2J\x1b[1;1Hx\x1b[?25l\x1b[6n", "x"),
            (b"\x1b(0x\x1bcy\x1b=z", "xyz"),
            (b"over\rwritten\x08\x00", "overwritten\u{fffd}\u{fffd}"),
            (b"a\xe2\x80\xaeb", "a\u{fffd}b"),
            (b"\xff\xe9\x92\x9f\xe9\x92", "\u{fffd}\u{949f}\u{fffd}"),
            (b"\x1b[31\nnext", "\nnext"),
            (b"\x1b]0;no end\nnext line", "\nnext line"),
            (b"\x1b[", ""),
            (b"\x1b[99999999999999999999;<31mx", "x"),
            (b"<script>alert(1)</script>", "<script>alert(1)</script>"),
        ] {
            let text: String = painted(hostile).into_iter().map(|(_, text)| text).collect();
            assert_eq!(text, plain, "{hostile:?}");
        }
    }

    #[test]
    fn a_page_of_changes_has_a_bound() {
        let wild = b"\x1b[31ma\x1b[32mb".repeat(50_000);
        let spans = Painter::paint_whole(&wild);

        assert_eq!(spans.len(), SPANS_MAX);
        assert_eq!(
            spans.iter().map(|span| span.text.len()).sum::<usize>(),
            100_000
        );
        assert!(
            Painter::paint_whole(&[b"\x1b[".as_slice(), &b"1;".repeat(100_000)].concat()).len()
                <= 1
        );
    }

    fn joined(spans: Vec<Span>) -> Vec<Span> {
        let mut all: Vec<Span> = Vec::new();
        for span in spans {
            match all.last_mut() {
                Some(last) if last.class == span.class => last.text.push_str(&span.text),
                _ => all.push(span),
            }
        }
        all
    }

    proptest! {
        #[test]
        fn chunks_may_end_anywhere(bytes in prop::collection::vec(prop_oneof![
            Just(0x1b_u8), Just(b'['), Just(b']'), Just(b'm'), Just(b';'), Just(b'3'), Just(b'1'), Just(b'\n'), Just(7), Just(0xe9), Just(0x92), Just(0x9f), any::<u8>(),
        ], 0..60), cut in 0..60_usize) {
            let cut = cut.min(bytes.len());
            let mut whole = Painter::default();
            let whole = whole.paint(&bytes);
            let mut parts = Painter::default();
            let mut spans = parts.paint(&bytes[..cut]);
            spans.extend(parts.paint(&bytes[cut..]));

            for span in &whole {
                prop_assert!(span.class.chars().all(|c| c.is_ascii_alphanumeric() || c == ' '));
                prop_assert!(span.text.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
            }
            prop_assert_eq!(joined(spans), joined(whole));
        }
    }
}
