//! Texts that are cut where there is no room for all of them.

use std::borrow::Cow;

/// The text in at most so many characters; what was cut is told by `…`.
pub(crate) fn shorten(text: &str, length_max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(length_max) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let kept: String = text.chars().take(length_max.saturating_sub(1)).collect();
            Cow::Owned(format!("{}…", kept.trim_end()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_only_when_it_is_too_long() {
        assert_eq!(shorten("钟楼上的钟", 5), "钟楼上的钟");
        assert_eq!(shorten("钟楼上的钟", 4), "钟楼上…");
        assert_eq!(shorten("three bells", 7), "three…");
        assert_eq!(shorten("", 0), "");
    }
}
