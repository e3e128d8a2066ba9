//! Jobs: the list, the page of one, its editor.

super::catalogue! {
    /// The list and the page of a job.
    Jobs {
        title: "Jobs", "作业";
        new: "New job", "新建作业";
        search: "Search", "搜索";
        search_hint: "words, or group:ops last:failed", "关键词，或 group:ops last:failed";
        query_help: "How to search", "如何搜索";
        query_story: "Words are looked for in name, description, command and schedule. A filter means something exactly; a minus before it means the others, quotes keep blanks and colons: -group:\"night ops\".", "关键词在名称、描述、命令和计划中查找。过滤器表示精确条件；前面加减号表示排除，引号用于包含空格或冒号：-group:\"night ops\"。";
        query_name: "the name has this", "名称包含";
        query_group: "in this group", "属于该组";
        query_enabled: "yes or no", "yes（启用）或 no（停用）";
        query_last: "how the last run ended: an outcome, trouble, open or never", "最近一次运行的结果：某个结果、trouble（异常）、open（未结束）或 never（从未运行）";
        query_node: "this node may run it", "可在该节点运行";
        query_user: "runs as this user", "以该用户运行";
        query_zone: "in this time zone", "使用该时区";
        query_calendar: "keeps to this calendar", "遵循该日历";
        query_filter: "{}: there is no such filter; there are {}. Put a text with a colon in quotes.", "{}：没有这个过滤器；可用的有 {}。含冒号的文本请加引号。";
        query_value: "{}: it is one of {}.", "{}：可选值为 {}。";
        query_open: "{}: the quote is not closed; close it.", "{}：引号未闭合，请补全。";
        query_long: "{}: this is the word after {}; use fewer.", "{}：这是第 {} 个词之后的词；请减少。";
        deleted_title: "Deleted jobs", "已删除的作业";
        deleted_story: "The latest deletion first. A job that is restored is disabled until somebody enables it.", "最近删除的在前。恢复的作业在启用之前不会触发。";
        deleted_none: "No job was deleted", "没有已删除的作业";
        enabled: "Enabled", "已启用";
        disabled: "Disabled", "已停用";
        deleted: "Deleted", "已删除";
        count: "{} {job|jobs}", "{} 个作业";
        schedule: "Schedule", "计划";
        next_fire: "Next fire", "下次触发";
        last_runs: "Last runs", "最近运行";
        strips_late: "the last runs could not be read in time; they come with the next look at this page", "未能及时读出最近运行；下次打开本页时显示";
        command: "Command", "命令";
        empty_title: "No jobs yet", "还没有作业";
        empty_story: "A job is a command with a schedule. Write one, or paste a crontab.", "作业是带有计划的命令。新建一个，或粘贴 crontab。";
        empty_filtered: "No job matches", "没有匹配的作业";
        looked_until: "What matches is rare: looked through the jobs as far as {}.", "符合条件的作业很少：已查找到 {} 为止。";
        look_on: "Look further", "继续查找";
        empty_filtered_story: "Nothing here has all of these words. Clear the filter to see every job.", "没有作业同时包含这些词。清除筛选可查看全部。";
        run_now: "Run now", "立即运行";
        enable: "Enable", "启用";
        disable: "Disable", "停用";
        copy: "Copy", "复制";
        what: "What", "内容";
        when: "When", "时间";
        where_: "Where", "位置";
        zone: "Time zone", "时区";
        dst: "Clock changes", "夏令时";
        calendar: "Calendar", "日历";
        blackout_skips: "Blackout: {} of the calendar {}. What is due is skipped until {}.", "停跑时段：{}（日历 {}）。到期的触发将被跳过，直到 {}。";
        blackout_shifts: "Blackout: {} of the calendar {}. What is due fires once, at {}.", "停跑时段：{}（日历 {}）。到期的触发合并为一次，推迟到 {}。";
        blackout_for_ever: "Blackout: {} of the calendar {}, without an end within 100 years: nothing fires.", "停跑时段：{}（日历 {}），100 年内不会结束：不会触发。";
        directory: "Directory", "目录";
        shell: "Shell", "Shell（解释器）";
        user: "Runs as", "运行用户";
        environment: "Environment", "环境变量";
        secrets: "Secrets", "机密";
        input: "Input", "标准输入";
        timeout: "Timeout", "超时";
        run_timeout: "Timeout of all attempts", "全部尝试的总超时";
        kill_grace: "Time to end by itself", "自行结束时限";
        keep_output: "Full output", "完整输出";
        on_its_node: "kept in files of the node", "保留在节点的文件中";
        overlap: "If the last run still lives", "若上次仍在运行";
        concurrency_key: "Shared key", "共享键";
        priority: "Priority", "优先级";
        misfire: "If it is late", "若已迟到";
        retry: "If it fails", "若失败";
        attempts: "up to {} {attempt|attempts}", "最多 {} 次尝试";
        one_attempt: "no further attempt", "不再尝试";
        mail: "Mail", "邮件";
        mail_group: "to the operators", "发给运维人员";
        mail_nobody: "to nobody", "不发送";
        ping: "Ping", "心跳地址";
        ping_none: "nothing told yet", "尚未发送";
        ping_told: "“{}” told {}: {}", "“{}”已于 {} 发送：{}";
        ping_untold: "“{}” could not be told {}: {}", "“{}”于 {} 发送失败：{}";
        watch: "Told of", "通知条件";
        watch_failures: "{} bad {end|ends} of {}", "{} 次异常（最近 {} 次中）";
        watch_late: "late after {}", "{} 后未开始";
        watch_slow: "slow after {}", "运行超过 {}";
        watch_slower: "slower than {} {time|times} the usual", "超过平常的 {} 倍";
        watch_faster: "faster than 1/{} of the usual", "短于平常的 1/{}";
        watch_success: "no success for {}", "{} 内没有成功";
        back_test: "What would have been told", "回溯检验";
        back_test_ask: "How often would this have been told?", "按此设置本会通知多少次？";
        back_test_story: "These limits, held against the runs of the last 30 days. Nothing is sent and nothing is changed.", "用最近 30 天的运行检验这些限度；不会发送通知，也不会更改任何内容。";
        back_test_limits: "Limits", "限度";
        back_test_try: "Try these limits", "检验这些限度";
        back_test_own: "The job's own", "作业自身的限度";
        back_test_told: "Incidents there would have been", "本会产生的告警";
        back_test_none: "The store holds no run of the last 30 days.", "存储中没有最近 30 天的运行。";
        back_test_read: "{} {run was|runs were} read, from {} on.", "已读取 {} 次运行，自 {} 起。";
        back_test_rule: "Rule", "规则";
        back_test_times: "Times", "次数";
        back_test_when: "Since when, the newest first", "开始时间（最新在前）";
        back_test_unwatched: "no limit", "未设限度";
        back_test_run: "run", "运行";
        back_test_more: "and {} more", "另有 {} 次";
        history: "Recent runs", "最近运行";
        all_runs: "All runs of this job", "该作业的所有运行";
        versions: "Versions", "版本";
        edited_by: "by {}", "由 {} 编辑";
        current: "current", "当前";
        changed: "Changed", "更改";
        first_version: "as it was made", "初始版本";
        restore_version: "Make current", "恢复此版本";
        is_disabled: "This job is disabled: its schedule does not fire.", "该作业已停用，其计划不会触发。";
        is_deleted: "This job was deleted. Its history stays; restore it to use it again.", "该作业已删除。历史保留，恢复后可继续使用。";
        delete_story: "Nothing of it starts any more; its history stays, and it can be restored.", "不再启动，历史保留，且可恢复。";
        parameters: "Parameters", "参数";
        parameters_story: "One NAME=value a line. The command finds each as CARILLON_PARAM_NAME.", "每行一个 NAME=value，命令以 CARILLON_PARAM_NAME 读取。";
        run_with: "Run now with parameters", "带参数立即运行";
        on_node: "On node", "在节点";
        any_node: "any that matches", "任意符合条件的节点";
        run_story: "Starts once, now, under the same policies. Whoever asked is recorded.", "按相同策略立即启动一次，并记录请求人。";
        ledger: "Every due time and what became of it", "每个应触发时刻及其结果";
        select: "Select", "选择";
        bulk: "With the selected jobs", "对所选作业";
    }
}

