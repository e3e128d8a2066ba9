//! Commands and machines that behave as badly as they can.

use carillon_core::launch::{Ending, LaunchSpec, Limits, Stream};
use carillon_runner::protocol::{NotStarted, Request};
use carillon_testbed::SmallDisk;
use tempfile::tempdir;

use crate::rig::{Rig, Seen, order, processes_of, spec};

/// No other test and no account has this user.
const NOBODY_ELSE: u32 = 61_417;

#[tokio::test]
async fn random_bytes_are_kept_as_they_are_at_head_and_tail() {
    let mut rig = Rig::new().await;
    let copy = rig.path().join("copy");
    let bytes = torture_bytes();

    let seen = rig
        .run(spec(&format!(
            "head -c {bytes} /dev/urandom | tee {}",
            copy.display()
        )))
        .await;

    let end = seen.end.clone().unwrap();
    assert_eq!(
        (end.ending.clone(), end.stdout_bytes),
        (Ending::Exited { code: 0 }, bytes)
    );
    let kept: u64 = seen
        .chunks
        .iter()
        .map(|chunk| chunk.bytes.len() as u64)
        .sum();
    assert_eq!(kept + end.dropped_bytes, bytes);
    let written = std::fs::File::open(copy).unwrap();
    for chunk in &seen.chunks {
        let mut there = vec![0; chunk.bytes.len()];
        std::os::unix::fs::FileExt::read_exact_at(&written, &mut there, chunk.offset).unwrap();
        assert!(there == chunk.bytes, "bytes at {} differ", chunk.offset);
    }
    let last = seen.chunks.last().unwrap();
    assert_eq!(last.offset + last.bytes.len() as u64, bytes);
    assert_bounded(&rig);
}

#[tokio::test]
async fn output_without_end_ends_with_its_timeout() {
    let mut rig = Rig::new().await;
    let job = LaunchSpec {
        timeout_ms: Some(1500),
        ..spec("yes 'a line that never ends' & yes >&2 & wait")
    };

    let token = rig.start(job).await;
    let seen = rig.ended(token).await;

    assert!(matches!(seen.end.unwrap().ending, Ending::TimedOut { .. }));
    assert_bounded(&rig);
    assert_eq!(processes_of(token), [0_u32; 0]);
}

#[tokio::test]
async fn command_that_exits_before_it_reads_is_no_failure() {
    let mut rig = Rig::new().await;
    let text = "nobody reads this\n".repeat(100_000);
    let job = |command: &str| LaunchSpec {
        stdin: Some(text.clone()),
        ..spec(command)
    };

    let deaf = rig.run(job("exit 3")).await;
    let half = rig.run(job("head -c 5")).await;

    assert_eq!(deaf.end.unwrap().ending, Ending::Exited { code: 3 });
    assert_eq!(half.bytes(Stream::Stdout), b"nobod");
    assert_eq!(half.end.unwrap().ending, Ending::Exited { code: 0 });
}

#[tokio::test]
async fn fork_bomb_of_another_user_stays_within_its_limit_and_is_ended() {
    let mut rig = Rig::with(&["--allow-user", "games"]).await;
    if !rig.hello.may_switch_users {
        return println!("skipped: this user may not become another");
    }
    let bomb = LaunchSpec {
        run_as: Some("games".to_owned()),
        limits: Limits {
            pids: Some(40),
            ..Limits::default()
        },
        timeout_ms: Some(1500),
        kill_grace_ms: 100,
        ..spec("bomb() { bomb | bomb & bomb; }; bomb")
    };

    let token = rig.start(bomb).await;
    rig.started(token).await;
    let beside = rig.run(spec("echo fine")).await;
    let seen = rig.ended(token).await;

    assert_eq!(beside.stdout(), "fine\n");
    // The shell may give up by itself when it can fork no more.
    let ending = seen.end.clone().unwrap().ending;
    assert!(
        matches!(ending, Ending::TimedOut { .. } | Ending::Exited { .. }),
        "{ending:?}"
    );
    let said = String::from_utf8_lossy(&seen.bytes(Stream::Stderr)).to_lowercase();
    assert!(said.contains("fork"), "the limit was never met: {said}");
    assert_eq!(processes_of(token), [0_u32; 0]);
    assert_bounded(&rig);
}

