//! Whatever is said into the control socket: the agent answers or hangs up, and hears the next caller.

use std::path::{Path, PathBuf};
use std::time::Duration;

use carillon_agent::control::{ControlAnswer, ControlRequest, ask, listen, serve, socket_path};
use carillon_testbed::Folder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(30);

/// Serves a socket whose agent answers everything, until the test ends.
fn serve_in(folder: &Folder) -> PathBuf {
    let path = folder.path().to_owned();
    let listener = listen(&path).expect("the folder can be written");
    let (calls, mut asked) = mpsc::channel(8);
    tokio::spawn(serve(listener, calls));
    tokio::spawn(async move {
        while let Some((_, reply)) = asked.recv().await {
            reply.send(ControlAnswer::Done).expect("the caller waits");
        }
    });
    path
}

/// What the agent answers to these bytes; nothing when it hangs up.
async fn say(path: &Path, bytes: &[u8]) -> String {
    let mut caller = UnixStream::connect(socket_path(path))
        .await
        .expect("it is served");
    // It may have hung up before it has heard all.
    let _said = caller.write_all(bytes).await;
    let _closed = caller.shutdown().await;
    let mut answer = Vec::new();
    let _ended = tokio::time::timeout(PATIENCE, caller.read_to_end(&mut answer))
        .await
        .expect("it answers or hangs up");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn what_is_no_request_is_refused_in_words_and_the_next_caller_is_heard() {
    let folder = Folder::create().expect("the temporary folder can be written");
    let path = serve_in(&folder);
    let endless = [b'"'; 100_000];
    let deep = [b'['; 4_000];
    let hostile: [&[u8]; 8] = [
        b"",
        b"\n",
        b"\"halt\"\n",
        b"{\"stats\": {}}\n",
        b"\xff\xfe\x00\n",
        b"\"stats",
        &endless,
        &deep,
    ];

    for bytes in hostile {
        let answer = say(&path, bytes).await;

        let is_told = answer.is_empty() || answer.contains("does not understand");
        assert!(is_told, "{:?}: {answer}", bytes.first());
    }

    assert!(say(&path, b"\"halt\"\n").await.contains("halt"));
    let heard = ask(&path, ControlRequest::Reload)
        .await
        .expect("it is served");
    assert_eq!(heard, Some(ControlAnswer::Done));
}

#[tokio::test]
async fn caller_that_says_nothing_keeps_nobody_waiting_for_long() {
    let folder = Folder::create().expect("the temporary folder can be written");
    let path = serve_in(&folder);
    let silent = UnixStream::connect(socket_path(&path))
        .await
        .expect("it is served");

    let heard = tokio::time::timeout(PATIENCE, ask(&path, ControlRequest::Stats)).await;

    let heard = heard
        .expect("it is not kept waiting")
        .expect("it is served");
    assert_eq!(heard, Some(ControlAnswer::Done));
    drop(silent);
}
