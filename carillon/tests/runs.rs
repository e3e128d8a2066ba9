//! What a job says of its runs, from the database through agent and runner to the command and back: `carillon up` with one job.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
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
    /// Everything on one machine, with one job that fires once, soon.
    fn with(spec: JobSpec) -> Self {
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
            .env("CARILLON_RUNNER__SECRETS_DIR", &secrets);
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
