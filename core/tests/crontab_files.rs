//! Crontabs as they are found on machines, line by line.

use carillon_core::crontab::{CrontabJob, Form, Meaning, Reading, Reason, Seconds, read_crontab};

const DEBIAN: &str = include_str!("crontabs/debian.crontab");
const PACKAGES: &str = include_str!("crontabs/packages.crontab");
const USER: &str = include_str!("crontabs/user.crontab");

fn reading(form: Form) -> Reading<'static> {
    Reading {
        file: "tab",
        form,
        seconds: Seconds::Detect,
        zone: "Europe/Berlin",
    }
}

fn jobs(text: &str, reading: &Reading<'_>) -> Vec<CrontabJob> {
    let lines = read_crontab(text, reading);
    assert_eq!(
        lines.len(),
        text.lines().count(),
        "every line is accounted for"
    );
    lines
        .into_iter()
        .filter_map(|line| match line.meaning {
            Meaning::Job(job) => Some(*job),
            Meaning::Ignored(_) => None,
            Meaning::Error(message) => panic!("line {}: {message}", line.line),
        })
        .collect()
}

fn meaning_of(line: &str, reading: &Reading<'_>) -> Meaning {
    read_crontab(line, reading).remove(0).meaning
}

fn job_of(line: &str, reading: &Reading<'_>) -> CrontabJob {
    match meaning_of(line, reading) {
        Meaning::Job(job) => *job,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn debians_own_crontab_is_four_jobs() {
    let jobs = jobs(DEBIAN, &reading(Form::System));

    let told: Vec<_> = jobs
        .iter()
        .map(|job| (job.name.as_str(), job.schedule.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("tab:15", "17 * * * *"),
            ("tab:16", "25 6 * * *"),
            ("tab:17", "47 6 * * 7"),
            ("tab:18", "52 6 1 * *")
        ]
    );
    assert!(jobs.iter().all(|job| job.user.as_deref() == Some("root")));
    assert!(
        jobs.iter()
            .all(|job| job.shell.as_deref() == Some("/bin/sh"))
    );
    assert_eq!(
        jobs[0].command,
        "cd / && run-parts --report /etc/cron.hourly"
    );
    assert_eq!(jobs[0].zone, "Europe/Berlin");
}

#[test]
fn lines_of_packages_are_read_whole() {
    let jobs = jobs(PACKAGES, &reading(Form::System));

    let names: Vec<_> = jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Lines as packages put them into /etc/cron.d",
            "tab:3",
            "Look for and purge old sessions every 30 minutes",
            "tab:9",
            "Rotate the activity reports",
            "tab:13",
            "tab:14",
            "tab:15",
            "tab:16"
        ]
    );
    assert_eq!(jobs[2].schedule, "09,39 * * * *");
    assert!(jobs[2].env.is_empty(), "PATH is set further down");
    assert_eq!(jobs[3].env[0].0, "PATH");
    assert!(
        jobs[5].command.contains("$(date +%d)"),
        "{}",
        jobs[5].command
    );
    assert!(jobs[6].command.contains(r"-a \! -d"), "{}", jobs[6].command);
    assert_eq!(
        (jobs[7].schedule.as_str(), jobs[7].user.as_deref()),
        ("@reboot", Some("www-data"))
    );
    assert_eq!(jobs[8].schedule, "*/5 * * * *");
}

#[test]
fn each_line_of_a_users_crontab_has_its_meaning() {
    let lines = read_crontab(USER, &reading(Form::User));

    let jobs: Vec<usize> = lines
        .iter()
        .filter(|line| matches!(line.meaning, Meaning::Job(_)))
        .map(|line| line.line)
        .collect();
    assert_eq!(jobs, [5, 7, 9, 11, 14, 15, 16, 20]);

    let errors: Vec<(usize, String)> = lines
        .iter()
        .filter_map(|line| match &line.meaning {
            Meaning::Error(misread) => Some((line.line, misread.to_string())),
            Meaning::Job(_) | Meaning::Ignored(_) => None,
        })
        .collect();
    let [(21, minute), (22, fields), (23, zone), (24, below)] = &errors[..] else {
        panic!("{errors:?}")
    };
    assert_eq!(
        *minute,
        "minute field, column 1: 61 is above the maximum of 59; use 0-59"
    );
    assert!(fields.contains("it has 4 fields"), "{fields}");
    assert!(zone.contains("\"Mars/Olympus\""), "{zone}");
    assert!(below.contains("CRON_TZ of line 23"), "{below}");

    assert_eq!(lines[0].meaning, Meaning::Ignored(Reason::Comment));
    assert_eq!(lines[16].meaning, Meaning::Ignored(Reason::FixedVariable));
    assert_eq!(lines[17].meaning, Meaning::Ignored(Reason::RandomDelay));
}

