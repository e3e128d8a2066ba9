//! What people read: every rule in both languages, safe against what names and output may hold.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use carillon_core::announcement::Announcement;
use carillon_core::digest::{Digest, Hold, HoldCause};
use carillon_core::evidence::{Evidence, RunEvidence};
use carillon_core::identity::{JobId, NodeId};
use carillon_core::incident::{Incident, Owed, Sighting};
use carillon_core::lang::Lang;
use carillon_core::rule::{Rule, Subject};
use carillon_core::run::{Outcome, Reason};
use carillon_core::silence::Cause;
use carillon_core::stuck::StuckStep;
use carillon_monitor::envelope::{Sender, html, text};
use carillon_monitor::letter::{self, Letter};
use jiff::{SignedDuration, Timestamp};

const URL: Option<&str> = Some("https://carillon.example.org/");

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_228_325 + second).unwrap()
}

fn night() -> Hold {
    Hold {
        until: at(30_000),
        cause: HoldCause::QuietHours,
    }
}

fn run(outcome: Outcome) -> Evidence {
    Evidence::Run(Box::new(RunEvidence {
        run: "17-20261121T023205Z-s0".to_owned(),
        outcome,
        reason: (outcome == Outcome::Missed).then_some(Reason::StoreUnavailable),
        detail: None,
        exit_code: (outcome == Outcome::Failed).then_some(2),
        signal: None,
        node: (outcome != Outcome::Missed).then(|| "web-1".to_owned()),
        attempt: 3,
        attempts_max: 3,
        fire_time: at(0),
        started_at: (outcome != Outcome::Missed).then(|| at(0)),
        ended_at: Some(at(73)),
        tick_count: 1,
        next_time: Some(at(86_400)),
        zone: "Europe/Berlin".to_owned(),
        output: [
            "dumping customers … 81 tables",
            "pg_dump: error: connection to server at \"10.0.0.7\" failed: FATAL: too many connections",
            "<script>alert('x')</script> {{ 7 * 7 }} & done",
        ]
        .map(str::to_owned)
        .to_vec(),
    }))
}

fn evidence(rule: Rule) -> Evidence {
    match rule {
        Rule::NodeSilent => Evidence::Silence {
            last_beat_at: at(0),
            cause: Cause::Unknown,
            running: 3,
        },
        Rule::NodeClock => Evidence::Clock {
            offset_us: -2_300_000,
            uncertainty_us: 4_000,
        },
        Rule::NodeTzdb => Evidence::Release {
            own: "2025b".to_owned(),
            most: "2026a".to_owned(),
        },
        Rule::NodeVersion => Evidence::Release {
            own: "0.1.0".to_owned(),
            most: "0.2.0".to_owned(),
        },
        Rule::NodeNotClaiming => Evidence::NotClaiming {
            reason: "three starts in a row failed".to_owned(),
        },
        Rule::JobFailed => run(Outcome::Failed),
        Rule::JobTimedOut => run(Outcome::TimedOut),
        Rule::JobLost => run(Outcome::Lost),
        Rule::JobMissed => run(Outcome::Missed),
        Rule::JobCouldNotStart => run(Outcome::CouldNotStart),
        Rule::JobInterrupted => run(Outcome::Interrupted),
        Rule::JobLate | Rule::JobSlow => Evidence::Overdue {
            run: "17-20261121T023205Z-s0".to_owned(),
            since_at: at(0),
            limit_s: 60,
        },
        Rule::JobStuck
        | Rule::JobSlower
        | Rule::JobFaster
        | Rule::NodeDisk
        | Rule::RedisUnreachable
        | Rule::TokenExpiring
        | Rule::CertificateExpiring => evidence_of_supply(rule),
        Rule::JobNoSuccess => Evidence::NoSuccess {
            last_success_at: Some(at(0)),
            limit_s: 86_400,
        },
        Rule::Backlog => Evidence::Backlog {
            waiting: 12,
            oldest_at: at(0),
            reason: Some(Reason::NoEligibleNode),
        },
        Rule::StoreUnreachable => Evidence::Store {
            last_seen_at: Some(at(0)),
            error: "no connection to mysql://carillon@db:3306/carillon".to_owned(),
        },
        Rule::MonitorSilent => Evidence::Monitor {
            last_beat_at: at(0),
        },
    }
}

