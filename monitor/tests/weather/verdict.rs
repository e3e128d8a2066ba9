//! Outages and mails held against each other.

use std::time::Duration;

use carillon_testbed::Mail;
use jiff::Timestamp;

use crate::fleet::Fleet;
use crate::plan::Plan;
use crate::watch::{Gap, Seen};

/// A longer silence is told, a shorter one is not; between the two, both are right.
const SILENT_AFTER: Duration = Duration::from_secs(9);
const SURELY_SILENT: Duration = Duration::from_millis(10_500);
/// A mail is on its way within this time once the silence is long enough, the mail server willing.
const DETECTION_MAX: Duration = Duration::from_secs(10);

/// Says what was told of each outage, and panics where that was not right.
pub(crate) fn judge(plan: &Plan, fleet: &Fleet, seen: &Seen) {
    let mails = fleet.mail.mails();
    let made = announced(fleet);
    let mut wrong = Vec::new();
    let mut expected = Expected::default();
    for gap in &seen.gaps {
        judge_gap(gap, fleet, (&mails, &made), &mut expected, &mut wrong);
    }
    for job in 0..plan.jobs {
        let name = format!("job-{job} ");
        let failed = count(&mails, &name, "failed");
        let well = count(&mails, &name, "well again");
        println!("{name} failed once: {failed} mails, well again: {well}");
        expected.mails += 2;
        if (failed, well) != (1, 1) {
            wrong.push(format!(
                "{name}: {failed} and {well} mails instead of 1 and 1"
            ));
        }
    }
    let down = mails
        .iter()
        .filter(|mail| mail.subject().contains("database"))
        .count();
    println!("the database was away once: {down} mails");
    if down != 2 {
        wrong.push(format!("{down} mails about the database instead of 2"));
    }
    let is_known = |mail: &&Mail| {
        let subject = mail.subject();
        ["node", "job", "database"]
            .iter()
            .any(|word| subject.contains(word))
    };
    for mail in mails.iter().filter(|mail| !is_known(mail)) {
        wrong.push(format!("a mail that nobody waited for: {}", mail.subject()));
    }
    expected.tell(&mails);
    assert!(
        wrong.is_empty(),
        "{}\n{:#?}",
        wrong.join("\n"),
        subjects(&mails)
    );
}

#[derive(Default)]
struct Expected {
    mails: usize,
    detections: Vec<Duration>,
}

impl Expected {
    fn tell(&mut self, mails: &[Mail]) {
        self.detections.sort();
        let seconds: Vec<String> = self
            .detections
            .iter()
            .map(|after| format!("{:.1}", after.as_secs_f64()))
            .collect();
        let told = self.detections.len();
        println!("{told} silences told, after {} s", seconds.join(", "));
        println!(
            "{} mails, {} of them could not be fewer",
            mails.len(),
            self.mails
        );
    }
}

fn judge_gap(
    gap: &Gap,
    fleet: &Fleet,
    (mails, made): (&[Mail], &[(Timestamp, String)]),
    expected: &mut Expected,
    wrong: &mut Vec<String>,
) {
    let (node, seconds) = (&gap.node, gap.lasted.as_secs_f64());
    let (silent, back) = (count(mails, node, "silent"), count(mails, node, "back"));
    let began = gap.began_at;
    let told = made.iter().find(|(at, content)| {
        *at > began && content.contains(node.as_str()) && content.contains("\"opened\"")
    });
    let after = told.and_then(|(at, _)| Duration::try_from(at.duration_since(began)).ok());
    let is_of_database = overlaps(gap, fleet);
    let after_s = after.map_or_else(
        || "-".to_owned(),
        |after| format!("{:.1} s", after.as_secs_f64()),
    );
    let (ordered, database) = (gap.is_ordered, is_of_database);
    println!(
        "{node}: no beat for {seconds:.1} s (ordered: {ordered}, database: {database}); told after {after_s}; {silent} silent, {back} back"
    );
    if ordered || database {
        return;
    }
    match gap.lasted {
        lasted if lasted < SILENT_AFTER => {}
        lasted if lasted > SURELY_SILENT => {
            expected.mails += 2;
            expected.detections.extend(after);
            if (silent, back) != (1, 1) {
                wrong.push(format!(
                    "{node}: {silent} and {back} mails instead of 1 and 1"
                ));
            }
            if after.is_none_or(|after| after > SILENT_AFTER + DETECTION_MAX) {
                wrong.push(format!("{node}: told after {after_s}"));
            }
        }
        _ => {}
    }
}

/// Whether the node could not beat because the database was away.
fn overlaps(gap: &Gap, fleet: &Fleet) -> bool {
    let is_over = |(from, until): (Timestamp, Timestamp)| {
        gap.began_at < until && gap.began_at + gap.lasted > from
    };
    fleet.database_down.is_some_and(is_over)
}

/// The announcements with their times, as the store has them.
fn announced(fleet: &Fleet) -> Vec<(Timestamp, String)> {
    let rows = fleet
        .database
        .query("select made_at, replace(replace(content, '\\n', ' '), '\\t', ' ') from announcements order by id")
        .unwrap();
    let row = |line: &str| {
        let (at, content) = line.split_once('\t').unwrap();
        let at = Timestamp::from_microsecond(at.parse().unwrap()).unwrap();
        (at, content.to_owned())
    };
    rows.lines().map(row).collect()
}

/// The mails about `name` whose subject has these words; one mail may be about several.
fn count(mails: &[Mail], name: &str, words: &str) -> usize {
    let about = |mail: &&Mail| {
        let subject = mail.subject();
        subject.contains(words) && (subject.contains(name.trim()) || mail.text().contains(name))
    };
    mails.iter().filter(about).count()
}

fn subjects(mails: &[Mail]) -> Vec<String> {
    mails.iter().map(Mail::subject).collect()
}
