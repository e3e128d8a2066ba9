//! The examples in the documents do what they say.

use std::path::Path;
use std::process::Command;

use carillon_lifecycle::config::KEYS;

/// Lines of fenced blocks that begin with `carillon next` or `carillon describe`, with the document they stand in.
fn examples() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = std::fs::read_dir(root.join("docs")).expect("there are documents");
    let mut documents: Vec<_> = folder.flatten().map(|entry| entry.path()).collect();
    documents.push(root.join("README.md"));
    documents.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    let mut examples = Vec::new();
    for path in documents {
        let text = std::fs::read_to_string(&path).expect("a document is text");
        let blocks = text.split("```").skip(1).step_by(2);
        let lines = blocks.flat_map(str::lines).filter(|line| {
            line.starts_with("carillon next ") || line.starts_with("carillon describe ")
        });
        let name = path.display().to_string();
        examples.extend(lines.map(|line| (name.clone(), line.to_owned())));
    }
    examples
}

#[test]
fn schedules_in_the_documents_can_be_asked_about() {
    let examples = examples();
    assert!(!examples.is_empty());

    for (document, line) in examples {
        let words = line.strip_prefix("carillon ").unwrap_or(&line);
        let script = format!("exec \"$0\" {words}");
        let output = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_carillon")])
            .output()
            .expect("a shell runs");

        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{document}: {line}: {errors}");
        assert!(!output.stdout.is_empty(), "{document}: {line}");
    }
}

#[test]
fn cluster_of_containers_names_verbs_and_keys_that_there_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/container/compose.yaml");
    let text = std::fs::read_to_string(path).expect("the file is there");
    let lines = || text.lines().map(str::trim);

    let keys = lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("CARILLON_") && name.contains("__"));
    let keys: Vec<_> = keys.collect();
    let commands = lines().filter_map(|line| line.strip_prefix("command: [")?.strip_suffix(']'));
    let commands: Vec<Vec<_>> = commands
        .map(|words| words.split(", ").collect())
        .filter(|words: &Vec<_>| ["agent", "admin", "monitor"].contains(&words[0]))
        .collect();

    assert!(
        keys.len() > 3 && commands.len() == 4,
        "{keys:?} {commands:?}"
    );
    for key in keys {
        assert!(KEYS.iter().any(|known| known.variable() == key), "{key}");
    }
    for words in commands {
        is_understood(&words);
    }
}

/// The program takes these words; `--help` keeps it from doing what they say.
#[track_caller]
fn is_understood(words: &[&str]) {
    let program = carillon_testbed::program(words[0]).expect("the programs are built");
    let output = Command::new(program)
        .args(&words[1..])
        .arg("--help")
        .output();
    assert!(output.expect("it starts").status.success(), "{words:?}");
}

#[test]
fn image_holds_the_five_programs_and_begins_with_one_that_there_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/container/Containerfile");
    let text = std::fs::read_to_string(path).expect("the file is there");

    let begin = text.lines().find_map(|line| line.strip_prefix("CMD "));
    let begin: Vec<&str> =
        serde_json::from_str(begin.expect("it begins with something")).expect("it is a list");
    let copied = text
        .split("for program in ")
        .nth(1)
        .and_then(|rest| rest.split(';').next());

    is_understood(&begin);
    for program in copied.expect("programs are copied").split_whitespace() {
        assert!(
            text.contains(&format!("--bin {program}")),
            "{program} is not built"
        );
        is_understood(&[program]);
    }
}
