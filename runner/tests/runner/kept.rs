//! Full output in files of the node: whole, bounded, and counted where it is not whole. A disk that is full or hangs holds up nothing.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use carillon_core::launch::{Ending, LaunchSpec, OutputCap};
use carillon_core::token::Token;
use carillon_runner::protocol::{End, Kept};
use carillon_testbed::SmallDisk;

use crate::rig::{Rig, spec};

const MIB: u64 = 1024 * 1024;

fn job(command: &str) -> LaunchSpec {
    LaunchSpec {
        keep_output: true,
        output: OutputCap {
            head_bytes: 1000,
            tail_bytes: 1000,
        },
        ..spec(command)
    }
}

/// A runner of a node that is configured so.
async fn rig(output: &str) -> (tempfile::TempDir, Rig) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("carillon.toml");
    std::fs::write(&config, format!("[output]\n{output}\n")).unwrap();
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o600)).unwrap();
    let rig = Rig::with(&["--config", config.to_str().unwrap()]).await;
    (dir, rig)
}

fn kept(end: &End) -> Kept {
    end.kept.clone().expect("the job wants its output kept")
}

/// The parts of a stream, in their order.
fn parts(kept: &Kept, suffix: &str) -> Vec<PathBuf> {
    let path = PathBuf::from(kept.path.as_ref().expect("there are files"));
    let beginning = format!("{}.{suffix}", path.file_name().unwrap().to_str().unwrap());
    let entries = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let mut parts: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(&beginning)
        })
        .collect();
    parts.sort();
    parts
}

fn read(parts: &[PathBuf]) -> Vec<u8> {
    parts
        .iter()
        .flat_map(|part| std::fs::read(part).unwrap())
        .collect()
}

fn printed(command: &str) -> Vec<u8> {
    Command::new("sh")
        .args(["-c", command])
        .output()
        .unwrap()
        .stdout
}

