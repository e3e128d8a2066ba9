//! A TCP proxy for one edge between a program and a store, which fails on demand.
//!
//! It runs on a thread of its own and forwards bytes without understanding them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use crate::port::free_port;

const CHUNK: usize = 64 * 1024;

/// A running proxy on 127.0.0.1. Its connections are reset when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    faults: Arc<Faults>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How connections are treated; changed by the test, watched by every connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// Bytes pass after the delay.
    Fair,
    /// Bytes are taken and kept; they arrive when the weather is fair again, as packets would.
    BlackHole,
    /// Nobody reads: the sender's buffers fill up and its writes block.
    HalfOpen,
    /// Every connection, also a new one, is reset.
    Refusing,
}

#[derive(Debug, Clone, Copy)]
struct Conditions {
    weather: Weather,
    delay: Duration,
    /// Where new connections lead.
    upstream_port: u16,
    /// Raised to reset the connections of that moment.
    generation: u64,
}

type Trigger = Box<dyn FnMut(&[u8]) -> bool + Send>;

struct Faults {
    conditions: watch::Sender<Conditions>,
    drop_reply_when: Mutex<Option<Trigger>>,
    replies_dropped: AtomicUsize,
    cut_after: Mutex<Option<usize>>,
}

impl Proxy {
    /// Starts a proxy in front of `upstream_port` of 127.0.0.1, which need not be open yet.
    ///
    /// # Errors
    /// When no port is free or the thread cannot be started.
    pub fn start(upstream_port: u16) -> Result<Self> {
        let port = free_port()?;
        let conditions = Conditions {
            weather: Weather::Fair,
            delay: Duration::ZERO,
            upstream_port,
            generation: 0,
        };
        let faults = Arc::new(Faults {
            conditions: watch::Sender::new(conditions),
            drop_reply_when: Mutex::new(None),
            replies_dropped: AtomicUsize::new(0),
            cut_after: Mutex::new(None),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("starting the proxy's runtime")?;
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", port)))
            .with_context(|| format!("listening on port {port}"))?;
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&faults);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, shared) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self {
            port,
            faults,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Holds every chunk of bytes back for `delay`, in each direction.
    pub fn delay(&self, delay: Duration) {
        self.faults
            .conditions
            .send_modify(|conditions| conditions.delay = delay);
    }

    /// Takes bytes and connections and lets nothing through, until [`Proxy::heal`] delivers them.
    pub fn black_hole(&self) {
        self.set_weather(Weather::BlackHole);
    }

    /// Stops reading, so that senders block once the buffers between are full.
    pub fn half_open(&self) {
        self.set_weather(Weather::HalfOpen);
    }

    /// Resets every connection and each new one.
    pub fn refuse(&self) {
        self.set_weather(Weather::Refusing);
    }

    /// Ends delay, black hole, half-open and refusal.
    pub fn heal(&self) {
        self.faults.conditions.send_modify(|conditions| {
            conditions.weather = Weather::Fair;
            conditions.delay = Duration::ZERO;
        });
    }

    /// Resets the connections of this moment; new ones are welcome.
    pub fn reset_connections(&self) {
        self.faults
            .conditions
            .send_modify(|conditions| conditions.generation += 1);
    }

    /// Leads to another server from now on: connections of this moment are reset, new ones reach that one.
    pub fn lead_to(&self, upstream_port: u16) {
        self.faults.conditions.send_modify(|conditions| {
            conditions.upstream_port = upstream_port;
            conditions.generation += 1;
        });
    }

    /// Arms the fault that tells losing from not knowing: the first chunk from a client for which
    /// `trigger` answers true reaches the server, and the connection is reset when the server
    /// replies, before a byte of the reply gets through. Fires once.
    pub fn drop_reply_when(&self, trigger: impl FnMut(&[u8]) -> bool + Send + 'static) {
        *lock(&self.faults.drop_reply_when) = Some(Box::new(trigger));
    }

    /// How many replies have been dropped since the start.
    #[must_use]
    pub fn replies_dropped(&self) -> usize {
        self.faults.replies_dropped.load(Ordering::SeqCst)
    }

    /// Resets the connection that carries the `bytes`-th byte from now on, in any direction, right
    /// after that byte: a message torn in the middle. Fires once.
    pub fn cut_after(&self, bytes: usize) {
        *lock(&self.faults.cut_after) = Some(bytes);
    }

    fn set_weather(&self, weather: Weather) {
        self.faults
            .conditions
            .send_modify(|conditions| conditions.weather = weather);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faults")
            .field("conditions", &*self.conditions.borrow())
            .finish()
    }
}

async fn accept(listener: TcpListener, faults: Arc<Faults>) {
    loop {
        if let Ok((client, _)) = listener.accept().await {
            // Owned by the runtime, which ends with the proxy.
            tokio::spawn(serve(client, Arc::clone(&faults)));
        }
    }
}

/// Why a connection ended.
enum End {
    /// One side closed it; the other is told in the ordinary way.
    Closed,
    /// A fault; both sides see a reset.
    Reset,
}

async fn serve(mut client: TcpStream, faults: Arc<Faults>) {
    let mut conditions = faults.conditions.subscribe();
    let Conditions {
        generation: born,
        upstream_port,
        ..
    } = *conditions.borrow();
    let connected = tokio::select! {
        () = until_reset(&mut conditions, born) => None,
        server = TcpStream::connect(("127.0.0.1", upstream_port)) => server.ok(),
    };
    let Some(mut server) = connected else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let awaiting_drop = AtomicBool::new(false);
    let (client_out, client_in) = client.split();
    let (server_out, server_in) = server.split();
    let request = Pump {
        faults: &faults,
        awaiting_drop: &awaiting_drop,
        carries_requests: true,
    };
    let reply = Pump {
        faults: &faults,
        awaiting_drop: &awaiting_drop,
        carries_requests: false,
    };
    let end = tokio::select! {
        end = request.carry(client_out, server_in) => end,
        end = reply.carry(server_out, client_in) => end,
        () = until_reset(&mut conditions, born) => End::Reset,
    };
    if let End::Reset = end {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

async fn until_reset(conditions: &mut watch::Receiver<Conditions>, born: u64) {
    let reset = |now: &Conditions| now.generation != born || now.weather == Weather::Refusing;
    if conditions.wait_for(reset).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// One direction of one connection.
struct Pump<'a> {
    faults: &'a Faults,
    /// A request has gone through whose reply is to be dropped.
    awaiting_drop: &'a AtomicBool,
    carries_requests: bool,
}

impl Pump<'_> {
    async fn carry(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> End {
        let mut conditions = self.faults.conditions.subscribe();
        let mut held = Vec::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            let now = *conditions.borrow_and_update();
            if now.weather == Weather::Fair && !held.is_empty() {
                tokio::time::sleep(now.delay).await;
                if let Err(end) = self.deliver(&held, &mut to).await {
                    return end;
                }
                held.clear();
            }
            tokio::select! {
                _ = conditions.changed() => {}
                read = from.read(&mut chunk), if now.weather != Weather::HalfOpen => match read {
                    Ok(0) | Err(_) => return End::Closed,
                    Ok(count) => held.extend_from_slice(&chunk[..count]),
                },
            }
        }
    }

    async fn deliver(&self, bytes: &[u8], to: &mut (impl AsyncWrite + Unpin)) -> Result<(), End> {
        if self.carries_requests && self.triggers(bytes) {
            self.awaiting_drop.store(true, Ordering::SeqCst);
        } else if !self.carries_requests && self.awaiting_drop.load(Ordering::SeqCst) {
            self.faults.replies_dropped.fetch_add(1, Ordering::SeqCst);
            return Err(End::Reset);
        }
        let allowed = self.spend(bytes.len());
        let written = to.write_all(&bytes[..allowed]).await;
        let flushed = to.flush().await;
        if allowed < bytes.len() {
            return Err(End::Reset);
        }
        written.and(flushed).map_err(|_| End::Closed)
    }

    /// Asks the armed trigger, and disarms it when it fires.
    fn triggers(&self, bytes: &[u8]) -> bool {
        let mut armed = lock(&self.faults.drop_reply_when);
        let fires = armed.as_mut().is_some_and(|trigger| trigger(bytes));
        if fires {
            *armed = None;
        }
        fires
    }

    /// How many of `count` bytes may still pass before the cut.
    fn spend(&self, count: usize) -> usize {
        let mut cut = lock(&self.faults.cut_after);
        match *cut {
            Some(left) if left < count => {
                *cut = None;
                left
            }
            Some(left) => {
                *cut = Some(left - count);
                count
            }
            None => count,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("only a trigger of the test could panic here, and the test has ended then")
}
