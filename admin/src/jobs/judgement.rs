//! What no field of a job alone can tell: limits that the types do not know, and schedules that no zone understands.

use carillon_core::identity::JobId;
use carillon_core::job::{JobDraft, POLICY_SECONDS_MAX};
use carillon_core::retry::{ATTEMPTS_MAX, Retry};
use carillon_core::schedule::Subject;

use crate::form::FieldErrors;
use crate::words::judgements::Judgements;
use crate::words::{Words, fill};

/// Judges a draft, field by field.
pub(super) fn judge(draft: &JobDraft, job: JobId, w: &Words, errors: &mut FieldErrors) {
    let j = &w.judgements;
    if draft.spec.launch.command.trim().is_empty() {
        errors.add("command", j.command);
    }
    if let Err(error) = draft.schedule.parse(job) {
        let field = match error.subject() {
            Subject::Zone => "zone",
            Subject::Expression | Subject::Field(_) => "schedule",
            Subject::Calendar { .. } => "calendar",
        };
        errors.add(field, error.told(w.lang));
    }
    let spec = &draft.spec;
    let is_secret = |name: &String| {
        let mut secrets = spec.launch.secrets.iter();
        secrets.any(|(variable, _)| variable == name)
    };
    if let Some((name, _)) = spec.launch.env.iter().find(|(name, _)| is_secret(name)) {
        errors.add("secrets", fill(j.secret_in_env, &[name]));
    }
    let windows = [
        ("misfire_window_s", spec.misfire_window_s),
        ("start_deadline_s", spec.start_deadline_s),
    ];
    for (field, value) in windows {
        if value.is_some_and(|seconds| seconds == 0 || seconds > POLICY_SECONDS_MAX) {
            let seconds = value.unwrap_or(0);
            errors.add(
                field,
                fill(j.policy_seconds, &[&seconds, &POLICY_SECONDS_MAX]),
            );
        }
    }
    judge_retry(&spec.retry, j, errors);
    if let Some(code) = spec
        .success_codes
        .iter()
        .find(|code| !(0..=255).contains(*code))
    {
        errors.add("success_codes", fill(j.exit_code, &[code]));
    }
    if spec
        .launch
        .nice
        .is_some_and(|nice| !(-20..=19).contains(&nice))
    {
        errors.add("nice", j.niceness);
    }
}

fn judge_retry(retry: &Retry, j: &Judgements, errors: &mut FieldErrors) {
    let limit = f64::from(POLICY_SECONDS_MAX);
    if !(1..=ATTEMPTS_MAX).contains(&retry.max_attempts) {
        let told = fill(j.attempts, &[&retry.max_attempts, &ATTEMPTS_MAX]);
        errors.add("retry", told);
    } else if !((0.0..=limit).contains(&retry.delay_s)
        && (0.0..=limit).contains(&retry.max_delay_s))
    {
        errors.add("retry", j.delay);
    } else if !(0.0..=1.0).contains(&retry.jitter) {
        errors.add("retry", fill(j.jitter, &[&retry.jitter]));
    }
}
