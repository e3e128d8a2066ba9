//! What no field of a job alone can tell: limits that the types do not know, and schedules that no zone understands.

use carillon_core::identity::JobId;
use carillon_core::job::{JobDraft, POLICY_SECONDS_MAX};
use carillon_core::retry::{ATTEMPTS_MAX, Retry};
use carillon_core::schedule::Subject;

use crate::form::FieldErrors;

/// Judges a draft, field by field.
pub(super) fn judge(draft: &JobDraft, job: JobId, errors: &mut FieldErrors) {
    if draft.spec.launch.command.trim().is_empty() {
        errors.add(
            "command",
            "a job needs a command; write what a shell would run",
        );
    }
    if let Err(error) = draft.schedule.parse(job) {
        let field = match error.subject() {
            Subject::Zone => "zone",
            Subject::Expression | Subject::Field(_) => "schedule",
            Subject::Calendar { .. } => "calendar",
        };
        errors.add(field, error.to_string());
    }
    let spec = &draft.spec;
    let is_secret = |name: &String| {
        let mut secrets = spec.launch.secrets.iter();
        secrets.any(|(variable, _)| variable == name)
    };
    if let Some((name, _)) = spec.launch.env.iter().find(|(name, _)| is_secret(name)) {
        errors.add(
            "secrets",
            format!("{name} is also in env; remove it from one of the two"),
        );
    }
    let windows = [
        ("misfire_window_s", spec.misfire_window_s),
        ("start_deadline_s", spec.start_deadline_s),
    ];
    for (field, value) in windows {
        if value.is_some_and(|seconds| seconds == 0 || seconds > POLICY_SECONDS_MAX) {
            errors.add(
                field,
                format!(
                    "{} s is not between 1 and {POLICY_SECONDS_MAX} s (30 days)",
                    value.unwrap_or(0)
                ),
            );
        }
    }
    judge_retry(&spec.retry, errors);
    if let Some(code) = spec
        .success_codes
        .iter()
        .find(|code| !(0..=255).contains(*code))
    {
        errors.add(
            "success_codes",
            format!("{code} is no exit code; they go from 0 to 255"),
        );
    }
    if spec
        .launch
        .nice
        .is_some_and(|nice| !(-20..=19).contains(&nice))
    {
        errors.add("nice", "niceness goes from -20 to 19");
    }
}

fn judge_retry(retry: &Retry, errors: &mut FieldErrors) {
    let limit = f64::from(POLICY_SECONDS_MAX);
    if !(1..=ATTEMPTS_MAX).contains(&retry.max_attempts) {
        errors.add(
            "retry",
            format!(
                "{} attempts are not between 1 and {ATTEMPTS_MAX}",
                retry.max_attempts
            ),
        );
    } else if !((0.0..=limit).contains(&retry.delay_s)
        && (0.0..=limit).contains(&retry.max_delay_s))
    {
        errors.add("retry", "a delay is between 0 s and 30 days");
    } else if !(0.0..=1.0).contains(&retry.jitter) {
        errors.add(
            "retry",
            format!("a jitter of {} is not between 0 and 1", retry.jitter),
        );
    }
}
