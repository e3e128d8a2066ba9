//! What is said of fields of a job that no type judges.

super::catalogue! {
    /// Complaints about a job.
    Judgements {
        command: "a job needs a command; write what a shell would run", "作业需要命令；写明要由 shell 运行的内容";
        secret_in_env: "{} is also in env; remove it from one of the two", "{} 也出现在环境变量中；请从其中一处删除";
        policy_seconds: "{} s is not between 1 and {} s (30 days)", "{} 秒不在 1 到 {} 秒（30 天）之间";
        exit_code: "{} is no exit code; they go from 0 to 255", "{} 不是退出码；退出码为 0 到 255";
        niceness: "niceness goes from -20 to 19", "nice 值为 -20 到 19";
        attempts: "{} {attempt is|attempts are} not between 1 and {}", "尝试次数 {} 不在 1 到 {} 之间";
        delay: "a delay is between 0 s and 30 days", "间隔在 0 秒到 30 天之间";
        duration: "\"{}\" is no duration; write a number and its unit (ms, s, m, h or d), such as 10s, 5m or 1h30m", "“{}”不是时长；写数字和单位（ms、s、m、h 或 d），例如 10s、5m 或 1h30m";
        long_duration: "{} is too long", "{} 太长";
        number: "\"{}\" is no number", "“{}”不是数字";
        exit_codes: "\"{}\" is no list of exit codes; write numbers with commas between, e.g. 0, 3", "“{}”不是退出码列表；写数字并以逗号分隔，例如 0, 3";
        assignment: "\"{}\" has no =; write NAME=value", "“{}”中没有 =；写成 NAME=value";
        attempts_number: "\"{}\" is no number of attempts; write 1 to 100", "“{}”不是尝试次数；写 1 到 100";
        jitter: "a jitter of {} is not between 0 and 1", "抖动 {} 不在 0 到 1 之间";
    }
}
