//! What survives the agent, the runner, and both.

use std::collections::HashMap;

use carillon_core::launch::{Ending, LaunchSpec};
use carillon_core::token::Token;
use carillon_runner::client::{ClientError, start_runner};
use carillon_runner::protocol::{AttemptState, NotStarted, Report, Request, ShutdownWhen};

use crate::rig::{Rig, gone, hold, is_alive, new_token, order, spec};

#[tokio::test]
async fn second_runner_on_the_same_directory_is_refused() {
    let rig = Rig::new().await;

    let refused = start_runner(rig.path(), &rig.command).await;

    let Err(ClientError::NotReady { reason, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert!(reason.contains("lives on"), "{reason}");
    assert!(rig.try_connect().await.is_ok());
}

#[tokio::test]
async fn everything_that_happens_without_an_agent_is_told_to_the_next() {
    let mut rig = Rig::new().await;
    let fifo = rig.path().join("go");
    let token = rig
        .start(spec(&format!(
            "mkfifo {0}; echo one; cat {0}; echo two >&2; exit 5",
            fifo.display()
        )))
        .await;
    rig.until_said(token, "one").await;
    rig.disconnect();
    std::fs::write(&fifo, "three").unwrap();

    rig.reconnect().await;
    let seen = rig.ended(token).await;

    assert_eq!(seen.end.unwrap().ending, Ending::Exited { code: 5 });
    let mut chunks = seen.chunks;
    chunks.dedup_by_key(|chunk| chunk.seq);
    let all: Vec<u8> = chunks
        .iter()
        .flat_map(|chunk| chunk.bytes.clone())
        .collect();
    assert_eq!(String::from_utf8(all).unwrap(), "one\nthreetwo\n");
}

#[tokio::test]
async fn result_is_told_again_until_it_is_acknowledged() {
    let mut rig = Rig::new().await;
    let token = rig.start(spec("exit 5")).await;
    rig.ended(token).await;

    rig.reconnect().await;
    rig.until(token, |seen| seen.ends == 2).await;
    rig.send(Request::Ack {
        tokens: vec![token],
    })
    .await;
    rig.reconnect().await;

    assert!(rig.snapshot.is_empty(), "{:?}", rig.snapshot);
    rig.send(Request::Query {
        tokens: vec![token],
    })
    .await;
    let Report::States { attempts } = rig.receive().await else {
        panic!("no answer")
    };
    assert_eq!(attempts[0].state, AttemptState::Unknown);
}

#[tokio::test]
async fn result_survives_the_runner() {
    let mut rig = Rig::new().await;
    let ended = rig.start(spec("exit 5")).await;
    rig.ended(ended).await;
    let refused = rig.start(spec("no-such-program")).await;
    rig.not_started(refused).await;
    let before = rig.hello.clone();

    rig.kill_runner().await;
    rig.seen.clear();
    rig.reconnect().await;

    assert_ne!(rig.hello.pid, before.pid);
    assert_eq!(rig.hello.journal_epoch, before.journal_epoch);
    assert!(rig.hello.journal_clean);
    assert_eq!(
        rig.ended(ended).await.end.unwrap().ending,
        Ending::Exited { code: 5 }
    );
    assert!(matches!(
        rig.not_started(refused).await,
        NotStarted::Failed { .. }
    ));
}

#[tokio::test]
async fn command_outlives_the_runner_and_its_exit_code_is_known() {
    let mut rig = Rig::new().await;
    let fifo = rig.path().join("go");
    let command = format!(
        "mkfifo {0}; echo one; cat {0}; echo two; exit 5",
        fifo.display()
    );
    let token = rig.start(spec(&command)).await;
    rig.until_said(token, "one").await;
    let pid = rig.started(token).await;

    rig.kill_runner().await;
    assert!(is_alive(pid), "the command died with its runner");
    rig.reconnect().await;
    let AttemptState::Running {
        pid: adopted_pid,
        adopted,
        ..
    } = rig.snapshot[0].state
    else {
        panic!("{:?}", rig.snapshot)
    };
    std::fs::write(&fifo, "three\n").unwrap();
    let seen = rig.ended(token).await;

    assert_eq!((adopted_pid, adopted), (pid, true));
    assert_eq!(seen.stdout(), "one\nthree\ntwo\n");
    let end = seen.end.unwrap();
    assert_eq!(end.stdout_bytes, 14);
    // Kernels before 6.15 do not keep the exit code of a process that is no child.
    assert!(
        matches!(end.ending, Ending::Exited { code: 5 } | Ending::Interrupted),
        "{:?}",
        end.ending
    );
}

#[tokio::test]
async fn command_that_ends_while_no_runner_lives_is_interrupted() {
    let mut rig = Rig::new().await;
    let token = rig.start(spec("sleep 90")).await;
    let pid = rig.started(token).await;

    // The end of a later command stands in the journal behind the process of this one.
    rig.run(spec("true")).await;
    rig.kill_runner().await;
    let held = hold(pid);
    rustix::process::pidfd_send_signal(&held, rustix::process::Signal::KILL).unwrap();
    gone(held).await;
    rig.reconnect().await;

    let end = rig.ended(token).await.end.unwrap();
    assert_eq!((end.ending, end.exit), (Ending::Interrupted, None));
}

#[tokio::test]
async fn adopted_command_still_has_what_was_left_of_its_run() {
    let mut rig = Rig::new().await;
    let order = carillon_runner::protocol::StartOrder {
        run_timeout_ms: Some(5_000),
        ..order(spec("echo up; exec sleep 80"), 0, i64::MAX)
    };
    let token = order.token;
    rig.send(Request::Start {
        orders: vec![order],
    })
    .await;
    rig.until_said(token, "up").await;

    rig.kill_runner().await;
    rig.reconnect().await;

    let end = rig.ended(token).await.end.unwrap();
    let which = carillon_core::launch::Timeout::Run;
    assert_eq!(end.ending, Ending::TimedOut { which });
}

#[tokio::test]
async fn adopted_command_still_has_its_timeout_and_its_tree_is_ended() {
    let mut rig = Rig::new().await;
    let job = LaunchSpec {
        timeout_ms: Some(5_000),
        ..spec("setsid sleep 90 & echo up; sleep 80")
    };
    let token = rig.start(job).await;
    rig.until_said(token, "up").await;

    rig.kill_runner().await;
    rig.reconnect().await;

    let end = rig.ended(token).await.end.unwrap();
    assert!(matches!(end.ending, Ending::TimedOut { .. }), "{end:?}");
    assert_eq!(crate::rig::processes_of(token), [0_u32; 0]);
}

#[tokio::test]
async fn damaged_journal_is_admitted() {
    let mut rig = Rig::new().await;
    let token = rig.start(spec("exit 5")).await;
    rig.ended(token).await;
    let epoch = rig.hello.journal_epoch.clone();
    rig.kill_runner().await;

    let path = rig.path().join("runner.journal");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..300]).unwrap();
    rig.reconnect().await;

    assert!(!rig.hello.journal_clean);
    assert_ne!(rig.hello.journal_epoch, epoch);
    assert_eq!(
        rig.run(spec("true")).await.end.unwrap().ending,
        Ending::Exited { code: 0 }
    );
}

