//! The examples in the documents do what they say.

use std::path::Path;
use std::process::Command;

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
