//! The headline: who and what, in one line.

use carillon_core::evidence::{Evidence, RunEvidence};
use carillon_core::incident::{Incident, Owed};
use carillon_core::rule::Rule;
use carillon_core::stuck::StuckStep;

use super::Speech;

/// The headline of one incident.
pub(crate) fn single(speech: &Speech, incident: &Incident) -> String {
    let length = speech.length(incident);
    match speech.owed {
        Owed::Opened => trouble(speech, incident),
        Owed::Reminder => {
            let headline = trouble(speech, incident);
            speech.say(
                format!("still, for {length}: {headline}"),
                format!("仍未恢复（{length}）：{headline}"),
            )
        }
        Owed::Resolved => relief(speech, incident, &length),
    }
}

fn trouble(speech: &Speech, incident: &Incident) -> String {
    let name = &incident.subject.name;
    let run = match &incident.evidence {
        Evidence::Run(run) => Some(run.as_ref()),
        _ => None,
    };
    match incident.rule {
        Rule::NodeSilent => {
            let since = speech.time(incident.since_at);
            speech.say(
                format!("node {name} is silent since {since}"),
                format!("节点 {name} 自 {since} 起失联"),
            )
        }
        Rule::NodeClock
        | Rule::NodeTzdb
        | Rule::NodeVersion
        | Rule::NodeNotClaiming
        | Rule::NodeDisk => unfit(speech, incident),
        Rule::JobFailed => {
            let (place, end) = (place(speech, run), end(speech, run));
            speech.say(
                format!("job {name} failed{place}{end}"),
                format!("作业 {name}{place}执行失败{end}"),
            )
        }
        Rule::JobTimedOut | Rule::JobLost | Rule::JobCouldNotStart | Rule::JobInterrupted => {
            bad_end(speech, incident.rule, name, &place(speech, run))
        }
        Rule::JobMissed => missed(speech, name, run),
        Rule::JobLate => speech.say(
            format!("job {name} is late"),
            format!("作业 {name} 未按时开始"),
        ),
        Rule::JobSlow => speech.say(
            format!("job {name} takes longer than it should"),
            format!("作业 {name} 运行时间过长"),
        ),
        Rule::JobSlower => speech.say(
            format!("job {name} takes longer than usual"),
            format!("作业 {name} 运行时间比平常长"),
        ),
        Rule::JobFaster => speech.say(
            format!("job {name} was done sooner than usual"),
            format!("作业 {name} 比平常更早结束"),
        ),
        Rule::TokenExpiring => token(speech, incident),
        Rule::CertificateExpiring => certificate(speech, incident),
        Rule::JobStuck => stuck(speech, incident),
        Rule::JobNoSuccess => speech.say(
            format!("job {name} has not succeeded for too long"),
            format!("作业 {name} 长时间没有成功"),
        ),
        Rule::Backlog | Rule::StoreUnreachable | Rule::RedisUnreachable | Rule::MonitorSilent => {
            of_cluster(speech, incident)
        }
    }
}

fn unfit(speech: &Speech, incident: &Incident) -> String {
    let name = &incident.subject.name;
    match incident.rule {
        Rule::NodeClock => clock(speech, incident),
        Rule::NodeTzdb => speech.say(
            format!("node {name} has other time zone data than most"),
            format!("节点 {name} 的时区数据版本与多数节点不同"),
        ),
        Rule::NodeVersion => speech.say(
            format!("node {name} runs another version than most"),
            format!("节点 {name} 的程序版本与多数节点不同"),
        ),
        Rule::NodeNotClaiming => speech.say(
            format!("node {name} takes no runs"),
            format!("节点 {name} 不再领取作业"),
        ),
        _ => speech.say(
            format!("the disk of node {name} is nearly full"),
            format!("节点 {name} 的磁盘即将写满"),
        ),
    }
}

