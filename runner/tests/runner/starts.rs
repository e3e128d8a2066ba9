//! What a command finds when it starts, and when that is.

use carillon_core::launch::{Ending, LaunchSpec, Limits};
use carillon_runner::protocol::{AttemptState, NotStarted, Report, Request};

use crate::rig::{Rig, boottime_ns, order, spec};

const MS: i64 = 1_000_000;

#[tokio::test]
async fn command_runs_and_its_exit_code_is_told() {
    let mut rig = Rig::new().await;

    for (command, code) in [
        ("true", 0),
        ("false", 1),
        ("exit 7", 7),
        ("sh -c 'exit 137'", 137),
    ] {
        let seen = rig.run(spec(command)).await;
        assert_eq!(
            seen.end.unwrap().ending,
            Ending::Exited { code },
            "{command}"
        );
    }
}

#[tokio::test]
async fn command_finds_only_its_own_environment() {
    let mut rig = Rig::new().await;
    let env = vec![("COLOUR".to_owned(), "blue green".to_owned())];

    let seen = rig
        .run(LaunchSpec {
            env,
            ..spec("/usr/bin/env")
        })
        .await;

    let stdout = seen.stdout();
    let names: Vec<&str> = stdout
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    let expected = [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "COLOUR",
        "CARILLON_NODE",
        "CARILLON_TOKEN",
    ];
    assert_eq!(names, expected);
    assert!(stdout.contains("COLOUR=blue green\n"));
    assert!(stdout.contains("PATH=/usr/local/bin:/usr/bin:/bin\n"));
}

#[tokio::test]
async fn command_has_a_session_and_three_descriptors_of_its_own() {
    let mut rig = Rig::new().await;

    let seen = rig
        .run(spec(
            "ls /proc/self/fd; cut -d' ' -f6 /proc/$$/stat; umask; cat; grep SigIgn /proc/self/status",
        ))
        .await;

    let (pid, _) = seen.started.unwrap();
    let stdout = seen.stdout();
    let words: Vec<&str> = stdout.split_whitespace().collect();
    assert_eq!(
        words,
        [
            "0",
            "1",
            "2",
            "3",
            &pid.to_string(),
            "0022",
            "SigIgn:",
            "0000000000000000"
        ]
    );
}

#[tokio::test]
async fn standard_input_is_the_text_of_the_job() {
    let mut rig = Rig::new().await;
    let text = "one\ntwo 你好\n".repeat(20_000);

    let seen = rig
        .run(LaunchSpec {
            stdin: Some(text.clone()),
            ..spec("cat")
        })
        .await;
    let unread = rig
        .run(LaunchSpec {
            stdin: Some(text.clone()),
            ..spec("true")
        })
        .await;

    assert!(seen.stdout() == text, "the text came back changed");
    assert_eq!(unread.end.unwrap().ending, Ending::Exited { code: 0 });
}

#[tokio::test]
async fn directory_mask_niceness_and_limits_are_the_jobs() {
    let mut rig = Rig::new().await;
    let job = LaunchSpec {
        cwd: Some("/usr/lib".to_owned()),
        umask: Some(0o077),
        nice: Some(5),
        limits: Limits {
            open_files: Some(33),
            cpu_seconds: Some(44),
            ..Limits::default()
        },
        no_new_privs: true,
        ..spec("pwd; umask; nice; ulimit -n; ulimit -t; grep -o 'NoNewPrivs:.*' /proc/self/status")
    };

    let seen = rig.run(job).await;

    let stdout = seen.stdout();
    let words: Vec<&str> = stdout.split_whitespace().collect();
    assert_eq!(
        words,
        ["/usr/lib", "0077", "5", "33", "44", "NoNewPrivs:", "1"]
    );
}

#[tokio::test]
async fn ionice_is_the_jobs() {
    let mut rig = Rig::new().await;
    let said = ["idle", "best-effort: prio 6"];

    for (ionice, said) in ["idle", "best_effort(6)"].into_iter().zip(said) {
        let job = LaunchSpec {
            ionice: Some(ionice.parse().unwrap()),
            ..spec("ionice -p $$; sh -c 'ionice -p $$'")
        };
        let seen = rig.run(job).await;
        let stdout = seen.stdout();
        let lines: Vec<&str> = stdout.lines().collect();
        // The descendants have it, too.
        assert_eq!(lines, [said, said], "{ionice}");
    }
    let seen = rig.run(spec("ionice -p $$")).await;
    assert!(!seen.stdout().contains("idle"), "{}", seen.stdout());
}