#[tokio::test]
async fn runner_that_is_to_end_takes_nothing_new_and_goes_when_idle() {
    let mut rig = Rig::new().await;
    let go = rig.path().join("go");
    let waiting = format!("mkfifo {0}; echo up; cat {0}; exit 3", go.display());
    let running = rig.start(spec(&waiting)).await;
    rig.until_said(running, "up").await;

    rig.send(Request::Shutdown {
        when: ShutdownWhen::Idle,
    })
    .await;
    let refused = rig.start(spec("true")).await;

    assert_eq!(rig.not_started(refused).await, NotStarted::ShuttingDown);
    std::fs::write(&go, "").unwrap();
    assert_eq!(
        rig.ended(running).await.end.unwrap().ending,
        Ending::Exited { code: 3 }
    );
    rig.send(Request::Ack {
        tokens: vec![running, refused],
    })
    .await;
    rig.closed().await;
}

#[tokio::test]
async fn runner_that_is_to_end_now_kills_what_runs() {
    let mut rig = Rig::new().await;
    let running = rig.start(spec("sleep 90")).await;
    let waiting = rig
        .start_at(
            spec("true"),
            crate::rig::boottime_ns() + 60_000_000_000,
            i64::MAX,
        )
        .await;
    rig.started(running).await;

    rig.send(Request::Shutdown {
        when: ShutdownWhen::Now,
    })
    .await;

    assert_eq!(
        rig.ended(running).await.end.unwrap().ending,
        Ending::Killed {
            by: "shutdown".to_owned()
        }
    );
    assert_eq!(rig.not_started(waiting).await, NotStarted::Cancelled);
}

