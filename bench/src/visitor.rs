//! Somebody who asks a web server for pages over one connection that stays open, and counts what comes back.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// No page takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who asks: nobody, a browser with its cookie, or a program with its token.
#[derive(Debug, Clone)]
pub enum Proof {
    /// Nobody is signed in.
    None,
    /// `name=value` of the session's cookie.
    Cookie(String),
    /// The text of an API token.
    Token(String),
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it was sent, compressed if it was.
    pub body: Vec<u8>,
    /// From the first byte asked to the last byte answered.
    pub took: Duration,
}

impl Answer {
    /// The value of a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map_or("", |(_, value)| value)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The connection.
#[derive(Debug)]
pub struct Visitor {
    stream: BufReader<TcpStream>,
    host: String,
    proof: Proof,
}

impl Visitor {
    /// Connects to the server on this port of the machine.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(port: u16, proof: Proof) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))
            .with_context(|| format!("connecting to port {port}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Visitor {
            stream: BufReader::with_capacity(1 << 16, stream),
            host: format!("127.0.0.1:{port}"),
            proof,
        })
    }

    /// Asks for a page; compressed where the server can, as browsers do.
    ///
    /// # Errors
    /// When no whole answer comes.
    pub fn get(&mut self, path: &str) -> Result<Answer> {
        self.ask("GET", path, &[("accept-encoding", "gzip")], "")
    }

    /// Asks for a page again as the script of the pages does, for its living parts.
    ///
    /// # Errors
    /// As [`Visitor::get`].
    pub fn get_live(&mut self, path: &str) -> Result<Answer> {
        let headers = [("accept-encoding", "gzip"), ("carillon-live", "1")];
        self.ask("GET", path, &headers, "")
    }

    /// Follows a stream of events, each told as it comes, until `tell` has heard enough or the stream ends.
    ///
    /// # Errors
    /// When there is no such stream.
    pub fn follow(mut self, path: &str, mut tell: impl FnMut(&str) -> bool) -> Result<()> {
        let head = self.begin("GET", path, &[], "")?;
        if head.status != 200 {
            bail!("{path} was answered with {}", head.status);
        }
        let mut line = String::new();
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line.starts_with("data:") && !tell(&line) {
                return Ok(());
            }
        }
    }

    /// Asks for a page as it is before compression.
    ///
    /// # Errors
    /// As [`Visitor::get`].
    pub fn get_plain(&mut self, path: &str) -> Result<Answer> {
        self.ask("GET", path, &[], "")
    }

    /// Posts a form, already encoded.
    ///
    /// # Errors
    /// As [`Visitor::get`].
    pub fn post(&mut self, path: &str, form: &str) -> Result<Answer> {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.ask("POST", path, &[kind], form)
    }

    fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer> {
        let begun = Instant::now();
        let mut answer = self.begin(method, path, headers, body)?;
        answer.body = self
            .read_body(&answer)
            .with_context(|| format!("{method} {path}"))?;
        answer.took = begun.elapsed();
        Ok(answer)
    }

    /// Asks, and reads no further than the head of the answer.
    fn begin(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.host);
        match &self.proof {
            Proof::None => {}
            Proof::Cookie(cookie) => head.push_str(&format!("cookie: {cookie}\r\n")),
            Proof::Token(token) => head.push_str(&format!("authorization: Bearer {token}\r\n")),
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if method != "GET" {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        head.push_str(body);
        self.stream.get_mut().write_all(head.as_bytes())?;
        self.read_head().with_context(|| format!("{method} {path}"))
    }

    fn read_line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            bail!("the server closed the connection");
        }
        Ok(line.trim_end().to_owned())
    }

    fn read_head(&mut self) -> Result<Answer> {
        let first = self.read_line()?;
        let status = first.split(' ').nth(1).context("no status")?.parse()?;
        let mut headers = Vec::new();
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").context("a header without a value")?;
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        Ok(Answer {
            status,
            headers,
            body: Vec::new(),
            took: Duration::ZERO,
        })
    }

    fn read_body(&mut self, head: &Answer) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        if head.header("transfer-encoding") != "chunked" {
            let length = head.header("content-length").parse().unwrap_or(0);
            body.resize(length, 0);
            self.stream.read_exact(&mut body)?;
            return Ok(body);
        }
        loop {
            let size = usize::from_str_radix(&self.read_line()?, 16)?;
            let at = body.len();
            body.resize(at + size, 0);
            self.stream.read_exact(&mut body[at..])?;
            self.read_line()?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
}