fn evidence_of_supply(rule: Rule) -> Evidence {
    match rule {
        Rule::NodeDisk => Evidence::Disk {
            available: 3 << 30,
            total: 100 << 30,
            percent_min: 10,
        },
        Rule::RedisUnreachable => Evidence::Redis {
            nodes: vec!["web-1".to_owned(), "web-2".to_owned()],
            watched: 3,
            problem: "no answer within 1 s".to_owned(),
        },
        Rule::JobStuck => Evidence::Stuck {
            run: "17-20261121T023205Z-s0".to_owned(),
            step: StuckStep::Ending,
            since_at: at(0),
            limit_s: 120,
            node: Some("web-1".to_owned()),
        },
        Rule::CertificateExpiring => Evidence::Certificate {
            expires_at: at(3 * 86_400),
            issuer: "R11".to_owned(),
        },
        Rule::TokenExpiring => Evidence::Expiry {
            expires_at: at(86_400),
            used_at: None,
        },
        _ => Evidence::Unusual {
            run: "17-20261121T023205Z-s0".to_owned(),
            started_at: at(0),
            elapsed_ms: 73_000,
            usual_ms: 900_000,
            successes: 20,
            limit_ms: 300_000,
        },
    }
}

fn subject(rule: Rule, number: i64) -> Subject {
    match rule {
        Rule::NodeSilent
        | Rule::NodeClock
        | Rule::NodeTzdb
        | Rule::NodeVersion
        | Rule::NodeNotClaiming
        | Rule::NodeDisk => Subject::node(NodeId(number), &format!("web-{number}")),
        Rule::MonitorSilent => Subject::monitor(number, &format!("mon-{number}")),
        Rule::Backlog | Rule::StoreUnreachable | Rule::RedisUnreachable => Subject::cluster(),
        Rule::TokenExpiring => Subject::token(number, "deploy", "ann"),
        Rule::CertificateExpiring => Subject::endpoint(number, "carillon.example.org:443"),
        _ => Subject::job(JobId(number), "nightly backup"),
    }
}

fn incident(rule: Rule, number: i64) -> Incident {
    let sighting = Sighting {
        rule,
        subject: subject(rule, number),
        since_at: at(0),
        count: 1,
        evidence: evidence(rule),
    };
    Incident {
        id: number,
        ..Incident::open(sighting, 0, at(33))
    }
}

fn announce(owed: Owed, incidents: Vec<Incident>) -> Announcement {
    let well_at = (owed == Owed::Resolved).then(|| at(252));
    let incidents = incidents.into_iter().map(|incident| Incident {
        resolved_at: well_at,
        ..incident
    });
    Announcement {
        owed,
        made_at: at(if owed == Owed::Opened { 37 } else { 14_400 }),
        incidents: incidents.collect(),
    }
}

fn write(owed: Owed, incidents: Vec<Incident>, lang: Lang) -> Letter {
    letter::write(&announce(owed, incidents), lang, URL)
}

#[test]
fn every_rule_has_its_words_in_every_language() {
    for rule in Rule::ALL.iter().copied() {
        for owed in Owed::ALL.iter().copied() {
            let [en, zh] = Lang::ALL.map(|lang| write(owed, vec![incident(rule, 1)], lang));

            assert!(!en.headline.is_empty() && !en.lead.is_empty(), "{rule}");
            assert!(en.subject.starts_with("[Carillon] "));
            assert!(en.subject.is_ascii(), "{}", en.subject);
            assert!(!zh.headline.is_ascii(), "{}", zh.headline);
            assert_eq!(en.advice.is_empty(), owed == Owed::Resolved, "{rule}");
        }
    }
}

