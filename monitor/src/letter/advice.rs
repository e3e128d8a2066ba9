//! What to do, for somebody who has just been woken.

use carillon_core::evidence::Evidence;
use carillon_core::incident::{Incident, Owed};
use carillon_core::rule::{Rule, SubjectKind};

use super::Speech;

/// The steps for one incident; none once it is over.
pub(crate) fn list(speech: &Speech, incident: &Incident) -> Vec<String> {
    if speech.owed == Owed::Resolved {
        return Vec::new();
    }
    let name = &incident.subject.name;
    match incident.rule {
        Rule::NodeSilent => vec![
            speech.say(
                format!("On {name}: `agent stats`. If it is not running, `agent start` and read its log."),
                format!("在 {name} 上执行 `agent stats`；若未运行，请执行 `agent start` 并查看日志。"),
            ),
            speech.say(
                "If it is meant to be off, drain or retire the node on its page; then nobody is told.".to_owned(),
                "若是有意停机，请在节点页面排空或停用该节点，之后不再通知。".to_owned(),
            ),
            speech.say(
                "Other nodes take its ticks; jobs bound to this node wait or are missed.".to_owned(),
                "其他节点会接手它的作业；只能在该节点运行的作业会等待或错过。".to_owned(),
            ),
        ],
        Rule::NodeClock => vec![speech.say(
            format!("On {name}: check the time service (`timedatectl`, `chronyc tracking`)."),
            format!("在 {name} 上检查时间同步服务（`timedatectl`、`chronyc tracking`）。"),
        )],
        Rule::NodeTzdb | Rule::NodeVersion => vec![speech.say(
            format!("Install the same release of Carillon on {name} as on the other nodes, then `agent restart`; commands keep running."),
            format!("在 {name} 上安装与其他节点相同版本的 Carillon，然后执行 `agent restart`；正在运行的命令不受影响。"),
        )],
        Rule::NodeNotClaiming => vec![speech.say(
            format!("On {name}: `agent check` says what keeps it from working."),
            format!("在 {name} 上执行 `agent check` 查看原因。"),
        )],
        Rule::NodeDisk
        | Rule::RedisUnreachable
        | Rule::TokenExpiring
        | Rule::CertificateExpiring => of_supply(speech, incident),
        Rule::JobFailed
        | Rule::JobTimedOut
        | Rule::JobInterrupted
        | Rule::JobLost
        | Rule::JobMissed
        | Rule::JobCouldNotStart
        | Rule::JobLate
        | Rule::JobSlow
        | Rule::JobSlower
        | Rule::JobFaster
        | Rule::JobNoSuccess
        | Rule::JobStuck
        | Rule::Backlog => of_job(speech, incident.rule),
        Rule::StoreUnreachable => vec![speech.say(
            "Bring the database back; everything goes on by itself, and what could not start is recorded as missed.".to_owned(),
            "请恢复数据库；之后一切会自动继续，未能启动的会记录为错过。".to_owned(),
        )],
        Rule::MonitorSilent => vec![speech.say(
            format!("On its host ({name}): `monitor check`, then `monitor start`."),
            format!("在其主机（{name}）上执行 `monitor check`，然后 `monitor start`。"),
        )],
    }
}

/// What runs out, or is not there.
fn of_supply(speech: &Speech, incident: &Incident) -> Vec<String> {
    let name = &incident.subject.name;
    match incident.rule {
        Rule::NodeDisk => vec![speech.say(
            format!("On {name}: `df -h` and `du -x` of node.data_dir; output.node_mib and output.days limit what Carillon keeps there. A full disk ends starts: the journal must be writable."),
            format!("在 {name} 上对 node.data_dir 执行 `df -h` 与 `du -x`；Carillon 在此保留的内容由 output.node_mib 与 output.days 限制。磁盘写满后将无法启动作业：日志必须可写。"),
        )],
        Rule::RedisUnreachable => vec![speech.say(
            "Bring Redis back, or look at the way from those nodes to it (`agent check`); nothing is lost meanwhile, the database has more to do.".to_owned(),
            "请恢复 Redis，或检查这些节点到 Redis 的网络（`agent check`）；期间不会丢失任何触发，只是数据库负载更高。".to_owned(),
        )],
        Rule::CertificateExpiring => vec![speech.say(
            "Renew it, and see that whoever shows it has read the new one (many programs want a reload); `monitor check` says what is shown now. The incident ends within the hour.".to_owned(),
            "请续期证书，并确认对外提供它的程序已读取新证书（多数需要 reload）；`monitor check` 会显示当前的证书。告警将在一小时内结束。".to_owned(),
        )],
        _ => vec![speech.say(
            "Make a new token, give it to the programs that use this one, then revoke it; this ends the incident.".to_owned(),
            "请创建新令牌并更新使用它的程序，然后吊销此令牌；告警随之结束。".to_owned(),
        )],
    }
}

