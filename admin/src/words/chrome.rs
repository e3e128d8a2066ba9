//! Navigation, and what every page shares.

super::catalogue! {
    /// Navigation, and what every page shares.
    Chrome {
        product: "Carillon", "Carillon";
        skip_to_content: "Skip to content", "跳到正文";
        main_navigation: "Main", "主导航";
        overview: "Overview", "总览";
        jobs: "Jobs", "作业";
        runs: "Runs", "运行";
        timeline: "Timeline", "时间线";
        nodes: "Nodes", "节点";
        alerts: "Alerts", "告警";
        calendars: "Calendars", "日历";
        groups: "Groups", "分组";
        import: "Import", "导入";
        users: "People", "人员";
        audit: "Audit log", "审计日志";
        health: "System", "系统";
        sign_out: "Sign out", "退出";
        theme: "Theme", "主题";
        theme_auto: "System theme", "跟随系统";
        theme_light: "Light", "浅色";
        theme_dark: "Dark", "深色";
        language: "Language", "语言";
        section_work: "Work", "任务";
        section_fleet: "Fleet", "机群";
        section_house: "Administration", "管理";
        live: "Live", "实时";
        paused: "Paused", "已暂停";
        stale: "No answer: this is as of {}", "暂无响应：以下为 {} 的内容";
        live_tip: "Refreshes by itself; press . to pause", "自动刷新；按 . 键暂停";
        filter: "Filter", "筛选";
        clear: "Clear", "清除";
        save: "Save", "保存";
        cancel: "Cancel", "取消";
        delete: "Delete", "删除";
        restore: "Restore", "恢复";
        edit: "Edit", "编辑";
        create: "Create", "创建";
        close: "Close", "关闭";
        next_page: "Older", "更早";
        more: "More", "更多";
        previous: "Start", "开头";
        name: "Name", "名称";
        description: "Description", "说明";
        state: "State", "状态";
        group: "Group", "分组";
        all_groups: "All groups", "所有分组";
        any: "Any", "任意";
        actions: "Actions", "操作";
        time: "Time", "时间";
        yes: "Yes", "是";
        no: "No", "否";
        none: "None", "无";
        never: "never", "从不";
        now: "now", "现在";
        in_distance: "in {}", "{}后";
        ago: "{} ago", "{}前";
        day_unit: "{} d", "{} 天";
        hour_unit: "{} h", "{} 小时";
        minute_unit: "{} min", "{} 分";
        second_unit: "{} s", "{} 秒";
        shortcuts: "Keyboard shortcuts", "键盘快捷键";
        shortcut_goto: "go to overview, jobs, runs, timeline, nodes, alerts", "前往总览、作业、运行、时间线、节点、告警";
        shortcut_search: "search", "搜索";
        shortcut_move: "next, previous row", "下一行、上一行";
        shortcut_open: "open row", "打开所选行";
        shortcut_live: "pause or resume live updates", "暂停或恢复实时更新";
        shortcut_help: "this help", "显示本帮助";
        ribbon_no_node: "No node is alive: nothing runs until an agent starts. On a machine, run “agent start”.", "没有存活的节点：在启动 agent 之前不会运行任何作业。请在某台机器上执行 “agent start”。";
        ribbon_silent: "Silent nodes: {}. What they were running is recorded as lost unless they return.", "失联节点：{}。若不恢复，其正在运行的作业将记为丢失。";
        ribbon_clock: "Not claiming: {}. The node page says why.", "暂不领取作业的节点：{}。原因见节点页面。";
        note_saved: "Saved.", "已保存。";
        note_job_created: "Job created. Agents know it within a second.", "作业已创建，各 agent 一秒内生效。";
        note_job_saved: "Job saved. No start from the old version happens after this.", "作业已保存，旧版本不会再启动。";
        note_job_paused: "Job disabled. It keeps its history and starts only by hand.", "作业已停用。历史保留，仅可手动启动。";
        note_job_resumed: "Job enabled.", "作业已启用。";
        note_job_deleted: "Job deleted. You can restore it from this page.", "作业已删除，可在本页恢复。";
        note_job_restored: "Job restored. It is disabled until you enable it.", "作业已恢复，启用前不会触发。";
        note_version_restored: "The old version is current again.", "已恢复到旧版本。";
        note_kill_sent: "The node was asked to end this run.", "已要求节点终止该运行。";
        note_already_done: "This run had already ended.", "该运行早已结束。";
        note_node_drained: "The node takes nothing new; what it runs may end.", "该节点不再领取新任务，正在运行的会继续到结束。";
        note_node_active: "The node takes part again.", "该节点已恢复参与调度。";
        note_node_retired: "The node is retired. Its history stays.", "该节点已退役，历史记录保留。";
        note_password_changed: "Password changed. All other sessions were signed out.", "密码已修改，其他会话均已退出。";
        note_session_revoked: "Session signed out.", "会话已退出。";
        note_totp_on: "Two-step sign-in is on.", "两步验证已开启。";
        note_totp_off: "Two-step sign-in is off.", "两步验证已关闭。";
        note_user_created: "Account created.", "账户已创建。";
        note_user_saved: "Account saved. It holds from the next request on.", "账户已保存，下一次请求即生效。";
        note_user_locked: "Account locked and signed out everywhere.", "账户已锁定，并已在所有地方退出。";
        note_user_unlocked: "Account unlocked.", "账户已解锁。";
        note_token_revoked: "Token revoked.", "令牌已吊销。";
        note_group_created: "Group created.", "分组已创建。";
        note_calendar_created: "Calendar created. Choose it in the editor of a job.", "日历已创建，可在作业编辑页选择。";
        note_calendar_saved: "Calendar saved. Every job that keeps to it follows.", "日历已保存，所有使用它的作业均已更新。";
        note_calendar_following: "Calendar saved. The jobs that keep to it follow now; this page says how many are left.", "日历已保存，使用它的作业正在更新，本页显示剩余数量。";
        note_calendar_deleted: "Calendar deleted.", "日历已删除。";
        note_signed_out: "You are signed out.", "您已退出登录。";
        note_bulk_done: "Done for the selected jobs.", "已对所选作业执行。";
        note_view_saved: "View saved.", "视图已保存。";
        note_view_removed: "View removed.", "视图已删除。";
        note_applied: "Applied: groups, calendars and jobs are as declared.", "已应用：组、日历和作业与声明一致。";
        note_import_done: "Imported. Lines that had been imported before were left alone.", "导入完成。之前已导入的行保持不变。";
    }
}

