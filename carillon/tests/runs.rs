//! What a job says of its runs, from the database through agent and runner to the command and back: `carillon up` with one job.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use carillon_core::identity::JobId;
use carillon_core::job::{JobDraft, JobSpec, ScheduleText};
use carillon_core::launch::LaunchSpec;
use carillon_core::parameters::Parameters;
use carillon_core::retry::Retry;
use carillon_core::run::{Outcome, Phase};
use carillon_core::schedule::DstRule;
use carillon_store::{Editor, Run, RunFilter, RunRequest, Store};
use carillon_testbed::{Folder, Process, leashed, program, wait_until};
use serde_json::Value;
use tokio::runtime::Runtime;

/// More than the program needs for anything here.
const LIMIT: Duration = Duration::from_secs(90);

struct Up {
    folder: Folder,
    process: Process,
    runtime: Runtime,
    store: Store,
}

impl Up {
    /// Everything on one machine, with one job of every second.
    fn with(spec: JobSpec) -> Self {
        Self::with_settings(spec, &[])
    }

    /// The same with these variables as configuration.
    fn with_settings(spec: JobSpec, settings: &[(&str, &str)]) -> Self {
        let folder = Folder::create().expect("the temporary folder can be written");
        let secrets = folder.join("secrets");
        std::fs::create_dir(&secrets).expect("the temporary folder can be written");
        let runtime = Runtime::new().expect("a runtime starts");
        let data = folder.join("data");
        std::fs::create_dir(&data).expect("the temporary folder can be written");
        let address = format!("sqlite:{}", data.join("carillon.db").display());
        let store =
            runtime.block_on(async { Store::new(address.parse().expect("it is an address")) });
        runtime.block_on(create_job(&store, spec));
        let mut command = leashed(program("carillon").expect("carillon is built"));
        command
            .args(["up", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .env("CARILLON_RUNNER__SECRETS_DIR", &secrets)
            .envs(settings.iter().copied());
        let process = Process::start("carillon up", command, &folder.join("log"));
        Up {
            process: process.expect("carillon starts"),
            folder,
            runtime,
            store,
        }
    }

    fn secret(&self, name: &str) -> PathBuf {
        self.folder.join("secrets").join(name)
    }

    /// The first run that has ended.
    fn ended_run(&mut self) -> Run {
        wait_until("the end of a run", LIMIT, || {
            assert!(
                self.process.exit_status().is_none(),
                "{}",
                self.process.log()
            );
            let all = RunFilter::default();
            let runs = self.runtime.block_on(self.store.runs(&all, 100)).ok()?;
            let ended = |run: &&Run| run.state == Phase::Done && run.started_at.is_some();
            let runs: Vec<Run> = runs.into_iter().map(|listed| listed.run).collect();
            runs.iter().rev().find(ended).cloned()
        })
    }

    fn output(&self, run: &Run) -> String {
        let chunks = self.store.output(run.tick, run.attempt, None, -1, 1000);
        let chunks = self.runtime.block_on(chunks).expect("the store answers");
        let bytes: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.content).collect();
        String::from_utf8(bytes).expect("the command writes text")
    }
}

async fn create_job(store: &Store, spec: JobSpec) {
    store.migrate().await.expect("the tables are created");
    let editor = Editor::program("test");
    let group = store.ensure_group("test", &editor).await;
    let draft = JobDraft {
        name: "one".parse().expect("a short name is one"),
        group: group.expect("the group is created"),
        description: String::new(),
        enabled: true,
        schedule: ScheduleText {
            expression: "* * * * * *".to_owned(),
            zone: "UTC".to_owned(),
            dst: DstRule::default(),
        },
        spec,
    };
    let created = store.create_job(&draft, &editor).await;
    created.expect("the job is created");
}

fn job(command: &str) -> LaunchSpec {
    LaunchSpec {
        command: command.to_owned(),
        ..LaunchSpec::default()
    }
}

#[test]
fn second_attempt_has_what_the_first_has_left_of_the_run() {
    let mut up = Up::with(JobSpec {
        launch: job("[ $CARILLON_ATTEMPT = 1 ] && { sleep 14; exit 1; }; exec sleep 600"),
        run_timeout_ms: Some(20_000),
        retry: Retry {
            max_attempts: 9,
            delay_s: 1.0,
            ..Retry::default()
        },
        ..JobSpec::default()
    });

    let run = up.ended_run();

    assert_eq!(
        (run.outcome, run.attempt),
        (Some(Outcome::TimedOut), 2),
        "{run:?}"
    );
    assert!(
        run.detail
            .as_ref()
            .is_some_and(|detail| detail.contains("all attempts together")),
        "{run:?}"
    );
    let attempts = up.runtime.block_on(up.store.attempts(run.tick));
    let first = attempts.expect("the store answers").remove(0);
    let seconds = |from: Option<jiff::Timestamp>, to: Option<jiff::Timestamp>| {
        let (from, to) = (from.expect("it started"), to.expect("it ended"));
        to.duration_since(from).as_secs_f64()
    };
    let whole = seconds(first.started_at, run.ended_at);
    assert!(whole > 19.9, "the run was ended after {whole} s of 20");
    let last = seconds(run.started_at, run.ended_at);
    assert!(
        last < 20.0,
        "the last attempt had {last} s of what was left"
    );
}

#[test]
fn parameters_reach_the_command_and_all_of_its_output_lies_where_the_run_says() {
    let up = Up::with(JobSpec {
        launch: LaunchSpec {
            keep_output: true,
            ..job("echo \"$CARILLON_PARAM_day, $CARILLON_ATTEMPT\"")
        },
        ..JobSpec::default()
    });
    let request = RunRequest {
        job: JobId(1),
        node: None,
        parameters: Parameters::from_lines(["day=monday"]).expect("it is one"),
        key: None,
        repeats: None,
        patience: jiff::SignedDuration::from_mins(1),
    };
    let editor = Editor::program("test");
    let asked = up.runtime.block_on(up.store.request_run(&request, &editor));
    let tick = asked.expect("the store answers");

    let run = wait_until("the end of the run", LIMIT, || {
        let run = up.runtime.block_on(up.store.run(tick)).ok()?.run;
        (run.state == Phase::Done).then_some(run)
    });

    let said = "monday, 1\n";
    wait_until("the output", LIMIT, || {
        (up.output(&run) == said).then_some(())
    });
    let detail = run.detail.expect("it tells where the output is");
    let path = detail
        .rsplit_once(" in ")
        .and_then(|(_, rest)| rest.strip_suffix(" and .err"));
    let path = path.unwrap_or_else(|| panic!("{detail}"));
    let kept = std::fs::read_to_string(path).expect("the file is there");
    assert_eq!(kept, said);
}

/// Takes posts, one after the other, and refuses the first.
fn collect(listener: TcpListener, bodies: &Sender<Value>) {
    for (number, stream) in listener.incoming().enumerate() {
        let mut stream = BufReader::new(stream.expect("somebody connects"));
        let (mut line, mut length) = (String::new(), 0);
        while stream.read_line(&mut line).expect("a head comes") > 2 {
            let header = line.to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().expect("it is a number");
            }
            line.clear();
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).expect("the body comes");
        let status = match number {
            0 => "503 Service Unavailable",
            _ => "200 OK",
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
        stream
            .get_mut()
            .write_all(answer.as_bytes())
            .expect("somebody listens");
        let body = serde_json::from_slice(&body).expect("it is JSON");
        if number > 0 && bodies.send(body).is_err() {
            return;
        }
    }
}

#[test]
fn run_is_a_trace_and_its_command_knows_which() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let (sender, bodies) = channel();
    std::thread::spawn(move || collect(listener, &sender));
    let mut up = Up::with_settings(
        JobSpec {
            launch: job("printf %s $TRACEPARENT; exit 3"),
            ..JobSpec::default()
        },
        &[("CARILLON_NODE__TRACES_URL", &format!("http://{address}"))],
    );

