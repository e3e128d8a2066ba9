//! Nodes.

super::catalogue! {
    /// Nodes.
    Nodes {
        title: "Nodes", "节点";
        state: "State", "状态";
        running: "Running", "运行中";
        labels: "Labels", "标签";
        last_beat: "Heartbeat", "心跳";
        clock: "Clock", "时钟";
        clock_offset: "Clock offset", "时钟偏差";
        uncertainty: "± {} ms uncertain", "± {} 毫秒（不确定度）";
        version: "Version", "版本";
        tzdb: "Time zone tables", "时区数据";
        load: "Load", "负载";
        memory: "Memory free", "可用内存";
        disk: "Disk free", "可用磁盘";
        redis_problem: "Redis does not answer this node: {}", "该节点无法访问 Redis：{}";
        booted: "Agent up since", "agent 启动于";
        host_booted: "Host up since", "主机启动于";
        first_seen: "First seen", "首次出现";
        left: "left in good order", "已正常离开";
        drain: "Drain", "排空";
        activate: "Activate", "启用";
        retire: "Retire", "退役";
        reason: "Reason", "原因";
        drain_story: "A drained node takes nothing new; what it runs may end.", "排空的节点不再领取新任务，正在运行的会继续到结束。";
        retire_story: "A retired node is gone for good; its history stays.", "退役的节点不再使用，历史保留。";
        not_claiming: "Claims nothing at the moment: {}", "暂不领取作业：{}";
        recent: "Recent runs here", "本节点最近运行";
        going_on: "Running here now", "正在运行";
        duty_by: "Reason: {}", "原因：{}";
        empty_title: "No node has come up yet", "还没有节点上线";
        empty_story: "A node is a machine that runs the agent. Start one, and it appears here by itself:", "节点是运行 agent 的机器。启动后会自动出现在这里：";
    }
}
