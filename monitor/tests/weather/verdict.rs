//! Outages and mails held against each other.

use std::collections::BTreeMap;
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
        judge_gap(
            gap,
            (plan, fleet),
            (&mails, &made),
            &mut expected,
            &mut wrong,
        );
    }
    for job in 0..plan.jobs {
        let name = format!("job-{job} ");
        let failed = count(&mails, &name, "failed");
        let well = count(&mails, &name, "well again");
        println!("{name} failed once: {failed} mails, well again: {well}");
        expected.mails += 2;
        match failure_told(fleet, job, &made) {
            Some(after) => expected.detect("a job that failed", after),
            None => wrong.push(format!("{name}: its failure was not told")),
        }
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
    expected.mails += 2;
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
    // The witness, who shows that nothing else is on its way.
    expected.mails += 1;
    expected.tell(&mails, wrong.len());
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
    /// How long after it began each trouble was told, by its kind.
    detections: BTreeMap<&'static str, Vec<Duration>>,
}

impl Expected {
    fn detect(&mut self, kind: &'static str, after: Duration) {
        self.detections.entry(kind).or_default().push(after);
    }

    fn tell(&mut self, mails: &[Mail], wrong: usize) {
        for (kind, detections) in &mut self.detections {
            detections.sort();
            let told = detections.len();
            let seconds = |after: &Duration| after.as_secs_f64();
            let (p50, max) = (
                seconds(&detections[told / 2]),
                seconds(&detections[told - 1]),
            );
            println!("{kind}: {told} told, after {p50:.1} s (p50), {max:.1} s (max)");
        }
        println!(
            "{} mails, {} of them could not be fewer; {wrong} wrong",
            mails.len(),
            self.mails
        );
    }
}

/// When the end of the first bad run of `job` was told, counted from it.
fn failure_told(fleet: &Fleet, job: usize, made: &[(Timestamp, String)]) -> Option<Duration> {
    let ended = fleet.database.query(&format!(
        "select min(r.ended_at) from runs r join jobs j on j.id = r.job_id
        where j.name = 'job-{job}' and r.outcome = 'failed'"
    ));
    let ended_at = Timestamp::from_microsecond(ended.ok()?.trim().parse().ok()?).ok()?;
    let name = format!("\"job-{job}\"");
    let is_about = |content: &str| content.contains(&name) && content.contains("\"opened\"");
    let (told_at, _) = made.iter().find(|(_, content)| is_about(content))?;
    Duration::try_from(told_at.duration_since(ended_at)).ok()
}

fn judge_gap(
    gap: &Gap,
    (plan, fleet): (&Plan, &Fleet),
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
            if let Some(after) = after {
                expected.detect(plan.kind_of_outage(node), after);
            }
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
