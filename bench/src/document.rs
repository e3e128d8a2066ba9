//! A document of figures in which each program owns a part and leaves the others alone.

/// The document with what stands before its first part replaced.
#[must_use]
pub fn with_opening(document: &str, opening: &str) -> String {
    let parts = document.find("\n## ").map(|at| &document[at + 1..]);
    join(opening, "", parts.unwrap_or_default())
}

/// The document with one part replaced, or added at its end. A part begins with its heading, `## …`, on a line of its own.
#[must_use]
pub fn with_part(document: &str, part: &str) -> String {
    let heading = part.lines().next().unwrap_or_default();
    let Some(from) = document.find(&format!("\n{heading}\n")) else {
        return join(document, part, "");
    };
    let rest = &document[from + 1 + heading.len()..];
    let after = rest.find("\n## ").map(|at| &rest[at + 1..]);
    join(&document[..from], part, after.unwrap_or_default())
}

fn join(before: &str, part: &str, after: &str) -> String {
    let parts = [before, part, after].map(str::trim_end);
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_replaced_alone() {
        let one = with_part("# How fast\n\nlate\n", "## Pages\n\nslow\n");
        assert_eq!(one, "# How fast\n\nlate\n\n## Pages\n\nslow\n");
        let two = with_part(&one, "## Growth\n\n### Nodes\n\nflat\n");
        assert_eq!(two, one.clone() + "\n## Growth\n\n### Nodes\n\nflat\n");
        assert_eq!(
            with_part(&two, "## Pages\n\nquick\n"),
            "# How fast\n\nlate\n\n## Pages\n\nquick\n\n## Growth\n\n### Nodes\n\nflat\n"
        );
        assert_eq!(
            with_opening(&two, "# How fast\n\nearly\n"),
            "# How fast\n\nearly\n\n## Pages\n\nslow\n\n## Growth\n\n### Nodes\n\nflat\n"
        );
        assert_eq!(with_opening("# How fast\n", "x\n"), "x\n");
    }
}
