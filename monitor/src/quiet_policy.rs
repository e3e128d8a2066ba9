//! Quiet hours of everybody, and what does not keep to them.

use carillon_core::quiet::QuietHours;
use carillon_core::rule::Rule;
use carillon_lifecycle::config::Config;
use jiff::Timestamp;

use crate::options::OptionsError;

/// When people are not disturbed, and what they are told all the same.
#[derive(Debug, Clone)]
pub struct QuietPolicy {
    /// The quiet hours of everybody whose group has none of its own.
    pub hours: QuietHours,
    /// The zone of all quiet hours.
    pub zone: String,
    /// What never waits.
    pub urgent: Vec<Rule>,
}

impl QuietPolicy {
    /// Nothing waits.
    pub fn none() -> Self {
        QuietPolicy {
            hours: QuietHours::none("UTC").expect("everybody knows UTC"),
            zone: "UTC".to_owned(),
            urgent: Vec::new(),
        }
    }

    pub(crate) fn from_config(config: &Config) -> Result<Self, OptionsError> {
        let zone = config.monitor.quiet_zone.clone();
        let text = config.monitor.quiet_hours.join(", ");
        let urgent = config.monitor.urgent.iter();
        Ok(QuietPolicy {
            hours: QuietHours::parse(&text, &zone).map_err(OptionsError::QuietHours)?,
            zone,
            urgent: urgent
                .map(|word| word.parse())
                .collect::<Result<_, _>>()
                .map_err(|_| OptionsError::Urgent(words_of(Rule::ALL)))?,
        })
    }

    /// Until when news about `rule` is held back for people whose group says `of_group`.
    pub(crate) fn hold_until(
        &self,
        rule: Rule,
        of_group: Option<&str>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if self.urgent.contains(&rule) {
            return None;
        }
        // What a group says was judged when it was said.
        let own = of_group.and_then(|text| QuietHours::parse(text, &self.zone).ok());
        own.as_ref().unwrap_or(&self.hours).hold_until(now)
    }
}

fn words_of(rules: &[Rule]) -> String {
    let words: Vec<&str> = rules.iter().map(|rule| rule.word()).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_of_a_group_come_before_those_of_all_and_urgent_ones_before_both() {
        let always = QuietPolicy {
            hours: QuietHours::parse("Mon .. Sun", "UTC").unwrap(),
            urgent: vec![Rule::NodeSilent],
            ..QuietPolicy::none()
        };
        let now = Timestamp::UNIX_EPOCH;
        let is_held = |rule, of_group| always.hold_until(rule, of_group, now).is_some();

        assert!(is_held(Rule::JobFailed, None));
        assert!(!is_held(Rule::JobFailed, Some("")));
        assert!(is_held(Rule::JobFailed, Some("00:00 .. 01:00")));
        assert!(!is_held(Rule::JobFailed, Some("01:00 .. 02:00")));
        assert!(!is_held(Rule::NodeSilent, Some("00:00 .. 01:00")));
    }
}
