//! Ten minutes of bad weather: every real outage is mailed once, and nothing else.

#![expect(clippy::print_stdout, reason = "the figures are the point")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use carillon_testbed::{Mail, wait_until, wait_until_async};
use jiff::SignedDuration;

use crate::scene::{Node, SOON, Scene};

const WEATHER: Duration = Duration::from_secs(600);
const SILENT_AFTER_S: u64 = 9;
const NODES: usize = 24;

/// A reproducible sequence of numbers (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

/// One node's outage.
struct Outage {
    name: String,
    began: Instant,
    ended: Instant,
}

impl Outage {
    fn seconds(&self) -> u64 {
        (self.ended - self.began).as_secs()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "takes eleven minutes; run it with --run-ignored all after a change to when people are told"]
async fn every_outage_is_mailed_once_and_nothing_else() {
    let mut scene = Scene::mariadb().await;
    scene.options.patience.silent_after = SignedDuration::from_secs(9);
    let mut nodes = Vec::new();
    for number in 0..NODES {
        nodes.push(scene.node(&format!("web-{number:02}")).await);
    }
    scene.start_monitor("mon-1");
    scene.start_monitor("mon-2");
    let started = Instant::now();
    let mut dice = Dice(7);

    let outages = blow(&mut scene, &mut nodes, started, &mut dice).await;
    let store = scene.store.clone();
    wait_until_async("every incident to end", SOON, async || {
        store
            .open_incidents()
            .await
            .unwrap()
            .is_empty()
            .then_some(())
    })
    .await;
    // Whatever else was on its way comes before news of somebody who goes last.
    let witness = scene.node("witness").await;
    witness.kill();
    wait_until("news of the witness", SOON, || {
        let mails = scene.mail.mails();
        mails
            .iter()
            .find(|mail| mail.subject().contains("witness"))
            .map(|_| ())
    });
    scene.stop_monitors().await;

    judge(&outages, &scene.mail.mails(), started);
}

/// Each node goes once, for 3 to 60 s; the mail server goes now and then.
async fn blow(
    scene: &mut Scene,
    nodes: &mut [Node],
    started: Instant,
    dice: &mut Dice,
) -> Vec<Outage> {
    let end = WEATHER - Duration::from_secs(70);
    let mut plan: Vec<(Duration, usize, Duration)> = (0..nodes.len())
        .map(|node| {
            let at = Duration::from_secs(15 + dice.roll(end.as_secs() - 15));
            (at, node, Duration::from_secs(3 + dice.roll(58)))
        })
        .collect();
    plan.sort();
    let mut outages = Vec::new();
    let mut back: Vec<(Instant, usize, Instant)> = Vec::new();
    let mut mail_back: Option<Instant> = None;
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    while started.elapsed() < WEATHER {
        pace.tick().await;
        while plan
            .first()
            .is_some_and(|(at, _, _)| *at <= started.elapsed())
        {
            let (_, node, length) = plan.remove(0);
            nodes[node].kill();
            back.push((Instant::now() + length, node, Instant::now()));
        }
        back.retain(|(until, node, began)| {
            let is_over = *until <= Instant::now();
            if is_over {
                scene.revive(&mut nodes[*node]);
                let (name, began) = (format!("web-{node:02}"), *began);
                outages.push(Outage {
                    name,
                    began,
                    ended: Instant::now(),
                });
            }
            !is_over
        });
        match mail_back {
            None if dice.roll(900) == 0 => {
                scene.mail.go_down();
                mail_back = Some(Instant::now() + Duration::from_secs(5 + dice.roll(20)));
            }
            Some(until) if until <= Instant::now() => {
                scene.mail.come_back().unwrap();
                mail_back = None;
            }
            None | Some(_) => {}
        }
    }
    if mail_back.is_some() {
        scene.mail.come_back().unwrap();
    }
    outages
}

fn judge(outages: &[Outage], mails: &[Mail], started: Instant) {
    let told = |name: &str, words: &str| {
        let about = |mail: &&Mail| mail.text().contains(name) && mail.subject().contains(words);
        mails.iter().filter(about).count()
    };
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for outage in outages {
        let (silent, back) = (told(&outage.name, "silent"), told(&outage.name, "back"));
        println!(
            "{} {:>4} s in, away for {:>2} s: {silent} silent, {back} back",
            outage.name,
            (outage.began - started).as_secs(),
            outage.seconds()
        );
        // Between the limit and what gathering and a round add, both are right.
        match outage.seconds() {
            seconds if seconds < SILENT_AFTER_S - 1 => {
                assert_eq!((silent, back), (0, 0), "{}", outage.name)
            }
            seconds if seconds > SILENT_AFTER_S + 7 => {
                assert_eq!((silent, back), (1, 1), "{}", outage.name)
            }
            _ => assert!(silent <= 1 && back == silent, "{}", outage.name),
        }
        *counts.entry("outages").or_default() += 1;
        *counts.entry("told").or_default() += silent;
    }
    println!("{counts:?}, {} mails", mails.len());
}
