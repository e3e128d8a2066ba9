//! What the fields of documents are called, where people see how two of them differ.

use super::Words;

impl Words {
    /// The label of the field at this path of a document or a form; what has none is told as programs call it.
    pub(crate) fn field<'p>(&self, path: &'p str) -> &'p str {
        let (c, e, j, p) = (&self.chrome, &self.editor, &self.jobs, &self.people);
        match path {
            "name" => c.name,
            "group" => c.group,
            "description" => c.description,
            "enabled" => e.enabled_help,
            "schedule" => j.schedule,
            "zone" => j.zone,
            "dst" => j.dst,
            "calendar" => j.calendar,
            "on_blackout" => e.on_blackout,
            "blackouts" | "text" => self.calendars.blackouts,
            "command" => j.command,
            "shell" => j.shell,
            "cwd" => j.directory,
            "env" => j.environment,
            "secrets" => j.secrets,
            "stdin" => j.input,
            "run_as" => j.user,
            "timeout_s" => j.timeout,
            "run_timeout_s" => j.run_timeout,
            "kill_grace_s" => j.kill_grace,
            "keep_output" => j.keep_output,
            "placement" => e.placement,
            "labels" => e.labels,
            "nodes" => e.nodes,
            "exclude_nodes" => e.exclude_nodes,
            "overlap" => j.overlap,
            "concurrency_key" => j.concurrency_key,
            "priority" => j.priority,
            "misfire" => j.misfire,
            "misfire_window_s" => e.misfire_window,
            "start_deadline_s" => e.start_deadline,
            "retry" => j.retry,
            "retry.max_attempts" => e.attempts,
            "delivery" => e.delivery,
            "success_codes" => e.success_codes,
            "watch" => j.watch,
            "ping" | "ping_url" => e.ping_url,
            "mail_to" => j.mail,
            "keep_runs" => p.group_keep_runs,
            "keep_days" => p.group_keep_days,
            "quiet_hours" => p.group_quiet_hours,
            "grants" => p.grants,
            "reason" => self.nodes.reason,
            other => other,
        }
    }
}
