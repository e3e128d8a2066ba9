//! How commands end: by themselves, by a signal, by a timeout, by a person, with all that they started.

use std::time::Duration;

use carillon_core::launch::{Ending, LaunchSpec, Leftovers, ProcessExit, Timeout};
use carillon_runner::protocol::KillStep;
use carillon_testbed::wait_until;

use crate::rig::{Rig, is_alive, processes_of, spec};

const MS: i64 = 1_000_000;

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
    let job = LaunchSpec {
        timeout_ms: Some(300),
        kill_grace_ms: 300,
        ..spec("trap '' TERM; echo up; while :; do sleep 0.1; done")
    };

    let seen = rig.run(job).await;

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
        (300 * MS..600 * MS).contains(&since_start),
        "TERM after {since_start} ns"
    );
    let grace = times[1] - times[0];
    assert!(
        (300 * MS..600 * MS).contains(&grace),
        "KILL after {grace} ns"
    );
}

#[tokio::test]
async fn silent_command_meets_its_idle_timeout_and_a_talking_one_does_not() {
    let mut rig = Rig::new().await;
    let job = |command: &str| LaunchSpec {
        idle_timeout_ms: Some(400),
        ..spec(command)
    };

    let silent = rig.run(job("sleep 30")).await;
    let talking = rig
        .run(job("for n in 1 2 3 4 5 6; do echo $n; sleep 0.2; done"))
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
    let tree = "sleep 99 & nohup sleep 98 >/dev/null & setsid sleep 97 & (setsid sh -c 'sleep 96 & sleep 95' &) ; sleep 0.3; echo up; sleep 94";
    let token = rig.start(spec(tree)).await;
    rig.until_said(token, "up").await;
    assert!(processes_of(token).len() >= 7, "{:?}", processes_of(token));

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
    let stubborn =
        "setsid sh -c 'trap \"\" TERM; while :; do sleep 0.1; done' & sleep 0.3; echo up; sleep 60";
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
    let before = std::time::Instant::now();
    let job = LaunchSpec {
        leftovers: Leftovers::Leave,
        ..spec("setsid sleep 20 & echo done")
    };

    let seen = rig.run(job).await;

    assert_eq!(seen.end.clone().unwrap().ending, Ending::Exited { code: 0 });
    assert_eq!(seen.stdout(), "done\n");
    assert!(
        before.elapsed().as_secs() < 5,
        "it took {:?}",
        before.elapsed()
    );
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
    let limit = Duration::from_secs(20);

    wait_until("the last child to be reaped", limit, || {
        std::fs::read_to_string(&own)
            .unwrap()
            .is_empty()
            .then_some(())
    });
}
