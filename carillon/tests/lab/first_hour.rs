//! What a stranger does in the first hour on one machine, and what goes wrong then.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use carillon_store::Store;
use carillon_testbed::{Folder, leashed, program, wait_until};

/// Longer than any of the programs needs to start or end on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

/// A machine with a database file and one configuration.
struct Machine {
    folder: Folder,
}

impl Machine {
    fn new() -> Self {
        let folder = Folder::create().expect("the temporary folder can be written");
        let machine = Self { folder };
        machine.configure("colour=blue", "");
        machine.succeed("admin", &["migrate"]);
        machine
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("carillon.toml")
    }

    fn configure(&self, label: &str, further: &str) {
        let home = self.folder.path().display();
        let text = format!(
            "[database]\nurl = \"sqlite:{home}/carillon.db\"\n[node]\nname = \"n1\"\ndata_dir = \"{home}/node\"\n\
             labels = [\"{label}\"]\n{further}"
        );
        std::fs::write(self.configuration(), text).expect("the temporary folder can be written");
    }

    fn command(&self, name: &str, words: &[&str]) -> Command {
        let mut command = leashed(program(name).expect("the programs are built"));
        command
            .args(words)
            .current_dir(self.folder.path())
            .env("CARILLON_CONFIG", self.configuration());
        command
    }

    /// The exit code, standard output and standard error of a program.
    fn call(&self, name: &str, words: &[&str]) -> (i32, String, String) {
        let output = self.command(name, words).output().expect("it starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code().unwrap_or(-1),
            text(&output.stdout),
            text(&output.stderr),
        )
    }

    #[track_caller]
    fn succeed(&self, name: &str, words: &[&str]) -> String {
        let (code, output, said) = self.call(name, words);
        assert_eq!(code, 0, "{name} {words:?}: {output}{said}");
        output
    }

    #[track_caller]
    fn fail(&self, name: &str, words: &[&str]) -> String {
        let (code, output, said) = self.call(name, words);
        assert_eq!(code, 1, "{name} {words:?}: {output}{said}");
        said
    }

    fn stats(&self) -> serde_json::Value {
        serde_json::from_str(&self.succeed("agent", &["stats", "--json"])).expect("it is JSON")
    }

    /// What the database knows of the node's labels.
    fn labels(&self) -> String {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
        let nodes = runtime.block_on(async {
            let url = format!("sqlite:{}/carillon.db", self.folder.path().display());
            let store = Store::new(url.parse().expect("it is an address"));
            store.nodes(Default::default()).await
        });
        format!("{:?}", nodes.expect("the database answers")[0].peer.labels)
    }
}

#[test]
fn agent_goes_to_the_background_once_it_is_up() {
    let machine = Machine::new();

    let pid = machine.succeed("agent", &["start", "--daemon"]);
    let stats = machine.stats();
    let again = machine.fail("agent", &["start", "--daemon"]);
    machine.succeed("agent", &["stop"]);

    assert_eq!(stats["pid"].to_string(), pid.trim());
    assert_eq!(stats["state"], "running");
    assert!(
        again.contains("already running") && again.contains(pid.trim()),
        "{again}"
    );
    assert_eq!(machine.call("agent", &["stats"]).0, 3);
}

#[test]
fn reader_who_has_seen_enough_is_no_failure() {
    let machine = Machine::new();
    machine.succeed("agent", &["start", "--daemon"]);

    for (name, verb) in [
        ("agent", ["stats", "--watch"].as_slice()),
        ("agent", &["check"]),
        ("admin", &["check"]),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe opens");
        drop(reader);
        let output = machine.command(name, verb).stdout(writer).output();
        let output = output.expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} {verb:?}: {said}");
        assert_eq!(said, "", "{name} {verb:?}");
    }
    machine.succeed("agent", &["stop"]);
}

#[test]
fn agent_that_cannot_come_up_in_the_background_says_where_its_log_is() {
    let machine = Machine::new();
    // A place that only its user finds out to be no place: the sentinels' service has no name.
    let redis = "[redis]\nurl = \"redis+sentinel://127.0.0.1:1\"\n";
    machine.configure("colour=blue", redis);

    let (code, output, said) = machine.call("agent", &["start", "--daemon"]);

    assert_eq!((code, output.as_str()), (1, ""), "{said}");
    let log = machine.folder.join("node/agent.log");
    assert!(
        said.contains(&format!("{} says why", log.display())),
        "{said}"
    );
    let written = std::fs::read_to_string(log).unwrap_or_default();
    assert!(written.contains("names no service"), "{written}");
}

#[test]
fn reload_reads_the_configuration_and_a_broken_one_changes_nothing() {
    let machine = Machine::new();
    machine.succeed("agent", &["start", "--daemon"]);
    let before = machine.stats();
    assert!(machine.labels().contains("blue"), "{}", machine.labels());

    machine.configure("colour=green", "");
    machine.succeed("agent", &["reload"]);
    let after = machine.stats();
    let labels = wait_until("the new label", LIMIT, || {
        Some(machine.labels()).filter(|labels| labels.contains("green"))
    });
    machine.configure("no label", "");
    let refused = machine.fail("agent", &["reload"]);
    let at_last = machine.stats();
    machine.configure("colour=green", "");
    machine.succeed("agent", &["stop"]);

    assert!(!labels.contains("blue"), "{labels}");
    assert_eq!(before["pid"], after["pid"]);
    assert_ne!(before["boot"], after["boot"]);
    assert!(refused.contains("no label"), "{refused}");
    assert_eq!(after["boot"], at_last["boot"]);
}

#[test]
fn second_node_of_the_same_name_is_refused_and_the_first_goes_on() {
    let machine = Machine::new();
    machine.succeed("agent", &["start", "--daemon"]);
    let before = machine.stats();

    let elsewhere = machine.folder.join("elsewhere").display().to_string();
    let second = machine
        .command("agent", &["start"])
        .env("CARILLON_NODE__DATA_DIR", elsewhere)
        .output()
        .expect("it starts");
    let after = machine.stats();
    machine.succeed("agent", &["stop"]);

    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(
        said.contains("\"n1\" is alive") && said.contains("node.name"),
        "{said}"
    );
    assert_eq!(before["boot"], after["boot"]);
}

#[test]
fn port_that_is_taken_is_named_with_the_cure() {
    let machine = Machine::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound").to_string();

    let said = machine.fail("admin", &["start", "--listen", &address]);

    assert!(
        said.contains(&address) && said.contains("admin.listen"),
        "{said}"
    );
}

#[test]
fn data_directory_is_made_where_one_is_begun_and_nowhere_else() {
    let machine = Machine::new();
    let data = machine.folder.join("new/data");
    let data_text = data.display().to_string();

    let mistaken = machine.fail("admin", &["--data", &data_text, "user", "list"]);
    assert!(!data.exists());
    machine.succeed("admin", &["--data", &data_text, "migrate"]);
    machine.succeed("admin", &["--data", &data_text, "user", "list"]);

    assert!(
        mistaken.contains(&data_text) && mistaken.contains("migrate"),
        "{mistaken}"
    );
    assert!(data.join("carillon.db").exists());
}
