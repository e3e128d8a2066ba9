//! Each fault of the proxy, seen by a client and a server that know nothing of it.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use carillon_testbed::{MariaDb, Proxy, wait_until};

const SOON: Duration = Duration::from_secs(30);
const NEVER: Duration = Duration::from_millis(300);

/// Answers every five bytes with the same five bytes, and counts them.
struct Echo {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Echo {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, counter) = (stream.unwrap(), Arc::clone(&counter));
                std::thread::spawn(move || {
                    let mut request = [0; 5];
                    while stream.read_exact(&mut request).is_ok() {
                        counter.fetch_add(1, Ordering::SeqCst);
                        if stream.write_all(&request).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { port, requests }
    }
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn ask(stream: &mut TcpStream, request: &[u8; 5]) -> std::io::Result<()> {
    stream.write_all(request)?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer)?;
    assert_eq!(&answer, request);
    Ok(())
}

#[test]
fn fair_weather_passes_everything() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();

    ask(&mut connect(&proxy), b"hello").unwrap();
}

#[test]
fn delay_is_paid_in_each_direction() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    proxy.delay(Duration::from_millis(50));

    let asked = Instant::now();
    ask(&mut connect(&proxy), b"hello").unwrap();

    assert!(
        asked.elapsed() >= Duration::from_millis(100),
        "{:?}",
        asked.elapsed()
    );
}

#[test]
fn black_hole_lets_nothing_through_until_it_heals() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    let mut stream = connect(&proxy);
    ask(&mut stream, b"first").unwrap();

    proxy.black_hole();
    stream.set_read_timeout(Some(NEVER)).unwrap();
    let error = ask(&mut stream, b"hello").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert_eq!(echo.requests.load(Ordering::SeqCst), 1);

    proxy.heal();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut late = [0; 5];
    stream.read_exact(&mut late).unwrap();
    assert_eq!(&late, b"hello");
}

#[test]
fn half_open_blocks_the_sender() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    let mut stream = connect(&proxy);
    ask(&mut stream, b"first").unwrap();

    proxy.half_open();
    stream.set_write_timeout(Some(NEVER)).unwrap();
    let block = vec![0; 1 << 20];
    let error = (0..64)
        .find_map(|_| stream.write_all(&block).err())
        .unwrap();

    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

#[test]
fn reset_ends_old_connections_and_welcomes_new_ones() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    let mut old = connect(&proxy);
    ask(&mut old, b"hello").unwrap();

    proxy.reset_connections();

    let mut byte = [0];
    assert_eq!(
        old.read(&mut byte).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    ask(&mut connect(&proxy), b"hello").unwrap();
}

#[test]
fn refusal_lasts_until_it_heals() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();

    proxy.refuse();
    assert!(ask(&mut connect(&proxy), b"hello").is_err());
    proxy.heal();

    ask(&mut connect(&proxy), b"hello").unwrap();
}

#[test]
fn dropped_reply_means_the_request_was_served() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    let mut stream = connect(&proxy);
    proxy.drop_reply_when(|request| request == b"claim");

    ask(&mut stream, b"other").unwrap();
    let error = ask(&mut stream, b"claim").unwrap_err();

    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(echo.requests.load(Ordering::SeqCst), 2);
    assert_eq!(proxy.replies_dropped(), 1);
    ask(&mut connect(&proxy), b"claim").unwrap();
}

#[test]
fn cut_tears_a_message() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    let mut stream = connect(&proxy);
    ask(&mut stream, b"first").unwrap();

    proxy.cut_after(5 + 3);
    stream.write_all(b"hello").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);

    assert_eq!(echo.requests.load(Ordering::SeqCst), 2);
    assert!(answer.len() <= 3, "{answer:?}");
}

#[test]
fn upstream_may_come_later_and_come_back() {
    let mut server = MariaDb::start().unwrap();
    let proxy = Proxy::start(server.port()).unwrap();
    let greets = || {
        let mut greeting = [0; 5];
        connect(&proxy)
            .read_exact(&mut greeting)
            .is_ok()
            .then_some(())
    };

    server.kill();
    assert!(greets().is_none());
    server.restart().unwrap();

    wait_until("a greeting through the proxy", SOON, greets);
}