    let run = up.ended_run();
    let said = wait_until("the output", LIMIT, || {
        Some(up.output(&run)).filter(|text| !text.is_empty())
    });
    let parts: Vec<&str> = said.split('-').collect();
    let [_, trace, parent, _] = parts[..] else {
        panic!("{said}")
    };

    let is_its = |span: &&Value| span["traceId"] == trace;
    let spans = wait_until("the trace", LIMIT, || {
        let body = bodies.recv_timeout(LIMIT).ok()?;
        let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].clone();
        let its: Vec<Value> = spans.as_array()?.iter().filter(is_its).cloned().collect();
        (!its.is_empty()).then_some(its)
    });
    let named = |name: &str| {
        let named = spans.iter().find(|span| span["name"] == name);
        named.unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
    };
    let (whole, attempt, command) = (named("one"), named("attempt"), named("command"));
    assert_eq!(command["spanId"], parent);
    assert_eq!(command["parentSpanId"], attempt["spanId"]);
    assert_eq!(attempt["parentSpanId"], whole["spanId"]);
    assert_eq!(whole["parentSpanId"], Value::Null);
    assert_eq!(whole["status"]["code"], 2, "{whole:#}");
    let begins = command["startTimeUnixNano"].as_str().expect("it is a text");
    let begins: i64 = begins.parse().expect("it is a number");
    let started_at = run.started_at.expect("it started");
    assert_eq!(begins / 1_000, started_at.as_microsecond());
    let run_id = serde_json::json!({
        "key": "carillon.run.id", "value": { "stringValue": run.tick.to_string() }
    });
    let attributes = whole["attributes"].as_array().expect("it has some");
    assert!(attributes.contains(&run_id), "{attributes:#?}");
}

#[test]
fn command_gets_the_secret_of_its_node_and_the_database_never_has_it() {
    const VALUE: &[u8] = b"correct-horse-battery-staple";
    let name = "db".parse().expect("it is a name");
    let mut up = Up::with(JobSpec {
        launch: LaunchSpec {
            secrets: vec![("DB_PASSWORD".to_owned(), name)],
            ..job(r#"printf %s "$DB_PASSWORD" | wc -c"#)
        },
        ..JobSpec::default()
    });
    // Until the file is there, and for its owner alone, no run starts.
    let (file, draft) = (up.secret("db"), up.folder.join("draft"));
    std::fs::write(&draft, VALUE).expect("the temporary folder can be written");
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&draft, mode).expect("the file is ours");
    std::fs::rename(&draft, &file).expect("the file is ours");

    let run = up.ended_run();

    assert_eq!(run.outcome, Some(Outcome::Succeeded), "{run:?}");
    let said = format!("{}\n", VALUE.len());
    wait_until("the output", LIMIT, || {
        (up.output(&run) == said).then_some(())
    });
    let holds = |bytes: &[u8]| bytes.windows(VALUE.len()).any(|window| window == VALUE);
    let data = std::fs::read_dir(up.folder.join("data")).expect("the folder is there");
    for entry in data {
        let path = entry.expect("the folder can be read").path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        assert!(!holds(&bytes), "{}", path.display());
    }
    assert!(!holds(up.process.log().as_bytes()));
}
