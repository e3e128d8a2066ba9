//! Runs and their output.

super::catalogue! {
    /// Runs and their output.
    Runs {
        title: "Runs", "运行";
        job: "Job", "作业";
        node: "Node", "节点";
        outcome: "Outcome", "结果";
        fire_time: "Fire time", "触发时间";
        trigger: "Trigger", "触发方式";
        started: "Started", "启动";
        lateness: "Late by", "迟到";
        duration: "Duration", "时长";
        reason: "Why", "原因";
        ends_with: "exit code {}", "退出码 {}";
        signal: "signal {}", "信号 {}";
        attempts: "Attempts", "尝试记录";
        any_outcome: "Any outcome", "任意结果";
        open: "Going on", "进行中";
        trouble: "Not well", "异常";
        from: "From", "从";
        before: "Before", "到";
        empty_title: "No runs here", "没有运行记录";
        empty_story: "A run is recorded for every due time of every enabled job, also when it is skipped or missed.", "每个启用作业的每个触发时刻都会有记录，跳过或错过也不例外。";
        empty_filtered: "No run matches these filters.", "没有符合筛选条件的运行。";
        of_job: "Runs of {}", "{} 的运行";
        deleted_job: "deleted job {}", "已删除的作业 {}";
        expected: "Expected", "应触发";
        claimed: "Claimed", "领取";
        started_at: "Started", "启动";
        ended: "Ended", "结束";
        slot: "Slot", "席位";
        asked_by: "Asked for by", "请求人";
        version: "Job version", "作业版本";
        stands_for: "Stands for {} due {time|times}, until {}", "代表 {} 个触发时刻，直到 {}";
        kill: "Kill", "终止";
        kill_story: "Asks the command to end (TERM), and ends it after its grace.", "请求命令结束（TERM），宽限后强制终止。";
        rerun: "Run again", "再次运行";
        output: "Output", "输出";
        output_empty: "Nothing was written yet.", "尚无输出。";
        output_none: "The command wrote nothing.", "命令没有输出。";
        output_denied: "Reading output needs the permission “{}”.", "查看输出需要“{}”权限。";
        omitted: "left out here, by the job's output limit: {} B", "此处省略 {} 字节（超出作业的输出上限）";
        follow: "Follow", "跟随";
        wrap: "Wrap", "换行";
        raw: "Raw", "原文";
        download: "Download", "下载";
        search_output: "Search in output", "在输出中搜索";
        live: "live", "实时";
        ended_live: "ended", "已结束";
        lost_story: "Its node fell silent while it ran; whether the command ended is not known.", "运行期间节点失联，命令是否结束未知。";
        waiting_story: "No node has taken it yet.", "尚无节点领取。";
        older: "Older", "更早";
        looked_until: "What matches is rare: looked through all runs back to {}.", "符合条件的运行很少：已查找到 {} 为止。";
        look_on: "Look further back", "继续往前查找";
        newest: "Newest", "最新";
        cut: "Only the last part is shown here; the raw output has all that was kept.", "此处仅显示末尾部分，完整内容见原文。";
    }
}