super::catalogue! {
    /// The editor of a job.
    Editor {
        new_title: "New job", "新建作业";
        create: "Create job", "创建作业";
        wrong_title: "Some fields need another look", "部分字段需要修改";
        what: "What", "内容";
        when: "When", "时间";
        where_: "Where", "位置";
        if_fails: "If it fails", "若失败";
        if_late: "If it overlaps or is late", "若重叠或迟到";
        limits: "Limits and surroundings", "限制与环境";
        mail: "Mail", "邮件";
        name_help: "What it does, e.g. nightly backup. Unique in its group.", "说明用途，例如 夜间备份。组内唯一。";
        name_taken: "another job of this group has this name; choose another", "该组中已有同名作业，请换一个";
        command_help: "One line runs directly when it needs no shell, and through /bin/sh otherwise.", "无需 Shell 语法的命令直接执行，否则通过 /bin/sh 运行。";
        schedule_help: "Five fields, six with seconds first, or @daily, @every 90s, @at 2026-12-31T23:59:59, @reboot, @manual. H spreads jobs: H 3 * * *.", "五个字段；六个字段时秒在最前；也可写 @daily、@every 90s、@at 2026-12-31T23:59:59、@reboot、@manual。H 可错开作业：H 3 * * *。";
        schedule_tool: "Check the schedule", "检查计划";
        enabled_help: "Its schedule fires", "按计划触发";
        dst_cron: "as cron: never lost, never twice", "同 cron：不丢失、不重复";
        dst_literal: "as the clock shows: may be lost, may fire twice", "按钟面：可能丢失或触发两次";
        dst_skip: "a lost time is skipped, a repeated one fires once, wildcards too", "缺失的时刻跳过，重复的只触发一次（通配也如此）";
        dst_second: "a repeated time fires on the second pass, wildcards too", "重复的时刻在第二次触发（通配也如此）";
        preview: "Preview", "预览";
        nodes_match: "Matches {} of {} {node|nodes}", "匹配 {} / {} 个节点";
        more_nodes: "and {} more", "另有 {} 个";
        no_such_node: "There is no node called {}.", "没有名为 {} 的节点。";
        no_ready_node: "No node that lives and takes work matches: nothing would start.", "没有可用的匹配节点：不会启动任何运行。";
        too_few_nodes: "{} {node is|nodes are} wanted and {} {matches|match}.", "需要 {} 个节点，仅有 {} 个匹配。";
        preview_blank: "Write a schedule to see what it means.", "填写计划即可查看其含义。";
        per_day: "{} {fire|fires} a day", "每天 {} 次";
        per_week: "{} {fire|fires} in the next week", "未来一周 {} 次";
        never_fires: "never fires within the next 100 years", "未来 100 年内不会触发";
        often_fires: "fires more than once in ten seconds: is that what you want?", "十秒内触发不止一次：确定需要吗？";
        hash_later: "H and ~ take their values from the job's number: these times change when it is saved", "H 与 ~ 的取值由作业编号决定，保存后时间会变化";
        both_days: "day of month and day of week are both set: either is enough; write + before the day of week to demand both", "同时设置了日期与星期：满足其一即触发；若需同时满足，在星期前加 +";
        calendar_none: "none", "无";
        calendar_help: "Its blackouts hold fire times back. Calendars are kept on a page of their own.", "其停跑时段内不触发。日历在单独的页面维护。";
        on_blackout: "A fire time inside a blackout", "停跑时段内的触发";
        flag_skipped: "skipped: {}, until {}", "跳过：{}，直到 {}";
        flag_skipped_for_ever: "skipped: {}, without an end", "跳过：{}，没有结束";
        flag_shifted: "{}: shifted to {}", "{}：推迟到 {}";
        flag_gap: "the clock skips this time: it fires at {} instead", "时钟跳过该时刻：改为 {} 触发";
        flag_first_pass: "the clock shows this time twice: first pass", "该时刻出现两次：第一次";
        flag_second_pass: "the clock shows this time twice: second pass", "该时刻出现两次：第二次";
        placement: "Runs on", "运行于";
        placement_n: "this many nodes", "指定数量的节点";
        how_many: "How many", "数量";
        labels: "Only nodes with labels", "仅限带标签的节点";
        labels_help: "role=web, zone=b: a node needs all of them.", "role=web, zone=b：节点须具备全部标签。";
        nodes: "Only these nodes", "仅限这些节点";
        exclude_nodes: "Never these nodes", "排除这些节点";
        names_help: "Names with commas between; empty means any.", "名称以逗号分隔，留空表示不限。";
        matching: "Matching nodes", "匹配的节点";
        overlap_allow: "run both, up to", "允许同时运行，最多";
        overlap_queue: "let the new one wait, up to", "新的排队等待，最多";
        concurrency_key_help: "Jobs of the group with the same key, e.g. backup, count as one for this. Empty is this job alone.", "同组中键相同（例如 backup）的作业在此合并计算。留空则仅计本作业。";
        priority_help: "0 to 9: where a node has fewer places than runs, the higher starts first.", "0 至 9：节点名额不足时，数值高的先启动。";
        misfire_default: "by default: the newest for times of day, none below a minute", "默认：定时任务补最新一次，亚分钟级不补";
        misfire_all: "run the newest ones, up to", "补跑最新的，最多";
        misfire_window: "Look back at most", "最多回溯";
        start_deadline: "Start at most this late", "最迟启动时限";
        duration_help: "A number and its unit: 90s, 5m, 1h. Empty takes the default.", "数字加单位：90s、5m、1h。留空取默认值。";
        timeout_help: "Ended when it takes longer: 90s, 5m, 1h. Empty is never.", "超过则终止：90s、5m、1h。留空表示不限。";
        run_timeout_help: "From the first start on, with all attempts and the waits between. Empty is never.", "从首次启动算起，含全部尝试及其间的等待。留空表示不限。";
        keep_output_help: "Keep all of its output in files of the node, too", "同时将全部输出保留在节点的文件中";
        attempts: "Attempts in all", "总尝试次数";
        delay: "Wait before the next", "下次尝试前等待";
        max_delay: "Wait at most", "最长等待";
        backoff: "The wait", "等待方式";
        backoff_fixed: "stays the same", "保持不变";
        backoff_exponential: "doubles each time", "每次加倍";
        retry_on: "Try again when it", "在以下情况重试";
        retry_node: "The next attempt is made by", "下次尝试的节点";
        node_same: "the same node", "同一节点";
        node_prefer_other: "another node where there is one", "尽量换节点";
        node_must_other: "another node only", "必须换节点";
        delivery: "Starts of one fire time", "每次触发的启动";
        at_most_once: "at most once", "至多一次";
        at_least_once: "again if it was lost; the command must bear it", "丢失后重来，命令须可重复执行";
        success_codes: "Exit codes that mean success", "视为成功的退出码";
        success_codes_help: "Numbers with commas between; empty is 0 alone.", "数字以逗号分隔，留空仅 0。";
        env_help: "One NAME=value a line.", "每行一个 NAME=value。";
        secrets_help: "One VARIABLE=name a line. Each node reads the value from its own file of that name, which belongs to the user that the job runs as.", "每行一个 变量=名称。各节点从自己的同名文件读取变量值，该文件须属于作业的运行用户。";
        run_as_help: "A user that the node's own configuration allows. Empty is the runner's user.", "须为节点自身配置允许的用户。留空为 runner 的用户。";
        run_as_denied: "Only someone who may choose the user a command runs as can change this.", "仅有“选择命令的运行用户”权限的人可以修改。";
        input_help: "Given to the command on standard input. Empty is no input.", "作为标准输入传给命令。留空则无输入。";
        mail_group: "the operators of the installation", "系统的运维人员";
        mail_nobody: "nobody", "不通知";
        mail_these: "these addresses", "以下地址";
        watch_help: "Every bad end is told at once, unless you ask for several. What is left empty is not watched. Usual is the median of the last 20 successes, once there are 5.", "默认每次异常立即通知，也可设置为多次之后。留空表示不监视。“平常”指最近 20 次成功（至少 5 次）的中位数。";
        failures: "Tell after so many bad ends", "异常多少次后通知";
        failures_of: "of the last so many runs", "在最近多少次运行中";
        late_after: "Not started so long after it was due", "应启动后多久仍未开始";
        slow_after: "Takes longer than", "运行时间超过";
        slower_times: "Takes more than so many times the usual", "超过平常时间的倍数";
        faster_times: "Succeeds in less than one part in so many of the usual", "短于平常时间的几分之一";
        success_within: "No success for so long (blackouts do not count)", "多久没有成功（停跑时段不计）";
        addresses: "Addresses", "地址";
        ping_url: "Ping at start and end", "开始与结束时通知的地址";
        ping_help: "An address as Healthchecks gives it: /start, /fail or the exit code are added. Only its host is shown again. Empty is none.", "Healthchecks 等提供的地址：会附加 /start、/fail 或退出码。保存后只显示主机名。留空则不发送。";
        conflict_title: "Somebody saved first", "已有他人先保存";
        conflict_story: "{} made version {} while you were editing. Nothing of yours is lost: it stands below. This is what saving now would change in it:", "您编辑期间，{} 已保存了版本 {}。您输入的内容没有丢失，仍在下方。现在保存将对其做如下更改：";
        conflict_same: "Both of you wrote the same.", "双方内容一致。";
        conflict_save: "Save over it", "覆盖保存";
        conflict_load: "Drop mine, load theirs", "放弃我的，加载对方的";
    }
}

impl Jobs {
    /// What a filter of the list means.
    pub(crate) fn query_of(&self, filter: &str) -> &'static str {
        match filter {
            "name" => self.query_name,
            "group" => self.query_group,
            "enabled" => self.query_enabled,
            "last" => self.query_last,
            "node" => self.query_node,
            "user" => self.query_user,
            "zone" => self.query_zone,
            "calendar" => self.query_calendar,
            _ => "",
        }
    }
}
