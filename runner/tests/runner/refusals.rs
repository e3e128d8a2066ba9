//! Commands that cannot start say why, and nothing runs.

use carillon_core::launch::{Ending, LaunchSpec, StartFailure};
use carillon_runner::protocol::NotStarted;

use crate::rig::{Rig, spec};

fn failed(why: StartFailure) -> NotStarted {
    NotStarted::Failed { why }
}

#[tokio::test]
async fn missing_program_directory_and_permission_are_named() {
    let mut rig = Rig::new().await;
    let plain = rig.path().join("plain");
    std::fs::write(&plain, "text").unwrap();
    let plain = plain.display().to_string();

    let program = rig.refuse(spec("no-such-program --x")).await;
    let directory = rig
        .refuse(LaunchSpec {
            cwd: Some("/no/such/dir".to_owned()),
            ..spec("true")
        })
        .await;
    let relative = rig
        .refuse(LaunchSpec {
            cwd: Some("tmp".to_owned()),
            ..spec("true")
        })
        .await;
    let mode = rig.refuse(spec(&plain)).await;
    let empty = rig.refuse(spec("  ")).await;

    assert_eq!(
        program,
        failed(StartFailure::NotFound {
            program: "no-such-program".to_owned()
        })
    );
    assert_eq!(
        directory,
        failed(StartFailure::Directory {
            path: "/no/such/dir".to_owned(),
            errno: 2
        })
    );
    assert_eq!(
        relative,
        failed(StartFailure::Directory {
            path: "tmp".to_owned(),
            errno: 2
        })
    );
    assert_eq!(
        mode,
        failed(StartFailure::NotExecutable {
            program: plain,
            errno: 13
        })
    );
    assert!(matches!(
        empty,
        NotStarted::Failed {
            why: StartFailure::BadCommand { .. }
        }
    ));
}

#[tokio::test]
async fn users_are_refused_unless_the_node_lists_them() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("carillon.toml");
    std::fs::write(&config, "[runner]\nallow_users = [\"ghost\", \"daemon\"]\n").unwrap();
    let mut rig = Rig::with(&["--config", config.to_str().unwrap()]).await;
    let job = |user: &str| LaunchSpec {
        run_as: Some(user.to_owned()),
        ..spec("id -un; id -G; pwd; echo $HOME")
    };

    let not_listed = rig.refuse(job("bin")).await;
    let listed_but_absent = rig.refuse(job("ghost")).await;

    assert_eq!(
        not_listed,
        failed(StartFailure::UserNotAllowed {
            user: "bin".to_owned()
        })
    );
    assert_eq!(
        listed_but_absent,
        failed(StartFailure::UnknownUser {
            user: "ghost".to_owned()
        })
    );
    if !rig.hello.may_switch_users {
        return;
    }
    let seen = rig.run(job("daemon")).await;
    assert_eq!(seen.stdout(), "daemon\n1\n/usr/sbin\n/usr/sbin\n");
    std::fs::write(&config, "[runner]\nallow_users = []\n# nobody any more\n").unwrap();
    assert_eq!(
        rig.refuse(job("daemon")).await,
        failed(StartFailure::UserNotAllowed {
            user: "daemon".to_owned()
        })
    );
}

#[tokio::test]
async fn dangerous_variables_are_refused() {
    let mut rig = Rig::new().await;
    let env = vec![("LD_PRELOAD".to_owned(), "/tmp/x.so".to_owned())];

    let refused = rig
        .refuse(LaunchSpec {
            env,
            ..spec("true")
        })
        .await;

    let NotStarted::Failed {
        why: StartFailure::Environment { name, .. },
    } = refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(name, "LD_PRELOAD");
}

#[tokio::test]
async fn command_that_runs_as_another_user_can_be_killed() {
    let mut rig = Rig::with(&["--allow-user", "nobody"]).await;
    if !rig.hello.may_switch_users {
        return;
    }
    let job = LaunchSpec {
        run_as: Some("nobody".to_owned()),
        ..spec("setsid sleep 90 & echo up; sleep 80")
    };
    let token = rig.start(job).await;
    rig.until_said(token, "up").await;

    rig.kill(token).await;

    assert_eq!(
        rig.ended(token).await.end.unwrap().ending,
        Ending::Killed {
            by: "eve".to_owned()
        }
    );
    assert_eq!(crate::rig::processes_of(token), [0_u32; 0]);
}

#[tokio::test]
async fn runner_out_of_descriptors_refuses_and_recovers() {
    let mut rig = Rig::limited("ulimit -n 100").await;
    let mut tokens = Vec::new();
    for _ in 0..40 {
        tokens.push(rig.start(spec("sleep 90")).await);
    }
    let mut running = Vec::new();
    for token in tokens {
        let seen = rig
            .until(token, |seen| {
                seen.started.is_some() || seen.not_started.is_some()
            })
            .await;
        match seen.not_started {
            None => running.push(token),
            Some(NotStarted::Failed { why }) => assert!(why.is_of_node(), "{why:?}"),
            Some(other) => panic!("{other:?}"),
        }
    }
    assert!((10..40).contains(&running.len()), "{} run", running.len());

    // An agent is let in, and commands can be ended, although nothing is left.
    rig.reconnect().await;
    for token in running {
        rig.kill(token).await;
        rig.ended(token).await;
    }

    assert_eq!(
        rig.run(spec("true")).await.end.unwrap().ending,
        Ending::Exited { code: 0 }
    );
}
