//! Whatever comes through the socket: the runner drops a caller that it does not understand and goes on.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use carillon_core::launch::Stream;
use carillon_runner::frame::{
    FRAME_BYTES_MAX, decode_report, decode_request, encode_report, encode_request,
};
use carillon_runner::protocol::{NotStarted, OutputChunk, Report, Request};
use proptest::prelude::*;

use crate::rig::{PATIENCE, Rig, new_token, order, spec};

/// A frame as it should be, of a request or of output.
fn good_frame(is_request: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    if is_request {
        let orders = vec![order(spec("echo a"), 0, i64::MAX)];
        encode_request(&Request::Start { orders }, &mut bytes).expect("it is short");
    } else {
        let chunk = OutputChunk {
            token: new_token(),
            stream: Stream::Stdout,
            offset: 7,
            seq: 1,
            at_boottime_ns: 1,
            bytes: b"output".to_vec(),
        };
        encode_report(&Report::Output(chunk), &mut bytes).expect("it is short");
    }
    bytes
}

/// Anything, or a good frame with a few bytes of it changed or left out.
fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let end = prop::option::of(any::<prop::sample::Index>());
    let spoilt = (any::<bool>(), changes, end).prop_map(|(is_request, changes, end)| {
        let mut bytes = good_frame(is_request);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(end) = end {
            bytes.truncate(end.index(bytes.len()));
        }
        bytes
    });
    prop_oneof![prop::collection::vec(any::<u8>(), 0..200), spoilt]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_frame_or_refused_or_too_few(bytes in hostile_bytes()) {
        if let Ok(Some((_, used))) = decode_request(&bytes) {
            prop_assert!(used <= bytes.len());
        }
        if let Ok(Some((report, used))) = decode_report(&bytes) {
            prop_assert!(used <= bytes.len());
            // What was understood means the same when it is told again.
            let mut again = Vec::new();
            encode_report(&report, &mut again).expect("it came in a frame");
            let (told, _) = decode_report(&again).expect("it is sound").expect("it is whole");
            prop_assert_eq!(told, report);
        }
    }
}

/// As an agent of a later release would write it.
fn frame_of_the_future(orders: &[serde_json::Value]) -> Vec<u8> {
    let request = serde_json::json!({"request": "start", "orders": orders});
    let body = serde_json::to_vec(&request).unwrap();
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&length[..], &[0], &body].concat()
}

#[test]
fn order_of_the_future_is_refused_alone() {
    let known = order(spec("echo known"), 0, i64::MAX);
    let future = order(spec("echo future"), 0, i64::MAX);
    let mut unknown = serde_json::to_value(&future).unwrap();
    unknown["spec"]["gravity"] = serde_json::json!("none");
    let bytes = frame_of_the_future(&[serde_json::to_value(&known).unwrap(), unknown]);

    let (request, used) = decode_request(&bytes).unwrap().unwrap();

    assert_eq!(used, bytes.len());
    let Request::StartPartly { orders, unread } = request else {
        panic!("{request:?}");
    };
    assert_eq!(orders, [known]);
    assert_eq!(unread.len(), 1);
    assert_eq!(unread[0].0, future.token);
    assert!(unread[0].1.contains("gravity"), "{}", unread[0].1);
}

#[tokio::test]
async fn runner_goes_on_with_the_orders_that_it_understands() {
    let mut rig = Rig::new().await;
    let known = order(spec("echo known"), 0, i64::MAX);
    let future = order(spec("echo future"), 0, i64::MAX);
    let mut unknown = serde_json::to_value(&future).unwrap();
    unknown["spec"]["gravity"] = serde_json::json!("none");
    let bytes = frame_of_the_future(&[unknown, serde_json::to_value(&known).unwrap()]);
    rig.disconnect();

    let mut agent = UnixStream::connect(rig.path().join("runner.sock")).unwrap();
    agent.set_read_timeout(Some(PATIENCE)).unwrap();
    agent.write_all(&bytes).unwrap();
    let (mut refused, mut ended) = (None, None);
    let mut buffer = Vec::new();
    while refused.is_none() || ended.is_none() {
        let mut some = [0; 4096];
        let length = agent.read(&mut some).unwrap();
        assert!(length > 0, "the runner hung up");
        buffer.extend_from_slice(&some[..length]);
        while let Some((report, used)) = decode_report(&buffer).unwrap() {
            buffer.drain(..used);
            match report {
                Report::NotStarted { token, why, .. } => refused = Some((token, why)),
                Report::Ended { token, .. } => ended = Some(token),
                _ => {}
            }
        }
    }

    let (token, why) = refused.unwrap();
    assert_eq!(token, future.token);
    assert!(matches!(why, NotStarted::NotUnderstood { why } if why.contains("gravity")));
    assert_eq!(ended, Some(known.token));
}

#[tokio::test]
async fn caller_that_is_not_understood_is_dropped_and_the_next_one_served() {
    let mut rig = Rig::new().await;
    let frame = |length: usize, kind: u8, body: &[u8]| {
        let length = u32::try_from(length).unwrap().to_le_bytes();
        [&length[..], &[kind], body].concat()
    };
    let callers = [
        frame(FRAME_BYTES_MAX + 1, 0, b""),
        frame(1, 9, b"?"),
        frame(4, 0, b"{{{{"),
        frame(4, 1, b"head"),
        vec![0xff; 4096],
    ];

    for bytes in callers {
        rig.disconnect();
        let mut caller = UnixStream::connect(rig.path().join("runner.sock")).unwrap();
        caller.set_read_timeout(Some(PATIENCE)).unwrap();
        caller.write_all(&bytes).unwrap();
        // The end of the stream, or a reset where bytes were left unread.
        let ended = caller.read_to_end(&mut Vec::new());
        assert!(
            ended.is_ok() || ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset),
            "{bytes:?}"
        );
    }

    let before = rig.hello.pid;
    rig.reconnect().await;
    assert_eq!(rig.hello.pid, before, "it is another runner");
    assert_eq!(
        rig.run(spec("echo still here")).await.stdout(),
        "still here\n"
    );
}
