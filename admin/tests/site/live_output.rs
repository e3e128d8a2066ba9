//! The output of a living run, as its readers get it: each all of it, the store asked once for all.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use carillon_core::launch::Stream;
use carillon_core::tick::Tick;
use carillon_store::OutputChunk;
use serde_json::json;

use crate::support::{Browser, Site};

/// Somebody who looks at a living run.
struct Reader(BufReader<TcpStream>);

impl Reader {
    fn open(browser: &Browser, run: Tick, after: i64) -> Reader {
        let mut stream = TcpStream::connect(browser.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let cookies = browser
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let cookies: Vec<_> = cookies.collect();
        write!(
            stream,
            "GET /runs/{run}/events?attempt=1&after={after} HTTP/1.1\r\nhost: x\r\ncookie: {}\r\n\r\n",
            cookies.join("; ")
        )
        .unwrap();
        Reader(BufReader::new(stream))
    }

    /// Reads on until a line has this.
    fn wait_for(&mut self, wanted: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.0.read_line(&mut line).unwrap();
            assert!(read > 0, "the stream ended before {wanted:?}");
            if line.contains(wanted) {
                return line;
            }
        }
    }
}

fn write(site: &Site, tick: Tick, number: i64, text: &str) {
    let chunk = OutputChunk {
        tick,
        attempt: 1,
        number,
        stream: Stream::Stdout,
        offset: number * 100,
        written_at: jiff::Timestamp::UNIX_EPOCH,
        content: text.as_bytes().to_vec(),
    };
    site.block(site.store.append_output(&[chunk])).unwrap();
}

/// A run that somebody has asked for.
fn run_of_a_talker(site: &Site) -> Tick {
    let job = site.job("talker", "default");
    let path = format!("/api/v1/jobs/{job}/run");
    let run = site.program("owner").send_json("POST", &path, &json!({}));
    run.json()["id"].as_str().unwrap().parse().unwrap()
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < until, "waited 20 s in vain");
    }
}

#[test]
fn every_reader_gets_everything_and_the_last_one_ends_the_asking() {
    let site = Site::owned();
    let tick = run_of_a_talker(&site);
    let mut owner = site.browser("owner");
    write(&site, tick, 0, "\u{1b}[31mfirst\u{1b}[0m");

    let mut early: Vec<Reader> = (0..20).map(|_| Reader::open(&owner, tick, -1)).collect();
    for reader in &mut early {
        assert!(reader.wait_for("first").contains(r#"["ink1","first"]"#));
    }
    write(&site, tick, 1, "second");
    let mut late = Reader::open(&owner, tick, -1);
    let mut resumed = Reader::open(&owner, tick, 0);
    for reader in early.iter_mut().chain([&mut late, &mut resumed]) {
        reader.wait_for("second");
    }

    let looked_at = "22 of 1 run";
    assert!(
        owner.get("/system").text().contains(looked_at),
        "{}",
        owner.get("/system").text()
    );
    drop((early, late, resumed));
    wait_until(|| owner.get("/system").text().contains("0 of 0 runs"));
}

#[test]
fn who_asks_for_living_parts_gets_them_without_output() {
    let site = Site::owned();
    let tick = run_of_a_talker(&site);
    let mut owner = site.browser("owner");
    write(&site, tick, 0, "a long story");

    let page = owner.get(&format!("/runs/{tick}")).text();
    let parts = owner.send(
        "GET",
        &format!("/runs/{tick}"),
        &[("carillon-live", "1")],
        b"",
    );

    assert!(
        page.contains("a long story") && page.contains("data-live=\"run\""),
        "{page}"
    );
    let parts = parts.text();
    assert!(
        !parts.contains("a long story") && parts.contains("data-live=\"run\""),
        "{parts}"
    );
}

#[test]
fn who_opens_the_overview_sees_what_was_just_done() {
    let site = Site::owned();
    let job = site.job("talker", "default");
    let mut owner = site.browser("owner");
    let figure =
        |page: &str| page.split("/runs?outcome=open").nth(2).unwrap()[..80].contains("<b>1</b>");
    let live = [("carillon-live", "1")];

    let before = owner.send("GET", "/", &live, b"").text();
    let path = format!("/api/v1/jobs/{job}/run");
    site.program("owner").send_json("POST", &path, &json!({}));
    let opened = owner.get("/").text();

    assert!(!figure(&before) && figure(&opened), "{opened}");
    // Open tabs see it a second later.
    wait_until(|| figure(&owner.send("GET", "/", &live, b"").text()));
}