#[test]
fn variables_hold_for_the_lines_below() {
    let valid: String = USER
        .lines()
        .take(20)
        .map(|line| format!("{line}\n"))
        .collect();
    let jobs = jobs(&valid, &reading(Form::User));
    let [poll, greeting, echo, books, clean, heartbeat, fast, year] = &jobs[..] else {
        panic!("{jobs:?}")
    };

    assert_eq!(poll.mailto.as_deref(), Some("ops@example.com"));
    assert_eq!(
        poll.env[1],
        ("MY LABEL".to_owned(), "two words ".to_owned())
    );
    assert_eq!(
        (poll.shell.as_deref(), poll.home.as_deref()),
        (Some("/bin/bash"), None)
    );
    assert_eq!(greeting.name, "Say good morning");
    assert_eq!(greeting.command, "mail -s \"Good morning\" boss");
    assert_eq!(
        greeting.stdin.as_deref(),
        Some("Dear boss,\n\nit is 7% warmer.\n")
    );
    assert_eq!(echo.name, "tab:9", "a name is given once");
    assert_eq!(echo.command, "echo up \\");
    assert_eq!(
        (books.zone.as_str(), echo.zone.as_str()),
        ("America/New_York", "Europe/Berlin")
    );
    assert_eq!(
        (clean.mailto.as_deref(), clean.home.as_deref()),
        (Some(""), Some("/srv/app"))
    );
    assert_eq!(
        (heartbeat.schedule.as_str(), heartbeat.command.as_str()),
        ("*/10 * * * * *", "./heartbeat")
    );
    assert_eq!(
        (fast.schedule.as_str(), fast.command.as_str()),
        ("@every 90s", "./poll --fast")
    );
    assert_eq!(year.zone, "Europe/Berlin", "an empty CRON_TZ is none");
    assert!(
        year.env
            .iter()
            .all(|(name, _)| name != "CRON_TZ" && name != "MAILTO")
    );
}

#[test]
fn seconds_are_detected_or_forced() {
    let with = |seconds| Reading {
        seconds,
        ..reading(Form::User)
    };
    let line = "* * * * * 7 x";

    assert_eq!(job_of(line, &with(Seconds::Detect)).schedule, "* * * * * 7");
    assert_eq!(job_of(line, &with(Seconds::Never)).command, "7 x");
    assert_eq!(
        job_of("0 0 * * * * x", &with(Seconds::Always)).schedule,
        "0 0 * * * *"
    );
    assert_eq!(
        job_of("@daily x", &with(Seconds::Always)).schedule,
        "@daily"
    );
    let Meaning::Error(misread) = meaning_of("0 0 * * * x y", &with(Seconds::Always)) else {
        panic!("x is no weekday")
    };
    let message = misread.to_string();
    assert!(
        message.starts_with("day-of-week field, column 11"),
        "{message}"
    );
}

#[test]
fn columns_of_errors_are_those_of_the_line() {
    let Meaning::Error(misread) = meaning_of("  \t-0 24 * * * x", &reading(Form::User)) else {
        panic!("there is no hour 24")
    };
    let message = misread.to_string();
    assert!(message.starts_with("hour field, column 7:"), "{message}");
}

#[test]
fn missing_parts_are_named() {
    for (line, form, part) in [
        ("0 0 * * *", Form::User, "the command is missing"),
        ("0 0 * * *", Form::System, "user and command are missing"),
        (
            "0 0 * * * /bin/true",
            Form::System,
            "after the user /bin/true",
        ),
        ("@reboot", Form::User, "the command is missing"),
        ("@every ./x", Form::User, "is no period"),
        ("0 0 * * * %x", Form::User, "the command is empty before %"),
        ("nonsense", Form::User, "it has 1 field"),
        ("-", Form::User, "the schedule is missing"),
    ] {
        match meaning_of(line, &reading(form)) {
            Meaning::Error(misread) => {
                assert!(misread.to_string().contains(part), "{line}: {misread}");
            }
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[test]
fn files_from_elsewhere_are_read_too() {
    let windows = "\u{feff}A=1\r\n0 0 * * * x\r\n";
    let jobs = jobs(windows, &reading(Form::User));
    assert_eq!(jobs[0].command, "x");
    assert_eq!(jobs[0].env, [("A".to_owned(), "1".to_owned())]);
}