fn of_job(speech: &Speech, rule: Rule) -> Vec<String> {
    match rule {
                Rule::JobLost => vec![speech.say(
            "Its node fell silent while it ran; whether the command ended is not known. Look at its effects before you run it again.".to_owned(),
            "运行期间节点失联，无法确定命令是否已结束。重新运行前请先确认其结果。".to_owned(),
        )],
        Rule::JobMissed => vec![speech.say(
            "Run it now from its page if it is still needed; it will not be caught up by itself.".to_owned(),
            "如仍需要，请在作业页面立即运行；系统不会自动补跑这一次。".to_owned(),
        )],
        Rule::JobCouldNotStart => vec![speech.say(
            "Check the command, its directory and its user on that node; `agent check` there says what the runner allows.".to_owned(),
            "请检查该节点上的命令、目录和用户；在该节点执行 `agent check` 可查看 runner 允许的范围。".to_owned(),
        )],
        Rule::JobLate | Rule::Backlog => vec![speech.say(
            "See which nodes are up, full or drained; add a node or raise node.max_running.".to_owned(),
            "请查看哪些节点在线、已满或已排空；可增加节点或调高 node.max_running。".to_owned(),
        )],
        Rule::JobFaster => vec![speech.say(
            "See what it wrote: a command that ends early with success has often done nothing.".to_owned(),
            "请查看其输出：过早成功结束的命令往往什么也没做。".to_owned(),
        )],
        Rule::JobSlow | Rule::JobSlower => vec![speech.say(
            "See its live output; kill it from the run's page if it hangs.".to_owned(),
            "请查看实时输出；若已卡住，可在运行页面终止。".to_owned(),
        )],
        Rule::JobStuck => vec![speech.say(
            "Look at the run and its node: `agent check` and `agent stats` there; `agent restart` keeps running commands. Kill the run from its page if nothing is left of it.".to_owned(),
            "请查看该运行及其节点：在节点上执行 `agent check` 与 `agent stats`；`agent restart` 不影响正在运行的命令。若命令已不存在，可在运行页面终止。".to_owned(),
        )],
        Rule::JobNoSuccess => vec![speech.say(
            "See the job's last runs: did they fail, or were there none?".to_owned(),
            "请查看该作业最近的运行：是失败了，还是根本没有运行？".to_owned(),
        )],
        _ => of_bad_end(speech),
    }
}

fn of_bad_end(speech: &Speech) -> Vec<String> {
    vec![
        speech.say(
            "Read the whole output on the run's page.".to_owned(),
            "请在运行页面查看完整输出。".to_owned(),
        ),
        speech.say(
            "Run it again from the job's page once the cause is mended.".to_owned(),
            "排除原因后，可在作业页面重新运行。".to_owned(),
        ),
    ]
}

/// The steps for a group.
pub(crate) fn for_group(speech: &Speech, incidents: &[Incident]) -> Vec<String> {
    if speech.owed == Owed::Resolved {
        return Vec::new();
    }
    let is_store = |incident: &Incident| matches!(&incident.evidence, Evidence::Run(run) if run.reason == Some(carillon_core::run::Reason::StoreUnavailable));
    match incidents[0].subject.kind {
        SubjectKind::Node => vec![speech.say(
            "They went together: look first at what they share (network, power, host, a release just rolled out).".to_owned(),
            "它们同时出现问题：请先检查共用的网络、电源、宿主机或刚刚发布的版本。".to_owned(),
        )],
        SubjectKind::Job if incidents.iter().all(is_store) => vec![speech.say(
            "The database was away; run what is still needed from the jobs' pages.".to_owned(),
            "此前数据库不可用；如仍需要，请在作业页面手动运行。".to_owned(),
        )],
        SubjectKind::Job
        | SubjectKind::Monitor
        | SubjectKind::Token
        | SubjectKind::Endpoint
        | SubjectKind::Cluster => vec![speech.say(
            "They went together: look first at what they share (node, database, network, a change just made).".to_owned(),
            "它们同时出现问题：请先检查共用的节点、数据库、网络或刚刚的变更。".to_owned(),
        )],
    }
}