fn stuck(speech: &Speech, incident: &Incident) -> String {
    let name = &incident.subject.name;
    let Evidence::Stuck { step, .. } = incident.evidence else {
        return speech.say(
            format!("job {name}: a run is stuck"),
            format!("作业 {name}：有一次运行卡住"),
        );
    };
    match step {
        StuckStep::Starting => speech.say(
            format!("job {name}: a claimed run does not start"),
            format!("作业 {name}：已被领取的运行一直没有启动"),
        ),
        StuckStep::Waiting => speech.say(
            format!("job {name}: a run waits for nothing"),
            format!("作业 {name}：有一次运行在空等"),
        ),
        StuckStep::Ending => speech.say(
            format!("job {name}: a run does not end"),
            format!("作业 {name}：有一次运行无法结束"),
        ),
    }
}

fn token(speech: &Speech, incident: &Incident) -> String {
    let name = &incident.subject.name;
    let at = match &incident.evidence {
        Evidence::Expiry { expires_at, .. } => speech.time(*expires_at),
        _ => String::new(),
    };
    speech.say(
        format!("the API token {name} works until {at}"),
        format!("API 令牌 {name} 将于 {at} 到期"),
    )
}

fn certificate(speech: &Speech, incident: &Incident) -> String {
    let name = &incident.subject.name;
    let expires_at = match &incident.evidence {
        Evidence::Certificate { expires_at, .. } => *expires_at,
        _ => incident.since_at,
    };
    let at = speech.time(expires_at);
    match expires_at <= speech.now {
        true => speech.say(
            format!("the certificate of {name} has ended at {at}"),
            format!("端点 {name} 的证书已于 {at} 到期"),
        ),
        false => speech.say(
            format!("the certificate of {name} ends at {at}"),
            format!("端点 {name} 的证书将于 {at} 到期"),
        ),
    }
}

fn bad_end(speech: &Speech, rule: Rule, name: &str, place: &str) -> String {
    match rule {
        Rule::JobTimedOut => speech.say(
            format!("job {name} timed out{place}"),
            format!("作业 {name}{place}超时"),
        ),
        Rule::JobLost => speech.say(
            format!("job {name}: a run was lost{place}"),
            format!("作业 {name}{place}的一次运行失去下落"),
        ),
        Rule::JobCouldNotStart => speech.say(
            format!("job {name} could not start{place}"),
            format!("作业 {name}{place}无法启动"),
        ),
        _ => speech.say(
            format!("job {name} was interrupted{place}"),
            format!("作业 {name}{place}被中断"),
        ),
    }
}

fn missed(speech: &Speech, name: &str, run: Option<&RunEvidence>) -> String {
    let Some(run) = run else {
        return speech.say(
            format!("job {name} did not run"),
            format!("作业 {name} 未运行"),
        );
    };
    let due = speech.time_in(run.fire_time, &run.zone);
    match run.tick_count {
        0 | 1 => speech.say(
            format!("job {name} did not run at {due}"),
            format!("作业 {name} 未在 {due} 运行"),
        ),
        count => speech.say(
            format!("job {name} did not run {count} times from {due}"),
            format!("作业 {name} 自 {due} 起有 {count} 次未运行"),
        ),
    }
}

fn clock(speech: &Speech, incident: &Incident) -> String {
    let name = &incident.subject.name;
    let offset_us = match incident.evidence {
        Evidence::Clock { offset_us, .. } => offset_us,
        _ => 0,
    };
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let seconds = offset_us.unsigned_abs() as f64 / 1e6;
    match offset_us {
        0 => speech.say(
            format!("node {name} does not know the time well enough"),
            format!("节点 {name} 无法可靠确定时间"),
        ),
        ..0 => speech.say(
            format!("the clock of node {name} is {seconds:.1} s ahead"),
            format!("节点 {name} 的时钟快了 {seconds:.1} 秒"),
        ),
        _ => speech.say(
            format!("the clock of node {name} is {seconds:.1} s behind"),
            format!("节点 {name} 的时钟慢了 {seconds:.1} 秒"),
        ),
    }
}

