//! Comments as the names of jobs.

use crate::job::JobName;
use crate::schedule::{Field, is_field};

/// The name that a comment gives to the job on the line below it.
///
/// None when it is not meant as one: decoration, the title of a section of the file, a job that is switched off by a `#`, the
/// headings `m h dom mon dow` that every example has, or more than a name may hold.
pub(super) fn job_name(comment: &str) -> Option<String> {
    let text = comment
        .trim_start_matches(['#', ' ', '\t'])
        .trim_end_matches(['#', ' ', '\t', '\r']);
    let is_none = !text.contains(char::is_alphanumeric)
        || is_section(text)
        || is_switched_off_job(text)
        || is_heading(text);
    if is_none {
        return None;
    }
    Some(text.parse::<JobName>().ok()?.as_str().to_owned())
}

/// A title between lines, `--- backups ---`, stands above many jobs and names none of them.
fn is_section(text: &str) -> bool {
    let is_ruled = |rule: &str| text.starts_with(rule) || text.ends_with(rule);
    ["---", "===", "***", "___", "~~~"]
        .into_iter()
        .any(is_ruled)
}

fn is_switched_off_job(text: &str) -> bool {
    let mut words = text.split_ascii_whitespace();
    if text.starts_with('@') {
        return true;
    }
    let five = words.by_ref().take(5).zip(&Field::ALL[1..6]);
    let fields = five.filter(|(word, field)| is_field(**field, word)).count();
    fields == 5 && words.next().is_some()
}

fn is_heading(text: &str) -> bool {
    let words: Vec<String> = text
        .split_ascii_whitespace()
        .take(2)
        .map(str::to_ascii_lowercase)
        .collect();
    matches!(
        [
            words.first().map(String::as_str),
            words.get(1).map(String::as_str)
        ],
        [Some("m" | "min" | "minute"), Some("h" | "hour")]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_name_jobs_unless_they_are_something_else() {
        for (comment, name) in [
            ("# Nightly backup", Some("Nightly backup")),
            ("#Nightly backup\r", Some("Nightly backup")),
            ("## Nightly backup ##", Some("Nightly backup")),
            ("# 备份数据库", Some("备份数据库")),
            ("#", None),
            ("# ------", None),
            ("# --- backups ---------", None),
            ("#==== backups", None),
            ("# dump - then copy", Some("dump - then copy")),
            ("#0 5 * * * /usr/bin/true", None),
            ("# *  *  *  *  * user-name command to be executed", None),
            ("# @daily /usr/bin/true", None),
            ("# m h  dom mon dow   command", None),
            ("# 5 minutes past", Some("5 minutes past")),
        ] {
            assert_eq!(job_name(comment).as_deref(), name, "{comment}");
        }
        assert_eq!(job_name(&"#x".repeat(300)), None);
    }
}
