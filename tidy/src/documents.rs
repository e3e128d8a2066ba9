//! Documents that still tell the truth: links, file names, mentions.

use crate::house::House;

/// Endings of words that claim to be a file of this repository.
const FILE_ENDINGS: [&str; 10] = [
    ".rs", ".md", ".sql", ".toml", ".conf", ".service", ".html", ".css", ".js", ".txt",
];

/// Traces of the machine something was written on.
const TRACES: [&str; 3] = ["/Users/", "/mnt/", "/workspace/"];

/// Complaints about links to files, or headings, that are not there.
#[must_use]
pub fn dead_links(house: &House) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in house.files_ending(".md") {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for target in link_targets(text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() {
                path.to_owned()
            } else {
                resolve(folder, file)
            };
            let lacks_heading = !heading.is_empty()
                && house
                    .text(&file)
                    .is_some_and(|text| !has_heading(text, heading));
            if !house.has(&file) || lacks_heading {
                complaints.push(format!("{path}: the link to {target} is dead"));
            }
        }
    }
    complaints
}

/// Complaints about file names in back-ticks that are not there.
#[must_use]
pub fn dead_file_names(house: &House) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in house
        .files_ending(".md")
        .filter(|(path, _)| *path != "CHANGELOG.md")
    {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for word in code_words(text).filter(|word| claims_to_be_ours(word)) {
            if !house.has(word) && !house.has(&resolve(folder, word)) {
                complaints.push(format!("{path}: there is no {word}"));
            }
        }
    }
    complaints
}

/// Complaints about files that carry traces of the machine they were written on.
#[must_use]
pub fn traces_of_a_machine(house: &House) -> Vec<String> {
    let mut complaints = Vec::new();
    let these_words = "tidy/src/documents.rs";
    for (path, text) in house
        .files_ending("")
        .filter(|(path, _)| *path != these_words)
    {
        for (index, line) in text.lines().enumerate() {
            for trace in TRACES.iter().filter(|trace| line.contains(**trace)) {
                complaints.push(format!("{path}:{}: names {trace}", index + 1));
            }
        }
    }
    complaints
}

/// Complaints about files for supervisors that the operator is not told about.
#[must_use]
pub fn untold_supervisor_files(house: &House) -> Vec<String> {
    let operating = house.text("docs/OPERATING.md").unwrap_or_default();
    house
        .files_ending("")
        .filter_map(|(path, _)| path.strip_prefix("supervisor/"))
        .filter(|file| !operating.contains(file))
        .map(|file| format!("docs/OPERATING.md does not mention supervisor/{file}"))
        .collect()
}

/// What stands between `](` and `)`.
fn link_targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
}

/// Single words in back-ticks, outside of blocks of code.
fn code_words(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    prose
        .flat_map(|part| part.lines())
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|word| !word.contains(' '))
}

fn claims_to_be_ours(word: &str) -> bool {
    let is_pattern = word.contains(['*', '{', '<', '$', '…', '?', '=', ':']);
    let is_elsewhere = word.starts_with(['/', '~', '.']) || !word.contains('/');
    let is_file = FILE_ENDINGS.iter().any(|ending| word.ends_with(ending)) || word.ends_with('/');
    is_file && !is_pattern && !is_elsewhere
}

/// A path from the root, with `..` and `.` taken away.
fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// Whether a heading is reached by this anchor, made as the usual forges make it.
fn has_heading(text: &str, anchor: &str) -> bool {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .any(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c })
                .collect::<String>()
                == anchor
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_link_and_dead_heading_are_seen() {
        let house = House::of(&[
            (
                "docs/A.md",
                "[b](B.md) [b](B.md#the-tick-itself) [c](../C.md) [w](https://x.y/z) [b](B.md#no)",
            ),
            ("docs/B.md", "## The tick, itself\n"),
        ]);

        assert_eq!(
            dead_links(&house),
            [
                "docs/A.md: the link to ../C.md is dead",
                "docs/A.md: the link to B.md#no is dead"
            ]
        );
    }

    #[test]
    fn dead_file_name_is_seen_and_patterns_are_not_names() {
        let house = House::of(&[
            (
                "docs/A.md",
                "`core/src/gone.rs` `core/src/a.rs` `core/` `/etc/x.toml` `migrations/*.sql` `a.rs`\n```\n`x/y.rs`\n```\n",
            ),
            ("core/src/a.rs", ""),
        ]);

        assert_eq!(
            dead_file_names(&house),
            ["docs/A.md: there is no core/src/gone.rs"]
        );
    }

    #[test]
    fn trace_of_a_machine_is_seen() {
        let house = House::of(&[("scripts/x", "a\ncd /mnt/y\n")]);

        assert_eq!(traces_of_a_machine(&house), ["scripts/x:2: names /mnt/"]);
    }

    #[test]
    fn supervisor_file_that_nobody_is_told_about_is_seen() {
        let house = House::of(&[
            ("docs/OPERATING.md", "supervisor/agent.conf"),
            ("supervisor/agent.conf", ""),
            ("supervisor/admin.conf", ""),
        ]);

        assert_eq!(
            untold_supervisor_files(&house),
            ["docs/OPERATING.md does not mention supervisor/admin.conf"]
        );
    }
}
