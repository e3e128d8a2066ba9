//! The filter language of jobs: words that are looked for, and `name:value` for what is meant exactly. `-` before one
//! means the others; quotes keep blanks and colons.

use std::fmt;

use carillon_core::identity::GroupId;
use carillon_core::run::{Outcome, Phase};
use carillon_store::{JobGroup, LastRun, Node};

use crate::job_texts::Part;
use crate::needle::Needle;
use crate::roster::{Mark, Test};
use crate::words::{Words, fill};

/// The names before a colon.
pub(crate) const FILTERS: [&str; 8] = [
    "name", "group", "enabled", "last", "node", "user", "zone", "calendar",
];

/// Words in one query, at most.
const WORDS_MAX: usize = 50;

/// A word of a query that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The word.
    word: String,
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    /// There is no such filter.
    Filter,
    /// The filter has no such value; these are the ones it has.
    Value(Vec<String>),
    /// A quote is not closed.
    Open,
    /// There are more words than this.
    TooMany,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = &self.word;
        match &self.why {
            Why::Filter => write!(
                f,
                "{word}: there is no such filter; there are {}. Put a text with a colon in quotes",
                FILTERS.join(", ")
            ),
            Why::Value(values) => write!(f, "{word}: it is one of {}", values.join(", ")),
            Why::Open => write!(f, "{word}: the quote is not closed; close it"),
            Why::TooMany => write!(f, "{word}: this is the word after {WORDS_MAX}; use fewer"),
        }
    }
}

impl Refused {
    /// The same in the viewer's language.
    pub(crate) fn told(&self, w: &Words) -> String {
        let (j, word) = (&w.jobs, &self.word);
        match &self.why {
            Why::Filter => fill(j.query_filter, &[word, &FILTERS.join(", ")]),
            Why::Value(values) => fill(j.query_value, &[word, &values.join(", ")]),
            Why::Open => fill(j.query_open, &[word]),
            Why::TooMany => fill(j.query_long, &[word, &WORDS_MAX]),
        }
    }
}

/// What the last run of a job has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Outcome(Outcome),
    /// An outcome that somebody should look at.
    Trouble,
    /// Not ended yet.
    Open,
    /// There is none.
    Never,
}

impl Last {
    fn of(word: &str) -> Option<Last> {
        match word {
            "trouble" => Some(Last::Trouble),
            "open" => Some(Last::Open),
            "never" => Some(Last::Never),
            word => word.parse().ok().map(Last::Outcome),
        }
    }

    fn is(self, run: Option<&LastRun>) -> bool {
        match (self, run) {
            (Last::Never, run) => run.is_none(),
            (_, None) => false,
            (Last::Open, Some(run)) => run.state != Phase::Done,
            (Last::Trouble, Some(run)) => run.outcome.is_some_and(Outcome::is_trouble),
            (Last::Outcome(outcome), Some(run)) => run.outcome == Some(outcome),
        }
    }
}

/// A query that was understood.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    /// What memory knows, and whether it is meant or its opposite.
    pub(crate) tests: Vec<(Test, bool)>,
    /// What only the runs know.
    last: Vec<(Last, bool)>,
}

/// What values are looked up in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'k> {
    pub(crate) groups: &'k [JobGroup],
    pub(crate) nodes: &'k [Node],
}

impl Query {
    /// Reads a query.
    /// # Errors
    /// With the first word that is not understood.
    pub(crate) fn parse(text: &str, known: Known<'_>) -> Result<Query, Refused> {
        let mut query = Query::default();
        for (number, word) in split(text)?.into_iter().enumerate() {
            let refuse = |why| Refused {
                word: word.shown.clone(),
                why,
            };
            if number >= WORDS_MAX {
                return Err(refuse(Why::TooMany));
            }
            let Some(filter) = &word.filter else {
                let test = Test::Has(Part::All, Needle::new(&word.value.to_lowercase()));
                query.tests.push((test, word.is_meant));
                continue;
            };
            if filter == "last" {
                let last = Last::of(&word.value.to_lowercase());
                let last = last.ok_or_else(|| refuse(Why::Value(last_words())))?;
                query.last.push((last, word.is_meant));
                continue;
            }
            let test = test_of(filter, &word.value, known).map_err(refuse)?;
            query.tests.push((test, word.is_meant));
        }
        Ok(query)
    }

    /// Whether the last runs of jobs have to be known.
    pub(crate) fn asks_for_runs(&self) -> bool {
        !self.last.is_empty()
    }

    /// Whether a job's last run is as wanted.
    pub(crate) fn admits_last(&self, run: Option<&LastRun>) -> bool {
        let mut last = self.last.iter();
        last.all(|(last, is_meant)| last.is(run) == *is_meant)
    }
}

/// The values of `last:`.
pub(crate) fn last_words() -> Vec<String> {
    let outcomes = Outcome::ALL.iter().map(ToString::to_string);
    let others = ["trouble", "open", "never"].map(str::to_owned);
    outcomes.chain(others).collect()
}

