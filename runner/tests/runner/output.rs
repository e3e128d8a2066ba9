//! Output: byte-exact, apart, in order, bounded.

use carillon_core::launch::{Ending, LaunchSpec, OutputCap, Stream};
use carillon_runner::protocol::Report;
use carillon_testbed::wait_until_async;

use crate::rig::{PATIENCE, Rig, spec};

#[tokio::test]
async fn streams_are_apart_and_every_byte_is_kept() {
    let mut rig = Rig::new().await;

    let seen = rig
        .run(spec("printf 'a\\000\\377\\n'; printf 'b\\200' >&2"))
        .await;

    assert_eq!(seen.bytes(Stream::Stdout), [b'a', 0, 255, b'\n']);
    assert_eq!(seen.bytes(Stream::Stderr), [b'b', 128]);
    let end = seen.end.unwrap();
    assert_eq!(
        (end.stdout_bytes, end.stderr_bytes, end.dropped_bytes),
        (4, 2, 0)
    );
}

#[tokio::test]
async fn streams_are_in_the_order_of_arrival() {
    let mut rig = Rig::new().await;
    let go = rig.path().join("go");
    let say = format!(
        "mkfifo {0}; echo 1; cat {0}; echo 2 >&2; cat {0}; echo 3; cat {0}; echo 4 >&2",
        go.display()
    );

    let token = rig.start(spec(&say)).await;
    // Each word is said when the one before has arrived.
    for said in 1..=3 {
        rig.until(token, |seen| seen.chunks.len() == said).await;
        std::fs::write(&go, "").unwrap();
    }
    let seen = rig.ended(token).await;

    let mut chunks = seen.chunks.clone();
    assert!(
        chunks.is_sorted_by_key(|chunk| chunk.seq),
        "chunks came out of order"
    );
    chunks.sort_by_key(|chunk| chunk.seq);
    let said: Vec<_> = chunks
        .iter()
        .map(|chunk| (chunk.stream, chunk.bytes.clone()))
        .collect();
    let (out, err) = (Stream::Stdout, Stream::Stderr);
    assert_eq!(
        said,
        [
            (out, b"1\n".to_vec()),
            (err, b"2\n".to_vec()),
            (out, b"3\n".to_vec()),
            (err, b"4\n".to_vec())
        ]
    );
}

#[tokio::test]
async fn output_is_seen_while_the_command_runs() {
    let mut rig = Rig::new().await;
    let token = rig.start(spec("echo now; sleep 90")).await;

    let seen = rig.until_said(token, "now").await;

    assert!(seen.end.is_none(), "{:?}", seen.end);
}

#[tokio::test]
async fn gigabyte_in_one_line_is_bounded_in_memory_and_keeps_head_and_tail() {
    let mut rig = Rig::new().await;
    let bytes = 1_000_000_000_u64;

    let seen = rig
        .run(spec(&format!("head -c {bytes} /dev/zero; echo end")))
        .await;

    let memory = rig.memory();
    assert!(memory < 40_000_000, "the runner takes {memory} bytes");
    let end = seen.end.clone().unwrap();
    assert_eq!(
        (end.ending, end.stdout_bytes),
        (Ending::Exited { code: 0 }, bytes + 4)
    );
    let cap = OutputCap::default();
    let head: usize = seen
        .chunks
        .iter()
        .filter(|chunk| chunk.offset < cap.head_bytes)
        .map(|chunk| chunk.bytes.len())
        .sum();
    assert_eq!(head as u64, cap.head_bytes);
    let mut tail_from = end.stdout_bytes;
    for chunk in seen.chunks.iter().rev() {
        if chunk.offset + chunk.bytes.len() as u64 != tail_from {
            break;
        }
        tail_from = chunk.offset;
    }
    assert!(
        end.stdout_bytes - tail_from >= cap.tail_bytes - 65_536,
        "the tail begins at {tail_from}"
    );
    assert!(seen.bytes(Stream::Stdout).ends_with(b"\0\0end\n"));
}

#[tokio::test]
async fn command_is_not_held_up_by_an_agent_that_does_not_read() {
    let mut rig = Rig::new().await;
    let witness = rig.path().join("witness");
    let command = format!(
        "head -c 100000000 /dev/urandom; touch {}",
        witness.display()
    );
    let token = rig.start(spec(&command)).await;
    rig.started(token).await;
    // Nothing is read until the command has written everything.
    wait_until_async("everything to be written", PATIENCE, async || {
        witness.exists().then_some(())
    })
    .await;

    let seen = rig.ended(token).await;
    assert_eq!(seen.end.unwrap().stdout_bytes, 100_000_000);
}

#[tokio::test]
async fn small_caps_are_kept() {
    let mut rig = Rig::new().await;
    let output = OutputCap {
        head_bytes: 1000,
        tail_bytes: 2000,
    };

    let seen = rig
        .run(LaunchSpec {
            output,
            ..spec("seq 1 200000")
        })
        .await;

    let end = seen.end.clone().unwrap();
    assert_eq!(end.stdout_bytes, 1_288_895);
    assert!(seen.stdout().starts_with("1\n2\n3\n"));
    assert!(seen.stdout().ends_with("\n199999\n200000\n"));
}

#[tokio::test]
async fn command_that_closes_its_output_runs_on() {
    let mut rig = Rig::new().await;

    let seen = rig
        .run(spec("echo a; exec >&- 2>&-; sleep 0.3; exit 4"))
        .await;

    assert_eq!(seen.stdout(), "a\n");
    assert_eq!(seen.end.unwrap().ending, Ending::Exited { code: 4 });
}

#[tokio::test]
async fn output_comes_before_the_end() {
    let mut rig = Rig::new().await;
    let token = rig.start(spec("seq 1 50000")).await;
    let mut bytes = 0;

    loop {
        match rig.receive().await {
            Report::Output(chunk) => bytes += chunk.bytes.len(),
            Report::Ended { token: ended, .. } if ended == token => break,
            _ => {}
        }
    }

    assert_eq!(bytes, 288_894);
}