#[tokio::test]
async fn runner_out_of_processes_refuses_and_recovers() {
    // Root knows no limit of processes.
    if !rustix::process::geteuid().is_root() {
        return println!("skipped: this user may not become another");
    }
    let limits = format!(
        "chown {NOBODY_ELSE} \"$3\"; set -- setpriv --reuid {NOBODY_ELSE} --regid {NOBODY_ELSE} --clear-groups \
         prlimit --nproc=40 \"$@\""
    );
    let mut rig = Rig::limited(&limits).await;
    let mut tokens = Vec::new();
    for _ in 0..60 {
        tokens.push(rig.start(spec("sleep 90")).await);
    }
    let mut running = Vec::new();
    let mut refused = 0;
    for token in tokens {
        let is_decided = |seen: &Seen| seen.started.is_some() || seen.not_started.is_some();
        let seen = rig.until(token, is_decided).await;
        match seen.not_started {
            None => running.push(token),
            Some(NotStarted::Failed { why }) => {
                assert!(why.is_of_node(), "{why:?}");
                refused += 1;
            }
            Some(other) => panic!("{other:?}"),
        }
    }
    assert!(running.len() >= 10 && refused >= 10, "{refused} refused");

    for token in running {
        rig.kill(token).await;
        rig.ended(token).await;
    }

    let after = rig.run(spec("true")).await;
    assert_eq!(after.end.unwrap().ending, Ending::Exited { code: 0 });
}

#[tokio::test]
async fn nothing_starts_that_a_full_disk_cannot_remember() {
    let dir = tempdir().unwrap();
    let disk = match SmallDisk::mount(dir.path(), 6 << 20) {
        Ok(disk) => disk,
        Err(why) => return println!("skipped: {why}"),
    };
    let mut rig = Rig::in_folder(dir, &[]).await;
    let witness = tempdir().unwrap();
    let lives_on = rig
        .start(spec(&format!(
            "mkfifo {0}/go; echo ready; cat {0}/go; exit 7",
            witness.path().display()
        )))
        .await;
    rig.until_said(lives_on, "ready").await;
    disk.fill();

    // The journal has room of its own for a while; orders with long names use it up.
    let mut started = 0;
    let refusal = loop {
        let started_word = format!("echo x >> {}/started", witness.path().display());
        let mut long = order(spec(&started_word), 0, i64::MAX);
        long.run = "n".repeat(400_000);
        let token = long.token;
        rig.send(Request::Start { orders: vec![long] }).await;
        let is_decided = |seen: &Seen| seen.end.is_some() || seen.not_started.is_some();
        match rig.until(token, is_decided).await.not_started {
            None => started += 1,
            Some(why) => break why,
        }
        assert!(started < 100, "the journal never fills");
    };
    let NotStarted::Journal { reason } = &refusal else {
        panic!("{refusal:?}")
    };
    assert!(reason.contains("make room"), "{reason}");
    let lines = std::fs::read_to_string(witness.path().join("started")).unwrap();
    assert_eq!(lines.lines().count(), started);

    // What runs is not forgotten, and with room again everything goes on.
    std::fs::write(witness.path().join("go"), "").unwrap();
    let end = rig.ended(lives_on).await.end.unwrap();
    assert_eq!(end.ending, Ending::Exited { code: 7 });
    disk.free();
    disk.resize(64 << 20);
    let after = rig.run(spec("true")).await;
    assert_eq!(after.end.unwrap().ending, Ending::Exited { code: 0 });
}

/// How much the command writes; `scripts/torture` asks for 10 GB.
fn torture_bytes() -> u64 {
    let asked = std::env::var("CARILLON_TORTURE_BYTES").ok();
    asked.map_or(200_000_000, |text| text.parse().unwrap())
}

fn assert_bounded(rig: &Rig) {
    let memory = rig.memory();
    assert!(memory < 40_000_000, "the runner takes {memory} bytes");
}
