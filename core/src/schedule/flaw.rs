//! What can be wrong with a text that is meant as a schedule or a calendar, and what cures it, in every language.
//!
//! A kind that lacks a language does not compile. Must not know the grammar, nor the place.

use super::field::Field;
use crate::lang::Lang;

/// Makes an enum of flaws; each is told by what is wrong and the cure, first in English, then in Chinese.
macro_rules! flaws {
    ($(#[$doc:meta])* $name:ident {
        $($kind:ident { $($value:ident: $type:ty),* } $en:tt $en_cure:tt $zh:tt $zh_cure:tt)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($kind { $($value: $type),* }),+ }

        impl $name {
            /// What is wrong, and what to write instead.
            pub(crate) fn told(&self, lang: Lang) -> (String, String) {
                match (self, lang) {
                    $(
                        ($name::$kind { $($value),* }, Lang::En) => {
                            $(let _ = $value;)*
                            (format_args!$en.to_string(), format_args!$en_cure.to_string())
                        }
                        ($name::$kind { $($value),* }, Lang::Zh) => {
                            $(let _ = $value;)*
                            (format_args!$zh.to_string(), format_args!$zh_cure.to_string())
                        }
                    )+
                }
            }

            /// Each kind with its texts: English, English, Chinese, Chinese.
            #[cfg(test)]
            const SAID: &'static [(&'static str, [&'static str; 4])] = &[$((
                stringify!($kind),
                [stringify!($en), stringify!($en_cure), stringify!($zh), stringify!($zh_cure)],
            )),+];
        }
    };
}

