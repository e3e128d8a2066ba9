//! A job's draft as the texts of the editor's fields, section by section.

use carillon_core::job::{JobDraft, JobSpec};
use carillon_core::misfire::Misfire;
use carillon_core::overlap::Overlap;
use carillon_core::ping::PingUrl;
use carillon_core::placement::Placement;

use super::fields::{duration, duration_s};

pub(super) fn texts_of_work(draft: &JobDraft) -> [(&'static str, String); 16] {
    let launch = &draft.spec.launch;
    let calendar = draft.spec.calendar.as_ref();
    let env = launch
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let secrets = launch
        .secrets
        .iter()
        .map(|(variable, name)| format!("{variable}={name}"));
    [
        ("name", draft.name.to_string()),
        ("group", draft.group.to_string()),
        ("description", draft.description.clone()),
        ("command", launch.command.clone()),
        ("schedule", draft.schedule.expression.clone()),
        ("zone", draft.schedule.zone.clone()),
        ("dst", draft.schedule.dst.to_string()),
        (
            "calendar",
            calendar
                .map(|kept| kept.name.to_string())
                .unwrap_or_default(),
        ),
        (
            "on_blackout",
            calendar
                .map(|kept| kept.on_blackout)
                .unwrap_or_default()
                .to_string(),
        ),
        ("enabled", if draft.enabled { "1" } else { "" }.to_owned()),
        ("shell", text(&launch.shell)),
        ("cwd", text(&launch.cwd)),
        ("env", env.collect::<Vec<_>>().join("\n")),
        ("secrets", secrets.collect::<Vec<_>>().join("\n")),
        ("stdin", text(&launch.stdin)),
        ("run_as", text(&launch.run_as)),
    ]
}

pub(super) fn texts_of_place(spec: &JobSpec) -> [(&'static str, String); 11] {
    let (placement, placement_n) = match spec.placement {
        Placement::One => ("one", 2),
        Placement::EveryNode => ("every_node", 2),
        Placement::Some(nodes) => ("n", nodes),
    };
    let (overlap, overlap_n) = match spec.overlap {
        Overlap::Skip => ("skip", 2),
        Overlap::Replace => ("replace", 2),
        Overlap::Allow(runs) => ("allow", runs),
        Overlap::Queue(ticks) => ("queue", ticks),
    };
    let (misfire, misfire_n) = match spec.misfire {
        None => ("", 3),
        Some(Misfire::Skip) => ("skip", 3),
        Some(Misfire::Once) => ("once", 3),
        Some(Misfire::All(ticks)) => ("all", ticks),
    };
    let labels = spec
        .target
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    [
        ("placement", placement.to_owned()),
        ("placement_n", placement_n.to_string()),
        ("labels", labels.collect::<Vec<_>>().join(", ")),
        ("nodes", spec.target.nodes.join(", ")),
        ("exclude_nodes", spec.target.exclude.join(", ")),
        ("overlap", overlap.to_owned()),
        ("overlap_n", overlap_n.to_string()),
        (
            "concurrency_key",
            spec.concurrency_key
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
        ),
        ("priority", spec.priority.to_string()),
        ("misfire", misfire.to_owned()),
        ("misfire_n", misfire_n.to_string()),
    ]
}

pub(super) fn texts_of_limits(spec: &JobSpec) -> [(&'static str, String); 16] {
    let (launch, retry) = (&spec.launch, &spec.retry);
    let seconds = |value: Option<u32>| value.map(|s| duration(u64::from(s) * 1000));
    let codes: Vec<_> = spec.success_codes.iter().map(i32::to_string).collect();
    let ping_url = spec.ping_url.as_ref().map(PingUrl::veiled);
    let mail = match spec.mail_to.as_deref() {
        None => "group",
        Some("") => "nobody",
        Some(_) => "these",
    };
    [
        (
            "misfire_window",
            seconds(spec.misfire_window_s).unwrap_or_default(),
        ),
        (
            "start_deadline",
            seconds(spec.start_deadline_s).unwrap_or_default(),
        ),
        (
            "timeout",
            launch.timeout_ms.map(duration).unwrap_or_default(),
        ),
        (
            "run_timeout",
            spec.run_timeout_ms.map(duration).unwrap_or_default(),
        ),
        (
            "keep_output",
            if launch.keep_output { "1" } else { "" }.to_owned(),
        ),
        ("kill_grace", duration(launch.kill_grace_ms)),
        ("max_attempts", retry.max_attempts.to_string()),
        ("backoff", retry.backoff.to_string()),
        ("delay", duration_s(retry.delay_s)),
        ("max_delay", duration_s(retry.max_delay_s)),
        ("retry_node", retry.node.to_string()),
        ("delivery", spec.delivery.to_string()),
        ("success_codes", codes.join(", ")),
        ("mail", mail.to_owned()),
        ("mail_to", text(&spec.mail_to)),
        ("ping_url", ping_url.unwrap_or_default()),
    ]
}

fn text(value: &Option<String>) -> String {
    value.clone().unwrap_or_default()
}
