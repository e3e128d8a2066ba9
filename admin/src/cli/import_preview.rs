//! What importing a crontab would do, for whoever asks before doing it.

use carillon_core::identity::JobId;
use carillon_core::import::Arriving;
use carillon_core::job::JobDraft;
use carillon_core::lang::Lang;
use carillon_core::reimport::Reimport;
use carillon_core::schedule::time_zone;
use jiff::Timestamp;

/// A paragraph for each line that would make or edit a job.
pub(super) fn paragraphs(file: &str, compared: &Reimport, now: Timestamp) -> Vec<String> {
    let made = compared.new.iter().map(|Arriving { line, draft, .. }| {
        let title = format!("{file}:{line}: makes job {:?}", draft.name.as_str());
        paragraph(title, draft, now)
    });
    let edited = compared.edits.iter().map(|edit| {
        let title = format!("{file}: edits job {:?}", edit.draft.name.as_str());
        paragraph(title, &edit.draft, now)
    });
    made.chain(edited).collect()
}

fn paragraph(title: String, draft: &JobDraft, now: Timestamp) -> String {
    let launch = &draft.spec.launch;
    let mut lines = vec![title, fires(draft, now), launch.command.clone()];
    lines.extend(besides(draft));
    lines.join("\n    ")
}

/// The schedule as it stands, what it means, and when it fires next.
fn fires(draft: &JobDraft, now: Timestamp) -> String {
    let text = &draft.schedule;
    let (expression, zone) = (&text.expression, &text.zone);
    // Lines that cannot be read are no drafts.
    let (Ok(schedule), Ok(time_zone)) = (text.parse(JobId(0)), time_zone(zone)) else {
        return format!("{expression}, {zone}");
    };
    let meaning = schedule.describe(Lang::En);
    let next = match schedule.next_after(now) {
        Some(time) => format!(
            "next {}",
            time.to_zoned(time_zone).strftime("%Y-%m-%d %H:%M:%S %:z")
        ),
        None => "no fire time ahead".to_owned(),
    };
    format!("{expression}, {zone}: {meaning}; {next}")
}

/// What else the line and those above it say.
fn besides(draft: &JobDraft) -> Option<String> {
    let launch = &draft.spec.launch;
    let mut told = Vec::new();
    if !launch.env.is_empty() {
        let names: Vec<&str> = launch.env.iter().map(|(name, _)| name.as_str()).collect();
        told.push(format!("with {}", names.join(", ")));
    }
    if let Some(shell) = &launch.shell {
        told.push(format!("by {shell}"));
    }
    if let Some(folder) = &launch.cwd {
        told.push(format!("in {folder}"));
    }
    if let Some(user) = &launch.run_as {
        told.push(format!("as {user}"));
    }
    if launch.stdin.is_some() {
        told.push("with a standard input".to_owned());
    }
    match draft.spec.mail_to.as_deref() {
        Some("") => told.push("no mail".to_owned()),
        Some(address) => told.push(format!("mail to {address}")),
        None => {}
    }
    (!told.is_empty()).then(|| told.join("; "))
}