flaws! {
    /// What is wrong.
    Flaw {
        EmptyItem {}
            ("an item is empty") ("remove the comma or write a value")
            ("有一项是空的") ("删除逗号，或填写一个值")
        RangeRunsBackwards { start: u32, end: u32, min: u32, max: u32 }
            ("the range {start}-{end} runs backwards") ("write {end}-{start}, or {start}-{max},{min}-{end} to go round")
            ("范围 {start}-{end} 前后颠倒") ("写成 {end}-{start}；要跨越首尾，写成 {start}-{max},{min}-{end}")
        ChoiceRunsBackwards { start: u32, end: u32 }
            ("the range {start}~{end} runs backwards") ("write {end}~{start}")
            ("范围 {start}~{end} 前后颠倒") ("写成 {end}~{start}")
        NoSuchWeekdayOfMonth { nth: u64 }
            ("no month has a weekday number {nth}") ("write #1 to #5, or L for the last")
            ("任何月份都没有第 {nth} 个这样的星期几") ("写 #1 到 #5，最后一个写 L")
        LastOfWhichWeekday {}
            ("L alone does not say which weekday") ("write 6L for the last Saturday of the month, or 6 for every Saturday")
            ("单独的 L 没有说明是星期几") ("当月最后一个星期六写 6L，每个星期六写 6")
        LastMeansNothing { field: Field }
            ("L has no meaning here") ("write {}", field.values(Lang::En))
            ("L 在这里没有意义") ("填写 {}", field.values(Lang::Zh))
        TooFarBeforeLast { days: u64 }
            ("no month has {days} days before its last") ("write L-1 to L-30")
            ("任何月份在最后一天之前都没有 {days} 天") ("写 L-1 到 L-30")
        HashedYear {}
            ("H cannot choose a year") ("write the year, or leave the field out")
            ("H 不能用来选择年份") ("写明年份，或省略该字段")
        ItemGoesOn { rest: String, known: String }
            ("\"{rest}\" is not understood after \"{known}\"") ("separate values with commas, write a range as a-b and a step as /n")
            ("无法理解“{known}”之后的“{rest}”") ("用逗号分隔各值，范围写成 a-b，步长写成 /n")
        DayGoesOn { rest: String, known: String }
            ("\"{rest}\" is not understood after \"{known}\"") ("nothing may follow it but a comma")
            ("无法理解“{known}”之后的“{rest}”") ("其后只能跟逗号")
        StepOfZero {}
            ("a step of 0 never moves on") ("write /1 or more")
            ("步长为 0 不会前进") ("写 /1 或更大")
        StepBeyondField { step: u64, size: u32, unit: char }
            ("the step {step} is larger than the field, which has {size} values") ("use @every {step}{unit}")
            ("步长 {step} 超过了该字段的 {size} 个取值") ("改用 @every {step}{unit}")
        StepBeyondTurn { step: u64, size: u32 }
            ("the step {step} is larger than the field, which has {size} values") ("use a step of at most {size}")
            ("步长 {step} 超过了该字段的 {size} 个取值") ("步长最大为 {size}")
        AboveMaximum { written: String, field: Field }
            ("{written} is above the maximum of {}", field.max()) ("use {}", field.values(Lang::En))
            ("{written} 超过了最大值 {}", field.max()) ("使用 {}", field.values(Lang::Zh))
        BelowMinimum { written: String, field: Field }
            ("{written} is below the minimum of {}", field.min()) ("use {}", field.values(Lang::En))
            ("{written} 小于最小值 {}", field.min()) ("使用 {}", field.values(Lang::Zh))
        LongName { word: String, name: String }
            ("\"{word}\" is too long for a name") ("write {name}")
            ("“{word}”作为名称太长") ("写成 {name}")
        NoValue { word: String, field: Field }
            ("\"{word}\" is not a value") ("use {}", field.values(Lang::En))
            ("“{word}”不是有效的值") ("使用 {}", field.values(Lang::Zh))
        NumberMissingBefore { next: char, field: Field }
            ("a number is missing before \"{next}\"") ("use {}", field.values(Lang::En))
            ("“{next}”之前缺少数字") ("使用 {}", field.values(Lang::Zh))
        NumberMissing { field: Field }
            ("a number is missing at the end") ("use {}", field.values(Lang::En))
            ("末尾缺少数字") ("使用 {}", field.values(Lang::Zh))
        HashWithoutRange {}
            ("the item is incomplete") ("write a range such as H(0-29)")
            ("这一项不完整") ("写一个范围，例如 H(0-29)")
        HashWithoutEnd {}
            ("the item is incomplete") ("write a closing bracket such as in H(0-29)")
            ("这一项不完整") ("补上右括号，例如 H(0-29)")
        FollowsWord { word: String }
            ("nothing may follow {word}") ("remove it")
            ("{word} 之后不能再有内容") ("请删除")
        UnknownWord { word: String }
            ("{word} is not known")
            ("use @hourly, @daily, @weekly, @monthly, @yearly, @reboot, @manual, @every 90s or @at 2026-12-31T23:59:59")
            ("不认识 {word}")
            ("可以使用 @hourly、@daily、@weekly、@monthly、@yearly、@reboot、@manual、@every 90s 或 @at 2026-12-31T23:59:59")
        NoFields {}
            ("it is empty") ("write 5 (minute hour day month weekday), 6 with seconds first, or 7 with the year last")
            ("内容为空") ("写 5 个字段（分 时 日 月 星期）；6 个时秒在最前，7 个时年在最后")
        OneField {}
            ("it has 1 field") ("write 5 (minute hour day month weekday), 6 with seconds first, or 7 with the year last")
            ("只有 1 个字段") ("写 5 个字段（分 时 日 月 星期）；6 个时秒在最前，7 个时年在最后")
        FieldCount { count: usize }
            ("it has {count} fields") ("write 5 (minute hour day month weekday), 6 with seconds first, or 7 with the year last")
            ("有 {count} 个字段") ("写 5 个字段（分 时 日 月 星期）；6 个时秒在最前，7 个时年在最后")
        EveryWhat {}
            ("@every lacks its period") ("write whole seconds, minutes, hours or days, such as @every 90s or @every 1h30m")
            ("@every 缺少间隔") ("以整数的秒、分、时或天书写，例如 @every 90s 或 @every 1h30m")
        NoPeriod { text: String }
            ("\"{text}\" is no period") ("write whole seconds, minutes, hours or days, such as @every 90s or @every 1h30m")
            ("“{text}”不是间隔") ("以整数的秒、分、时或天书写，例如 @every 90s 或 @every 1h30m")
        NoUnit { number: String }
            ("{number} has no unit") ("write whole seconds, minutes, hours or days, such as @every 90s or @every 1h30m")
            ("{number} 没有单位") ("以整数的秒、分、时或天书写，例如 @every 90s 或 @every 1h30m")
        UnknownUnit { unit: String }
            ("the unit \"{unit}\" is not known") ("write whole seconds, minutes, hours or days, such as @every 90s or @every 1h30m")
            ("不认识单位“{unit}”") ("以整数的秒、分、时或天书写，例如 @every 90s 或 @every 1h30m")
        ShortPeriod { text: String }
            ("the period {text} is below the minimum of 1s") ("write whole seconds, minutes, hours or days, such as @every 90s or @every 1h30m")
            ("间隔 {text} 小于最小值 1s") ("以整数的秒、分、时或天书写，例如 @every 90s 或 @every 1h30m")
        LongPeriod { text: String }
            ("the period {text} is above the maximum of 36525d") ("write whole seconds, minutes, hours or days, such as @every 90s or @every 1h30m")
            ("间隔 {text} 超过了最大值 36525d") ("以整数的秒、分、时或天书写，例如 @every 90s 或 @every 1h30m")
        AtWhat {}
            ("@at lacks its time") ("write a date and a time, such as @at 2026-12-31T23:59:59")
            ("@at 缺少时刻") ("写日期和时刻，例如 @at 2026-12-31T23:59:59")
        NoMoment { text: String }
            ("\"{text}\" is no time") ("write a date and a time, such as @at 2026-12-31T23:59:59")
            ("“{text}”不是时刻") ("写日期和时刻，例如 @at 2026-12-31T23:59:59")
        NoTimeOfDay { text: String }
            ("\"{text}\" has no time of day") ("write a date and a time, such as @at 2026-12-31T23:59:59")
            ("“{text}”没有写明钟点") ("写日期和时刻，例如 @at 2026-12-31T23:59:59")
        HasOffset { text: String }
            ("\"{text}\" carries an offset") ("write the wall-clock time of the schedule's zone, without Z or offset")
            ("“{text}”带有时差") ("写计划所在时区的当地时间，不带 Z 或时差")
        PartsOfSecond { text: String }
            ("\"{text}\" has parts of a second") ("write whole seconds")
            ("“{text}”带有小数秒") ("写整秒")
        YearOutOfRange { year: i32 }
            ("the year {year} is out of range") ("use a year of 1970-9999")
            ("年份 {year} 超出范围") ("年份为 1970-9999")
        NoZone {}
            ("it is empty") ("write an IANA name such as Europe/Berlin or UTC")
            ("内容为空") ("写 IANA 名称，例如 Asia/Shanghai 或 UTC")
        UnknownZone { name: String, tzdb: &'static str }
            ("\"{name}\" is not in the tz database {tzdb}") ("write an IANA name such as Europe/Berlin or UTC")
            ("时区数据库 {tzdb} 中没有“{name}”") ("写 IANA 名称，例如 Asia/Shanghai 或 UTC")
        MistakenZone { name: String, tzdb: &'static str, similar: String }
            ("\"{name}\" is not in the tz database {tzdb}") ("did you mean {similar}?")
            ("时区数据库 {tzdb} 中没有“{name}”") ("是否指 {similar}？")
    }
}

flaws! {
    /// What is wrong with a calendar's text.
    CalendarFlaw {
        LongText { size: usize, max: usize }
            ("the text has {size} bytes, the limit is {max}") ("make two calendars of it")
            ("内容有 {size} 字节，上限为 {max}") ("拆成两个日历")
        ManyBlackouts { count: usize, max: usize }
            ("the text has {count} blackouts, the limit is {max}") ("make two calendars of it")
            ("内容有 {count} 个停跑时段，上限为 {max}") ("拆成两个日历")
        OneTime {}
            ("a moment is no range") ("write two with .. between, such as 22:00 .. 06:00")
            ("一个时刻不是时段") ("写两个时刻，中间用 ..，例如 22:00 .. 06:00")
        OneMoment {}
            ("a moment is no range") ("write when it ends too, such as 18:00 .. 20:00")
            ("一个时刻不是时段") ("也写明结束时刻，例如 18:00 .. 20:00")
        EndsEarlierThatDay {}
            ("the range ends before it begins") ("write the day on which it ends before its time")
            ("时段的结束早于开始") ("在结束时刻之前写明结束的日期")
        DifferentEnds {}
            ("the range begins and ends in different ways") ("write two dates, two dates without a year, two days of the week, or two times")
            ("时段的两端写法不同") ("写两个日期、两个不带年份的日期、两个星期几，或两个时刻")
        EndsBeforeBeginning {}
            ("the range ends before it begins") ("write the earlier one first")
            ("时段的结束早于开始") ("把较早的写在前面")
        EndsAtBeginning {}
            ("the range ends where it begins") ("write Mon .. Sun for always, or move one of them")
            ("时段的开始和结束相同") ("要表示始终，写 Mon .. Sun；否则移动其中一端")
        DayMissing {}
            ("a day or a time is missing")
            ("write a date (2026-12-24), a date of each year (12-25), a day of the week (Sat) or a time (22:00)")
            ("缺少日期或时刻")
            ("写日期（2026-12-24）、每年的日期（12-25）、星期几（Sat）或时刻（22:00）")
        NoDay { word: String }
            ("\"{word}\" is no day and no time")
            ("write a date (2026-12-24), a date of each year (12-25), a day of the week (Sat) or a time (22:00)")
            ("“{word}”既不是日期也不是时刻")
            ("写日期（2026-12-24）、每年的日期（12-25）、星期几（Sat）或时刻（22:00）")
        CalendarYear { year: i32 }
            ("the year {year} is out of range") ("use a year of 1970-9999")
            ("年份 {year} 超出范围") ("年份为 1970-9999")
        NoMonth { month: u32 }
            ("the month {month} is out of range") ("use a month of 01-12")
            ("月份 {month} 超出范围") ("月份为 01-12")
        NoDayOfMonth { day: u32, days: u32 }
            ("the month has no day {day}") ("use a day of 01-{days}")
            ("该月没有 {day} 日") ("日期为 01-{days}")
        LongWeekday { word: String, known: &'static str }
            ("\"{word}\" is no day of the week") ("write {known}")
            ("“{word}”不是星期几") ("写成 {known}")
        NoWeekday { word: String }
            ("\"{word}\" is no day of the week") ("begin with a date, a day of the week (Mon to Sun) or a time; a name comes after it")
            ("“{word}”不是星期几") ("以日期、星期几（Mon 到 Sun）或时刻开头，名称写在其后")
        NoClockTime { word: String }
            ("\"{word}\" is no time") ("write hours and minutes, such as 06:00")
            ("“{word}”不是时刻") ("写时和分，例如 06:00")
        NoTimeOfTheDay { word: String }
            ("\"{word}\" is no time of day") ("use 00:00 to 24:00")
            ("“{word}”不是一天中的时刻") ("使用 00:00 到 24:00")
        ControlCharacter {}
            ("the name holds a control character") ("remove it")
            ("名称中有控制字符") ("请删除")
        ThirdEnd {}
            ("a range has two ends") ("write a second line for a second range")
            ("一个时段只有两端") ("第二个时段另起一行")
        LongBlackoutName { length: usize, max: usize }
            ("the name has {length} characters, the limit is {max}") ("shorten it")
            ("名称有 {length} 个字符，上限为 {max}") ("请缩短")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flaw_and_its_cure_are_said_in_both_languages() {
        let has_han = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));

        for (kind, [en, en_cure, zh, zh_cure]) in Flaw::SAID.iter().chain(CalendarFlaw::SAID) {
            assert!(!has_han(en) && !has_han(en_cure), "{kind}");
            assert!(has_han(zh) && has_han(zh_cure), "{kind}");
        }
    }
}
