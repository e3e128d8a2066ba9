//! A second opinion on schedules: it walks every second of the wall and asks naively whether the
//! fields match. It shares no code with the engine and never parses: expressions are built as
//! items, printed for the engine and matched here.

use std::fmt;

use carillon_core::schedule::DstRule;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// An item of a field.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Star(u32),
    One(u32),
    Range(u32, u32, u32),
    From(u32, u32),
    Last(u32),
    Nearest(u32),
    LastWorking,
    LastWeekday(u32),
    NthWeekday(u32, u32),
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Star(1) => write!(f, "*"),
            Item::Star(step) => write!(f, "*/{step}"),
            Item::One(value) => write!(f, "{value}"),
            Item::Range(start, end, 1) => write!(f, "{start}-{end}"),
            Item::Range(start, end, step) => write!(f, "{start}-{end}/{step}"),
            Item::From(start, step) => write!(f, "{start}/{step}"),
            Item::Last(0) => write!(f, "L"),
            Item::Last(before) => write!(f, "L-{before}"),
            Item::Nearest(day) => write!(f, "{day}W"),
            Item::LastWorking => write!(f, "LW"),
            Item::LastWeekday(weekday) => write!(f, "{weekday}L"),
            Item::NthWeekday(weekday, nth) => write!(f, "{weekday}#{nth}"),
        }
    }
}

/// An expression as items: second (if any), minute, hour, day, month, weekday.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    pub(crate) second: Option<Vec<Item>>,
    pub(crate) minute: Vec<Item>,
    pub(crate) hour: Vec<Item>,
    pub(crate) day: Vec<Item>,
    pub(crate) month: Vec<Item>,
    pub(crate) weekday: Vec<Item>,
    pub(crate) plus: bool,
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: &[Item]| {
            items
                .iter()
                .map(Item::to_string)
                .collect::<Vec<_>>()
                .join(",")
        };
        if let Some(second) = &self.second {
            write!(f, "{} ", list(second))?;
        }
        let plus = if self.plus { "+" } else { "" };
        write!(
            f,
            "{} {} {} {} {plus}{}",
            list(&self.minute),
            list(&self.hour),
            list(&self.day),
            list(&self.month),
            list(&self.weekday)
        )
    }
}

impl Expression {
    pub(crate) fn matches(&self, wall: DateTime) -> bool {
        self.matches_time(wall) && self.matches_date(wall.date())
    }

    fn matches_time(&self, wall: DateTime) -> bool {
        let second = match &self.second {
            Some(items) => any_holds(items, wall.second() as u32, 0, 59),
            None => wall.second() == 0,
        };
        second
            && any_holds(&self.minute, wall.minute() as u32, 0, 59)
            && any_holds(&self.hour, wall.hour() as u32, 0, 23)
    }

    pub(crate) fn matches_date(&self, date: Date) -> bool {
        if !any_holds(&self.month, date.month() as u32, 1, 12) {
            return false;
        }
        let day = self.day.iter().any(|item| matches_day(item, date));
        let weekday = self.weekday.iter().any(|item| matches_weekday(item, date));
        if self.plus || begins_with_star(&self.day) || begins_with_star(&self.weekday) {
            day && weekday
        } else {
            day || weekday
        }
    }

    pub(crate) fn is_fixed_time(&self) -> bool {
        !begins_with_star(&self.minute) && !begins_with_star(&self.hour)
    }

    /// All fire times with `from < t <= until`, second by second.
    pub(crate) fn fire_times(
        &self,
        tz: &TimeZone,
        rule: DstRule,
        from: i64,
        until: i64,
    ) -> Vec<i64> {
        let mut fires = Vec::new();
        for second in from + 1..=until {
            let now = Timestamp::from_second(second).unwrap();
            let wall = tz.to_datetime(now);
            let shown = self.matches(wall) && self.wants_showing(tz, rule, now, wall);
            if shown || self.lost_just_before(tz, rule, second, wall) {
                fires.push(second);
            }
        }
        fires
    }

    fn wants_showing(&self, tz: &TimeZone, rule: DstRule, now: Timestamp, wall: DateTime) -> bool {
        let (is_first, is_last) = place_among_showings(tz, now, wall);
        match rule {
            DstRule::Literal => true,
            DstRule::Skip => is_first,
            DstRule::Second => is_last,
            DstRule::Cron => is_first || !self.is_fixed_time(),
        }
    }

