//! The mail server records, refuses, goes down and comes back.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use carillon_testbed::MailServer;

const SOON: Duration = Duration::from_secs(30);

/// Sends the lines one by one and returns the code of each answer, the greeting first.
fn talk(server: &MailServer, lines: &[&str]) -> Vec<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    let mut code = || {
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        line.chars().take(3).collect::<String>()
    };
    let mut codes = vec![code()];
    for line in lines {
        stream.write_all(line.as_bytes()).unwrap();
        stream.write_all(b"\r\n").unwrap();
        codes.push(code());
    }
    codes
}

const MAIL: [&str; 6] = [
    "HELO me",
    "MAIL FROM:<a@example.org>",
    "RCPT TO:<b@example.org>",
    "RCPT TO:<c@example.org>",
    "DATA",
    "Subject: =?utf-8?b?5aSH5Lu9?=\r\n\r\n..dot\r\nend\r\n.",
];

#[test]
fn mail_is_recorded_as_it_was_sent() {
    let server = MailServer::start().unwrap();

    talk(&server, &MAIL);

    let mail = server.wait_for_mails(1, SOON).remove(0);
    assert_eq!(mail.from, "a@example.org");
    assert_eq!(mail.to, ["b@example.org", "c@example.org"]);
    assert_eq!(mail.subject(), "备份");
    assert_eq!(
        mail.raw,
        "Subject: =?utf-8?b?5aSH5Lu9?=\r\n\r\n.dot\r\nend\r\n"
    );
}

#[test]
fn refused_recipient_does_not_take_the_others_along() {
    let server = MailServer::start().unwrap();
    server.refuse_recipient("b@example.org");

    let codes = talk(&server, &MAIL);

    assert_eq!(codes, ["220", "250", "250", "550", "250", "354", "250"]);
    assert_eq!(server.mails()[0].to, ["c@example.org"]);
}

#[test]
fn server_that_is_down_refuses_connections_until_it_is_back() {
    let server = MailServer::start().unwrap();

    server.go_down();
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
    server.come_back().unwrap();

    talk(&server, &MAIL);
    assert_eq!(server.mails().len(), 1);
}

#[test]
fn slow_server_waits_before_each_answer() {
    let server = MailServer::start().unwrap();
    server.delay(Duration::from_millis(50));

    let started = Instant::now();
    talk(&server, &["NOOP"]);

    assert!(started.elapsed() >= Duration::from_millis(100));
}
