//! Lengths, names, openings, and that nobody opts out of the lints.

use crate::house::House;

/// Lines of a source file, its tests not counted.
const LINES_MAX: usize = 400;

/// Names that say nothing: what is in the file has a name of its own.
const BANNED_NAMES: [&str; 16] = [
    "util", "utils", "common", "helper", "helpers", "misc", "type", "types", "model", "models",
    "trait", "traits", "prelude", "shared", "legacy", "manager",
];

/// Lints that nobody may switch off in code that ships; the cure is to find the missing noun.
const BINDING_LINTS: [&str; 3] = ["too_many_lines", "too_many_arguments", "unwrap_used"];

/// Complaints about files that want to be two nouns.
#[must_use]
pub fn long_files(house: &House) -> Vec<String> {
    house
        .sources()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{path}: {lines} lines, the limit is {LINES_MAX}"))
        .collect()
}

/// Complaints about names that say nothing.
#[must_use]
pub fn empty_names(house: &House) -> Vec<String> {
    let says_nothing = |path: &str| {
        path.split('/').any(|part| {
            let stem = part.split('.').next().unwrap_or(part);
            BANNED_NAMES.contains(&stem)
        })
    };
    house
        .files_ending(".rs")
        .filter(|(path, _)| says_nothing(path))
        .map(|(path, _)| format!("{path}: the name says nothing; what is in it?"))
        .collect()
}

/// Complaints about modules that do not say what they are responsible for.
#[must_use]
pub fn silent_modules(house: &House) -> Vec<String> {
    house
        .sources()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| format!("{path}: does not open with //! and what it is responsible for"))
        .collect()
}

/// Complaints about lints switched off, in a file or for a whole package.
#[must_use]
pub fn escaped_lints(house: &House) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in house
        .sources()
        .filter(|(path, _)| !path.starts_with("testbed/"))
    {
        for lint in BINDING_LINTS {
            if text.contains(&format!("clippy::{lint}")) {
                complaints.push(format!("{path}: switches {lint} off"));
            }
        }
    }
    for (path, text) in house.member_manifests() {
        if text.contains("[package]") && !text.contains("[lints]\nworkspace = true") {
            complaints.push(format!("{path}: does not take the lints of the workspace"));
        }
    }
    complaints
}

/// Complaints about versions given anywhere but in the root manifest.
#[must_use]
pub fn local_versions(house: &House) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in house.member_manifests() {
        let mut in_dependencies = false;
        for line in text.lines() {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
            } else if in_dependencies && line.contains('=') && !line.contains("workspace = true") {
                complaints.push(format!("{path}: `{line}` belongs into the root manifest"));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_file_is_seen_and_its_tests_are_not_counted() {
        let long = "//! x\n".repeat(401);
        let tested = format!(
            "{}\n#[cfg(test)]\nmod tests {{\n{long}}}",
            "//! x\n".repeat(399)
        );
        let house = House::of(&[("core/src/a.rs", &long), ("core/src/b.rs", &tested)]);

        assert_eq!(
            long_files(&house),
            ["core/src/a.rs: 401 lines, the limit is 400"]
        );
    }

    #[test]
    fn empty_name_of_a_file_or_folder_is_seen() {
        let house = House::of(&[
            ("core/src/utils.rs", ""),
            ("core/tests/common/mod.rs", ""),
            ("core/src/text_form.rs", ""),
        ]);

        assert_eq!(empty_names(&house).len(), 2);
    }

    #[test]
    fn module_without_an_opening_is_seen() {
        let house = House::of(&[("core/src/a.rs", "use b;"), ("core/src/b.rs", "//! B.\n")]);

        assert_eq!(silent_modules(&house).len(), 1);
    }

    #[test]
    fn escape_from_a_lint_is_seen() {
        let house = House::of(&[
            (
                "core/src/a.rs",
                "#[expect(clippy::too_many_lines, reason = \"tired\")]",
            ),
            (
                "core/src/b.rs",
                "\n#[cfg(test)]\nmod tests { clippy::unwrap_used }",
            ),
            ("core/Cargo.toml", "[package]\nname = \"x\"\n"),
        ]);

        assert_eq!(
            escaped_lints(&house),
            [
                "core/src/a.rs: switches too_many_lines off",
                "core/Cargo.toml: does not take the lints of the workspace",
            ]
        );
    }

    #[test]
    fn version_outside_the_root_manifest_is_seen() {
        let house = House::of(&[(
            "core/Cargo.toml",
            "[package]\nversion = \"1\"\n[dependencies]\nserde = \"1\"\njiff = { workspace = true }\n",
        )]);

        assert_eq!(
            local_versions(&house),
            ["core/Cargo.toml: `serde = \"1\"` belongs into the root manifest"]
        );
    }
}