#[test]
fn the_subject_names_the_node_or_the_job() {
    let subject = |owed, rule| write(owed, vec![incident(rule, 1)], Lang::En).subject;

    assert_eq!(
        subject(Owed::Opened, Rule::NodeSilent),
        "[Carillon] node web-1 is silent since 2026-11-21 02:32:05 UTC"
    );
    assert_eq!(
        subject(Owed::Opened, Rule::JobFailed),
        "[Carillon] job nightly backup failed on web-1 (exit 2)"
    );
    assert_eq!(
        subject(Owed::Resolved, Rule::NodeSilent),
        "[Carillon] node web-1 is back after 4 min 12 s"
    );
}

#[test]
fn a_failure_tells_all_that_helps() {
    let letter = write(Owed::Opened, vec![incident(Rule::JobFailed, 17)], Lang::En);
    let text = text(&letter).unwrap();

    for part in [
        "Node: web-1",
        "Exit code: 2",
        "too many connections",
        "Attempt: 3 of 3",
        "Next fire time: 2026-11-22 03:32:05 +01:00 Europe/Berlin",
        "https://carillon.example.org/runs/17-20261121T023205Z-s0",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn output_is_shown_and_never_interpreted() {
    let letter = write(Owed::Opened, vec![incident(Rule::JobFailed, 17)], Lang::En);
    let html = html(&letter).unwrap();

    assert!(!html.contains("<script>"), "{html}");
    assert!(html.contains("&#60;script&#62;") || html.contains("&lt;script&gt;"));
    assert!(html.contains("{{ 7 * 7 }}"));
}

#[test]
fn what_is_unusual_is_told_with_its_figures() {
    let lead = |rule| write(Owed::Opened, vec![incident(rule, 1)], Lang::En).lead;

    assert_eq!(
        lead(Rule::JobFaster),
        "The run of 2026-11-21 02:32:05 UTC succeeded after 1 min 13 s; usually it takes 15 min, the median of its last 20 \
         successes, and less than 5 min is news."
    );
    let slower = lead(Rule::JobSlower);
    assert!(slower.contains("more than 5 min is news"), "{slower}");
}

#[test]
fn a_digest_tells_what_is_over_and_what_is_not() {
    let held = [
        announce(Owed::Opened, vec![incident(Rule::JobFailed, 1)]),
        announce(Owed::Opened, vec![incident(Rule::NodeClock, 2)]),
        announce(Owed::Resolved, vec![incident(Rule::JobFailed, 1)]),
    ];
    let digest = Digest::of(&held, night());

    let [en, zh] = Lang::ALL.map(|lang| letter::write_digest(&digest, lang, URL));

    assert_eq!(
        en.subject,
        "[Carillon] quiet hours: 2 incidents, 1 still open: nightly backup, web-2"
    );
    let headlines: Vec<&str> = en.items.iter().map(|item| item.headline.as_str()).collect();
    assert_eq!(
        headlines,
        [
            "Job nightly backup failed on web-1 (exit 2) (over)",
            "The clock of node web-2 is 2.3 s ahead",
        ]
    );
    assert!(en.items[0].lead.starts_with("It lasted 4 min 12 s, from "));
    let link = en.link.unwrap().url;
    assert_eq!(link, "https://carillon.example.org/alerts");
    assert!(zh.subject.contains("静默时段：2 个告警"), "{}", zh.subject);
}

#[test]
fn what_is_over_is_not_told_as_if_it_lasted() {
    for rule in [Rule::CertificateExpiring, Rule::Backlog] {
        let facts = |owed| write(owed, vec![incident(rule, 1)], Lang::En).facts.len();

        assert!(
            facts(Owed::Opened) > 0 && facts(Owed::Resolved) == 0,
            "{rule}"
        );
    }
}

#[test]
fn a_name_is_never_told_with_another_first_letter() {
    for (name, letter) in gallery(Lang::En).into_iter().chain(gallery(Lang::Zh)) {
        assert!(
            !letter.headline.starts_with("Carillon.example.org"),
            "{name}"
        );
    }
}

#[test]
fn a_digest_of_too_much_says_that_all_was_held_back() {
    let held = [announce(Owed::Opened, vec![incident(Rule::JobFailed, 1)])];
    let hold = Hold {
        cause: HoldCause::Limit,
        ..night()
    };

    let [en, zh] = Lang::ALL.map(|lang| letter::write_digest(&Digest::of(&held, hold), lang, URL));

    assert_eq!(
        en.subject,
        "[Carillon] too much within an hour: 1 incident, 1 still open: nightly backup"
    );
    assert!(en.lead.contains("this is all of it"), "{}", en.lead);
    assert!(
        zh.subject.contains("一小时内通知过多：1 个告警"),
        "{}",
        zh.subject
    );
}

#[test]
fn a_digest_names_each_subject_once() {
    let held: Vec<_> = [Rule::JobFailed, Rule::JobLate, Rule::JobStuck]
        .into_iter()
        .map(|rule| {
            let late = Incident {
                id: rule as i64 + 10,
                ..incident(rule, 1)
            };
            announce(Owed::Opened, vec![late])
        })
        .collect();

    let digest = Digest::of(&held, night());
    let letter = letter::write_digest(&digest, Lang::En, URL);

    assert_eq!(
        letter.subject,
        "[Carillon] quiet hours: 3 incidents, 3 still open: nightly backup"
    );
}

#[test]
fn chinese_has_no_blank_between_its_own_words() {
    let is_word = |c: char| matches!(c, '\u{4e00}'..='\u{9fff}');
    for (name, letter) in gallery(Lang::Zh) {
        let texts = [&letter.subject, &letter.headline, &letter.lead];
        let facts = letter.facts.iter().map(|fact| &fact.value);
        for text in texts.into_iter().chain(facts).chain(&letter.advice) {
            let letters: Vec<char> = text.chars().collect();
            let odd = letters
                .windows(3)
                .find(|three| is_word(three[0]) && three[1] == ' ' && is_word(three[2]));
            assert!(odd.is_none(), "{name}: {text}");
        }
    }
}

#[test]
fn a_group_is_told_in_one_letter() {
    let nodes = (1..=10).map(|id| incident(Rule::NodeSilent, id)).collect();

    let letter = write(Owed::Opened, nodes, Lang::En);

    assert_eq!(
        letter.headline,
        "10 nodes are silent: web-1, web-2, web-3 and 7 more"
    );
    assert_eq!(letter.items.len(), 10);
}

#[test]
fn a_name_cannot_add_a_header() {
    let sender = Sender::new("carillon@example.org", "c1".to_owned()).unwrap();
    for name in [
        "a\r\nBcc: victim@example.org",
        "a\nBcc: victim@example.org",
        "a\r\n\r\n<h1>body</h1>",
        "a\u{85}b\u{2028}c",
        "=?utf-8?q?Bcc:_x?=",
    ] {
        let mut bad = incident(Rule::JobFailed, 1);
        name.clone_into(&mut bad.subject.name);
        let announcement = announce(Owed::Opened, vec![bad]);
        let letter = letter::write(&announcement, Lang::En, URL);

        let mail = sender
            .envelop(&letter, &announcement, "1", "ops@example.org")
            .unwrap();

        let raw = String::from_utf8(mail.formatted()).unwrap();
        let (head, _) = raw.split_once("\r\n\r\n").unwrap();
        assert!(!head.to_lowercase().contains("\nbcc:"), "{head}");
        assert_eq!(head.matches("\r\nSubject:").count(), 1, "{head}");
    }
}

#[test]
fn the_same_news_has_the_same_identity_and_thread() {
    let sender = Sender::new("Carillon <carillon@example.org>", "c1".to_owned()).unwrap();
    let envelop = |owed, identity: &str| {
        let announcement = announce(owed, vec![incident(Rule::NodeSilent, 7)]);
        let letter = letter::write(&announcement, Lang::En, URL);
        let mail = sender
            .envelop(&letter, &announcement, identity, "ops@example.org")
            .unwrap();
        String::from_utf8(mail.formatted()).unwrap()
    };
    let header = |raw: &str, name: &str| {
        let start = raw.find(&format!("\r\n{name}: ")).unwrap() + name.len() + 4;
        raw[start..].lines().next().unwrap().to_owned()
    };

    let [opened, again, resolved] = [
        envelop(Owed::Opened, "41"),
        envelop(Owed::Opened, "41"),
        envelop(Owed::Resolved, "42"),
    ];

    assert_eq!(
        header(&opened, "Message-ID"),
        "<carillon.c1.41@example.org>"
    );
    assert_eq!(header(&opened, "Message-ID"), header(&again, "Message-ID"));
    assert_ne!(
        header(&opened, "Message-ID"),
        header(&resolved, "Message-ID")
    );
    assert_eq!(
        header(&opened, "References"),
        header(&resolved, "References")
    );
}

#[test]
fn a_very_long_name_is_cut_in_the_subject_only() {
    let mut long = incident(Rule::JobFailed, 1);
    long.subject.name = "备".repeat(190);

    let letter = write(Owed::Opened, vec![long], Lang::Zh);

    assert_eq!(letter.subject.chars().count(), letter::SUBJECT_LENGTH_MAX);
    assert!(letter.headline.contains(&"备".repeat(190)));
}

/// Leaves a gallery of letters in the folder that `CARILLON_GALLERY` names, to be looked at in a browser.
#[test]
fn letters_render_whole_pages() {
    let folder = std::env::var_os("CARILLON_GALLERY").map(std::path::PathBuf::from);
    for lang in Lang::ALL.iter().copied() {
        for (name, letter) in gallery(lang) {
            let page = html(&letter).unwrap();

            assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
            if let Some(folder) = &folder {
                let file = folder.join(format!("{name}-{lang}"));
                std::fs::write(file.with_extension("html"), page).unwrap();
                std::fs::write(file.with_extension("txt"), text(&letter).unwrap()).unwrap();
            }
        }
    }
}

/// Every kind of letter, by name.
fn gallery(lang: Lang) -> Vec<(String, Letter)> {
    let mut letters = Vec::new();
    for rule in Rule::ALL.iter().copied() {
        for owed in Owed::ALL.iter().copied() {
            let mut incident = incident(rule, 4);
            if owed == Owed::Reminder {
                incident.openings = 3;
                incident.trouble_count = 12;
                incident.since_at = at(0) - SignedDuration::from_hours(2);
            }
            letters.push((format!("{rule}-{owed}"), write(owed, vec![incident], lang)));
        }
    }
    let nodes = || (1..=10).map(|id| incident(Rule::NodeSilent, id)).collect();
    letters.push((
        "group-opened".to_owned(),
        write(Owed::Opened, nodes(), lang),
    ));
    letters.push((
        "group-resolved".to_owned(),
        write(Owed::Resolved, nodes(), lang),
    ));
    let mut long = incident(Rule::JobFailed, 17);
    long.subject.name = "rebuild_every_search_index_of_all_tenants_without_a_space_".repeat(3);
    letters.push((
        "long-name".to_owned(),
        write(Owed::Opened, vec![long], lang),
    ));
    let held = [
        announce(Owed::Opened, vec![incident(Rule::JobFailed, 1)]),
        announce(Owed::Opened, vec![incident(Rule::NodeClock, 2)]),
        announce(Owed::Opened, vec![incident(Rule::JobStuck, 3)]),
        announce(Owed::Resolved, vec![incident(Rule::JobFailed, 1)]),
    ];
    for cause in HoldCause::ALL.iter().copied() {
        let hold = Hold { cause, ..night() };
        let digest = Digest::of(&held, hold);
        let letter = letter::write_digest(&digest, lang, URL);
        letters.push((format!("digest-{cause}"), letter));
    }
    let announcement = announce(Owed::Resolved, Vec::new());
    letters.push(("test".to_owned(), letter::test(&announcement, lang, URL)));
    letters
}
