//! How commands end: by themselves, by a signal, by a timeout, by a person, with all that they started.

use std::time::Duration;

use carillon_core::launch::{Ending, LaunchSpec, Leftovers, ProcessExit, Timeout};
use carillon_runner::protocol::{KillStep, Request, StartOrder};
use carillon_testbed::wait_until;

use crate::rig::{Rig, is_alive, order, processes_of, spec};

const MS: i64 = 1_000_000;
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn signal_is_told_apart_from_the_exit_code_that_shells_make_of_it() {
    let mut rig = Rig::new().await;

    let by_signal = rig.run(spec("kill -9 $$")).await;
    let by_code = rig.run(spec("exit 137")).await;

    assert_eq!(
        by_signal.end.unwrap().ending,
        Ending::Signaled {
            signal: 9,
            core_dumped: false
        }
    );
    assert_eq!(by_code.end.unwrap().ending, Ending::Exited { code: 137 });
}

#[tokio::test]
async fn timeout_ends_a_command_that_ignores_term() {
    let mut rig = Rig::new().await;
    let mut timeout_ms = 300_u32;
    // A busy machine may keep the shell from its trap; then the timeout is tried that leaves it the time.
    let seen = loop {
        let job = LaunchSpec {
            timeout_ms: Some(timeout_ms.into()),
            kill_grace_ms: 300,
            ..spec("trap '' TERM; echo up; while :; do sleep 0.1; done")
        };
        let seen = rig.run(job).await;
        if seen.stdout() == "up\n" || timeout_ms > 20_000 {
            break seen;
        }
        timeout_ms *= 4;
    };

    let end = seen.end.unwrap();
    assert_eq!(
        end.ending,
        Ending::TimedOut {
            which: Timeout::Attempt
        }
    );
    assert_eq!(
        end.exit,
        Some(ProcessExit::Signal {
            signal: 9,
            core_dumped: false
        })
    );
    let (steps, times): (Vec<_>, Vec<_>) =
        seen.steps.iter().map(|(step, _, at)| (*step, *at)).unzip();
    assert_eq!(steps, [KillStep::Term, KillStep::Kill]);
    let since_start = times[0] - seen.started.unwrap().1;
    assert!(
        since_start >= i64::from(timeout_ms) * MS,
        "TERM after {since_start} ns"
    );
    let grace = times[1] - times[0];
    assert!(grace >= 300 * MS, "KILL after {grace} ns");
}

#[tokio::test]
async fn attempt_ends_with_the_shorter_of_its_own_timeout_and_what_is_left_of_the_runs() {
    let mut rig = Rig::new().await;
    let mut end_of = async |timeout_ms: Option<u64>, left_ms: u64| {
        let job = LaunchSpec {
            timeout_ms,
            ..spec("exec sleep 80")
        };
        let order = StartOrder {
            run_timeout_ms: Some(left_ms),
            ..order(job, 0, i64::MAX)
        };
        let token = order.token;
        rig.send(Request::Start {
            orders: vec![order],
        })
        .await;
        rig.ended(token).await.end.unwrap().ending
    };
    let timed_out = |which| Ending::TimedOut { which };

    assert_eq!(end_of(None, 200).await, timed_out(Timeout::Run));
    assert_eq!(end_of(Some(60_000), 200).await, timed_out(Timeout::Run));
    assert_eq!(end_of(Some(200), 60_000).await, timed_out(Timeout::Attempt));
    assert_eq!(end_of(None, 0).await, timed_out(Timeout::Run));
}

#[tokio::test]
async fn silent_command_meets_its_idle_timeout_and_a_talking_one_does_not() {
    let mut rig = Rig::new().await;
    let job = |idle_timeout_ms: u64, command: &str| LaunchSpec {
        idle_timeout_ms: Some(idle_timeout_ms),
        ..spec(command)
    };

    let silent = rig.run(job(400, "sleep 90")).await;
    // It talks for longer than its timeout, at a pace that leaves the machine seconds to be busy.
    let talking = rig
        .run(job(
            5_000,
            "for n in $(seq 22); do echo $n; sleep 0.25; done",
        ))
        .await;

    assert_eq!(
        silent.end.unwrap().ending,
        Ending::TimedOut {
            which: Timeout::Idle
        }
    );
    assert_eq!(talking.end.unwrap().ending, Ending::Exited { code: 0 });
}