#[tokio::test]
async fn script_without_a_first_line_is_run_by_the_shell() {
    let mut rig = Rig::new().await;
    let path = rig.path().join("script");
    std::fs::write(&path, "echo \"$0 $1\"\n").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();

    let seen = rig.run(spec(&format!("{} 'a b'", path.display()))).await;

    assert_eq!(seen.stdout(), format!("{} a b\n", path.display()));
}

#[tokio::test]
async fn command_starts_at_its_time_and_never_before() {
    let mut rig = Rig::new().await;
    let base = boottime_ns() + 500 * MS;
    let mut orders: Vec<_> = (0..20)
        .map(|n| order(spec("true"), base + n * 20 * MS, i64::MAX))
        .collect();
    // The line is kept by time, not by arrival.
    orders.reverse();
    let expected: Vec<_> = orders
        .iter()
        .map(|order| (order.token, order.start_at_boottime_ns))
        .collect();

    rig.send(Request::Start { orders }).await;

    for (token, at) in expected {
        let (_, started) = rig.ended(token).await.started.unwrap();
        assert!(started >= at, "started {} ns early", at - started);
    }
}

#[tokio::test]
async fn start_after_its_deadline_is_refused() {
    let mut rig = Rig::new().await;
    let deadline = boottime_ns() - 5 * MS;

    let token = rig.start_at(spec("true"), deadline - MS, deadline).await;

    let NotStarted::TooLate { late_ns } = rig.not_started(token).await else {
        panic!("it started")
    };
    assert!(late_ns >= 5 * MS);
}

#[tokio::test]
async fn cancelled_start_never_happens() {
    let mut rig = Rig::new().await;
    let witness = rig.path().join("witness");
    let at = boottime_ns() + 3_000 * MS;
    let token = rig
        .start_at(spec(&format!("touch {}", witness.display())), at, i64::MAX)
        .await;

    rig.send(Request::Cancel { token }).await;

    assert_eq!(rig.not_started(token).await, NotStarted::Cancelled);
    let later = rig.start_at(spec("true"), at + 100 * MS, i64::MAX).await;
    rig.ended(later).await;
    assert!(!witness.exists(), "a cancelled command ran");
}

#[tokio::test]
async fn cancel_of_a_running_command_says_that_it_runs() {
    let mut rig = Rig::new().await;
    let token = rig.start(spec("sleep 30")).await;
    rig.started(token).await;

    rig.send(Request::Cancel { token }).await;

    loop {
        if let Report::States { attempts } = rig.receive().await {
            assert!(matches!(attempts[0].state, AttemptState::Running { .. }));
            return;
        }
    }
}

#[tokio::test]
async fn order_that_comes_twice_starts_once() {
    let mut rig = Rig::new().await;
    let witness = rig.path().join("witness");
    let twice = order(
        spec(&format!("echo x >> {}", witness.display())),
        0,
        i64::MAX,
    );
    let token = twice.token;

    rig.send(Request::Start {
        orders: vec![twice.clone(), twice.clone()],
    })
    .await;
    rig.ended(token).await;
    rig.send(Request::Start {
        orders: vec![twice],
    })
    .await;
    rig.run(spec("true")).await;

    assert_eq!(std::fs::read_to_string(witness).unwrap(), "x\n");
}

#[tokio::test]
async fn unknown_token_is_said_to_be_unknown() {
    let mut rig = Rig::new().await;
    let token = crate::rig::new_token();

    rig.send(Request::Query {
        tokens: vec![token],
    })
    .await;

    let Report::States { attempts } = rig.receive().await else {
        panic!("no answer")
    };
    assert_eq!(
        (attempts[0].token, &attempts[0].state),
        (token, &AttemptState::Unknown)
    );
    assert!(rig.hello.journal_clean);
}

#[tokio::test]
async fn two_thousand_at_once_all_run_once() {
    let mut rig = Rig::new().await;
    let witness = rig.path().join("witness");
    let at = boottime_ns() + 300 * MS;
    let command = format!("echo $CARILLON_TOKEN >> {}", witness.display());
    let orders: Vec<_> = (0..2000)
        .map(|_| order(spec(&command), at, i64::MAX))
        .collect();
    let tokens: Vec<_> = orders.iter().map(|order| order.token).collect();

    rig.send(Request::Start { orders }).await;
    for token in &tokens {
        let end = rig.ended(*token).await.end.unwrap();
        assert_eq!(end.ending, Ending::Exited { code: 0 });
    }

    let written = std::fs::read_to_string(witness).unwrap();
    let mut lines: Vec<&str> = written.lines().collect();
    lines.sort_unstable();
    let mut expected: Vec<String> = tokens.iter().map(ToString::to_string).collect();
    expected.sort_unstable();
    assert_eq!(lines, expected);
}
