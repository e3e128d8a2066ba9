//! The first sentence: what happened and since when.

use carillon_core::evidence::{Evidence, RunEvidence};
use carillon_core::incident::{Incident, Owed};
use carillon_core::rule::Rule;
use carillon_core::run::Reason;
use carillon_core::silence::Cause;
use carillon_core::stuck::StuckStep;
use jiff::{SignedDuration, Timestamp};

use super::Speech;

/// The sentence for one incident.
pub(crate) fn sentence(speech: &Speech, incident: &Incident) -> String {
    match speech.owed {
        Owed::Opened | Owed::Reminder => trouble(speech, incident),
        Owed::Resolved => relief(speech, incident),
    }
}

/// The sentence for a group.
pub(crate) fn for_group(speech: &Speech, incidents: &[Incident]) -> String {
    let first = speech.time(incidents[0].since_at);
    let last = incidents.iter().map(|incident| incident.since_at).max();
    let last = speech.time(last.unwrap_or(incidents[0].since_at));
    if first == last {
        return match speech.owed {
            Owed::Opened | Owed::Reminder => speech.say(
                format!("They began at {first}."),
                format!("开始时间为 {first}。"),
            ),
            Owed::Resolved => speech.say(
                format!("They had begun at {first}, and are over."),
                format!("开始时间为 {first}，现已结束。"),
            ),
        };
    }
    match speech.owed {
        Owed::Opened | Owed::Reminder => speech.say(
            format!("They began between {first} and {last}."),
            format!("开始时间在 {first} 与 {last} 之间。"),
        ),
        Owed::Resolved => speech.say(
            format!("They had begun between {first} and {last}, and are over."),
            format!("开始时间在 {first} 与 {last} 之间，现已结束。"),
        ),
    }
}

fn relief(speech: &Speech, incident: &Incident) -> String {
    let since = speech.time(incident.since_at);
    let length = speech.length(incident);
    let until = incident.well_since.or(incident.resolved_at);
    let until = until.map_or_else(String::new, |at| speech.time(at));
    speech.say(
        format!("It lasted {length}, from {since} to {until}."),
        format!("历时 {length}：{since} 至 {until}。"),
    )
}

fn trouble(speech: &Speech, incident: &Incident) -> String {
    let name = &incident.subject.name;
    let since = speech.time(incident.since_at);
    let length = speech.length(incident);
    match &incident.evidence {
        Evidence::Silence { cause, .. } => {
            let cause = cause_of_silence(speech, cause);
            speech.say(
                format!("No heartbeat from {name} since {since}, {length} ago. {cause}"),
                format!("自 {since} 起（已 {length}）没有收到 {name} 的心跳。{cause}"),
            )
        }
        Evidence::Run(run) => of_run(speech, run),
        Evidence::Clock { uncertainty_us, .. } => {
            let within_ms = uncertainty_us / 1000;
            speech.say(
                format!("Seen since {since}; known within {within_ms} ms. Its runs are timed by the database's clock and stay right, but its logs and commands see the wrong time."),
                format!("自 {since} 起发现；误差 {within_ms} 毫秒以内。调度以数据库时钟为准，不受影响，但该机上的日志与命令看到的时间是错的。"),
            )
        }
        Evidence::Release { own, most } => speech.say(
            format!("It has {own}, most nodes have {most}; seen since {since}."),
            format!("该节点为 {own}，多数节点为 {most}；自 {since} 起发现。"),
        ),
        Evidence::NotClaiming { reason } => speech.say(
            format!("It beats, and has claimed nothing since {since}: {reason}."),
            format!("心跳正常，但自 {since} 起不再领取作业：{reason}。"),
        ),
        Evidence::Store { error, .. } => speech.say(
            format!("No answer since {since}, {length} ago: {error}. Agents hold their ticks and start nothing they cannot record."),
            format!("自 {since} 起（已 {length}）无响应：{error}。各节点会暂缓触发，不会启动无法记录的作业。"),
        ),
        Evidence::Monitor { .. } => speech.say(
            format!("No beat from monitor {name} since {since}, {length} ago. This mail comes from another monitor; while only one is left, nobody watches it."),
            format!("自 {since} 起（已 {length}）没有收到监控 {name} 的心跳。本邮件由另一监控发出；现在没有其他监控在看护它。"),
        ),
        Evidence::Unusual { .. } => unusual(speech, incident),
        Evidence::Stuck { step, limit_s, .. } => {
            let limit = speech.span(SignedDuration::from_secs(*limit_s));
            stuck(speech, *step, &since, &length, &limit)
        }
        Evidence::Certificate { expires_at, .. } => certificate(speech, *expires_at),
        Evidence::Disk { .. } | Evidence::Redis { .. } | Evidence::Expiry { .. } => {
            room(speech, incident)
        }
        Evidence::None | Evidence::Overdue { .. } | Evidence::NoSuccess { .. } | Evidence::Backlog { .. } => {
            overdue(speech, incident)
        }
    }
}

