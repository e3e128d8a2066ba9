//! What is said of lines that are no jobs, in every language, without the line's number.

use std::fmt;

use super::Reason;
use crate::job::JobNameError;
use crate::lang::Lang;
use crate::schedule::ScheduleError;

/// Why a line cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misread {
    /// Its schedule or its time zone is none.
    Schedule(ScheduleError),
    /// Its time zone was set by a line above that is not understood.
    ZoneAbove {
        /// That line.
        set_at: usize,
    },
    /// There is no schedule.
    NoSchedule,
    /// There is a schedule alone.
    NoCommand,
    /// There is a schedule alone, where a user stands before the command.
    NoUserAndCommand,
    /// There is one word after the schedule, where a user stands before the command.
    NoCommandAfter {
        /// The word.
        user: String,
    },
    /// The command is empty before its input.
    NothingBeforePercent,
    /// The comment above is no name.
    Name(JobNameError),
}

impl Misread {
    /// What is wrong, and what cures it.
    pub fn told(&self, lang: Lang) -> String {
        match lang {
            Lang::En => self.in_english(),
            Lang::Zh => self.in_chinese(),
        }
    }

    fn in_english(&self) -> String {
        match self {
            Misread::Schedule(error) => error.told(Lang::En),
            Misread::ZoneAbove { set_at } => format!(
                "its time zone, CRON_TZ of line {set_at}, is not understood; correct that line"
            ),
            Misread::NoSchedule => {
                "the schedule is missing; write five fields or an @ word".to_owned()
            }
            Misread::NoCommand => "the command is missing; write it after the schedule".to_owned(),
            Misread::NoUserAndCommand => {
                "user and command are missing; write them after the schedule".to_owned()
            }
            Misread::NoCommandAfter { user } => format!(
                "the command is missing after the user {user}; if {user} is the command, read the \
                 file without --system"
            ),
            Misread::NothingBeforePercent => {
                "the command is empty before %; write the command, or \\% for a plain %".to_owned()
            }
            Misread::Name(error) => error.to_string(),
        }
    }

    fn in_chinese(&self) -> String {
        match self {
            Misread::Schedule(error) => error.told(Lang::Zh),
            Misread::ZoneAbove { set_at } => {
                format!("无法理解它的时区（第 {set_at} 行的 CRON_TZ）；请改正那一行")
            }
            Misread::NoSchedule => "缺少计划；写五个字段或一个 @ 词".to_owned(),
            Misread::NoCommand => "缺少命令；写在计划之后".to_owned(),
            Misread::NoUserAndCommand => "缺少用户和命令；写在计划之后".to_owned(),
            Misread::NoCommandAfter { user } => {
                format!("用户 {user} 之后缺少命令；如果 {user} 就是命令，请不要按系统 crontab 读取")
            }
            Misread::NothingBeforePercent => {
                "% 之前没有命令；写明命令，普通的 % 写成 \\%".to_owned()
            }
            Misread::Name(error) => error.told(Lang::Zh),
        }
    }
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(Lang::En))
    }
}

impl Reason {
    /// Why the line is no job.
    pub fn told(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Reason::Blank, Lang::En) => "blank",
            (Reason::Blank, Lang::Zh) => "空行",
            (Reason::Comment, Lang::En) => "comment",
            (Reason::Comment, Lang::Zh) => "注释",
            (Reason::Environment, Lang::En) => "environment of the lines below",
            (Reason::Environment, Lang::Zh) => "以下各行的环境变量",
            (Reason::FixedVariable, Lang::En) => "the user decides this variable, as in cron",
            (Reason::FixedVariable, Lang::Zh) => "与 cron 相同，该变量由运行用户决定",
            (Reason::RandomDelay, Lang::En) => {
                "RANDOM_DELAY is not taken over; write H or a~b in the schedule to spread starts"
            }
            (Reason::RandomDelay, Lang::Zh) => {
                "不采用 RANDOM_DELAY；在计划中写 H 或 a~b 来错开启动时间"
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.told(Lang::En))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crontab::{Form, Meaning, Reading, Seconds, read_crontab};

    /// What one text of a crontab is said to be, but for jobs.
    fn told(text: &str, form: Form, lang: Lang) -> Vec<String> {
        let reading = Reading {
            file: "tab",
            form,
            seconds: Seconds::Detect,
            zone: "UTC",
        };
        let told = |meaning: Meaning| match meaning {
            Meaning::Job(_) => None,
            Meaning::Ignored(reason) => Some(reason.told(lang).to_owned()),
            Meaning::Error(misread) => Some(misread.told(lang)),
        };
        let lines = read_crontab(text, &reading).into_iter();
        lines.filter_map(|line| told(line.meaning)).collect()
    }

    const TEXT: &str = "\n# comment\nA=b\nUSER=x\nRANDOM_DELAY=5\nCRON_TZ=Nowhere\n0 3 * * * x\nCRON_TZ=\n61 * * * * x\n-\n0 3 * * *\n0 3 * * * %x\n";

    #[test]
    fn every_remark_is_said_in_both_languages() {
        let has_han = |text: &String| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        for (text, form) in [
            (TEXT, Form::User),
            ("0 3 * * *\n0 3 * * * x\n", Form::System),
        ] {
            let (en, zh) = (told(text, form, Lang::En), told(text, form, Lang::Zh));

            assert_eq!(en.len(), zh.len());
            assert!(zh.iter().all(has_han), "{zh:?}");
            assert!(!en.iter().any(has_han), "{en:?}");
        }
        assert_eq!(
            told(TEXT, Form::User, Lang::Zh)[8],
            "分钟字段（第 1 列）：61 超过了最大值 59；使用 0-59"
        );
        let name = Misread::Name("".parse::<crate::job::JobName>().unwrap_err());
        assert!(has_han(&name.told(Lang::Zh)), "{name}");
    }
}