    fn lost_just_before(&self, tz: &TimeZone, rule: DstRule, second: i64, wall: DateTime) -> bool {
        if !self.is_fixed_time() || matches!(rule, DstRule::Literal | DstRule::Skip) {
            return false;
        }
        let before = tz.to_datetime(Timestamp::from_second(second - 1).unwrap());
        let step = SignedDuration::from_secs(1);
        let mut lost = before + step;
        while lost < wall {
            if self.matches(lost) {
                return true;
            }
            lost += step;
        }
        false
    }
}

/// Whether no earlier and no later instant shows the same wall-clock time.
fn place_among_showings(tz: &TimeZone, now: Timestamp, wall: DateTime) -> (bool, bool) {
    let here = tz.to_offset(now).seconds();
    let (mut is_first, mut is_last) = (true, true);
    for hours in -30..=30 {
        let there = tz
            .to_offset(now + SignedDuration::from_hours(hours))
            .seconds();
        let other = now + SignedDuration::from_secs(i64::from(here - there));
        if tz.to_datetime(other) == wall {
            is_first &= other >= now;
            is_last &= other <= now;
        }
    }
    (is_first, is_last)
}

fn begins_with_star(items: &[Item]) -> bool {
    matches!(items[0], Item::Star(_))
}

fn any_holds(items: &[Item], value: u32, min: u32, max: u32) -> bool {
    items.iter().any(|item| holds(item, value, min, max))
}

/// Walks along the item's range, one value at a time, going round at the maximum.
fn holds(item: &Item, value: u32, min: u32, max: u32) -> bool {
    let (start, end, step) = match *item {
        Item::Star(step) => (min, max, step),
        Item::One(one) => (one, one, 1),
        Item::Range(start, end, step) => (start, end, step),
        Item::From(start, step) => (start, max, step),
        _ => return false,
    };
    let (mut at, mut count) = (start, 0);
    loop {
        if at == value && count % step == 0 {
            return true;
        }
        if at == end {
            return false;
        }
        at = if at == max { min } else { at + 1 };
        count += 1;
    }
}

fn matches_day(item: &Item, date: Date) -> bool {
    let (day, last) = (date.day() as u32, date.days_in_month() as u32);
    match *item {
        Item::Last(before) => day + before == last,
        Item::Nearest(wanted) => wanted <= last && nearest_working_day(date, wanted) == day,
        Item::LastWorking => {
            is_working(date) && (day + 1..=last).all(|later| !is_working(in_month(date, later)))
        }
        _ => holds(item, day, 1, 31),
    }
}

fn matches_weekday(item: &Item, date: Date) -> bool {
    let weekday = date.weekday().to_sunday_zero_offset() as u32;
    let (day, last) = (date.day() as u32, date.days_in_month() as u32);
    match *item {
        Item::LastWeekday(wanted) => wanted % 7 == weekday && day + 7 > last,
        Item::NthWeekday(wanted, nth) => wanted % 7 == weekday && day.div_ceil(7) == nth,
        Item::Star(_) => holds(item, weekday, 0, 6),
        // Both 0 and 7 are Sunday, and a range ends at the first day that is its end.
        Item::Range(start, end, step) if start <= end => {
            holds(&Item::Range(start, end, step), weekday, 0, 7)
                || weekday == 0 && holds(&Item::Range(start, end, step), 7, 0, 7)
        }
        Item::Range(start, end, step) => {
            holds(&Item::Range(start % 7, end % 7, step), weekday, 0, 6)
        }
        _ => holds(item, weekday, 0, 7) || weekday == 0 && holds(item, 7, 0, 7),
    }
}

fn nearest_working_day(date: Date, wanted: u32) -> u32 {
    let last = date.days_in_month() as i32;
    [0, -1, 1, -2, 2]
        .into_iter()
        .map(|distance| wanted as i32 + distance)
        .filter(|day| (1..=last).contains(day))
        .map(|day| day as u32)
        .find(|&day| is_working(in_month(date, day)))
        .expect("five days in a row hold a working day")
}

fn is_working(date: Date) -> bool {
    (1..=5).contains(&date.weekday().to_sunday_zero_offset())
}

fn in_month(date: Date, day: u32) -> Date {
    Date::new(date.year(), date.month(), day as i8).unwrap()
}
