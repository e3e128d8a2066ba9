//! An SMTP server inside the test that records what it is sent and fails on demand.
//!
//! Written here because it must go down and come back on its port, which the embeddable servers
//! cannot. It speaks RFC 5321 without encryption, which is what a test on the loopback needs.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::mail::Mail;
use crate::port::free_port;
use crate::wait::wait_until;

/// A recording SMTP server on 127.0.0.1.
#[derive(Debug)]
pub struct MailServer {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    mails: Vec<Mail>,
    refused: HashSet<String>,
    delay: Duration,
    /// Accept no connection and keep none.
    down: bool,
    connections: Vec<TcpStream>,
}

impl MailServer {
    /// Starts one.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start() -> Result<Self> {
        let server = Self {
            port: free_port()?,
            state: Arc::default(),
        };
        server.listen()?;
        Ok(server)
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `smtp://127.0.0.1:port`, without encryption.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Every mail taken so far, in order.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.state).mails.clone()
    }

    /// Waits until there are at least `count` mails and returns all there are.
    ///
    /// # Panics
    /// When there are fewer after `limit`.
    #[track_caller]
    pub fn wait_for_mails(&self, count: usize, limit: Duration) -> Vec<Mail> {
        wait_until(&format!("{count} mails"), limit, || {
            let mails = self.mails();
            (mails.len() >= count).then_some(mails)
        })
    }

    /// Answers 550 to this recipient from now on.
    pub fn refuse_recipient(&self, address: &str) {
        lock(&self.state).refused.insert(address.to_owned());
    }

    /// Waits this long before every answer.
    pub fn delay(&self, delay: Duration) {
        lock(&self.state).delay = delay;
    }

    /// Closes the port and every connection.
    pub fn go_down(&self) {
        let mut state = lock(&self.state);
        state.down = true;
        for connection in state.connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(state);
        // The accepting thread only looks at `down` when somebody connects.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        wait_until(
            "the mail server's port to close",
            Duration::from_secs(30),
            || {
                TcpStream::connect(("127.0.0.1", self.port))
                    .is_err()
                    .then_some(())
            },
        );
    }

    /// Opens the same port again.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub fn come_back(&self) -> Result<()> {
        lock(&self.state).down = false;
        self.listen()
    }

    fn listen(&self) -> Result<()> {
        let listener = TcpListener::bind(("127.0.0.1", self.port))
            .with_context(|| format!("listening on port {}", self.port))?;
        let state = Arc::clone(&self.state);
        std::thread::spawn(move || accept(&listener, &state));
        Ok(())
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        lock(&self.state).down = true;
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn accept(listener: &TcpListener, state: &Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept() {
        let mut guard = lock(state);
        if guard.down {
            return;
        }
        guard.connections.extend(stream.try_clone());
        drop(guard);
        let state = Arc::clone(state);
        std::thread::spawn(move || {
            let mut session = Session {
                state,
                from: String::new(),
                to: Vec::new(),
            };
            // A client that hangs up in the middle is its own affair.
            let _ = session.serve(stream);
        });
    }
}

/// One conversation.
struct Session {
    state: Arc<Mutex<State>>,
    from: String,
    to: Vec<String>,
}

impl Session {
    fn serve(&mut self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?);
        self.say(&mut stream, "220 testbed ESMTP")?;
        let mut line = String::new();
        while lines.read_line(&mut line)? > 0 {
            let command = line.trim_end().to_owned();
            line.clear();
            let verb = command
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_ascii_uppercase();
            if verb == "DATA" && !self.to.is_empty() {
                self.say(&mut stream, "354 go ahead")?;
                let raw = read_data(&mut lines)?;
                self.record(raw);
                self.say(&mut stream, "250 recorded")?;
                continue;
            }
            let answer = self.answer(&verb, &command);
            self.say(&mut stream, answer)?;
            if verb == "QUIT" {
                break;
            }
        }
        Ok(())
    }

    fn answer(&mut self, verb: &str, command: &str) -> &'static str {
        match verb {
            "HELO" => "250 testbed",
            "EHLO" => "250-testbed\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN",
            "AUTH" => "235 welcome",
            "MAIL" => {
                self.to.clear();
                self.from = address(command);
                "250 ok"
            }
            "RCPT" if lock(&self.state).refused.contains(&address(command)) => "550 no such user",
            "RCPT" => {
                self.to.push(address(command));
                "250 ok"
            }
            "DATA" => "503 no recipient",
            "RSET" => {
                self.to.clear();
                "250 ok"
            }
            "NOOP" => "250 ok",
            "QUIT" => "221 bye",
            _ => "502 unknown command",
        }
    }

    fn record(&mut self, raw: String) {
        let mail = Mail {
            from: std::mem::take(&mut self.from),
            to: std::mem::take(&mut self.to),
            raw,
        };
        lock(&self.state).mails.push(mail);
    }

    fn say(&self, stream: &mut TcpStream, answer: &str) -> std::io::Result<()> {
        let delay = lock(&self.state).delay;
        std::thread::sleep(delay);
        stream.write_all(format!("{answer}\r\n").as_bytes())
    }
}

/// Reads to the lone dot and takes away the dot that was added to lines that begin with one.
fn read_data(lines: &mut impl BufRead) -> std::io::Result<String> {
    let mut raw = String::new();
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(raw);
        }
        let text = line.strip_prefix(b".").unwrap_or(&line);
        raw.push_str(&String::from_utf8_lossy(text));
    }
}

/// What stands between the angle brackets.
fn address(command: &str) -> String {
    let inside = command
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or("", |(address, _)| address).to_owned()
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state
        .lock()
        .expect("no panic happens while this lock is held")
}
