//! What is known of an incident: the names of its facts.

super::catalogue! {
    /// The names of facts about trouble.
    Evidence {
        last_beat: "last heartbeat", "最后心跳";
        cause: "probably", "可能原因";
        running: "commands running then", "当时运行的命令";
        run: "run", "运行";
        outcome: "outcome", "结果";
        reason: "reason", "原因";
        exit_code: "exit code", "退出码";
        signal: "signal", "信号";
        node: "node", "节点";
        attempt: "attempt", "尝试";
        attempt_of: "{} of {}", "第 {} 次，共 {} 次";
        due: "due", "应运行时间";
        started: "started", "开始";
        ended: "ended", "结束";
        ticks: "ticks", "触发次数";
        next: "next fire time", "下次触发";
        clock_ahead: "clock ahead by", "时钟快了";
        clock_behind: "clock behind by", "时钟慢了";
        uncertainty: "known within", "误差";
        own: "it has", "该节点为";
        most: "most nodes have", "多数节点为";
        since: "since", "开始于";
        limit: "limit", "限度";
        step: "it does not", "卡住之处";
        elapsed: "elapsed when seen", "发现时已用";
        usual: "usual time", "平常用时";
        successes: "median of so many successes", "取中位数的成功次数";
        free: "free", "可用";
        free_of: "{} of {}", "{}，共 {}";
        free_min: "should be free", "应可用";
        nodes: "nodes without an answer", "得不到响应的节点";
        problem: "what they say", "节点的报告";
        ends: "ends", "到期时间";
        used: "last used", "上次使用";
        issuer: "issued by", "颁发者";
        last_success: "last success", "上次成功";
        never: "never", "从未";
        waiting: "runs that wait", "等待的运行";
        oldest: "oldest due", "最早应运行时间";
        last_answer: "last answer", "最后响应";
        error: "error", "错误";
    }
}
