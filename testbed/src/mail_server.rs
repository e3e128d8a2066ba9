//! An SMTP server inside the test that records what it is sent and fails on demand.
//!
//! Written here because it must go down and come back on its port, which the embeddable servers
//! cannot. It speaks RFC 5321, in the clear unless it is told how to be secure.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::mail::Mail;
use crate::port::free_port;
use crate::wait::wait_until;

/// What a mail server asks of its clients.
#[derive(Debug, Clone, Default)]
pub struct MailSecurity {
    /// What it shows; mail that does not come through TLS is refused.
    pub tls: Option<Arc<ServerConfig>>,
    /// Whether TLS is spoken from the first byte, and not after STARTTLS.
    pub is_implicit: bool,
    /// The only name and password it takes; without, it takes every name and nobody needs one.
    pub login: Option<(&'static str, &'static str)>,
}

/// A recording SMTP server on 127.0.0.1.
#[derive(Debug)]
pub struct MailServer {
    port: u16,
    security: MailSecurity,
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
        Self::start_secure(MailSecurity::default())
    }

    /// Starts one that asks for `security`.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start_secure(security: MailSecurity) -> Result<Self> {
        let server = Self {
            port: free_port()?,
            security,
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
        let (state, security) = (Arc::clone(&self.state), self.security.clone());
        std::thread::spawn(move || accept(&listener, &state, &security));
        Ok(())
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        lock(&self.state).down = true;
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn accept(listener: &TcpListener, state: &Arc<Mutex<State>>, security: &MailSecurity) {
    while let Ok((stream, _)) = listener.accept() {
        let mut guard = lock(state);
        if guard.down {
            return;
        }
        guard.connections.extend(stream.try_clone());
        drop(guard);
        let mut session = Session {
            state: Arc::clone(state),
            security: security.clone(),
            is_secure: security.tls.is_none(),
            is_known: security.login.is_none(),
            from: String::new(),
            to: Vec::new(),
        };
        // A client that hangs up in the middle is its own affair.
        std::thread::spawn(move || drop(session.serve(stream)));
    }
}

const GREETING: &str = "220 testbed ESMTP";
/// The answer after which TLS begins.
const READY: &str = "220 2.0.0 ready to start TLS";

/// How a conversation ends.
enum Goodbye {
    Over,
    /// It goes on through TLS.
    StartTls,
}

/// One conversation.
struct Session {
    state: Arc<Mutex<State>>,
    security: MailSecurity,
    /// Nothing can be read on the way, or nobody minds.
    is_secure: bool,
    /// The client has said who it is, or nobody minds.
    is_known: bool,
    from: String,
    to: Vec<String>,
}

impl Session {
    fn serve(&mut self, stream: TcpStream) -> std::io::Result<()> {
        if self.security.is_implicit {
            let mut lines = self.encrypt(stream)?;
            self.say(lines.get_mut(), GREETING)?;
            return self.converse(&mut lines).map(|_| ());
        }
        let mut lines = BufReader::new(stream);
        self.say(lines.get_mut(), GREETING)?;
        match self.converse(&mut lines)? {
            Goodbye::Over => Ok(()),
            Goodbye::StartTls => {
                let mut lines = self.encrypt(lines.into_inner())?;
                self.converse(&mut lines).map(|_| ())
            }
        }
    }

    fn encrypt(
        &mut self,
        stream: TcpStream,
    ) -> std::io::Result<BufReader<StreamOwned<ServerConnection, TcpStream>>> {
        let config = self.security.tls.clone().ok_or(ErrorKind::Unsupported)?;
        let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
        self.is_secure = true;
        Ok(BufReader::new(StreamOwned::new(connection, stream)))
    }

    fn converse<S: Read + Write>(&mut self, lines: &mut BufReader<S>) -> std::io::Result<Goodbye> {
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
                self.say(lines.get_mut(), "354 go ahead")?;
                let raw = read_data(lines)?;
                self.record(raw);
                self.say(lines.get_mut(), "250 recorded")?;
                continue;
            }
            let answer = self.answer(&verb, &command);
            self.say(lines.get_mut(), answer)?;
            match (verb.as_str(), answer) {
                ("QUIT", _) => break,
                ("STARTTLS", READY) => return Ok(Goodbye::StartTls),
                _ => {}
            }
        }
        Ok(Goodbye::Over)
    }

    fn answer(&mut self, verb: &str, command: &str) -> &'static str {
        match verb {
            "HELO" => "250 testbed",
            "EHLO" if !self.is_secure => "250-testbed\r\n250-8BITMIME\r\n250 STARTTLS",
            "EHLO" => "250-testbed\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN",
            "STARTTLS" if !self.is_secure => READY,
            "AUTH" | "MAIL" if !self.is_secure => "530 5.7.0 must issue a STARTTLS command first",
            "AUTH" => self.judge(command),
            "MAIL" if !self.is_known => "530 5.7.0 authentication required",
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

    /// Whether it is the name and the password, in the words of AUTH PLAIN.
    fn judge(&mut self, command: &str) -> &'static str {
        let Some((name, password)) = self.security.login else {
            return "235 welcome";
        };
        let expected = BASE64_STANDARD.encode(format!("\0{name}\0{password}"));
        self.is_known = command == format!("AUTH PLAIN {expected}");
        match self.is_known {
            true => "235 2.7.0 welcome",
            false => "535 5.7.8 wrong name or password",
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

    fn say(&self, stream: &mut impl Write, answer: &str) -> std::io::Result<()> {
        let delay = lock(&self.state).delay;
        std::thread::sleep(delay);
        stream.write_all(format!("{answer}\r\n").as_bytes())?;
        stream.flush()
    }
}

/// Reads to the lone dot and takes away the dot that was added to lines that begin with one.
fn read_data(lines: &mut impl BufRead) -> std::io::Result<String> {
    let mut raw = String::new();
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
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
