//! How things are said: the language, instants and spans of time.

use carillon_core::incident::{Incident, Owed};
use carillon_core::lang::Lang;
use carillon_core::schedule::time_zone;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Who speaks, about what, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speech {
    pub(crate) lang: Lang,
    pub(crate) owed: Owed,
    pub(crate) now: Timestamp,
}

impl Speech {
    pub(crate) fn new(lang: Lang, owed: Owed, now: Timestamp) -> Self {
        Speech { lang, owed, now }
    }

    /// The same in the reader's language. Both stand side by side, so that neither is forgotten.
    pub(crate) fn say<T>(&self, en: T, zh: T) -> T {
        match self.lang {
            Lang::En => en,
            Lang::Zh => zh,
        }
    }

    /// An instant in UTC, to the second.
    pub(crate) fn time(&self, at: Timestamp) -> String {
        at.to_zoned(TimeZone::UTC)
            .strftime("%Y-%m-%d %H:%M:%S UTC")
            .to_string()
    }

    /// An instant in the zone that the job's people think in.
    pub(crate) fn time_in(&self, at: Timestamp, zone: &str) -> String {
        match time_zone(zone) {
            Ok(found) if zone != "UTC" => at
                .to_zoned(found)
                .strftime(&format!("%Y-%m-%d %H:%M:%S %:z {zone}"))
                .to_string(),
            _ => self.time(at),
        }
    }

    /// A span in its two largest units.
    pub(crate) fn span(&self, span: SignedDuration) -> String {
        let seconds = span.as_secs().max(0);
        let units = [
            (86_400, self.say("d", "天")),
            (3_600, self.say("h", "小时")),
            (60, self.say("min", "分")),
            (1, self.say("s", "秒")),
        ];
        let mut rest = seconds;
        let mut parts: Vec<String> = Vec::new();
        for (size, unit) in units {
            if rest >= size {
                parts.push(format!("{} {unit}", rest / size));
                rest %= size;
            }
            if parts.len() == 2 {
                break;
            }
        }
        match parts.is_empty() {
            true => self.say("less than a second", "不到 1 秒").to_owned(),
            false => parts.join(" "),
        }
    }

    /// How long the trouble has lasted, or did last.
    pub(crate) fn length(&self, incident: &Incident) -> String {
        let until = match (self.owed, incident.well_since, incident.resolved_at) {
            (Owed::Resolved, Some(well_since), _) => well_since,
            (Owed::Resolved, None, Some(resolved_at)) => resolved_at,
            _ => self.now,
        };
        self.span(until.duration_since(incident.since_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn english() -> Speech {
        Speech::new(Lang::En, Owed::Opened, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_span_is_said_in_its_two_largest_units() {
        let say = |seconds| english().span(SignedDuration::from_secs(seconds));

        assert_eq!(say(0), "less than a second");
        assert_eq!(say(59), "59 s");
        assert_eq!(say(252), "4 min 12 s");
        assert_eq!(say(3_600), "1 h");
        assert_eq!(say(90_061), "1 d 1 h");
    }

    #[test]
    fn an_instant_is_said_in_the_zone_of_the_job() {
        let at = Timestamp::from_second(1_795_227_125).unwrap();

        assert_eq!(english().time(at), "2026-11-21 02:12:05 UTC");
        assert_eq!(
            english().time_in(at, "Asia/Shanghai"),
            "2026-11-21 10:12:05 +08:00 Asia/Shanghai"
        );
        assert_eq!(english().time_in(at, "no/where"), "2026-11-21 02:12:05 UTC");
    }
}