fn unusual(speech: &Speech, incident: &Incident) -> String {
    let Evidence::Unusual {
        elapsed_ms,
        usual_ms,
        successes,
        limit_ms,
        started_at,
        ..
    } = &incident.evidence
    else {
        return String::new();
    };
    let span = |ms: i64| speech.span(SignedDuration::from_millis(ms));
    let (usual, limit, at) = (span(*usual_ms), span(*limit_ms), speech.time(*started_at));
    let basis = speech.say(
        format!("usually it takes {usual}, the median of its last {successes} successes"),
        format!("平常为 {usual}（最近 {successes} 次成功运行的中位数）"),
    );
    if incident.rule == Rule::JobFaster {
        let elapsed = span(*elapsed_ms);
        return speech.say(
            format!(
                "The run of {at} succeeded after {elapsed}; {basis}, and less than {limit} is news."
            ),
            format!("{at} 开始的运行在 {elapsed}后成功；{basis}，少于 {limit}即通知。"),
        );
    }
    let length = speech.length(incident);
    speech.say(
        format!("It runs since {at}, for {length}; {basis}, and more than {limit} is news."),
        format!("自 {at} 起运行，已 {length}；{basis}，超过 {limit}即通知。"),
    )
}

fn stuck(speech: &Speech, step: StuckStep, since: &str, length: &str, limit: &str) -> String {
    match step {
        StuckStep::Starting => speech.say(
            format!("Its node has had it since {since}, for {length}, and has not started its command; more than {limit} is news."),
            format!("节点自 {since} 起领取了该运行，已 {length}，仍未启动命令；超过 {limit}即通知。"),
        ),
        StuckStep::Waiting => speech.say(
            format!("What it waits for has been over since {since}, for {length}, and no node takes it; more than {limit} is news."),
            format!("它等待的事情自 {since} 起已结束，已 {length}，仍没有节点领取；超过 {limit}即通知。"),
        ),
        StuckStep::Ending => speech.say(
            format!("It was to be ended and should have been gone by {since}, {length} ago; its command is still there, and more than {limit} is news."),
            format!("它已被要求结束，最迟应在 {since} 结束，已过 {length}，命令仍在运行；超过 {limit}即通知。"),
        ),
    }
}

fn certificate(speech: &Speech, expires_at: Timestamp) -> String {
    let left = speech.span(expires_at.duration_since(speech.now));
    match expires_at <= speech.now {
        true => speech.say(
            "Whoever verifies certificates refuses to talk to it.".to_owned(),
            "校验证书的程序会拒绝与它通信。".to_owned(),
        ),
        false => speech.say(
            format!("It ends in {left}; whoever verifies certificates refuses to talk to it from then on."),
            format!("还有 {left}；到期后校验证书的程序会拒绝与它通信。"),
        ),
    }
}

