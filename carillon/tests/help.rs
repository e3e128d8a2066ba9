//! Every verb of every program explains itself.

use std::process::Command;

use carillon_testbed::program;

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

/// Looks at this help and all below it; returns how many verbs there are.
fn look(name: &str, verbs: &[String]) -> usize {
    let said = help(name, verbs);
    let mut usage = format!("Usage: {name}");
    for verb in verbs {
        usage += &format!(" {verb}");
    }
    assert!(said.contains(&usage), "{usage:?} is missing in:\n{said}");
    let arguments = entries(&said, "Arguments:");
    for argument in arguments {
        assert!(said.matches(argument).count() > 1, "{argument} in:\n{said}");
    }
    let below = entries(&said, "Commands:");
    let below = below.into_iter().filter(|verb| *verb != "help");
    let below = below.map(|verb| look(name, &[verbs, &[verb.to_owned()]].concat()));
    1 + below.sum::<usize>()
}

#[test]
fn every_verb_of_every_program_explains_itself() {
    let verbs = ["carillon", "agent", "admin", "monitor"].map(|name| look(name, &[]));

    assert!(verbs.iter().all(|verbs| *verbs > 3), "{verbs:?}");
}