#[tokio::test]
async fn runner_that_nobody_needs_ends() {
    let mut rig = Rig::with(&["--idle-exit", "3"]).await;
    let held = hold(rig.hello.pid);

    rig.disconnect();

    gone(held).await;
}

#[tokio::test]
async fn order_of_an_agent_that_dies_at_once_is_carried_out_once_or_is_unknown() {
    let mut rig = Rig::new().await;
    let witness = rig.path().join("witness");
    let token = new_token();
    let order = carillon_runner::protocol::StartOrder {
        token,
        ..order(
            spec(&format!("echo x >> {}", witness.display())),
            0,
            i64::MAX,
        )
    };

    rig.send(Request::Start {
        orders: vec![order],
    })
    .await;
    rig.reconnect().await;

    match rig.snapshot.is_empty() {
        true => {
            rig.send(Request::Query {
                tokens: vec![token],
            })
            .await;
            rig.run(spec("true")).await;
            assert!(!witness.exists());
        }
        false => {
            rig.ended(token).await;
            assert_eq!(std::fs::read_to_string(witness).unwrap(), "x\n");
        }
    }
}

#[tokio::test]
async fn runner_killed_at_any_instant_starts_nothing_twice_and_forgets_nothing() {
    let mut rig = Rig::new().await;
    let witness = rig.path().join("witness");
    let command = format!("echo $CARILLON_TOKEN >> {}", witness.display());
    let mut tokens = Vec::new();
    for round in 0..20_u64 {
        let orders: Vec<_> = (0..20)
            .map(|_| order(spec(&command), 0, i64::MAX))
            .collect();
        tokens.extend(orders.iter().map(|order| order.token));
        rig.send(Request::Start { orders }).await;
        // Spread over the time that twenty starts take, so that each round dies elsewhere.
        let lived = tokio::time::Instant::now() + std::time::Duration::from_millis(round * 7 % 61);
        tokio::time::sleep_until(lived).await;
        rig.kill_runner().await;
        rig.reconnect().await;
    }

    let known: HashMap<Token, AttemptState> = rig
        .snapshot
        .iter()
        .map(|attempt| (attempt.token, attempt.state.clone()))
        .collect();
    for (token, state) in &known {
        if matches!(state, AttemptState::Running { .. }) {
            rig.ended(*token).await;
        }
    }

    let written = std::fs::read_to_string(&witness).unwrap_or_default();
    let mut ran: Vec<&str> = written.lines().collect();
    ran.sort_unstable();
    assert!(
        ran.windows(2).all(|pair| pair[0] != pair[1]),
        "a command ran twice"
    );
    for token in tokens {
        let has_run = ran.binary_search(&token.to_string().as_str()).is_ok();
        match known.get(&token) {
            None => assert!(!has_run, "{token} ran and nothing is known of it"),
            Some(AttemptState::NotStarted { .. }) => assert!(!has_run, "{token} ran, denied"),
            Some(AttemptState::Ended { .. }) => assert!(has_run, "{token} did not run, claimed"),
            Some(_) => {}
        }
    }
    assert!(!ran.is_empty(), "no command ran");
}
