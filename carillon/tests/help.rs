//! Every verb of every program explains itself: by `--help`, in the manual, and when Tab is pressed.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot arrange its world has failed"
)]

use std::path::Path;
use std::process::Command;

use carillon_testbed::{Folder, program};

const PROGRAMS: [&str; 5] = ["carillon", "agent", "admin", "monitor", "runner"];

fn help(name: &str, verbs: &[String]) -> String {
    let output = Command::new(program(name).expect("the programs are built"))
        .args(verbs)
        .arg("--help")
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {verbs:?}: {said}");
    assert_eq!(said, "", "{name} {verbs:?}");
    String::from_utf8(output.stdout).expect("help is UTF-8")
}

/// The names that stand at the beginning of the entries of a section, such as `Commands:`.
fn entries<'h>(help: &'h str, section: &str) -> Vec<&'h str> {
    let lines = help.lines().skip_while(|line| *line != section).skip(1);
    let lines = lines.take_while(|line| line.is_empty() || line.starts_with(' '));
    let is_entry = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let names = lines
        .filter(is_entry)
        .filter_map(|line| line.split_whitespace().next());
    names.collect()
}

/// Looks at this help and all below it; yields the words that lead to each, such as `admin user create`.
fn look(name: &str, verbs: &[String]) -> Vec<String> {
    let said = help(name, verbs);
    let words = [&[name.to_owned()], verbs].concat().join(" ");
    let usage = format!("Usage: {words}");
    assert!(said.contains(&usage), "{usage:?} is missing in:\n{said}");
    let arguments = entries(&said, "Arguments:");
    for argument in arguments {
        assert!(said.matches(argument).count() > 1, "{argument} in:\n{said}");
    }
    let below = entries(&said, "Commands:");
    let below = below.into_iter().filter(|verb| *verb != "help");
    let below = below.flat_map(|verb| look(name, &[verbs, &[verb.to_owned()]].concat()));
    std::iter::once(words).chain(below).collect()
}

#[test]
fn every_verb_of_every_program_explains_itself() {
    let verbs = PROGRAMS.map(|name| look(name, &[]).len());

    assert!(
        verbs[..4].iter().all(|verbs| *verbs > 3) && verbs[4] == 1,
        "{verbs:?}"
    );
}

#[test]
fn one_program_is_all_of_them() {
    let verbs = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };

    for (name, verb) in [
        ("agent", "stats"),
        ("admin", "import"),
        ("monitor", "check"),
    ] {
        assert_eq!(
            help("carillon", &verbs(&[name, verb])),
            help(name, &verbs(&[verb]))
        );
    }
    assert!(help("carillon", &[]).contains("carillon admin"));
}

fn carillon(arguments: &[&str]) -> String {
    let output = Command::new(program("carillon").unwrap())
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// A page as a person sees it. The formatter's warnings fail the test.
fn rendered(page: &Path) -> String {
    let output = Command::new("man")
        .args(["--warnings", "-E", "UTF-8", "-l"])
        .arg(page)
        .envs([
            ("LC_ALL", "C.UTF-8"),
            ("MANWIDTH", "200"),
            ("MANPAGER", "cat"),
        ])
        .output()
        .unwrap();
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert_eq!(warnings, "", "{}", page.display());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_verb_has_a_page_in_the_manual() {
    let folder = Folder::create().unwrap();
    carillon(&["man", &folder.path().display().to_string()]);
    let can_render = Command::new("man").arg("--version").output().is_ok();
    if !can_render {
        println!("pages are not rendered: man is not installed");
    }

    let mut pages = 0;
    for name in PROGRAMS {
        for words in look(name, &[]) {
            let page = |words: &str| folder.join(format!("{}.1", words.replace(' ', "-")));
            let source = std::fs::read_to_string(page(&words));
            let source = source.unwrap_or_else(|error| panic!("{words}: {error}"));
            assert!(source.contains(".SH DESCRIPTION"), "{words}: {source}");
            pages += 1;
            if let Some((above, _)) = words.rsplit_once(' ') {
                let above = std::fs::read_to_string(page(above)).unwrap();
                let mention = format!("{}(1)", words.replace([' ', '-'], "\\-"));
                assert!(above.contains(&mention), "{mention} is missing in {above}");
            }
        }
    }
    let written = std::fs::read_dir(folder.path()).unwrap().flatten();
    let written: Vec<_> = written.map(|entry| entry.path()).collect();
    assert_eq!(written.len(), pages, "{written:?}");
    for page in written.iter().filter(|_| can_render) {
        assert!(rendered(page).contains("SYNOPSIS"), "{}", page.display());
    }
}

#[test]
fn shells_understand_what_completes_their_words() {
    let folder = Folder::create().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = folder.join(shell);
        let text = carillon(&["completions", shell]);
        for name in PROGRAMS {
            let alone = carillon(&["completions", shell, name]);
            assert!(text.contains(&alone), "{shell}: {name}");
            for verb in entries(&help(name, &[]), "Commands:") {
                assert!(alone.contains(verb), "{shell}: {name} {verb}");
            }
        }
        std::fs::write(&script, &text).unwrap();
        let Ok(judged) = Command::new(shell).arg("-n").arg(&script).output() else {
            println!("{shell} is not installed");
            continue;
        };
        let said = String::from_utf8_lossy(&judged.stderr);
        assert!(
            judged.status.success() && said.is_empty(),
            "{shell}: {said}"
        );
    }
}

#[test]
fn bash_completes_a_verb() {
    let folder = Folder::create().unwrap();
    let script = folder.join("completions");
    std::fs::write(&script, carillon(&["completions", "bash"])).unwrap();

    let typed = "source \"$0\"; COMP_WORDS=(admin mig); COMP_CWORD=1; _admin admin mig admin; echo \"${COMPREPLY[@]}\"";
    let offered = Command::new("bash")
        .args(["-c", typed])
        .arg(&script)
        .output()
        .unwrap();

    assert_eq!(String::from_utf8_lossy(&offered.stdout), "migrate\n");
}
