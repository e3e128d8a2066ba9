//! News that is posted to programs and rooms.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use carillon_core::quiet::QuietHours;
use carillon_lifecycle::config::Hidden;
use carillon_monitor::QuietPolicy;
use carillon_monitor::webhook::Webhook;
use carillon_store::DeliveryState;
use carillon_testbed::{wait_until, wait_until_async};

use crate::scene::{SOON, Scene};

/// A receiver that writes down what it is sent and answers always the same.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<&'static str>>,
}

impl Receiver {
    pub(crate) fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let written = Arc::clone(&requests);
        let answer = Arc::new(Mutex::new(answer));
        let answers = Arc::clone(&answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    reader.read_line(&mut head).unwrap();
                }
                let lower = head.to_lowercase();
                let length = lower.split("content-length: ").nth(1).unwrap();
                let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let request = head + &String::from_utf8(body).unwrap();
                written.lock().unwrap().push(request);
                let answer = *answers.lock().unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        Receiver {
            port,
            requests,
            answer,
        }
    }

    /// Answers so from now on.
    pub(crate) fn answer(&self, answer: &'static str) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The targets of all requests.
    pub(crate) fn targets(&self) -> Vec<String> {
        let requests = self.requests();
        let target = |request: &String| request.split(' ').nth(1).unwrap().to_owned();
        requests.iter().map(target).collect()
    }

    fn first(&self) -> String {
        wait_until("a request", SOON, || {
            self.requests.lock().unwrap().first().cloned()
        })
    }
}

pub(crate) const REFUSED: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
pub(crate) const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn webhook(url: String, hosts: &[&str]) -> Webhook {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    Webhook::parse(&Hidden::new(url), 1, &hosts).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn programs_and_rooms_are_told_beside_mail() {
    let (program, room) = (Receiver::start(TAKEN), Receiver::start(TAKEN));
    let mut scene = Scene::sqlite().await;
    scene.options.webhooks = vec![
        webhook(
            format!("http://127.0.0.1:{}/hook?a=b#s3cret", program.port),
            &["127.0.0.1"],
        ),
        webhook(
            format!("slack+http://127.0.0.1:{}/T0/B0", room.port),
            &["127.0.0.1"],
        ),
    ];
    scene.start_monitor("mon");

    scene.trouble().await;
    scene.subjects(1);
    let (to_program, to_room) = (program.first(), room.first());

    assert!(
        to_program.starts_with("POST /hook?a=b HTTP/1.1\r\n"),
        "{to_program}"
    );
    assert!(
        to_program.contains("x-carillon-signature: sha256="),
        "{to_program}"
    );
    assert!(
        to_program.contains(r#""rule":"job_failed""#),
        "{to_program}"
    );
    assert!(!to_program.contains("s3cret"), "{to_program}");
    assert!(to_room.contains("*Job backup failed on web-1"), "{to_room}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_webhook_leads_neither_inward_nor_elsewhere() {
    let elsewhere = Receiver::start(TAKEN);
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{}/\r\ncontent-length: 0\r\n\r\n",
        elsewhere.port
    );
    let redirecting = Receiver::start(Box::leak(redirect.into_boxed_str()));
    let mut scene = Scene::sqlite().await;
    scene.options.webhooks = vec![
        webhook(
            format!("http://127.0.0.1:{}/hook", redirecting.port),
            &["127.0.0.1"],
        ),
        webhook(format!("http://localhost:{}/", elsewhere.port), &[]),
        webhook(
            format!("http://[::ffff:127.0.0.1]:{}/", elsewhere.port),
            &[],
        ),
    ];
    scene.start_monitor("mon");

    scene.trouble().await;
    let store = scene.store.clone();
    let given_up = wait_until_async("the webhooks to be given up", SOON, async || {
        let incident = store.open_incidents().await.unwrap().into_iter().next()?;
        let mut deliveries = store.deliveries_of(incident.id).await.unwrap();
        deliveries.retain(|one| one.state == DeliveryState::GivenUp);
        (deliveries.len() == 3).then_some(deliveries)
    })
    .await;

    let inward = given_up
        .iter()
        .filter(|one| one.result.contains("monitor.webhook_hosts"));
    assert_eq!(inward.count(), 2, "{given_up:?}");
    assert!(
        given_up.iter().any(|one| one.result.contains("302")),
        "{given_up:?}"
    );
    assert!(elsewhere.requests.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn quiet_hours_are_for_rooms_and_not_for_programs() {
    let (program, room) = (Receiver::start(TAKEN), Receiver::start(TAKEN));
    let mut scene = Scene::sqlite().await;
    scene.options.quiet = QuietPolicy {
        hours: QuietHours::parse("Mon .. Sun", "UTC").unwrap(),
        ..QuietPolicy::none()
    };
    let hosts = ["127.0.0.1"];
    scene.options.webhooks = vec![
        webhook(format!("http://127.0.0.1:{}/hook", program.port), &hosts),
        webhook(format!("slack+http://127.0.0.1:{}/T0", room.port), &hosts),
    ];
    scene.start_monitor("mon");

    scene.trouble().await;
    let to_program = program.first();
    let held = scene.store.held_deliveries().await.unwrap().unwrap();
    scene.stop_monitors().await;

    assert!(to_program.contains(r#""event":"opened""#), "{to_program}");
    // The room's and the mail's.
    assert_eq!(held.count, 2);
    assert!(room.requests.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn somebody_outside_is_told_that_the_monitor_lives() {
    let outside = Receiver::start(TAKEN);
    let mut scene = Scene::sqlite().await;
    scene.options.ping = Some(webhook(
        format!("http://127.0.0.1:{}/ping", outside.port),
        &["127.0.0.1"],
    ));

    scene.start_monitor("mon");

    let ping = outside.first();
    assert!(ping.starts_with("POST /ping HTTP/1.1\r\n"), "{ping}");
}