fn of_cluster(speech: &Speech, incident: &Incident) -> String {
    let since = speech.time(incident.since_at);
    match (incident.rule, &incident.evidence) {
        (Rule::Backlog, Evidence::Backlog { waiting, .. }) => speech.say(
            match waiting {
                1 => "1 run waits and no node takes it".to_owned(),
                _ => format!("{waiting} runs wait and no node takes them"),
            },
            format!("{waiting} 次运行在等待，没有节点领取"),
        ),
        (Rule::RedisUnreachable, Evidence::Redis { nodes, watched, .. }) => {
            let silent = nodes.len();
            speech.say(
                format!("Redis does not answer {silent} of {watched} nodes"),
                format!("{watched} 个节点中有 {silent} 个无法访问 Redis"),
            )
        }
        (Rule::MonitorSilent, _) => {
            let name = &incident.subject.name;
            speech.say(
                format!("monitor {name} is silent since {since}"),
                format!("监控 {name} 自 {since} 起失联"),
            )
        }
        _ => speech.say(
            format!("the database does not answer since {since}"),
            format!("数据库自 {since} 起无响应"),
        ),
    }
}

fn relief(speech: &Speech, incident: &Incident, length: &str) -> String {
    let name = &incident.subject.name;
    match incident.rule {
        Rule::NodeSilent => speech.say(
            format!("node {name} is back after {length}"),
            format!("节点 {name} 已恢复，历时 {length}"),
        ),
        Rule::MonitorSilent => speech.say(
            format!("monitor {name} is back after {length}"),
            format!("监控 {name} 已恢复，历时 {length}"),
        ),
        Rule::NodeClock
        | Rule::NodeTzdb
        | Rule::NodeVersion
        | Rule::NodeNotClaiming
        | Rule::NodeDisk => speech.say(
            format!("node {name} is well again after {length}"),
            format!("节点 {name} 已恢复正常，历时 {length}"),
        ),
        Rule::Backlog => speech.say(
            format!("waiting runs are taken again after {length}"),
            format!("等待的运行已重新被领取，历时 {length}"),
        ),
        Rule::StoreUnreachable => speech.say(
            format!("the database answers again after {length}"),
            format!("数据库已恢复响应，历时 {length}"),
        ),
        Rule::RedisUnreachable => speech.say(
            format!("Redis answers all nodes again after {length}"),
            format!("Redis 已恢复响应所有节点，历时 {length}"),
        ),
        Rule::TokenExpiring => speech.say(
            format!("the API token {name} no longer ends soon"),
            format!("API 令牌 {name} 不再临近到期"),
        ),
        Rule::CertificateExpiring => speech.say(
            format!("endpoint {name} shows a newer certificate"),
            format!("端点 {name} 已换用新证书"),
        ),
        Rule::JobFailed
        | Rule::JobTimedOut
        | Rule::JobLost
        | Rule::JobMissed
        | Rule::JobCouldNotStart
        | Rule::JobInterrupted
        | Rule::JobLate
        | Rule::JobSlow
        | Rule::JobSlower
        | Rule::JobFaster
        | Rule::JobStuck
        | Rule::JobNoSuccess => speech.say(
            format!("job {name} is well again after {length}"),
            format!("作业 {name} 已恢复正常，历时 {length}"),
        ),
    }
}

fn place(speech: &Speech, run: Option<&RunEvidence>) -> String {
    match run.and_then(|run| run.node.as_ref()) {
        Some(node) => speech.say(format!(" on {node}"), format!(" 在 {node} 上")),
        None => speech.say(String::new(), " ".to_owned()),
    }
}

fn end(speech: &Speech, run: Option<&RunEvidence>) -> String {
    match run.map(|run| (run.exit_code, run.signal)) {
        Some((Some(code), _)) => {
            speech.say(format!(" (exit {code})"), format!("（退出码 {code}）"))
        }
        Some((None, Some(signal))) => {
            speech.say(format!(" (signal {signal})"), format!("（信号 {signal}）"))
        }
        _ => String::new(),
    }
}
