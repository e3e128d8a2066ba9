//! Migrations: both databases get each, and each says which older programs its tables leave at work.

use crate::House;

const MYSQL: &str = "migrations/mysql/";
const SQLITE: &str = "migrations/sqlite/";

/// The migration from which on levels are told.
const FIRST_TOLD: &str = "_schema_levels.sql";

/// Complaints about migrations that only one of the databases gets.
#[must_use]
pub fn one_sided_migrations(house: &House) -> Vec<String> {
    let names = |folder: &str| -> Vec<String> {
        let files = house.files_ending(".sql");
        files
            .filter_map(|(path, _)| path.strip_prefix(folder).map(str::to_owned))
            .collect()
    };
    let (mysql, sqlite) = (names(MYSQL), names(SQLITE));
    let missing = |these: &[String], those: &[String], folder: &str| -> Vec<String> {
        let lonely = these.iter().filter(|name| !those.contains(name));
        lonely
            .map(|name| format!("migrations/{folder}/{name} is missing"))
            .collect()
    };
    [
        missing(&mysql, &sqlite, "sqlite"),
        missing(&sqlite, &mysql, "mysql"),
    ]
    .concat()
}

/// Complaints about migrations that do not say what a program must know to work with their tables, that say it differently for
/// the two databases, or that take something away and say that nothing more is needed.
#[must_use]
pub fn untold_levels(house: &House) -> Vec<String> {
    let mut files: Vec<(&str, &str)> = house
        .files_ending(".sql")
        .filter_map(|(path, text)| Some((path.strip_prefix(MYSQL)?, text)))
        .collect();
    files.sort_unstable();
    let begin = files
        .iter()
        .position(|(name, _)| name.ends_with(FIRST_TOLD));
    let mut complaints = Vec::new();
    let mut before = 0;
    for (name, text) in &files[begin.unwrap_or(files.len())..] {
        let number: u32 = name
            .split('_')
            .next()
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(0);
        let told = told_level(text);
        if told != house.text(&format!("{SQLITE}{name}")).and_then(told_level) {
            complaints.push(format!(
                "{name}: the two databases are told different levels"
            ));
        }
        match told {
            Some((level, least)) if level == number && (before..=number).contains(&least) => {
                if least == before && takes_away(text) {
                    complaints.push(format!(
                        "{name}: takes away what programs of level {least} use; raise what they must know"
                    ));
                }
                before = least;
            }
            _ => complaints.push(format!(
                "{name}: must say `insert into schema_levels (level, least_known) values ({number}, N);`, N from {before} to {number}"
            )),
        }
    }
    complaints
}

/// The two numbers of the statement that tells.
fn told_level(text: &str) -> Option<(u32, u32)> {
    let (_, rest) = text.rsplit_once("insert into schema_levels (level, least_known) values (")?;
    let (numbers, _) = rest.split_once(");")?;
    let (level, least) = numbers.split_once(", ")?;
    Some((level.parse().ok()?, least.parse().ok()?))
}

/// Whether programs that do not know the migration would miss something, or write too little. Judged by MySQL's file, since
/// SQLite rebuilds tables even to widen them.
fn takes_away(text: &str) -> bool {
    let takes = ["drop column", "drop table", "rename "];
    text.lines().map(str::trim).any(|line| {
        let demands =
            line.contains("add column") && line.contains("not null") && !line.contains("default");
        !line.starts_with("--") && (demands || takes.iter().any(|word| line.contains(word)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migration_for_one_database_only_is_seen() {
        let house = House::of(&[
            ("migrations/mysql/0001_jobs.sql", ""),
            ("migrations/sqlite/0001_jobs.sql", ""),
            ("migrations/mysql/0002_runs.sql", ""),
        ]);

        assert_eq!(
            one_sided_migrations(&house),
            ["migrations/sqlite/0002_runs.sql is missing"]
        );
    }

    /// Complaints about a migration 0003 with this text that follows two whose levels are told.
    fn complaints_of(mysql: &str, sqlite: &str) -> Vec<String> {
        let told = |level| {
            format!("insert into schema_levels (level, least_known) values ({level}, 1);\n")
        };
        let [first, second] = [told(1), told(2)];
        untold_levels(&House::of(&[
            ("migrations/mysql/0001_schema_levels.sql", &first),
            ("migrations/sqlite/0001_schema_levels.sql", &first),
            ("migrations/mysql/0002_more.sql", &second),
            ("migrations/sqlite/0002_more.sql", &second),
            ("migrations/mysql/0003_x.sql", mysql),
            ("migrations/sqlite/0003_x.sql", sqlite),
        ]))
    }

    #[test]
    fn migration_says_its_level_to_both_databases() {
        let told = "insert into schema_levels (level, least_known) values (3, 1);\n";
        let of_another = told.replace("(3,", "(2,");
        let lower = told.replace("1);", "0);");

        assert_eq!(complaints_of(told, told), [""; 0]);
        assert_eq!(complaints_of("", "").len(), 1);
        assert_eq!(complaints_of(&of_another, &of_another).len(), 1);
        assert_eq!(complaints_of(&lower, &lower).len(), 1);
        assert_eq!(complaints_of(told, &told.replace("1);", "2);")).len(), 1);
    }

    #[test]
    fn migration_that_takes_away_raises_what_programs_must_know() {
        let told = "insert into schema_levels (level, least_known) values (3, 1);\n";
        for taking in [
            "alter table runs drop column detail;\n",
            "alter table runs add column colour int not null;\n",
            "rename table runs to rides;\n",
        ] {
            let same = format!("{taking}{told}");
            let raised = same.replace("1);", "2);");

            assert_eq!(complaints_of(&same, &same).len(), 1, "{taking}");
            assert_eq!(complaints_of(&raised, &raised), [""; 0], "{taking}");
        }
        let adding = format!("alter table runs add column colour int not null default 0;\n{told}");
        assert_eq!(complaints_of(&adding, &adding), [""; 0]);
    }
}