#[tokio::test]
async fn kill_names_who_asked_and_lets_the_command_say_goodbye() {
    let mut rig = Rig::new().await;
    let token = rig
        .start(spec(
            "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.1; done",
        ))
        .await;
    rig.until_said(token, "up").await;

    rig.kill(token).await;

    let seen = rig.ended(token).await;
    let end = seen.end.clone().unwrap();
    assert_eq!(
        end.ending,
        Ending::Killed {
            by: "eve".to_owned()
        }
    );
    assert_eq!(end.exit, Some(ProcessExit::Code { code: 3 }));
    assert_eq!(seen.stdout(), "up\nbye\n");
}

#[tokio::test]
async fn kill_reaches_descendants_that_left_the_session() {
    let mut rig = Rig::new().await;
    let tree = "sleep 99 & nohup sleep 98 >/dev/null & setsid sleep 97 & (setsid sh -c 'sleep 96 & sleep 95' &) ; echo up; sleep 94";
    let token = rig.start(spec(tree)).await;
    rig.until_said(token, "up").await;
    wait_until("the tree to stand", LIMIT, || {
        (processes_of(token).len() >= 7).then_some(())
    });

    rig.kill(token).await;

    let seen = rig.ended(token).await;
    assert_eq!(
        seen.end.unwrap().ending,
        Ending::Killed {
            by: "eve".to_owned()
        }
    );
    assert_eq!(processes_of(token), [0_u32; 0]);
}

#[tokio::test]
async fn kill_outlasts_a_main_process_that_goes_before_its_children() {
    let mut rig = Rig::new().await;
    let stubborn = "setsid sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.1; done' & sleep 60";
    let token = rig
        .start(LaunchSpec {
            kill_grace_ms: 400,
            ..spec(stubborn)
        })
        .await;
    rig.until_said(token, "up").await;

    rig.kill(token).await;

    let seen = rig.ended(token).await;
    let steps: Vec<_> = seen.steps.iter().map(|step| step.0).collect();
    assert_eq!(steps, [KillStep::Term, KillStep::Kill]);
    assert_eq!(processes_of(token), [0_u32; 0]);
}

#[tokio::test]
async fn leftovers_are_ended_with_the_run() {
    let mut rig = Rig::new().await;

    let token = rig
        .start(spec(
            "setsid sleep 300 >/dev/null 2>&1 & sleep 0.2; echo done",
        ))
        .await;
    let seen = rig.ended(token).await;

    let end = seen.end.unwrap();
    assert_eq!((end.ending, end.leftovers), (Ending::Exited { code: 0 }, 1));
    assert_eq!(processes_of(token), [0_u32; 0]);
}

#[tokio::test]
async fn leftovers_are_left_where_the_job_says_so() {
    let mut rig = Rig::new().await;
    let job = LaunchSpec {
        leftovers: Leftovers::Leave,
        ..spec("setsid sleep 300 >/dev/null 2>&1 & sleep 0.2; echo done")
    };

    let token = rig.start(job).await;
    let seen = rig.ended(token).await;

    assert_eq!(seen.end.unwrap().leftovers, 1);
    let left = processes_of(token);
    assert_eq!(left.len(), 1);
    assert!(is_alive(left[0]));
}

#[tokio::test]
async fn grandchild_that_holds_the_pipe_does_not_hang_the_run() {
    let mut rig = Rig::new().await;
    let job = LaunchSpec {
        leftovers: Leftovers::Leave,
        ..spec("setsid sleep 300 & echo done")
    };

    let seen = rig.run(job).await;

    assert_eq!(seen.end.clone().unwrap().ending, Ending::Exited { code: 0 });
    assert_eq!(seen.stdout(), "done\n");
}

#[tokio::test]
async fn stopped_command_can_be_ended() {
    let mut rig = Rig::new().await;
    let token = rig.start(spec("echo up; kill -STOP $$; echo never")).await;
    rig.until_said(token, "up").await;

    rig.kill(token).await;

    let seen = rig.ended(token).await;
    assert_eq!(
        seen.end.unwrap().exit,
        Some(ProcessExit::Signal {
            signal: 15,
            core_dumped: false
        })
    );
}

#[tokio::test]
async fn no_process_and_no_zombie_is_left_of_many_commands() {
    let mut rig = Rig::new().await;
    for _ in 0..20 {
        rig.run(spec("(setsid sh -c 'exit 0' &) ; (sleep 0.01 &) ; true"))
            .await;
    }

    let own = format!("/proc/{0}/task/{0}/children", rig.hello.pid);

    wait_until("the last child to be reaped", LIMIT, || {
        std::fs::read_to_string(&own)
            .unwrap()
            .is_empty()
            .then_some(())
    });
}
