//! What can be looked for of all jobs, in one piece: a word is found in a hundred thousand texts by one walk through
//! memory, where a walk from job to job waits for memory at each of them.

use crate::needle::Needle;

/// Stands between texts. No text of a job has it.
const BETWEEN: u8 = 0;

/// Texts that are gone may take as much room as those that are there, and this much more.
const WASTE_MAX: usize = 1 << 20;

/// A text's number among the others; it changes when waste is cleared away.
pub(crate) type TextNumber = u32;

/// The part of a text that a word is looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The job's name.
    Name,
    /// Its description, command and expression as well.
    All,
}

#[derive(Debug, Clone, Copy)]
struct Text {
    start: usize,
    name_end: usize,
    end: usize,
}

/// The texts of all jobs, in lower case.
#[derive(Debug, Default)]
pub(crate) struct JobTexts {
    bytes: Vec<u8>,
    /// By number, which is the order of their places.
    texts: Vec<Text>,
    wasted: usize,
}

impl JobTexts {
    /// Adds a job's text, which begins with its name.
    pub(crate) fn add(&mut self, name: &str, rest: &str) -> TextNumber {
        let start = self.bytes.len();
        self.write(name);
        let name_end = self.bytes.len();
        self.write("\n");
        self.write(rest);
        self.push(start, name_end)
    }

    fn write(&mut self, part: &str) {
        let lower = part.to_lowercase();
        self.bytes
            .extend(lower.bytes().filter(|&byte| byte != BETWEEN));
    }

    /// The text that was just written from `start` on.
    fn push(&mut self, start: usize, name_end: usize) -> TextNumber {
        let end = self.bytes.len();
        self.bytes.push(BETWEEN);
        self.texts.push(Text {
            start,
            name_end,
            end,
        });
        TextNumber::try_from(self.texts.len() - 1).expect("there are fewer than four billion jobs")
    }

    /// A text is not used any more. Until waste is cleared away it may still be found under its number.
    pub(crate) fn waste(&mut self, number: TextNumber) {
        let text = self.texts[number as usize];
        self.wasted += text.end - text.start;
    }

    /// Drops the waste, once it is much: each number in use is replaced by a new one.
    pub(crate) fn clear_away<'n>(&mut self, numbers: impl Iterator<Item = &'n mut TextNumber>) {
        if self.wasted < self.bytes.len() / 2 || self.wasted < WASTE_MAX {
            return;
        }
        let mut fresh = JobTexts::default();
        for number in numbers {
            let text = self.texts[*number as usize];
            let start = fresh.bytes.len();
            fresh.bytes.extend(&self.bytes[text.start..text.end]);
            *number = fresh.push(start, start + text.name_end - text.start);
        }
        *self = fresh;
    }

    /// Which texts have the word.
    pub(crate) fn having(&self, word: &Needle, part: Part) -> Hits {
        let mut hits = Hits(vec![0; self.texts.len().div_ceil(64)]);
        let mut from = 0;
        let mut number = 0;
        while let Some(found) = word.find(&self.bytes[from..]) {
            let (start, end) = (from + found, from + found + word.len());
            number += self.texts[number..].partition_point(|text| text.end < start);
            let text = self.texts[number];
            let is_inside = match part {
                Part::Name => end <= text.name_end,
                Part::All => end <= text.end,
            };
            if is_inside {
                hits.0[number / 64] |= 1 << (number % 64);
            }
            // The name comes first: whatever follows in this text changes nothing.
            from = text.end + 1;
            if from >= self.bytes.len() {
                break;
            }
        }
        hits
    }
}

/// The numbers of some texts.
#[derive(Debug)]
pub(crate) struct Hits(Vec<u64>);

impl Hits {
    /// Whether this text is among them.
    pub(crate) fn has(&self, number: TextNumber) -> bool {
        let (word, bit) = (number as usize / 64, number % 64);
        self.0.get(word).is_some_and(|bits| bits >> bit & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &JobTexts, word: &str, part: Part) -> Vec<TextNumber> {
        let hits = texts.having(&Needle::new(word), part);
        (0..100).filter(|&number| hits.has(number)).collect()
    }

    #[test]
    fn a_word_is_found_in_each_text_that_has_it_and_in_no_two() {
        let mut texts = JobTexts::default();
        assert!(found(&texts, "a", Part::All).is_empty());
        texts.add(
            "Nightly BACKUP",
            "the backup of Zürich\nbackup --all\n0 3 * * *",
        );
        texts.add("invoices", "mails\nsend --after backup\n0 8 * * *");
        texts.add("zürich", "\ntrue\n@hourly");

        assert_eq!(found(&texts, "backup", Part::All), [0, 1]);
        assert_eq!(found(&texts, "backup", Part::Name), [0]);
        assert_eq!(found(&texts, "zürich", Part::All), [0, 2]);
        assert_eq!(found(&texts, "zürich", Part::Name), [2]);
        assert_eq!(found(&texts, "@hourly", Part::All), [2]);
        assert_eq!(found(&texts, "", Part::Name), [0, 1, 2]);
        assert!(found(&texts, "* * *\0invoices", Part::All).is_empty());
        assert!(found(&texts, "nightly backup\nthe", Part::Name).is_empty());
    }

    #[test]
    fn waste_is_cleared_away_and_what_is_used_keeps_its_text() {
        let mut texts = JobTexts::default();
        let long = "x".repeat(1000);
        let mut kept = Vec::new();
        for round in 0..3000 {
            let number = texts.add(&format!("job {round}"), &long);
            if round % 1000 == 7 {
                kept.push(number);
            } else {
                texts.waste(number);
            }
            texts.clear_away(kept.iter_mut());
        }

        assert!(texts.bytes.len() < 2 * WASTE_MAX, "{}", texts.bytes.len());
        assert_eq!(found(&texts, "job 7\n", Part::All), [kept[0]]);
        assert_eq!(found(&texts, "job 1007", Part::Name), [kept[1]]);
        assert_eq!(found(&texts, "job 2007", Part::Name), [kept[2]]);
    }
}
