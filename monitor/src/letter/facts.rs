//! The facts of one incident, as label and value.

use carillon_core::evidence::{Evidence, RunEvidence};
use carillon_core::incident::{Incident, Owed};

use super::{Fact, Speech};

/// Every fact that is known and helps.
pub(crate) fn list(speech: &Speech, incident: &Incident) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |label: &'static str, value: String| facts.push(Fact { label, value });
    match &incident.evidence {
        Evidence::Run(run) => of_run(speech, run, &mut add),
        // Said of what is over, it would be read as if it still were so.
        Evidence::Backlog { .. } | Evidence::Certificate { .. }
            if speech.owed == Owed::Resolved => {}
        Evidence::Silence {
            last_beat_at,
            running,
            ..
        } => {
            add(
                speech.say("Last heartbeat", "最后心跳"),
                speech.time(*last_beat_at),
            );
            if *running > 0 {
                add(
                    speech.say("Commands running then", "当时运行的命令"),
                    running.to_string(),
                );
            }
        }
        Evidence::Stuck { .. }
        | Evidence::Unusual { .. }
        | Evidence::Overdue { .. }
        | Evidence::Backlog { .. }
        | Evidence::Certificate { .. }
        | Evidence::Monitor { .. } => {
            of_time(speech, &incident.evidence, &mut add);
        }
        Evidence::Store {
            last_seen_at: Some(at),
            ..
        } => add(speech.say("Last answer", "最后响应"), speech.time(*at)),
        Evidence::None
        | Evidence::Clock { .. }
        | Evidence::Release { .. }
        | Evidence::NotClaiming { .. }
        | Evidence::Disk { .. }
        | Evidence::Redis { .. }
        | Evidence::Expiry { .. }
        | Evidence::NoSuccess { .. }
        | Evidence::Store { .. } => {}
    }
    if incident.trouble_count > 1 {
        add(
            speech.say("Times so far", "累计次数"),
            incident.trouble_count.to_string(),
        );
    }
    if incident.openings > 1 && speech.owed != Owed::Resolved {
        add(
            speech.say("Times within the hour", "一小时内次数"),
            flapping(speech, incident.openings),
        );
    }
    if let Some(who) = &incident.acknowledged_by {
        add(speech.say("Acknowledged by", "已确认"), who.clone());
    }
    facts
}

/// Which run, how many, and since when.
fn of_time(speech: &Speech, evidence: &Evidence, add: &mut impl FnMut(&'static str, String)) {
    match evidence {
        Evidence::Unusual {
            run, started_at, ..
        } => {
            add(speech.say("Run", "运行"), run.clone());
            add(speech.say("Started", "开始"), speech.time(*started_at));
        }
        Evidence::Stuck { run, node, .. } => {
            add(speech.say("Run", "运行"), run.clone());
            if let Some(node) = node {
                add(speech.say("Node", "节点"), node.clone());
            }
        }
        Evidence::Overdue { run, since_at, .. } => {
            add(speech.say("Run", "运行"), run.clone());
            add(speech.say("Since", "自"), speech.time(*since_at));
        }
        Evidence::Backlog { waiting, .. } => {
            add(speech.say("Waiting", "等待中"), waiting.to_string())
        }
        Evidence::Certificate { expires_at, issuer } => {
            add(speech.say("Ends", "到期时间"), speech.time(*expires_at));
            if !issuer.is_empty() {
                add(speech.say("Issued by", "颁发者"), issuer.clone());
            }
        }
        Evidence::Monitor { last_beat_at } => {
            add(
                speech.say("Last beat", "最后心跳"),
                speech.time(*last_beat_at),
            );
        }
        _ => {}
    }
}

fn flapping(speech: &Speech, openings: u32) -> String {
    speech.say(
        format!("{openings}; the next good news comes only once it has been steady for a while"),
        format!("{openings}；待其稳定一段时间后才会发送恢复通知"),
    )
}

fn of_run(speech: &Speech, run: &RunEvidence, add: &mut impl FnMut(&'static str, String)) {
    if speech.owed == Owed::Resolved {
        add(
            speech.say("Last bad run", "最近的异常运行"),
            run.run.clone(),
        );
        return;
    }
    if let Some(node) = &run.node {
        add(speech.say("Node", "节点"), node.clone());
    }
    if let Some(code) = run.exit_code {
        add(speech.say("Exit code", "退出码"), code.to_string());
    }
    if let Some(signal) = run.signal {
        add(speech.say("Signal", "信号"), signal.to_string());
    }
    add(
        speech.say("Due", "应运行时间"),
        speech.time_in(run.fire_time, &run.zone),
    );
    if let Some(at) = run.started_at {
        add(speech.say("Started", "开始"), speech.time_in(at, &run.zone));
    }
    if let Some(at) = run.ended_at {
        add(speech.say("Ended", "结束"), speech.time_in(at, &run.zone));
    }
    if run.started_at.is_some() {
        let (attempt, max) = (run.attempt, run.attempts_max);
        add(
            speech.say("Attempt", "尝试"),
            speech.say(
                format!("{attempt} of {max}, no further one follows"),
                format!("第 {attempt} 次，共 {max} 次，不再重试"),
            ),
        );
    }
    if let Some(at) = run.next_time {
        add(
            speech.say("Next fire time", "下次运行"),
            speech.time_in(at, &run.zone),
        );
    }
    add(speech.say("Run", "运行"), run.run.clone());
}