impl Chrome {
    /// The message for a note named in the address, if there is one of that name.
    pub(crate) fn note(&self, key: &str) -> Option<&'static str> {
        Some(match key {
            "saved" => self.note_saved,
            "job_created" => self.note_job_created,
            "job_saved" => self.note_job_saved,
            "job_paused" => self.note_job_paused,
            "job_resumed" => self.note_job_resumed,
            "job_deleted" => self.note_job_deleted,
            "job_restored" => self.note_job_restored,
            "version_restored" => self.note_version_restored,
            "kill_sent" => self.note_kill_sent,
            "already_done" => self.note_already_done,
            "node_drained" => self.note_node_drained,
            "node_active" => self.note_node_active,
            "node_retired" => self.note_node_retired,
            "password_changed" => self.note_password_changed,
            "session_revoked" => self.note_session_revoked,
            "totp_on" => self.note_totp_on,
            "totp_off" => self.note_totp_off,
            "user_created" => self.note_user_created,
            "user_saved" => self.note_user_saved,
            "user_locked" => self.note_user_locked,
            "user_unlocked" => self.note_user_unlocked,
            "token_revoked" => self.note_token_revoked,
            "group_created" => self.note_group_created,
            "calendar_created" => self.note_calendar_created,
            "calendar_saved" => self.note_calendar_saved,
            "calendar_following" => self.note_calendar_following,
            "calendar_deleted" => self.note_calendar_deleted,
            "signed_out" => self.note_signed_out,
            "bulk_done" => self.note_bulk_done,
            "view_saved" => self.note_view_saved,
            "view_removed" => self.note_view_removed,
            "applied" => self.note_applied,
            "import_done" => self.note_import_done,
            _ => return None,
        })
    }
}