/// A folder that is the runner's alone.
fn make_private(dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn every_byte_of_both_streams_is_kept_for_the_runners_eyes_alone() {
    let (_config, mut rig) = rig("").await;
    let command = r"seq 1 300000; printf 'a\0b\377' >&2";

    let end = rig.run(job(command)).await.end.unwrap();

    let kept = kept(&end);
    assert_eq!((kept.lost_bytes, &kept.why), (0, &None));
    assert!(end.dropped_bytes > MIB, "the store has a part of it alone");
    let [out, err] = ["out", "err"].map(|suffix| parts(&kept, suffix));
    assert!(
        read(&out) == printed("seq 1 300000"),
        "the file is not what was written"
    );
    assert_eq!(read(&err), b"a\0b\xff");
    let found = std::fs::metadata(&out[0]).unwrap();
    let own = rustix::process::geteuid().as_raw();
    assert_eq!((found.mode() & 0o777, found.uid()), (0o600, own));
    assert!(out[0].starts_with(rig.path().join("output")));
}

#[tokio::test]
async fn job_that_does_not_ask_for_it_leaves_no_file() {
    let (_config, mut rig) = rig("").await;

    let end = rig.run(spec("echo x")).await.end.unwrap();

    assert_eq!(end.kept, None);
    assert!(!rig.path().join("output").exists());
}

#[tokio::test]
async fn long_output_is_cut_into_parts_and_its_beginning_goes_first() {
    let (_config, mut rig) = rig("part_mib = 1\nfile_mib = 2").await;

    let end = rig.run(job("seq 1 900000")).await.end.unwrap();

    let (kept, all) = (kept(&end), printed("seq 1 900000"));
    let parts = parts(&kept, "out");
    let found = read(&parts);
    assert!(
        parts.len() == 2 && found.len() as u64 <= 2 * MIB,
        "{parts:?}"
    );
    assert!(
        all.ends_with(&found),
        "the parts are not the end of the output"
    );
    assert_eq!(kept.lost_bytes, (all.len() - found.len()) as u64);
    assert!(
        kept.why.as_ref().unwrap().contains("output.file_mib"),
        "{kept:?}"
    );
    let lost = std::fs::read_to_string(format!("{}.lost", kept.path.unwrap())).unwrap();
    assert!(
        lost.starts_with(&format!("out: {} bytes from 0 on", kept.lost_bytes)),
        "{lost}"
    );
}

#[tokio::test]
async fn full_node_loses_its_oldest_output_first_and_then_what_is_new() {
    let (_config, mut rig) = rig("node_mib = 2").await;
    let old = kept(&rig.run(job("seq 1 150000")).await.end.unwrap());
    let next = kept(&rig.run(job("seq 1 50000")).await.end.unwrap());
    for part in parts(&old, "out") {
        let file = std::fs::File::open(part).unwrap();
        let written = file.metadata().unwrap().modified().unwrap();
        let earlier = written - std::time::Duration::from_secs(1000);
        file.set_modified(earlier).unwrap();
    }

    let new = kept(&rig.run(job("seq 1 200000")).await.end.unwrap());

    assert!(parts(&old, "out").is_empty(), "the oldest is still there");
    assert_eq!(
        (parts(&next, "out").len(), new.lost_bytes),
        (1, 0),
        "{new:?}"
    );
    let more = kept(&rig.run(job("seq 1 900000")).await.end.unwrap());
    let (found, all) = (read(&parts(&more, "out")), printed("seq 1 900000"));
    assert!(all.starts_with(&found) && !found.is_empty());
    assert_eq!(more.lost_bytes, (all.len() - found.len()) as u64);
    assert!(more.why.unwrap().contains("output.node_mib"));
}

#[tokio::test]
async fn disk_that_is_full_is_told_and_stops_no_command() {
    let (_config, mut rig) = rig("").await;
    let folder = rig.path().join("output");
    make_private(&folder);
    let _disk = match SmallDisk::mount(&folder, MIB) {
        Ok(disk) => disk,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    make_private(&folder);

    let seen = rig.run(job("seq 1 900000; echo done >&2")).await;

    let end = seen.end.clone().unwrap();
    assert_eq!(end.ending, Ending::Exited { code: 0 });
    let kept = kept(&end);
    let (found, all) = (read(&parts(&kept, "out")), printed("seq 1 900000"));
    assert_eq!(end.stdout_bytes, all.len() as u64);
    assert!(
        seen.stdout().ends_with("900000\n"),
        "the store has the end of it"
    );
    assert!(all.starts_with(&found) && !found.is_empty());
    let err = read(&parts(&kept, "err")).len() as u64;
    let written = found.len() as u64 + err;
    assert_eq!(
        kept.lost_bytes,
        end.stdout_bytes + end.stderr_bytes - written
    );
    assert!(kept.why.unwrap().contains("No space left"));
}

#[tokio::test]
async fn disk_that_hangs_stops_no_command() {
    let (_config, mut rig) = rig("").await;
    let mut order = crate::rig::order(job("head -c 300000000 /dev/zero"), 0, i64::MAX);
    order.token = Token::from_bytes([7; 16]);
    // A pipe that nobody reads takes what it holds and then no more, as a disk that hangs.
    let now = today();
    let day = rig.path().join("output").join(now);
    make_private(&rig.path().join("output"));
    make_private(&day);
    let pipe = day.join(format!("1-{}.out", order.token));
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let _unread = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();

    let token = order.token;
    rig.send(carillon_runner::protocol::Request::Start {
        orders: vec![order],
    })
    .await;
    let end = rig.ended(token).await.end.unwrap();

    assert_eq!(end.ending, Ending::Exited { code: 0 });
    let kept = kept(&end);
    assert_eq!(kept.lost_bytes, end.stdout_bytes);
    assert!(kept.why.unwrap().contains("in time"));
    assert!(rig.memory() < 150 * MIB, "{} bytes", rig.memory());
    assert_eq!(rig.run(spec("echo on")).await.stdout(), "on\n");
}

/// Today, by the host's clock, as the runner names the folder of a day.
fn today() -> String {
    String::from_utf8(printed("date -u +%F"))
        .unwrap()
        .trim()
        .to_owned()
}

#[tokio::test]
async fn folder_that_is_not_the_runners_alone_is_not_used() {
    let (_config, mut rig) = rig("").await;
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), rig.path().join("output")).unwrap();

    let linked = kept(&rig.run(job("echo x")).await.end.unwrap());
    std::fs::remove_file(rig.path().join("output")).unwrap();
    std::fs::create_dir(rig.path().join("output")).unwrap();
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(rig.path().join("output"), open).unwrap();
    let shared = kept(&rig.run(job("echo x")).await.end.unwrap());

    for kept in [linked, shared] {
        assert_eq!((kept.path, kept.lost_bytes), (None, 2));
    }
    assert!(
        std::fs::read_dir(elsewhere.path())
            .unwrap()
            .next()
            .is_none()
    );
    assert!(
        std::fs::read_dir(rig.path().join("output"))
            .unwrap()
            .next()
            .is_none()
    );
}

#[tokio::test]
async fn next_runner_goes_on_in_the_same_file_and_says_so() {
    let (_config, mut rig) = rig("").await;
    let go = rig.path().join("go");
    let job = job(&format!(
        "echo before; until [ -e {} ]; do sleep 0.05; done; echo after",
        go.display()
    ));
    let token = rig.start(job).await;
    rig.until_said(token, "before").await;
    let file = || {
        let days = std::fs::read_dir(rig.path().join("output"))
            .into_iter()
            .flatten();
        let files = days
            .filter_map(|day| std::fs::read_dir(day.ok()?.path()).ok())
            .flatten();
        let found = files
            .filter_map(|file| std::fs::read(file.ok()?.path()).ok())
            .find(|bytes| !bytes.is_empty());
        found.filter(|bytes| bytes == b"before\n")
    };
    carillon_testbed::wait_until("the file", crate::rig::PATIENCE, file);

    rig.kill_runner().await;
    rig.reconnect().await;
    std::fs::write(&go, "").unwrap();
    let kept = kept(&rig.ended(token).await.end.unwrap());

    assert_eq!(read(&parts(&kept, "out")), b"before\nafter\n");
    assert!(
        kept.why.as_ref().unwrap().contains("earlier runner"),
        "{kept:?}"
    );
}