/// What is about to run out, or is not there.
fn room(speech: &Speech, incident: &Incident) -> String {
    let since = speech.time(incident.since_at);
    match &incident.evidence {
        Evidence::Disk {
            available,
            total,
            percent_min,
        } => {
            let gib = |bytes: i64| format!("{:.1} GiB", (bytes >> 20) as f64 / 1024.0);
            let (available, total) = (gib(*available), gib(*total));
            speech.say(
                format!("{available} of {total} were free at {since}; it should be {percent_min} % or more."),
                format!("{since} 时可用 {available}，共 {total}；应不低于 {percent_min}%。"),
            )
        }
        Evidence::Redis { nodes, problem, .. } => {
            let names = nodes.join(speech.say(", ", "、"));
            speech.say(
                format!("Seen since {since} by {names}: {problem}. Ticks are decided by the database alone until it is back; none is lost."),
                format!("{names} 自 {since} 起发现：{problem}。恢复之前由数据库单独裁决触发，不会丢失。"),
            )
        }
        Evidence::Expiry {
            expires_at,
            used_at,
        } => {
            let left = speech.span(expires_at.duration_since(speech.now));
            let used = match used_at {
                Some(at) => {
                    let at = speech.time(*at);
                    speech.say(
                        format!("It was last used at {at}."),
                        format!("上次使用于 {at}。"),
                    )
                }
                None => speech.say("It was never used.".to_owned(), "从未使用过。".to_owned()),
            };
            let gap = speech.say(" ", "");
            speech.say(
                format!(
                    "It ends in {left}; programs that use it are refused from then on.{gap}{used}"
                ),
                format!("还有 {left}；到期后使用它的程序将被拒绝。{gap}{used}"),
            )
        }
        _ => String::new(),
    }
}

fn overdue(speech: &Speech, incident: &Incident) -> String {
    let since = speech.time(incident.since_at);
    let length = speech.length(incident);
    match &incident.evidence {
        Evidence::Overdue { limit_s, .. } => {
            let limit = speech.span(SignedDuration::from_secs(*limit_s));
            speech.say(
                format!("Since {since}, {length} ago; the limit is {limit}."),
                format!("自 {since} 起，已 {length}；限度为 {limit}。"),
            )
        }
        Evidence::NoSuccess {
            last_success_at,
            limit_s,
        } => {
            let limit = speech.span(SignedDuration::from_secs(*limit_s));
            match last_success_at {
                Some(at) => {
                    let at = speech.time(*at);
                    speech.say(
                        format!("The last success was at {at}, {length} ago; there should be one every {limit}."),
                        format!("上次成功在 {at}，距今 {length}；应每 {limit}至少成功一次。"),
                    )
                }
                None => speech.say(
                    format!("It has never succeeded; there should be a success every {limit}."),
                    format!("从未成功过；应每 {limit}至少成功一次。"),
                ),
            }
        }
        Evidence::Backlog {
            oldest_at, reason, ..
        } => {
            let oldest = speech.time(*oldest_at);
            let why = reason.map_or_else(String::new, |reason| reason_words(speech, reason));
            speech.say(
                format!("The oldest was due at {oldest}. {why}"),
                format!("最早的一次应在 {oldest} 开始。{why}"),
            )
        }
        _ => speech.say(
            format!("Since {since}, {length} ago."),
            format!("自 {since} 起，已 {length}。"),
        ),
    }
}

fn of_run(speech: &Speech, run: &RunEvidence) -> String {
    let due = speech.time_in(run.fire_time, &run.zone);
    let elapsed = run.elapsed().map(|elapsed| speech.span(elapsed));
    let ran = match elapsed {
        Some(elapsed) => speech.say(
            format!("The run of {due} ended after {elapsed}."),
            format!("{due} 的运行在 {elapsed}后结束。"),
        ),
        None => speech.say(
            format!("It was due at {due}."),
            format!("应在 {due} 运行。"),
        ),
    };
    let why = match (&run.detail, run.reason) {
        (Some(detail), _) => format!("{detail}{}", speech.say(".", "。")),
        (None, Some(reason)) => reason_words(speech, reason),
        (None, None) => String::new(),
    };
    let gap = speech.say(" ", "");
    format!("{ran}{gap}{why}").trim_end().to_owned()
}

