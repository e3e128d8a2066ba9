//! Everything the pages say, in every language. A message that lacks a language does not compile.
//!
//! Knows sentences and languages; must not know pages, requests or the store.

mod account;
mod calendars;
mod chrome;
mod closed_sets;
mod deeds;
pub(crate) mod evidence;
mod faults;
mod fields;
mod jobs;
pub(crate) mod judgements;
mod nodes;
mod people;
mod runs;
mod system;
mod views;

use std::fmt::Display;

use carillon_core::lang::Lang;

/// Makes a struct of messages, one field each, and one constant of it for every language.
macro_rules! catalogue {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $en:literal, $zh:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name { $(pub(crate) $key: &'static str),+ }

        impl $name {
            pub(super) const EN: $name = $name { $($key: $en),+ };
            pub(super) const ZH: $name = $name { $($key: $zh),+ };
            #[cfg(test)]
            pub(super) const ALL: &'static [(&'static str, &'static str, &'static str)] =
                &[$((stringify!($key), $en, $zh)),+];
        }
    };
}
pub(crate) use catalogue;

/// The whole catalogue in one language.
#[derive(Debug)]
pub(crate) struct Words {
    /// Which language.
    pub(crate) lang: Lang,
    /// Navigation, and what every page shares.
    pub(crate) chrome: chrome::Chrome,
    /// Signing in, and one's own account.
    pub(crate) account: account::Account,
    /// Jobs and their editor.
    pub(crate) jobs: jobs::Jobs,
    /// The editor of a job.
    pub(crate) editor: jobs::Editor,
    /// Complaints about a job.
    pub(crate) judgements: judgements::Judgements,
    /// Calendars.
    pub(crate) calendars: calendars::Calendars,
    /// Runs and their output.
    pub(crate) runs: runs::Runs,
    /// Nodes.
    pub(crate) nodes: nodes::Nodes,
    /// Accounts, grants, tokens, groups and the audit log.
    pub(crate) people: people::People,
    /// Overview, timeline, alerts, import, health.
    pub(crate) system: system::System,
    /// What is known of an incident.
    pub(crate) evidence: evidence::Evidence,
    /// Saved views of lists.
    pub(crate) views: views::Views,
    /// What went wrong, and what to do.
    pub(crate) faults: faults::Faults,
}

static EN: Words = Words {
    lang: Lang::En,
    chrome: chrome::Chrome::EN,
    account: account::Account::EN,
    jobs: jobs::Jobs::EN,
    editor: jobs::Editor::EN,
    judgements: judgements::Judgements::EN,
    calendars: calendars::Calendars::EN,
    runs: runs::Runs::EN,
    nodes: nodes::Nodes::EN,
    people: people::People::EN,
    system: system::System::EN,
    evidence: evidence::Evidence::EN,
    views: views::Views::EN,
    faults: faults::Faults::EN,
};

static ZH: Words = Words {
    lang: Lang::Zh,
    chrome: chrome::Chrome::ZH,
    account: account::Account::ZH,
    jobs: jobs::Jobs::ZH,
    editor: jobs::Editor::ZH,
    judgements: judgements::Judgements::ZH,
    calendars: calendars::Calendars::ZH,
    runs: runs::Runs::ZH,
    nodes: nodes::Nodes::ZH,
    people: people::People::ZH,
    system: system::System::ZH,
    evidence: evidence::Evidence::ZH,
    views: views::Views::ZH,
    faults: faults::Faults::ZH,
};

/// The catalogue in `lang`.
pub(crate) fn words(lang: Lang) -> &'static Words {
    match lang {
        Lang::En => &EN,
        Lang::Zh => &ZH,
    }
}

/// Puts `values` in the places of `{}` in `message`, in order; of `{job|jobs}` it takes what goes with the number before it.
pub(crate) fn fill(message: &str, values: &[&dyn Display]) -> String {
    let mut values = values.iter();
    let mut pieces = message.split('{');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    let mut last = String::new();
    for piece in pieces {
        let (place, rest) = piece.split_once('}').unwrap_or((piece, ""));
        if let Some((one, many)) = place.split_once('|') {
            text.push_str(if last == "1" { one } else { many });
        } else if let Some(value) = values.next() {
            last = value.to_string();
            text.push_str(&last);
        }
        text.push_str(rest);
    }
    text
}

/// The same for one value, as templates write it.
pub(crate) fn fill_in(message: &str, value: impl Display) -> String {
    fill(message, &[&value])
}

/// What of the message goes after a number that stands elsewhere.
pub(crate) fn after(number: impl Display, message: &str) -> String {
    let number = number.to_string();
    fill(&format!("{{}}{message}"), &[&number]).split_off(number.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
        [
            chrome::Chrome::ALL,
            account::Account::ALL,
            jobs::Jobs::ALL,
            jobs::Editor::ALL,
            judgements::Judgements::ALL,
            calendars::Calendars::ALL,
            runs::Runs::ALL,
            nodes::Nodes::ALL,
            people::People::ALL,
            system::System::ALL,
            evidence::Evidence::ALL,
            views::Views::ALL,
            faults::Faults::ALL,
        ]
        .into_iter()
        .flatten()
    }

    /// Messages that are the same in both languages: names, abbreviations and units.
    const SAME: &[&str] = &["product"];

    #[test]
    fn every_message_is_said_in_both_languages() {
        for (key, en, zh) in all() {
            let has_han = zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));

            assert!(!en.trim().is_empty(), "{key} is empty in English");
            assert!(
                has_han || SAME.contains(key),
                "{key} is not said in Chinese: {zh}"
            );
            assert!(
                en.is_ascii() || en.chars().all(|c| c < '\u{4e00}'),
                "{key}: {en}"
            );
        }
    }

    #[test]
    fn both_languages_leave_the_same_places_open() {
        for (key, en, zh) in all() {
            assert_eq!(en.matches("{}").count(), zh.matches("{}").count(), "{key}");
        }
    }

    #[test]
    fn values_go_where_the_message_wants_them() {
        assert_eq!(fill("{} of {}", &[&1, &"x"]), "1 of x");
        assert_eq!(fill("none", &[]), "none");
        assert_eq!(fill("{}, {}", &[&"a {} b", &2]), "a {} b, 2");
    }

    #[test]
    fn nouns_go_with_the_number_before_them() {
        let told =
            |jobs: i32, runs: i32| fill("{} {job has|jobs have} {} {run|runs}", &[&jobs, &runs]);

        assert_eq!(told(1, 0), "1 job has 0 runs");
        assert_eq!(told(2, 1), "2 jobs have 1 run");
        assert_eq!(told(11, 21), "11 jobs have 21 runs");
        assert_eq!(after(1, "{node|nodes} alive"), "node alive");
        assert_eq!(after(10, "{node|nodes} alive"), "nodes alive");
    }

    /// Words after a number that end like a plural and are none.
    const NO_PLURALS: &[&str] = &["this", "was", "has"];

    #[test]
    fn no_noun_is_a_plural_whatever_its_number() {
        for (key, en, _) in all() {
            for rest in en.split("{}").skip(1) {
                let near = rest
                    .split([',', ';', ':', '.', '{', '}'])
                    .next()
                    .unwrap_or_default();
                let bare = near.split_whitespace().take(2).find(|word| {
                    word.len() > 2 && word.ends_with('s') && !NO_PLURALS.contains(word)
                });

                assert_eq!(bare, None, "{key}: write {{one|many}} in {en}");
            }
        }
    }
}
