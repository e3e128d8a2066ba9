//! Things that may only happen in places that ARCHITECTURE names, each with its reason.

use crate::house::{House, code_of};

/// The document that names the places.
const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";

/// One thing, the section of ARCHITECTURE that lists where it may happen, and how it looks.
struct Place {
    what: &'static str,
    section: &'static str,
    signs: &'static [&'static str],
    /// Folders in which it is everyday work and needs no entry.
    free: &'static [&'static str],
}

const PLACES: [Place; 4] = [
    Place {
        what: "reads a clock",
        section: "Where the clock is read",
        signs: &[
            "Timestamp::now(",
            "Zoned::now(",
            "SystemTime::now(",
            "ClockId::Realtime",
            "CLOCK_REALTIME",
        ],
        free: &["bench/", "tidy/"],
    },
    Place {
        what: "starts a process",
        section: "Where processes are started",
        signs: &[
            "process::Command",
            "process::{Child, Command",
            "process::{Command",
            "posix_spawn",
            "clone3",
        ],
        free: &["runner/src/", "testbed/", "bench/", "tidy/"],
    },
    Place {
        what: "is unsafe",
        section: "Where unsafe code lives",
        signs: &["unsafe {", "unsafe fn ", "unsafe impl ", "unsafe extern "],
        free: &["tidy/"],
    },
    Place {
        what: "reads the environment",
        section: "Where the environment is read",
        signs: &["env::var(", "env::var_os(", "env::vars(", "env::vars_os("],
        free: &["testbed/", "bench/", "tidy/"],
    },
];

/// Complaints about things that happen in files which ARCHITECTURE does not name for them.
#[must_use]
pub fn misplaced(house: &House) -> Vec<String> {
    let architecture = house.text(ARCHITECTURE).unwrap_or_default();
    let mut complaints = Vec::new();
    for place in &PLACES {
        let listed = listed_files(architecture, place.section);
        for (path, text) in house.sources() {
            let allowed =
                place.free.iter().any(|folder| path.starts_with(folder)) || listed.contains(&path);
            let found = text.lines().position(|line| {
                let code = code_of(line);
                place.signs.iter().any(|sign| code.contains(sign))
            });
            if let (Some(index), false) = (found, allowed) {
                complaints.push(format!(
                    "{path}:{}: {}; only the files under \"{}\" in {ARCHITECTURE} do, with a reason",
                    index + 1,
                    place.what,
                    place.section
                ));
            }
        }
    }
    complaints
}

/// Complaints about monotonic time in pure code: durations are facts that arrive, too.
#[must_use]
pub fn time_in_pure_code(house: &House) -> Vec<String> {
    let sources = house
        .sources()
        .filter(|(path, _)| path.starts_with("core/"));
    sources
        .filter(|(_, text)| {
            text.lines()
                .any(|line| code_of(line).contains("Instant::now("))
        })
        .map(|(path, _)| format!("{path}: core is told the time, it does not ask for it"))
        .collect()
}

/// Complaints about SQL outside the store.
#[must_use]
pub fn stray_sql(house: &House) -> Vec<String> {
    let free = ["store/", "testbed/", "bench/", "tidy/"];
    house
        .sources()
        .filter(|(path, _)| !free.iter().any(|folder| path.starts_with(folder)))
        .filter(|(_, text)| text.split('"').skip(1).step_by(2).any(is_sql))
        .map(|(path, _)| format!("{path}: holds SQL; a verb of the store is missing"))
        .collect()
}

/// Whether a text is a statement. Words alone are not enough: "update the job" is English.
fn is_sql(text: &str) -> bool {
    let words = text.trim_start().to_ascii_lowercase();
    let begins = |start: &str| words.starts_with(start);
    begins("insert into ")
        || begins("delete from ")
        || begins("create table ")
        || begins("alter table ")
        || (begins("select ") && words.contains(" from "))
        || (begins("update ") && words.contains(" set ") && words.contains('='))
}

/// File names in back-ticks under a heading, up to the next heading.
fn listed_files<'a>(document: &'a str, section: &str) -> Vec<&'a str> {
    let after = document
        .split_once(&format!("# {section}\n"))
        .map_or("", |(_, after)| after);
    let end = after.find("\n#").unwrap_or(after.len());
    after[..end]
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.contains('/'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "## Where the clock is read\n\n* `agent/src/pump.rs`: its work\n\n## Next\n\n`core/src/a.rs`\n";

    #[test]
    fn clock_outside_the_listed_files_is_seen() {
        let house = House::of(&[
            (ARCHITECTURE, DOCUMENT),
            ("agent/src/pump.rs", "let now = Timestamp::now();"),
            ("core/src/a.rs", "\nlet now = Timestamp::now();"),
            (
                "core/src/b.rs",
                "// Timestamp::now() would be wrong\n\n#[cfg(test)]\nmod tests { Timestamp::now() }",
            ),
        ]);

        let complaints = misplaced(&house);

        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(complaints[0].starts_with("core/src/a.rs:2: reads a clock"));
    }

    #[test]
    fn unsafe_processes_and_environment_are_seen() {
        let house = House::of(&[
            ("admin/src/a.rs", "unsafe { run() }"),
            ("admin/src/b.rs", "use std::process::Command;"),
            ("runner/src/b.rs", "use std::process::Command;"),
            ("admin/src/c.rs", "std::env::var(\"HOME\")"),
        ]);

        let complaints = misplaced(&house);

        assert_eq!(complaints.len(), 3, "{complaints:?}");
    }

    #[test]
    fn monotonic_clock_in_core_is_seen() {
        let house = House::of(&[
            ("core/src/a.rs", "Instant::now()"),
            ("agent/src/a.rs", "Instant::now()"),
        ]);

        assert_eq!(time_in_pure_code(&house).len(), 1);
    }

    #[test]
    fn sql_outside_the_store_is_seen_and_english_is_not() {
        let house = House::of(&[
            ("admin/src/a.rs", "let a = \"select id\n from jobs\";"),
            (
                "admin/src/b.rs",
                "bail!(\"update the job, then select a node from the list\")",
            ),
            ("store/src/a.rs", "\"delete from jobs\""),
        ]);

        assert_eq!(
            stray_sql(&house),
            ["admin/src/a.rs: holds SQL; a verb of the store is missing"]
        );
    }
}
