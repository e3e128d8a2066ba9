//! A document of figures in which each program owns a part and leaves the others alone.

/// The heading of the part that tells of pages; all before it is the other programs'.
pub const PAGES: &str = "## Pages";

/// The document with another part of pages.
#[must_use]
pub fn with_pages(document: &str, part: &str) -> String {
    let (others, _) = split(document);
    format!("{}\n\n{}\n", others.trim_end(), part.trim_end())
}

/// The document with everything else than the part of pages replaced.
#[must_use]
pub fn with_others(document: &str, others: &str) -> String {
    match split(document) {
        (_, None) => others.to_owned(),
        (_, Some(pages)) => format!("{}\n\n{pages}", others.trim_end()),
    }
}

fn split(document: &str) -> (&str, Option<&str>) {
    match document.find(&format!("\n{PAGES}\n")) {
        Some(at) => (&document[..at], Some(&document[at + 1..])),
        None => (document, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_replaced_alone() {
        let both = with_pages("# How fast\n\nlate\n", "## Pages\n\nslow\n");
        assert_eq!(both, "# How fast\n\nlate\n\n## Pages\n\nslow\n");
        assert_eq!(
            with_pages(&both, "## Pages\n\nquick\n"),
            "# How fast\n\nlate\n\n## Pages\n\nquick\n"
        );
        assert_eq!(
            with_others(&both, "# How fast\n\nearly\n"),
            "# How fast\n\nearly\n\n## Pages\n\nslow\n"
        );
        assert_eq!(with_others("# How fast\n", "x\n"), "x\n");
    }
}
