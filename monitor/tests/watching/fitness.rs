//! Nodes that beat and are not well: each rule fires by what a heartbeat says, and not by what is nearly the same.

use carillon_core::fitness::FITNESS_RULES;
use carillon_core::node::{ClockOffset, Duty};
use carillon_core::rule::Rule;
use carillon_store::Beat;
use carillon_testbed::Mail;
use jiff::SignedDuration;

use crate::on_both;
use crate::scene::{Node, RELEASE, Release, Scene, editor};

/// A fault counts after so long here; what is nearly one lasts much longer.
const HOLDS_FOR: SignedDuration = SignedDuration::from_secs(2);

/// What a node has to say, or to have, to break a rule.
struct Fault {
    rule: Rule,
    release: Release,
    say: fn(&mut Beat),
    /// What the mail's subject says of it.
    words: &'static str,
}

fn silent(_: &mut Beat) {}

fn clock(offset_ms: i64) -> Option<ClockOffset> {
    Some(ClockOffset {
        offset: SignedDuration::from_millis(offset_ms),
        uncertainty: SignedDuration::from_millis(1),
    })
}

fn fault(rule: Rule) -> Fault {
    let (mut release, mut say): (Release, fn(&mut Beat)) = (RELEASE, silent);
    let words = match rule {
        Rule::NodeClock => {
            say = |beat| beat.clock = clock(2000);
            "the clock of node odd is 2.0 s behind"
        }
        Rule::NodeTzdb => {
            release.tzdb_version = "2025b";
            "node odd has other time zone data than most"
        }
        Rule::NodeVersion => {
            release.version = "0.0.9";
            "node odd runs another version than most"
        }
        Rule::NodeNotClaiming => {
            say = |beat| {
                beat.is_claiming = false;
                beat.not_claiming_reason = "three starts in a row failed".to_owned();
            };
            "node odd takes no runs"
        }
        Rule::NodeDisk => {
            say = |beat| beat.disk_available = 9 << 30;
            "the disk of node odd is nearly full"
        }
        Rule::RedisUnreachable => {
            say = |beat| beat.redis_problem = "no answer within 1 s".to_owned();
            "Redis does not answer 1 of 4 nodes"
        }
        other => panic!("{other} is no rule about fitness"),
    };
    Fault {
        rule,
        release,
        say,
        words,
    }
}

/// Nodes that are as near to every fault as may be: a fit one, and one with all of them that was drained.
async fn near_misses(scene: &mut Scene) -> [Node; 2] {
    let near = scene.node("near").await;
    near.say(|said| {
        said.clock = clock(-400);
        said.disk_available = 11 << 30;
    });
    let drained = scene.node("drained").await;
    let ancient = Release {
        version: "0.0.1",
        tzdb_version: "2020a",
    };
    let drained = scene.replace("drained", drained, ancient).await;
    for rule in faults() {
        drained.say(fault(rule).say);
    }
    let store = scene.store.clone();
    store
        .set_duty(drained.claimant.node, Duty::Drained, "it is ill", &editor())
        .await
        .unwrap();
    [near, drained]
}

fn faults() -> impl Iterator<Item = Rule> {
    FITNESS_RULES.into_iter().chain([Rule::RedisUnreachable])
}

on_both! {
    async fn what_a_heartbeat_says_is_mailed_once_for_each_rule_and_once_when_it_is_over(scene) {
        scene.options.thresholds.holds_for = |_| HOLDS_FOR;
        let _near = near_misses(&mut scene).await;
        let _most = [scene.node("web-1").await, scene.node("web-2").await];
        let mut odd = scene.node("odd").await;
        scene.start_monitor("mon-1");
        scene.start_monitor("mon-2");

        let mut told = 0;
        for rule in faults() {
            let fault = fault(rule);
            // The end of the last one and the beginning of this one are two mails.
            odd = scene.replace("odd", odd, fault.release).await;
            odd.say(fault.say);
            told += if told == 0 { 1 } else { 2 };
            let subjects = scene.subjects(told);
            let of_it = subjects.iter().filter(|subject| subject.contains(fault.words)).count();
            assert_eq!(of_it, 1, "{}: {subjects:?}", fault.rule);
        }
        let _odd = scene.replace("odd", odd, RELEASE).await;
        scene.subjects(told + 1);
        scene.stop_monitors().await;

        let mails = scene.mail.mails();
        let subjects: Vec<String> = mails.iter().map(Mail::subject).collect();
        let count = |words: &str| subjects.iter().filter(|subject| subject.contains(words)).count();
        assert_eq!(subjects.len(), 2 * faults().count(), "{subjects:?}");
        assert_eq!(count("node odd is well again after"), FITNESS_RULES.len(), "{subjects:?}");
        assert_eq!(count("Redis answers all nodes again after"), 1, "{subjects:?}");
    }
}