fn cause_of_silence(speech: &Speech, cause: &Cause) -> String {
    match cause {
        Cause::Left => speech.say(
            "Its agent was stopped in order and has not been started again.".to_owned(),
            "其 agent 曾正常停止，之后没有再启动。".to_owned(),
        ),
        Cause::Together { silent, watched } => speech.say(
            format!("{silent} of {watched} nodes went at the same time: look first at what they share (network, power, host)."),
            format!("{watched} 个节点中有 {silent} 个同时失联：请先检查它们共用的网络、电源或宿主机。"),
        ),
        Cause::Memory { available_percent } => speech.say(
            format!("At its last beat {available_percent} % of its memory was free: probably out of memory."),
            format!("最后一次心跳时可用内存仅 {available_percent}%：可能内存耗尽。"),
        ),
        Cause::SlowLink { round_trip_ms } => speech.say(
            format!("At its last beat the database answered it after {round_trip_ms} ms: probably cut off."),
            format!("最后一次心跳时数据库往返耗时 {round_trip_ms} 毫秒：可能网络中断。"),
        ),
        Cause::NotClaiming { reason } => speech.say(
            format!("Before that it had stopped taking runs: {reason}."),
            format!("在此之前它已停止领取作业：{reason}。"),
        ),
        Cause::Unknown => speech.say(
            "Its agent or host is down, or it cannot reach the database; from here these look the same.".to_owned(),
            "可能是 agent 或主机停机，也可能是它无法连接数据库；从这里无法区分。".to_owned(),
        ),
    }
}

/// A reason as a sentence.
pub(crate) fn reason_words(speech: &Speech, reason: Reason) -> String {
    let (en, zh) = match reason {
        Reason::Overlap => (
            "The last run of the job still lived.",
            "上一次运行尚未结束。",
        ),
        Reason::Coalesced => ("A newer tick ran instead.", "由更新的一次代替运行。"),
        Reason::Superseded => (
            "The job was edited before it could start.",
            "作业在启动前被修改。",
        ),
        Reason::StoreUnavailable => (
            "The database could not be reached until it was too late.",
            "数据库长时间无法连接，已错过启动时限。",
        ),
        Reason::NoAgent => ("No agent was up.", "没有任何 agent 在运行。"),
        Reason::NoEligibleNode => (
            "No node was eligible: see the job's placement, and which nodes are drained.",
            "没有符合条件的节点：请检查作业的节点选择和已排空的节点。",
        ),
        Reason::Unreadable => (
            "No agent understood the job: edit it, or upgrade the agents.",
            "没有 agent 能识别该作业：请修改作业或升级 agent。",
        ),
        Reason::NoCapacity => (
            "Every eligible node was full.",
            "所有符合条件的节点都已满。",
        ),
        Reason::NodeSilent => ("The node it belongs to was silent.", "指定的节点失联。"),
        Reason::DeadlinePassed => (
            "A node had it and could not start it in time.",
            "节点已领取，但未能及时启动。",
        ),
        Reason::ClaimUnknown => (
            "The database never answered the claim; nothing was started.",
            "数据库未答复领取请求，没有启动任何命令。",
        ),
        Reason::NodeRestarted => (
            "The node went down before it could start it.",
            "节点在启动命令之前停机。",
        ),
        Reason::SpawnRefused => (
            "The node's runner refused to start it.",
            "该节点的 runner 拒绝启动。",
        ),
        Reason::OutOfMemory => ("It reached its limit of memory.", "它达到了内存上限。"),
        Reason::Retrying => ("It waits for its next attempt.", "正在等待下一次重试。"),
        Reason::Queued => (
            "It waits for the last run to end.",
            "正在等待上一次运行结束。",
        ),
        Reason::WaitingForNode => ("It waits for a node to take it.", "正在等待节点领取。"),
        Reason::QueueFull => (
            "Too many runs of the job were waiting already.",
            "等待的运行已达上限。",
        ),
        Reason::NotClaimed => ("No node was there to decide it.", "当时没有节点处理。"),
        Reason::ClockJump => ("The clock jumped over it.", "时钟跳变越过了该时刻。"),
    };
    speech.say(en, zh).to_owned()
}