fn test_of(filter: &str, value: &str, known: Known<'_>) -> Result<Test, Why> {
    let lower = value.to_lowercase();
    match filter {
        "name" => Ok(Test::Has(Part::Name, Needle::new(&lower))),
        "user" => Ok(Test::Is(Mark::User(value.to_owned()))),
        "zone" => Ok(Test::Is(Mark::Zone(lower))),
        "calendar" => Ok(Test::Is(Mark::Calendar(lower))),
        "enabled" => match lower.as_str() {
            "yes" | "true" | "on" => Ok(Test::Is(Mark::Enabled(true))),
            "no" | "false" | "off" => Ok(Test::Is(Mark::Enabled(false))),
            _ => Err(Why::Value(vec!["yes".to_owned(), "no".to_owned()])),
        },
        "group" => {
            let mut groups = known.groups.iter();
            let found = groups.find(|group| group.name.to_lowercase() == lower);
            let id = found
                .map(|group| group.id)
                .or_else(|| number_of(known, &lower));
            let names = || {
                known
                    .groups
                    .iter()
                    .map(|group| group.name.clone())
                    .collect()
            };
            id.map(|id| Test::Is(Mark::Group(id)))
                .ok_or_else(|| Why::Value(names()))
        }
        "node" => {
            let mut nodes = known.nodes.iter();
            let found = nodes.find(|node| node.peer.name.to_lowercase() == lower);
            let names = || {
                known
                    .nodes
                    .iter()
                    .map(|node| node.peer.name.clone())
                    .collect()
            };
            let found = found.ok_or_else(|| Why::Value(names()))?;
            let peer = &found.peer;
            Ok(Test::Is(Mark::Node(peer.name.clone(), peer.labels.clone())))
        }
        _ => Err(Why::Filter),
    }
}

fn number_of(known: Known<'_>, text: &str) -> Option<GroupId> {
    let id = GroupId(text.parse().ok()?);
    known
        .groups
        .iter()
        .any(|group| group.id == id)
        .then_some(id)
}

/// One word of a query.
struct Word {
    is_meant: bool,
    filter: Option<String>,
    value: String,
    /// As it was typed.
    shown: String,
}

/// Splits a query at blanks outside quotes.
fn split(text: &str) -> Result<Vec<Word>, Refused> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let mut word = Word {
            is_meant: true,
            filter: None,
            value: String::new(),
            shown: String::new(),
        };
        let (mut is_quoted, mut was_quoted) = (false, false);
        let mut end = rest.len();
        for (at, letter) in rest.char_indices() {
            match letter {
                '"' => {
                    is_quoted = !is_quoted;
                    was_quoted = true;
                }
                ':' if !is_quoted && !was_quoted && word.filter.is_none() => {
                    word.filter = Some(std::mem::take(&mut word.value).to_lowercase());
                }
                '-' if at == 0 => word.is_meant = false,
                letter if letter.is_whitespace() && !is_quoted => {
                    end = at;
                    break;
                }
                letter => word.value.push(letter),
            }
        }
        rest[..end].clone_into(&mut word.shown);
        if is_quoted {
            let why = Why::Open;
            let word = word.shown;
            return Err(Refused { word, why });
        }
        rest = rest[end..].trim_start();
        if word.shown != "-" {
            words.push(word);
        }
    }
    Ok(words)
}

/// What a query can be completed with.
pub(crate) fn completions(
    known: Known<'_>,
    calendars: impl Iterator<Item = String>,
) -> Vec<String> {
    const NAMES_MAX: usize = 60;
    let quoted = |name: &str| match name.contains([' ', ':', '"']) {
        true => format!("\"{}\"", name.replace('"', "")),
        false => name.to_owned(),
    };
    let mut all = vec!["enabled:yes".to_owned(), "enabled:no".to_owned()];
    all.extend(last_words().iter().map(|word| format!("last:{word}")));
    let groups = known.groups.iter().take(NAMES_MAX);
    all.extend(groups.map(|group| format!("group:{}", quoted(&group.name))));
    let nodes = known.nodes.iter().take(NAMES_MAX);
    all.extend(nodes.map(|node| format!("node:{}", quoted(&node.peer.name))));
    let calendars = calendars.take(NAMES_MAX);
    all.extend(calendars.map(|name| format!("calendar:{}", quoted(&name))));
    all.extend(["name:", "user:", "zone:"].map(str::to_owned));
    all
}

#[cfg(test)]
mod tests {
    use carillon_store::{GroupLimits, GroupMail};

    use super::*;

    fn parse(text: &str) -> Result<Query, String> {
        let groups = [JobGroup {
            id: GroupId(7),
            name: "Night ops".to_owned(),
            description: String::new(),
            limits: GroupLimits::default(),
            mail: GroupMail::default(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
        }];
        let known = Known {
            groups: &groups,
            nodes: &[],
        };
        Query::parse(text, known).map_err(|refused| refused.to_string())
    }

    #[test]
    fn words_and_filters_are_told_apart() {
        let query =
            parse(r#"Backup group:"night OPS" -enabled:no "a:b c" -x last:failed -last:never"#)
                .unwrap();

        assert_eq!(
            query.tests,
            [
                (Test::Has(Part::All, Needle::new("backup")), true),
                (Test::Is(Mark::Group(GroupId(7))), true),
                (Test::Is(Mark::Enabled(false)), false),
                (Test::Has(Part::All, Needle::new("a:b c")), true),
                (Test::Has(Part::All, Needle::new("x")), false),
            ]
        );
        assert_eq!(
            query.last,
            [(Last::Outcome(Outcome::Failed), true), (Last::Never, false)]
        );
        assert!(parse("  ").unwrap().tests.is_empty());
    }

    #[test]
    fn a_refusal_names_the_word() {
        for (text, told) in [
            ("a lst:failed", "lst:failed: there is no such filter"),
            ("enabled:perhaps", "enabled:perhaps: it is one of yes, no"),
            ("last:bad", "last:bad: it is one of succeeded, failed"),
            ("group:day", "group:day: it is one of Night ops"),
            ("node:x", "node:x: it is one of "),
            ("a \"b c", "\"b c: the quote is not closed"),
            (&"a ".repeat(51), "a: this is the word after 50"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.starts_with(told), "{text}: {refused}");
        }
    }
}
